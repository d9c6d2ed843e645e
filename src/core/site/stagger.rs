//! Which probe is asked when: places on the clock, the same at every start. When a check follows out
//! of turn is the schedule's own.

use std::time::Duration;

use crate::config::model::{self, Config, Votes};
use crate::core::health::ProbeTracker;
use crate::core::persistent::Passes;
use crate::core::schedule::Schedule;
use crate::model::time::Moment;

/// First checks are spread over at most this long, so that a start neither fires all probes at once
/// nor waits for a whole interval to know something.
const FIRST_CHECKS_WITHIN: Duration = Duration::from_secs(1);

/// Places on the clock: the probes of one service evenly over the interval, so that a death is noticed
/// by the first of them soon, and the services between one another, so that they do not fire at once.
/// The same at every start.
pub(crate) struct Stagger<'a> {
    passed: &'a Passes,
    start: Moment,
    groups: usize,
}

impl<'a> Stagger<'a> {
    /// Places from that moment on; `passed`: the probes that were seen to pass before (D20).
    pub(crate) fn new(config: &Config, passed: &'a Passes, start: Moment) -> Self {
        // The witnesses are a group like a service's probes.
        Self {
            passed,
            start,
            groups: config.services.len() + 1,
        }
    }

    /// The probes of a group, such as one service's.
    pub(crate) fn group(&self, number: usize, policies: &[model::ProbeConfig]) -> Vec<ProbeTracker> {
        let probes = policies.iter().enumerate();
        probes
            .map(|(at, policy)| {
                self.probe(
                    policy,
                    part(at, policies.len()) + self.offset(number, policies.len()),
                )
            })
            .collect()
    }

    /// A group's own place between two probes of a group.
    fn offset(&self, number: usize, probes: usize) -> f64 {
        part(number, self.groups) * part(1, probes.max(1))
    }

    fn probe(&self, policy: &model::ProbeConfig, share: f64) -> ProbeTracker {
        let first = self.start + policy.interval.min(FIRST_CHECKS_WITHIN).mul_f64(share);
        let grid = self.start + policy.interval.mul_f64(share);
        let schedule = Schedule::new(policy.interval, policy.retry_interval, first, grid);
        let has_passed = self.passed.has(&policy.check);
        let probe = ProbeTracker::new(policy.fall, policy.rise, policy.timeout, schedule, has_passed);
        match (policy.votes, policy.decides) {
            (Votes::None | Votes::Failback, None) => probe.idle(),
            (Votes::None | Votes::Failback | Votes::Both | Votes::Down | Votes::Up, _) => probe,
        }
    }
}

fn part(of: usize, whole: usize) -> f64 {
    let number = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    number(of) / number(whole.max(1))
}

#[cfg(test)]
mod tests;
