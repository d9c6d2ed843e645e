//! The reason of a decision in words: for status, log, history and BIRD's own `show protocols all`.
//! ASCII without quotes, and nothing in it that changes by the second.

use super::decide::{DecisionReason, REASON_LIMIT};
use super::service::ServiceState;
use crate::config::model::{Decides, ProbeConfig, Role, Votes};
use crate::core::health;
use crate::model::message::{CodedText, coded, full_list};
use crate::model::snapshot::{OverrideAction, ProbeState};

impl ServiceState {
    /// The reason in words.
    pub fn explain(&self, why: DecisionReason) -> String {
        self.reason(why).text
    }

    /// The reason in words, the text no longer than [`REASON_LIMIT`].
    pub fn reason(&self, why: DecisionReason) -> CodedText {
        let mut reason = self.words(why);
        let words = &mut reason.text;
        if words.len() > REASON_LIMIT {
            let cut = (0..=REASON_LIMIT - 3)
                .rev()
                .find(|&at| words.is_char_boundary(at))
                .unwrap_or(0);
            words.truncate(cut);
            words.push_str("...");
        }
        reason
    }

    fn words(&self, why: DecisionReason) -> CodedText {
        match why {
            DecisionReason::ToldToAnnounce
            | DecisionReason::ToldToWithdraw
            | DecisionReason::ToldToFreeze => self.override_words(),
            DecisionReason::HandingOver => self.handover_words(),
            DecisionReason::TargetDown => self.listing(ProbeState::Down),
            DecisionReason::TargetUp => self.listing(ProbeState::Up),
            DecisionReason::Unclear => {
                let states = self.all_states();
                coded!("verdict_unclear", "unclear: {states}", states)
            }
            DecisionReason::NotAdopted => coded!("bird_not_read_yet", "BIRD has not been read yet"),
            DecisionReason::Thawing => {
                coded!(
                    "freeze_is_over",
                    "the freeze is over: what BIRD does now is adopted"
                )
            }
            DecisionReason::IsolatedKeeps => {
                coded!("isolated_keeps", "this site is isolated: nothing changes")
            }
            DecisionReason::IsolatedWithdraws => {
                coded!(
                    "isolated_withdraws",
                    "this site is isolated: withdrawn by on_isolated"
                )
            }
            DecisionReason::CutOffHolds => coded!(
                "cut_off_holds",
                "this site is cut off from where the primary is: on_cut_off holds the takeover"
            ),
            DecisionReason::WitnessesUnknown => coded!(
                "too_few_witnesses_known",
                "too few witnesses are known to be up: no takeover"
            ),
            DecisionReason::WitnessAwaited => self.witness_words(),
            DecisionReason::NotServingHolds => self.not_serving_words(),
            DecisionReason::TakeoverDelay => {
                let down = self.listing(ProbeState::Down);
                coded!("takeover_delay_runs", "{down}; takeover_delay runs", down)
            }
            DecisionReason::Relapse => {
                let down = self.listing(ProbeState::Down);
                coded!("down_again", "down again during the failback: {down}", down)
            }
            DecisionReason::Latched => self.latch_words(),
            DecisionReason::ConsentAwaited => {
                coded!("waits_for_failback", "up again; waits for falconer failback")
            }
            DecisionReason::FailbackDelay => {
                coded!("failback_delay_runs", "up again; failback_delay runs")
            }
            DecisionReason::WindowClosed => {
                coded!("waits_for_window", "up again; waits for the failback window")
            }
            DecisionReason::Draining => {
                coded!("draining", "up again; draining before the withdrawal")
            }
            DecisionReason::Confirming => self.confirming_words(),
            DecisionReason::Unconfirmed => self.unconfirmed_words(),
        }
    }

    fn confirming_words(&self) -> CodedText {
        let probes = self.confirming_names().join(", ");
        coded!(
            "failback_confirming",
            "up again; in drain until the primary is seen by {probes}",
            probes
        )
    }

    fn unconfirmed_words(&self) -> CodedText {
        let probes = self.confirming_names().join(", ");
        coded!(
            "failback_unconfirmed",
            "up again, but not seen in drain by {probes}, and blind at full: tried again later",
            probes
        )
    }

    fn latch_words(&self) -> CodedText {
        match self.policy().role {
            Role::Standby => coded!(
                "latched_announced",
                "latched after too many takeovers: stays announced until falconer auto"
            ),
            Role::Primary => coded!(
                "latched_withdrawn",
                "latched after too many withdrawals: stays silent until falconer auto"
            ),
        }
    }

    fn handover_words(&self) -> CodedText {
        let withdrawal = self.override_words();
        coded!("drains_first", "{withdrawal}; drains first", withdrawal)
    }

    fn witness_words(&self) -> CodedText {
        let down = self.listing(ProbeState::Down);
        coded!(
            "waits_for_witness",
            "{down}; waiting for a witness to confirm our own uplink",
            down
        )
    }

    fn not_serving_words(&self) -> CodedText {
        let down = self.listing(ProbeState::Down);
        coded!(
            "not_serving_holds",
            "{down}; this site does not serve: on_not_serving holds the takeover",
            down
        )
    }

    fn override_words(&self) -> CodedText {
        let Some(over) = self.overridden() else {
            return coded!("override_in_force", "an override");
        };
        let actor = &over.actor;
        match (over.action, &over.reason) {
            (OverrideAction::Announce, None) => coded!("announce_by", "announce by {actor}", actor),
            (OverrideAction::Withdraw, None) => coded!("withdraw_by", "withdraw by {actor}", actor),
            (OverrideAction::Freeze, None) => coded!("freeze_by", "freeze by {actor}", actor),
            (OverrideAction::Announce, Some(reason)) => {
                coded!(
                    "announce_by_because",
                    "announce by {actor}: {reason}",
                    actor,
                    reason
                )
            }
            (OverrideAction::Withdraw, Some(reason)) => {
                coded!(
                    "withdraw_by_because",
                    "withdraw by {actor}: {reason}",
                    actor,
                    reason
                )
            }
            (OverrideAction::Freeze, Some(reason)) => {
                coded!("freeze_by_because", "freeze by {actor}: {reason}", actor, reason)
            }
        }
    }

    /// The probes behind a verdict, such as "ping down, site down".
    fn listing(&self, state: ProbeState) -> CodedText {
        let counts = |policy: &ProbeConfig| match state {
            ProbeState::Down => {
                matches!(policy.votes, Votes::Both | Votes::Down) || policy.decides == Some(Decides::Down)
            }
            ProbeState::Up => {
                matches!(policy.votes, Votes::Both | Votes::Up) || policy.decides == Some(Decides::Up)
            }
            ProbeState::Unknown => true,
        };
        let probes = self.policy().probes.iter().zip(self.probes()).enumerate();
        let listed = probes
            .filter(|(at, (policy, probe))| probe.state() == state && counts(policy) && !self.is_voided(*at));
        let listed: Vec<CodedText> = listed
            .map(|(_, (policy, _))| probe_is(&policy.name, state))
            .collect();
        full_list(&listed)
    }

    fn all_states(&self) -> CodedText {
        let probes = self.policy().probes.iter().zip(self.probes()).enumerate();
        let listed = probes.map(|(at, (policy, probe))| {
            let name = &policy.name;
            match probe.has_passed() {
                true if self.is_blind_now(at) => coded!("probe_blind", "{name} blind", name),
                true => probe_is(name, probe.state()),
                false => coded!("probe_never_passed", "{name} never passed", name),
            }
        });
        full_list(&listed.collect::<Vec<_>>())
    }
}

fn probe_is(name: &str, state: ProbeState) -> CodedText {
    match state {
        ProbeState::Up => coded!("probe_up", "{name} up", name),
        ProbeState::Down => coded!("probe_down", "{name} down", name),
        ProbeState::Unknown => coded!("probe_unknown", "{name} unknown", name),
    }
}

/// A probe's state, or that it was never seen to work (D20).
pub(crate) fn state_words(probe: &health::ProbeTracker) -> &'static str {
    match probe.has_passed() {
        true => probe.state().word(),
        false => "never passed",
    }
}

#[cfg(test)]
mod tests;
