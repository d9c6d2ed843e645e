//! How often something large is composed: never for more than a share of the loop's time, however
//! much happens and however large the site is.

use std::time::Duration;

use tokio::time::Instant;

/// When something was composed last, and how long that took.
#[derive(Debug)]
pub(crate) struct Pace {
    /// How many times as long as it took it rests.
    rest: u32,
    ended: Instant,
    took: Duration,
}

impl Pace {
    /// It takes at most one part of `rest` + 1 of the time, and has never been composed.
    pub(crate) fn new(rest: u32) -> Self {
        Self {
            rest,
            ended: Instant::now(),
            took: Duration::ZERO,
        }
    }

    /// When it may be composed again, with at least so much time in between.
    pub(crate) fn due(&self, gap: Duration) -> Instant {
        self.ended + gap.max(self.took * self.rest)
    }

    /// It has been composed, from `began` until now.
    pub(crate) fn done(&mut self, began: Instant) {
        self.ended = Instant::now();
        self.took = self.ended.saturating_duration_since(began);
    }

    /// When that was.
    pub(crate) fn ended(&self) -> Instant {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_is_composed_seldom_and_what_is_quick_as_often_as_asked() {
        let mut pace = Pace::new(4);
        let began = Instant::now();
        pace.done(began);
        assert_eq!(
            pace.due(Duration::from_millis(10)),
            began + Duration::from_millis(10)
        );
        tokio::time::advance(Duration::from_millis(50)).await;
        pace.done(began);
        assert_eq!(
            pace.due(Duration::from_millis(10)),
            began + Duration::from_millis(250)
        );
    }
}
