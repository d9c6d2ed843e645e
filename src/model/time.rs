//! The core's notion of time: a monotonic moment, and the wall clock beside it.
//!
//! Deciders never read a clock; they are handed a [`Now`]. Delays and rows go by the monotonic
//! moment, so a step of the wall clock cannot lengthen or shorten them; only what people write as
//! a date or a time of day (an override's end, a failback window) and what survives a restart goes
//! by the wall clock.

use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in monotonic time: how long after the daemon's start. Never negative, never steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment(Duration);

impl Moment {
    /// The daemon's start.
    pub const START: Self = Self(Duration::ZERO);

    /// The moment that lies `since_start` after the daemon's start.
    pub const fn new(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// How long after the daemon's start this is.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long it is from `earlier` to this moment; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    /// Saturates at the daemon's start.
    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(earlier))
    }
}

/// What time it is, by both clocks, read at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Monotonic time.
    pub mono: Moment,
    /// The wall clock, UTC.
    pub wall: jiff::Timestamp,
}

impl Now {
    /// The wall-clock time of another moment, assuming that the wall clock does not step between.
    pub fn wall_at(&self, moment: Moment) -> jiff::Timestamp {
        let offset = |by: Duration| jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX);
        if moment >= self.mono {
            self.wall.saturating_add(offset(moment.since(self.mono)))
        } else {
            self.wall.saturating_sub(offset(self.mono.since(moment)))
        }
        .unwrap_or(self.wall)
    }
}
