//! When systemd's watchdog is fed: while the driver turns, which calls here, and while steering takes
//! steps. So a daemon that answers and sends nothing to BIRD is started again.

use std::time::Duration;

use tokio::time::Instant;

/// See the module.
#[derive(Debug)]
pub(crate) struct Watchdog {
    /// How often it is fed; `None`: nobody asked for it.
    every: Option<Duration>,
    next: Instant,
    /// The steps of steering, and when they changed last.
    steered: (u64, Instant),
}

impl Watchdog {
    pub(crate) fn new(every: Option<Duration>, now: Instant) -> Self {
        Self {
            every,
            next: now,
            steered: (0, now),
        }
    }

    /// Whether it is to be fed now. `steps` are those of steering so far, and `patience` how long it may
    /// take over one.
    pub(crate) fn is_due(&mut self, steps: u64, patience: Duration, now: Instant) -> bool {
        if steps != self.steered.0 {
            self.steered = (steps, now);
        }
        let Some(every) = self.every else { return false };
        let due = self.next <= now && now < self.steered.1 + patience;
        if due {
            self.next = now + every;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(15);
    const PATIENCE: Duration = Duration::from_secs(27);

    /// Whether it is fed in each second of a minute, when steering takes its last step in second `last`.
    fn fed(every: Option<Duration>, last: u64) -> Vec<u64> {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(every, start);
        let fed = (0..60).filter(|second| {
            let now = start + Duration::from_secs(*second);
            watchdog.is_due(1 + (*second).min(last), PATIENCE, now)
        });
        fed.collect()
    }

    #[test]
    fn it_is_fed_as_often_as_it_wants_while_steering_works() {
        assert_eq!(fed(Some(EVERY), 60), [0, 15, 30, 45]);
    }

    #[test]
    fn it_starves_when_steering_takes_no_step_for_longer_than_that_may_take() {
        assert_eq!(fed(Some(EVERY), 10), [0, 15, 30], "until second 37");
    }

    #[test]
    fn nobody_is_told_who_did_not_ask() {
        assert_eq!(fed(None, 60), [] as [u64; 0]);
    }
}
