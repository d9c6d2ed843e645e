//! Whether this site itself can serve the service (D16): its checks and the kernel's answers, derived
//! anew with every evaluation. No verdict looks at it.

use jiff::Timestamp;

use super::ServiceState;
use crate::config::model::{OnNotServing, Role};
use crate::core::health::ProbeTracker;
use crate::model::serving::{ServingRoute, ServingState};
use crate::model::snapshot::ProbeState;
use crate::model::time::Now;

/// What is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    /// The checks' health, in the configuration's order.
    pub(crate) checks: Vec<ProbeTracker>,
    /// What the kernel said last.
    routes: Vec<ServingRoute>,
    state: ServingState,
    since: Timestamp,
}

impl Serving {
    pub(crate) fn new(checks: Vec<ProbeTracker>, now: Now) -> Self {
        Self {
            checks,
            routes: Vec::new(),
            state: ServingState::Unknown,
            since: now.wall,
        }
    }

    /// A check that is down, or an address that the kernel would not deliver to, is enough for no. What
    /// never passed is unknown (D20): it proves nothing about a takeover, but readiness names it.
    fn derived(&self) -> ServingState {
        let down = self.checks.iter().any(|check| check.state() == ProbeState::Down);
        let elsewhere = self.routes.iter().any(|route| route.serves == Some(false));
        let up = self.checks.iter().all(|check| check.state() == ProbeState::Up);
        let delivered = self.routes.iter().all(|route| route.serves == Some(true));
        match (down || elsewhere, up && delivered) {
            (true, _) => ServingState::No,
            (false, true) => ServingState::Yes,
            (false, false) => ServingState::Unknown,
        }
    }
}

impl ServiceState {
    /// Whether this site serves it, and since when; `None`: nothing checks that.
    pub fn serving(&self) -> Option<(ServingState, Timestamp)> {
        (!self.serving.checks.is_empty()).then_some((self.serving.state, self.serving.since))
    }

    /// The checks of it, in the configuration's order.
    pub fn serving_checks(&self) -> &[ProbeTracker] {
        &self.serving.checks
    }

    /// Where the kernel would send packets to the addresses that they ask.
    pub fn serving_routes(&self) -> &[ServingRoute] {
        &self.serving.routes
    }

    /// Whether a takeover is held because this site would not serve: only a standby takes over.
    pub(crate) fn holds_unserved(&self) -> bool {
        let hold = self.policy.on_not_serving == OnNotServing::Hold && self.policy.role == Role::Standby;
        let not_served = self.serving().is_some_and(|(state, _)| state == ServingState::No);
        hold && not_served
    }

    /// The kernel said something else.
    pub(crate) fn take_routes(&mut self, routes: &[ServingRoute]) {
        self.serving.routes = routes.to_vec();
    }

    pub(crate) fn settle_serving(&mut self, now: Now) {
        let to = self.serving.derived();
        if self.serving.state != to && !self.serving.checks.is_empty() {
            (self.serving.state, self.serving.since) = (to, now.wall);
        }
    }

    /// Goes on from what was known of `before`, whose checks were carried over already.
    pub(crate) fn carry_serving(&mut self, before: &Self) {
        let asks =
            |of: &Self| -> Vec<_> { of.policy.serves.iter().map(|check| check.check.clone()).collect() };
        if asks(self) == asks(before) {
            self.serving.routes.clone_from(&before.serving.routes);
            (self.serving.state, self.serving.since) = (before.serving.state, before.serving.since);
        }
    }
}
