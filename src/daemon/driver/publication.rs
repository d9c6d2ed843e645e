//! When the next snapshot is composed.

use std::time::Duration;

use tokio::time::Instant;

use super::pace::Pace;
use crate::metrics::shared::SharedNumber;

/// A snapshot is composed at most this often while only measurements change: quick enough for the
/// eye, and a thousand probes cost no more than ten.
pub(crate) const MEASURED_EVERY: Duration = Duration::from_millis(100);

/// And this often while services and probes change.
const CHANGED_EVERY: Duration = Duration::from_millis(10);

/// What is shown may be so old while inputs wait to be taken in: they go first.
const LATE: Duration = Duration::from_secs(1);

/// The loop composes for at most a fifth of its time.
const REST: u32 = 4;

/// What is to be published, and when.
#[derive(Debug)]
pub(crate) struct Publication {
    pace: Pace,
    wanted: Option<Duration>,
    composed: SharedNumber,
}

impl Publication {
    /// Nothing is published yet, and everything is to be.
    pub(crate) fn new() -> Self {
        Self {
            pace: Pace::new(REST),
            wanted: Some(Duration::ZERO),
            composed: SharedNumber::default(),
        }
    }

    /// What is shown is not the latest any more.
    pub(crate) fn stale(&mut self) {
        self.want(MEASURED_EVERY);
    }

    /// Something happened that people wait to see.
    pub(crate) fn changed(&mut self) {
        self.want(CHANGED_EVERY);
    }

    /// An operator asked for it, and looks next.
    pub(crate) fn asked(&mut self) {
        self.want(Duration::ZERO);
    }

    fn want(&mut self, gap: Duration) {
        self.wanted = Some(self.wanted.map_or(gap, |wanted| wanted.min(gap)));
    }

    /// When the next snapshot is to be composed; `None`: what is shown is the latest.
    pub(crate) fn due(&self) -> Option<Instant> {
        let gap = self.wanted?;
        // Operators do not ask often enough to be a load.
        Some(if gap.is_zero() {
            self.pace.ended()
        } else {
            self.pace.due(gap)
        })
    }

    /// Whether it is to be composed now. `all`: nothing waits to be taken in.
    pub(crate) fn is_due(&self, all: bool) -> bool {
        let now = Instant::now();
        let due = self.due().is_some_and(|due| due <= now);
        due && (all || self.pace.ended() + LATE <= now)
    }

    /// It was composed, from `began` until now.
    pub(crate) fn done(&mut self, began: Instant) {
        self.pace.done(began);
        self.wanted = None;
        self.composed.add(1);
    }

    /// How many snapshots were composed.
    #[cfg(test)]
    pub(crate) fn composed(&self) -> SharedNumber {
        self.composed.clone()
    }
}
