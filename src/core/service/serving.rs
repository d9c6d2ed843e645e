//! Whether this site itself can serve the service (D16): its checks and the kernel's answers, derived
//! anew with every evaluation. No verdict looks at it.

use jiff::Timestamp;

use super::ServiceState;
use crate::config::model::{OnNotServing, Role};
use crate::core::health::ProbeTracker;
use crate::model::serving::{ServingRoute, ServingState};
use crate::model::time::Now;

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
