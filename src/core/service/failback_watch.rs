//! What a service keeps of its failback (D8).

use std::time::Duration;

use crate::config::model::{self, Role, Votes};
use crate::model::time::Moment;

/// What a service keeps of its failback.
#[derive(Clone, Debug)]
pub(super) struct FailbackWatch {
    /// By probe: whether its fails prove something only while nothing is announced here.
    pub(super) silent_only: Vec<bool>,
    /// Whether something was announced here since these probes were made to start anew.
    pub(super) announced: bool,
    /// The next failback, where the last was not confirmed.
    pub(super) retry: Option<FailbackRetry>,
}

/// A failback that was not confirmed, and is tried again.
#[derive(Clone, Copy, Debug)]
pub(super) struct FailbackRetry {
    /// When.
    pub(super) at: Moment,
    /// The wait until then.
    pub(super) wait: Duration,
}

impl FailbackWatch {
    /// `blind`: the probes that do not see the primary while this site announces.
    pub(super) fn new(policy: &model::ServiceConfig, blind: &[bool]) -> Self {
        let standby = policy.role == Role::Standby;
        let probes = policy.probes.iter().enumerate();
        let silent_only = probes.map(|(at, probe)| {
            standby && (probe.votes == Votes::Failback || blind.get(at).copied().unwrap_or_default())
        });
        Self {
            silent_only: silent_only.collect(),
            announced: false,
            retry: None,
        }
    }

    pub(super) fn carry_over(&mut self, before: &Self) {
        (self.announced, self.retry) = (before.announced, before.retry);
    }
}
