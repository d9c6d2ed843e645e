//! What one service wants of its standing prefixes (D14).

use super::ServiceState;
use crate::config::model::Role;
use crate::core::standing::{StandingFacts, StandingIntent, StandingOff, judge};
use crate::model::serving::ServingState;
use crate::model::snapshot::OverrideAction;

impl ServiceState {
    /// What is wanted of the standing prefixes; `None` where the service has none.
    pub(crate) fn standing_intent(&self) -> Option<StandingIntent> {
        if self.policy.standing.is_empty() {
            return None;
        }
        let overridden = self.overridden();
        let facts = StandingFacts {
            overridden: overridden.map(|over| over.action),
            serving: self.is_serving(),
        };
        let wanted = judge(facts);
        let before = self.intent.standing.as_ref();
        let decision = match before {
            None => 1,
            Some(before) => before.decision + u64::from(before.on != wanted.is_ok()),
        };
        Some(StandingIntent {
            on: wanted.is_ok(),
            hands_off: self.standing_held || facts.overridden == Some(OverrideAction::Freeze),
            reason: match (wanted, overridden) {
                (Ok(()), _) => "falconer D14: announced all the time, as a last resort".to_owned(),
                (Err(StandingOff::Withdrawn), Some(over)) => {
                    format!("falconer D14: withdraw by {}", over.actor)
                }
                (Err(StandingOff::Withdrawn), None) => "falconer D14: withdraw".to_owned(),
                (Err(StandingOff::NotServing), _) => "falconer D14: this site cannot serve (D16)".to_owned(),
            },
            decision,
        })
    }

    /// Leaves the standing prefixes as they are, or not any more.
    pub(crate) fn hold_standing(&mut self, held: bool) {
        self.standing_held = held;
    }

    /// Whether nothing says that this site cannot answer for the service (D16). At a primary that only
    /// informs.
    fn is_serving(&self) -> bool {
        let no = self.serving().is_some_and(|(state, _)| state == ServingState::No);
        !no || self.policy.role == Role::Primary
    }
}
