//! Whether the standing prefixes of a service are announced (D14): all the time, as a last resort.
//!
//! It is no takeover: no verdict, no isolation and no drill moves it, no latch counts it, and nothing of
//! it is adopted. An operator's withdrawal, or a site that cannot serve (D16), takes it away.

use crate::model::snapshot::OverrideAction;

/// What we want of BIRD for the standing prefixes of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingIntent {
    /// Whether they are announced.
    pub on: bool,
    /// Write nothing to BIRD, whatever it does (freeze).
    pub hands_off: bool,
    /// Why, for BIRD's own `show protocols all` (A3).
    pub reason: String,
    /// Counts the changes of `on`.
    pub decision: u64,
}

impl StandingIntent {
    /// Whether it wants the same, for whatever reason.
    pub(crate) fn wants_the_same(&self, other: &Self) -> bool {
        let Self {
            on,
            hands_off,
            reason: _,
            decision,
        } = self;
        (*on, *hands_off, *decision) == (other.on, other.hands_off, other.decision)
    }
}

/// Everything that decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StandingFacts {
    /// The operator's word.
    pub(crate) overridden: Option<OverrideAction>,
    /// This site can answer for the service, as far as that is looked at (D16).
    pub(crate) serving: bool,
}

/// Whether it is on, and why not.
pub(crate) fn judge(facts: StandingFacts) -> Result<(), StandingOff> {
    match (facts.overridden, facts.serving) {
        (Some(OverrideAction::Withdraw), _) => Err(StandingOff::Withdrawn),
        (Some(OverrideAction::Announce | OverrideAction::Freeze) | None, false) => {
            Err(StandingOff::NotServing)
        }
        (Some(OverrideAction::Announce | OverrideAction::Freeze) | None, true) => Ok(()),
    }
}

/// Why it is not announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandingOff {
    /// An operator withdrew the service (D11).
    Withdrawn,
    /// This site cannot serve (D16).
    NotServing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d14_only_a_withdrawal_and_a_site_that_cannot_serve_take_it_away() {
        let table = [
            (None, true, Ok(())),
            (None, false, Err(StandingOff::NotServing)),
            (Some(OverrideAction::Announce), true, Ok(())),
            (
                Some(OverrideAction::Announce),
                false,
                Err(StandingOff::NotServing),
            ),
            (Some(OverrideAction::Withdraw), true, Err(StandingOff::Withdrawn)),
            (Some(OverrideAction::Withdraw), false, Err(StandingOff::Withdrawn)),
            (Some(OverrideAction::Freeze), true, Ok(())),
            (Some(OverrideAction::Freeze), false, Err(StandingOff::NotServing)),
        ];
        for (overridden, serving, wanted) in table {
            assert_eq!(
                judge(StandingFacts { overridden, serving }),
                wanted,
                "{overridden:?} {serving}"
            );
        }
    }
}
