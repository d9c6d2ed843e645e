//! The daemon's clocks, read together.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use crate::model::time::{Moment, Now};

/// A suspension shorter than this is lost in the noise of reading two clocks.
const SUSPENSION_NOTICED: Duration = Duration::from_millis(20);

/// The daemon's clocks.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    slept: Duration,
}

impl Clock {
    /// Starts counting.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            slept: slept(),
        }
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Now {
        Now {
            mono: self.moment(Instant::now()),
            wall: jiff::Timestamp::now(),
        }
    }

    /// An instant as the core counts it.
    pub(crate) fn moment(&self, instant: Instant) -> Moment {
        Moment::new(instant.saturating_duration_since(self.start))
    }

    /// The instant of a moment of the core.
    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        self.start + moment.since_start()
    }

    /// How long the machine was suspended since the last call; `None`: it was not (D2).
    pub(crate) fn suspended(&mut self) -> Option<Duration> {
        let slept = slept();
        let by = slept.saturating_sub(self.slept);
        self.slept = slept;
        (by >= SUSPENSION_NOTICED).then_some(by)
    }
}

/// How long the machine has been suspended since it was booted: only one of the two clocks counts
/// that.
fn slept() -> Duration {
    let read = |clock| {
        let time = clock_gettime(clock);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    };
    // In this order the difference errs on the short side.
    let boottime = read(ClockId::Boottime);
    boottime.saturating_sub(read(ClockId::Monotonic))
}
