//! How often what somebody else undoes is put back (A1): without end, but ever more slowly, and not
//! without an alarm. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::report::Repeated;

/// From this correction within the window on, the alarm stands.
const ALARMED_FROM: usize = 3;
/// How long it must have been quiet until the alarm falls.
const QUIET: Duration = Duration::from_secs(10 * 60);
/// The waits of the first corrections, in seconds; all later ones wait a minute. The first is at once: a single
/// `configure undo` is put back within a poll (A6). Each correction and its undoing are two UPDATEs, and the
/// jump to a minute keeps a checker that undoes each of them below ten in a minute.
const WAITS: [u64; 4] = [0, 2, 4, 8];
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// How many corrections are remembered: many more than those that the waits let into an hour.
const REMEMBERED: usize = 256;

/// How often what somebody else changed of one protocol was put back.
#[derive(Debug)]
pub(crate) struct DriftBackoff {
    /// What was put back longer ago does not count.
    window: Duration,
    put_back: VecDeque<Instant>,
    /// When it was last seen undone, or put back.
    last: Option<Instant>,
    alarmed: bool,
    /// What BIRD shows as the reason of the last undoing, where it shows one.
    message: Option<String>,
}

impl DriftBackoff {
    /// Counts over `window`, the service's `flap_window`.
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            window,
            put_back: VecDeque::new(),
            last: None,
            alarmed: false,
            message: None,
        }
    }

    /// When what was first seen undone at `undone` may be put back.
    pub(crate) fn not_before(&self, undone: Instant) -> Instant {
        let wait = WAITS
            .get(self.count_within(undone))
            .map_or(LONGEST, |seconds| Duration::from_secs(*seconds));
        undone + wait
    }

    /// It was seen undone, by that message where BIRD shows one.
    pub(crate) fn undone(&mut self, message: Option<String>, now: Instant) {
        self.last = Some(now);
        self.message = message;
    }

    /// It was put back. Returns how often that was so within the window, and how long the next correction
    /// will wait.
    pub(crate) fn record_put_back(&mut self, now: Instant) -> Repeated {
        if self.put_back.len() == REMEMBERED {
            self.put_back.pop_front();
        }
        self.put_back.push_back(now);
        self.last = Some(now);
        let times = self.count_within(now);
        self.alarmed |= times >= ALARMED_FROM;
        Repeated {
            times,
            wait: self.not_before(now) - now,
        }
    }

    /// What there is to alarm, until it has been quiet for ten minutes.
    pub(crate) fn alarm(&mut self, protocol: &str, now: Instant) -> Option<String> {
        let quiet = self.last.is_none_or(|last| now.duration_since(last) >= QUIET);
        self.alarmed &= !quiet;
        self.alarmed.then(|| {
            let times = self.count_within(now);
            let by = match &self.message {
                Some(message) => format!("the last time with the message \"{message}\""),
                None => "with no message in BIRD".to_owned(),
            };
            format!(
                "somebody undoes {protocol} again and again, {by}: it was put back {times} times, and each time is \
                 waited longer, up to a minute. Find what does it (a script with `birdc`, a `configure` by a timer) and \
                 end it; `falconer freeze` leaves it to you"
            )
        })
    }

    /// How many corrections of the window there were.
    fn count_within(&self, now: Instant) -> usize {
        let counts = |made: &&Instant| now.saturating_duration_since(**made) <= self.window;
        self.put_back.iter().filter(counts).count()
    }
}

#[cfg(test)]
mod tests;
