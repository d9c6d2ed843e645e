//! The judgement in words: for status, log, history and BIRD's own `show protocols all`.
//! ASCII without quotes, and nothing in it that changes by the second.

use super::decide::{DecisionReason, REASON_LIMIT};
use super::service::ServiceState;
use crate::config::model::{Decides, ProbeConfig, Role, Votes};
use crate::core::health;
use crate::model::snapshot::ProbeState;

impl ServiceState {
    /// Why it stands where it stands.
    pub fn explain(&self, why: DecisionReason) -> String {
        let mut words = self.words(why);
        if words.len() > REASON_LIMIT {
            let cut = (0..=REASON_LIMIT - 3)
                .rev()
                .find(|&at| words.is_char_boundary(at))
                .unwrap_or(0);
            words.truncate(cut);
            words.push_str("...");
        }
        words
    }

    fn words(&self, why: DecisionReason) -> String {
        match why {
            DecisionReason::ToldToAnnounce
            | DecisionReason::ToldToWithdraw
            | DecisionReason::ToldToFreeze => self.override_words(),
            DecisionReason::TargetDown => self.listing(ProbeState::Down),
            DecisionReason::TargetUp => self.listing(ProbeState::Up),
            DecisionReason::Unclear => format!("unclear: {}", self.all_states()),
            DecisionReason::NotAdopted => "BIRD has not been read yet".to_owned(),
            DecisionReason::Thawing => "the freeze is over: what BIRD does now is adopted".to_owned(),
            DecisionReason::IsolatedKeeps => "this site is isolated: nothing changes".to_owned(),
            DecisionReason::IsolatedWithdraws => "this site is isolated: withdrawn by on_isolated".to_owned(),
            DecisionReason::CutOffHolds => {
                "this site is cut off from where the primary is: on_cut_off holds the takeover".to_owned()
            }
            DecisionReason::WitnessesUnknown => {
                "too few witnesses are known to be up: no takeover".to_owned()
            }
            DecisionReason::WitnessAwaited => {
                format!(
                    "{}; waiting for a witness to confirm our own uplink",
                    self.listing(ProbeState::Down)
                )
            }
            DecisionReason::TakeoverDelay => {
                format!("{}; takeover_delay runs", self.listing(ProbeState::Down))
            }
            DecisionReason::Relapse => format!(
                "down again before we fell silent: {}",
                self.listing(ProbeState::Down)
            ),
            DecisionReason::Latched => match self.policy().role {
                Role::Standby => {
                    "latched after too many takeovers: stays announced until falconer auto".to_owned()
                }
                Role::Primary => {
                    "latched after too many withdrawals: stays silent until falconer auto".to_owned()
                }
            },
            DecisionReason::ConsentAwaited => "up again; waits for falconer failback".to_owned(),
            DecisionReason::FailbackDelay => "up again; failback_delay runs".to_owned(),
            DecisionReason::WindowClosed => "up again; waits for the failback window".to_owned(),
            DecisionReason::Draining => "up again; draining before the withdrawal".to_owned(),
        }
    }

    fn override_words(&self) -> String {
        let Some(over) = self.overridden() else {
            return "an override".to_owned();
        };
        let said = over.action.word();
        match &over.reason {
            Some(reason) => format!("{said} by {}: {reason}", over.actor),
            None => format!("{said} by {}", over.actor),
        }
    }

    /// The probes behind a verdict, such as "ping down, site down".
    fn listing(&self, state: ProbeState) -> String {
        let counts = |policy: &ProbeConfig| match state {
            ProbeState::Down => {
                matches!(policy.votes, Votes::Both | Votes::Down) || policy.decides == Some(Decides::Down)
            }
            ProbeState::Up => {
                matches!(policy.votes, Votes::Both | Votes::Up) || policy.decides == Some(Decides::Up)
            }
            ProbeState::Unknown => true,
        };
        let probes = self.policy().probes.iter().zip(self.probes());
        let listed = probes.filter(|(policy, probe)| probe.state() == state && counts(policy));
        join(listed.map(|(policy, _)| format!("{} {}", policy.name, state.word())))
    }

    fn all_states(&self) -> String {
        let probes = self.policy().probes.iter().zip(self.probes());
        join(probes.map(|(policy, probe)| format!("{} {}", policy.name, state_words(probe))))
    }
}

/// A probe's state, or that it was never seen to work (D20).
pub(crate) fn state_words(probe: &health::ProbeTracker) -> &'static str {
    match probe.has_passed() {
        true => probe.state().word(),
        false => "never passed",
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
