//! The switches that count towards the latch, and the latch itself (D9). Its release is an operator's.

use jiff::SignedDuration;

use super::ServiceState;
use crate::config::model::Role;
use crate::core::decide::{Rule, Stance};
use crate::core::event::CoreEvent;
use crate::core::persistent::SWITCHES_LIMIT;
use crate::model::history::HistoryEvent;
use crate::model::time::Now;

impl ServiceState {
    /// Whether a switch counts towards the latch (D9): a standby's takeover, a primary's
    /// withdrawal. What an operator or isolation did does not, nor what only undoes that, nor what may
    /// have been so before we came.
    pub(crate) fn counts(&self, from: Stance, to: Stance, rule: Rule) -> bool {
        let by_verdict = match rule {
            // D16 only holds.
            Rule::D5 | Rule::D11 | Rule::D16 => false,
            // Nobody died: the primary's route was not heard.
            Rule::D8 if to == Stance::Full => false,
            Rule::D4 | Rule::D6 | Rule::D7 | Rule::D8 | Rule::D9 | Rule::D10 => !self.remembered.imposed,
        };
        let automatic = by_verdict && (from != Stance::Unsettled || self.contacted);
        automatic
            && match self.policy.role {
                Role::Standby => to == Stance::Full,
                Role::Primary => to == Stance::Off,
            }
    }

    pub(crate) fn count(&mut self, now: Now, notes: &mut Vec<CoreEvent>) {
        let window = SignedDuration::try_from(self.policy.flap_window).unwrap_or(SignedDuration::MAX);
        let switches = &mut self.remembered.switches;
        switches.retain(|&at| now.wall.duration_since(at) < window);
        if switches.len() >= SWITCHES_LIMIT {
            switches.remove(0);
        }
        switches.push(now.wall);
        let limit = usize::try_from(self.policy.flap_limit).unwrap_or(usize::MAX);
        if switches.len() >= limit && self.remembered.latched_since.is_none() {
            self.remembered.latched_since = Some(now.wall);
            notes.push(self.history(HistoryEvent::Latched));
        }
    }
}
