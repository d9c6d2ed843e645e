//! What a service keeps of whether this site can serve it (D16).

use jiff::Timestamp;

use crate::core::health::ProbeTracker;
use crate::model::serving::{ServingRoute, ServingState};
use crate::model::snapshot::ProbeState;
use crate::model::time::Now;

/// What is known of it.
#[derive(Clone, Debug)]
pub(crate) struct ServingWatch {
    /// The checks' health, in the configuration's order.
    pub(crate) checks: Vec<ProbeTracker>,
    /// What the kernel said last.
    pub(crate) routes: Vec<ServingRoute>,
    pub(crate) state: ServingState,
    pub(crate) since: Timestamp,
}

impl ServingWatch {
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
    pub(crate) fn derived(&self) -> ServingState {
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
