//! When a probe is asked next: on a grid that does not drift, and out of turn while in doubt (D1).

use std::time::Duration;

use crate::model::time::Moment;

/// The grid of one probe, and its doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    interval: Duration,
    retry_interval: Duration,
    /// The next point of the grid.
    grid: Moment,
    last_start: Option<Moment>,
    doubt: bool,
    asked: Option<Moment>,
    /// It is asked because another service may be dead, and so sooner than `retry_interval` allows.
    hurried: bool,
    /// What would be due shortly before this moment is put off until it.
    reserved: Option<Moment>,
}

impl Schedule {
    /// Asked first at `first`, then at `grid` and every `interval` after it.
    pub fn new(interval: Duration, retry_interval: Duration, first: Moment, grid: Moment) -> Self {
        Self {
            interval: interval.max(Duration::from_millis(1)),
            retry_interval: retry_interval.max(Duration::from_millis(1)),
            grid,
            last_start: None,
            doubt: false,
            asked: Some(first),
            hurried: false,
            reserved: None,
        }
    }

    /// When the next check is to start. `unanswered`: whether the check that began last has not
    /// been answered yet. Whoever asks, no check begins within `retry_interval` of one that failed or
    /// is out: else probes that ask each other would fill `fall` fails within one glitch.
    pub fn due(&self, unanswered: bool) -> Moment {
        let next = match (self.last_start, self.doubt || unanswered) {
            (None, _) => self.grid,
            (Some(start), true) => self.follow_up(start),
            (Some(start), false) => self.grid.max(self.follow_up(start)),
        };
        let soonest = self.last_start.map(|start| self.soonest_asked(start, unanswered));
        let asked = self.asked.map(|asked| asked.max(soonest.unwrap_or_default()));
        let due = asked.map_or(next, |asked| next.min(asked));
        let crowds = |reserved: &Moment| due < *reserved && self.follow_up(due) > *reserved;
        self.reserved.filter(crowds).unwrap_or(due)
    }

    /// When it can be asked out of turn. After an answer that raised no doubt the first check of a row may
    /// begin sooner; the others of the row keep their distance.
    fn soonest_asked(&self, start: Moment, unanswered: bool) -> Moment {
        match self.hurried && !self.doubt && !unanswered {
            true => start + self.retry_interval / 4,
            false => self.follow_up(start),
        }
    }

    /// A check starts. True: only now, because the one before it is unanswered, the probe falls
    /// into doubt.
    pub fn start(&mut self, now: Moment, unanswered: bool) -> bool {
        let fell =
            unanswered && !self.doubt && self.last_start.is_some_and(|start| now >= self.follow_up(start));
        self.doubt |= fell;
        self.asked = None;
        self.hurried = false;
        self.reserved = self.reserved.filter(|&reserved| reserved > now);
        self.last_start = Some(now);
        self.skip_past(now);
        fell
    }

    /// Points of the grid that were missed are left out, not made up for.
    fn skip_past(&mut self, now: Moment) {
        if self.grid > now {
            return;
        }
        let missed = now.since(self.grid).as_nanos() / self.interval.as_nanos();
        let steps = u32::try_from(missed.saturating_add(1)).unwrap_or(u32::MAX);
        self.grid = self.grid + self.interval.saturating_mul(steps);
    }

    /// A result counted: it `agrees` with the settled state, or raises doubt. True: the probe falls
    /// into doubt only now.
    pub fn answer(&mut self, agrees: bool) -> bool {
        let fell = !agrees && !self.doubt;
        self.doubt = !agrees;
        fell
    }

    /// Asks out of turn, at that moment.
    pub fn ask(&mut self, at: Moment) {
        self.asked = Some(self.asked.map_or(at, |asked| asked.min(at)));
    }

    /// The same, and sooner after a check that was answered well than others may ask.
    pub fn hurry(&mut self, at: Moment) {
        self.ask(at);
        self.hurried = true;
    }

    /// Asks at exactly that moment, if it can be: a check that would begin so shortly before it that
    /// the next could not begin at it is put off.
    pub fn reserve(&mut self, at: Moment) {
        self.ask(at);
        self.reserved = Some(self.reserved.map_or(at, |reserved| reserved.min(at)));
    }

    /// When a check that began at `start` is followed up.
    pub fn follow_up(&self, start: Moment) -> Moment {
        start + self.retry_interval
    }

    /// How long it rests between two checks where nothing is in doubt.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// When the last check began.
    pub fn last_start(&self) -> Option<Moment> {
        self.last_start
    }

    /// Whether the last evidence speaks against the settled state, or is missing.
    pub fn in_doubt(&self) -> bool {
        self.doubt
    }
}

#[cfg(test)]
mod tests;
