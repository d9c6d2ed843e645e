//! How often what somebody else undoes is put back (A1): without end, but ever more slowly, and not
//! without an alarm. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Repeated;

/// From this mend within the window on, the alarm stands.
const ALARMED_FROM: usize = 3;
/// How long it must have been quiet until the alarm falls.
const QUIET: Duration = Duration::from_secs(10 * 60);
/// The waits of the first mends, in seconds; all later ones wait a minute. The first is at once: a single
/// `configure undo` is put back within a poll (A6). Each mend and its undoing are two UPDATEs, and the
/// jump to a minute keeps a checker that undoes each of them below ten in a minute.
const WAITS: [u64; 4] = [0, 2, 4, 8];
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// How many mends are remembered: many more than those that the waits let into an hour.
const REMEMBERED: usize = 256;

/// The mends of one protocol.
#[derive(Debug)]
pub(crate) struct Mending {
    /// Mends older than that do not count.
    window: Duration,
    done: VecDeque<Instant>,
    /// When it was last seen undone, or mended.
    last: Option<Instant>,
    standing: bool,
    /// What BIRD shows as the reason of the last undoing, where it shows one.
    culprit: Option<String>,
}

impl Mending {
    /// Counts over `window`, the service's `flap_window`.
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            window,
            done: VecDeque::new(),
            last: None,
            standing: false,
            culprit: None,
        }
    }

    /// When what was first seen undone at `undone` may be put back.
    pub(crate) fn not_before(&self, undone: Instant) -> Instant {
        let wait = WAITS
            .get(self.within(undone))
            .map_or(LONGEST, |seconds| Duration::from_secs(*seconds));
        undone + wait
    }

    /// It was seen undone, by that message where BIRD shows one.
    pub(crate) fn undone(&mut self, culprit: Option<String>, now: Instant) {
        self.last = Some(now);
        self.culprit = culprit;
    }

    /// It was put back. Returns how often that was so within the window, and how long the next mend will
    /// wait.
    pub(crate) fn made(&mut self, now: Instant) -> Repeated {
        if self.done.len() == REMEMBERED {
            self.done.pop_front();
        }
        self.done.push_back(now);
        self.last = Some(now);
        let times = self.within(now);
        self.standing |= times >= ALARMED_FROM;
        Repeated {
            times,
            wait: self.not_before(now) - now,
        }
    }

    /// What there is to alarm, until it has been quiet for ten minutes.
    pub(crate) fn alarm(&mut self, protocol: &str, now: Instant) -> Option<String> {
        let quiet = self.last.is_none_or(|last| now.duration_since(last) >= QUIET);
        self.standing &= !quiet;
        self.standing.then(|| {
            let times = self.within(now);
            let by = match &self.culprit {
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

    /// How many mends of the window there were.
    fn within(&self, now: Instant) -> usize {
        let counts = |made: &&Instant| now.saturating_duration_since(**made) <= self.window;
        self.done.iter().filter(counts).count()
    }
}

#[cfg(test)]
mod tests;
