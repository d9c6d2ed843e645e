//! The judgement itself: from the facts of one service to what we want of BIRD, by one exhaustive
//! match (D4 to D9, D11). It knows no clock: whether a delay has run out is a fact.

use serde::{Deserialize, Serialize};

use crate::config::model::{OnCutOff, OnLoss, Role};
use crate::model::snapshot::{Isolation, OverrideAction, Verdict};
use crate::model::strength::Strength;
use crate::model::time::Moment;

/// Where we stand with a service: what we last settled on, and keep until something moves us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// Nothing is settled yet, and nothing is written to BIRD (D10).
    Unsettled,
    /// Silent.
    Off,
    /// On the way from full to silent, announced as a last resort (D8).
    Draining {
        /// Since when.
        since: Moment,
    },
    /// Announced.
    Full,
}

impl Stance {
    /// The strength that it means; `None` while nothing is settled.
    pub fn strength(self) -> Option<Strength> {
        match self {
            Self::Unsettled => None,
            Self::Off => Some(Strength::Off),
            Self::Draining { .. } => Some(Strength::Drain),
            Self::Full => Some(Strength::Full),
        }
    }
}

impl std::fmt::Display for Stance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(stance_word(self.strength()))
    }
}

/// A stance in a word, by the strength that it means.
pub fn stance_word(strength: Option<Strength>) -> &'static str {
    strength.map_or("unsettled", Strength::word)
}

/// The numbered rule that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// What a verdict means for a role.
    D4,
    /// Isolation and witnesses.
    D5,
    /// Delays, windows, an operator's consent.
    D6,
    /// A relapse returns to full at once.
    D7,
    /// Drain.
    D8,
    /// The latch.
    D9,
    /// At start nothing changes.
    D10,
    /// Overrides.
    D11,
    /// Whether this site can serve.
    D16,
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Whether something that waits for its time may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerState {
    /// It may.
    Now,
    /// Not before then.
    At(Moment),
    /// Not by itself.
    Never,
}

/// Everything about one service that the judgement rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionFacts {
    /// Its role.
    pub role: Role,
    /// Where we stand.
    pub stance: Stance,
    /// Whether BIRD has been read at least once since the start.
    pub contacted: bool,
    /// Whether a freeze ended, and BIRD has not been read since (D10).
    pub thawing: bool,
    /// Whether it stands where an override or isolation put it.
    pub imposed: bool,
    /// What its probes say together.
    pub verdict: Verdict,
    /// What the witnesses say.
    pub isolation: Isolation,
    /// What a standby does when it is cut off from where the primary is.
    pub on_cut_off: OnCutOff,
    /// Whether enough witnesses passed after the first fail behind a verdict down (D5).
    pub proven: bool,
    /// Whether this site would not serve, and nothing is to be taken over then (D16).
    pub holds_unserved: bool,
    /// What isolation means for what is announced.
    pub on_isolated: OnLoss,
    /// The operator's word.
    pub overridden: Option<OverrideAction>,
    /// Whether it flapped too often.
    pub latched: bool,
    /// Whether `takeover_delay` has run out.
    pub takeover: TimerState,
    /// Whether `failback_delay` has run out.
    pub failback: TimerState,
    /// Whether the failback window is open, or an operator has opened it.
    pub window: TimerState,
    /// Whether failback waits for an operator's consent.
    pub consent_missing: bool,
    /// Whether there is a drain to go through.
    pub drains: bool,
    /// Whether the drain has lasted long enough.
    pub drained: TimerState,
    /// Whether an operator's withdrawal has drained long enough; also where it goes through no drain.
    pub handed_over: TimerState,
    /// Whether probes have to be up in drain before the service may fall silent (D8).
    pub confirms: bool,
    /// Whether they are, from checks begun in drain.
    pub confirmed: bool,
    /// Whether `failback_confirm` has run out since the drain began.
    pub confirm: TimerState,
    /// Whether a failback that was not confirmed may be tried again.
    pub retry: TimerState,
    /// Now, for a drain that begins.
    pub now: Moment,
}

/// What follows from the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Where we shall stand.
    pub to: Stance,
    /// The rule that decides.
    pub rule: Rule,
    /// The same in more detail.
    pub why: DecisionReason,
    /// When it would be judged differently with nothing else changing.
    pub deadline: Option<Moment>,
}

/// Longest reason, in bytes: BIRD cuts a BGP shutdown text at 255, and what is said beside the reason
/// needs some room (A3).
pub const REASON_LIMIT: usize = 200;

/// Why we stand where we stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecisionReason {
    /// An operator said announce.
    ToldToAnnounce,
    /// An operator said withdraw.
    ToldToWithdraw,
    /// An operator said withdraw, and what is announced drains first.
    HandingOver,
    /// An operator said freeze.
    ToldToFreeze,
    /// The target is down: a standby announces, a primary is silent.
    TargetDown,
    /// The target is up: a standby is silent, a primary announces.
    TargetUp,
    /// The verdict is unclear: nothing changes.
    Unclear,
    /// BIRD has not been read yet.
    NotAdopted,
    /// A freeze ended, and BIRD has not been read since.
    Thawing,
    /// Isolated: nothing is taken over, what is announced is kept.
    IsolatedKeeps,
    /// Isolated: what is announced is withdrawn.
    IsolatedWithdraws,
    /// Cut off from where the primary is: nothing is taken over.
    CutOffHolds,
    /// Unknown witnesses leave it open whether we are isolated.
    WitnessesUnknown,
    /// No witness has passed since the first fail.
    WitnessAwaited,
    /// This site would not serve: nothing is taken over.
    NotServingHolds,
    /// `takeover_delay` runs.
    TakeoverDelay,
    /// The target died again before we fell silent.
    Relapse,
    /// Flapped too often.
    Latched,
    /// Failback waits for an operator.
    ConsentAwaited,
    /// `failback_delay` runs.
    FailbackDelay,
    /// The failback window is closed.
    WindowClosed,
    /// `failback_drain` runs.
    Draining,
    /// In drain, until the probes that vote for failback are up.
    Confirming,
    /// They were not up within `failback_confirm`: back to full, and tried again later.
    Unconfirmed,
}

impl DecisionReason {
    /// Whether it is an operator's or isolation's doing, and not the verdict's.
    pub fn is_imposed(self) -> bool {
        match self {
            Self::ToldToAnnounce
            | Self::ToldToWithdraw
            | Self::HandingOver
            | Self::ToldToFreeze
            | Self::IsolatedWithdraws => true,
            Self::TargetDown
            | Self::TargetUp
            | Self::Unclear
            | Self::NotAdopted
            | Self::Thawing
            | Self::IsolatedKeeps
            | Self::CutOffHolds
            | Self::WitnessesUnknown
            | Self::WitnessAwaited
            | Self::NotServingHolds
            | Self::TakeoverDelay
            | Self::Relapse
            | Self::Latched
            | Self::ConsentAwaited
            | Self::FailbackDelay
            | Self::WindowClosed
            | Self::Draining
            | Self::Confirming
            | Self::Unconfirmed => false,
        }
    }
}

/// What follows from the facts. The blast-radius guard is not here: it binds the hand that acts,
/// whatever is judged (A7).
pub fn judge(facts: &DecisionFacts) -> Decision {
    match facts.overridden {
        // It applies at first contact: should it end before, nothing says that it ever was.
        Some(OverrideAction::Announce) if !facts.contacted => {
            settled(facts.stance, Rule::D11, DecisionReason::ToldToAnnounce)
        }
        Some(OverrideAction::Announce) => settled(Stance::Full, Rule::D11, DecisionReason::ToldToAnnounce),
        Some(OverrideAction::Withdraw) => withdrawal(facts),
        Some(OverrideAction::Freeze) => settled(facts.stance, Rule::D11, DecisionReason::ToldToFreeze),
        None => automatic(facts),
    }
}

/// At once: a BIRD that starts now must not announce. Only what is announced can drain first.
fn withdrawal(facts: &DecisionFacts) -> Decision {
    let draining = match (facts.stance, facts.handed_over) {
        (Stance::Full, TimerState::At(until)) => Some((Stance::Draining { since: facts.now }, until)),
        (Stance::Draining { .. }, TimerState::At(until)) => Some((facts.stance, until)),
        (Stance::Unsettled | Stance::Off, _)
        | (Stance::Full | Stance::Draining { .. }, TimerState::Now | TimerState::Never) => None,
    };
    match draining {
        Some((to, until)) => Decision {
            deadline: Some(until),
            ..settled(to, Rule::D11, DecisionReason::HandingOver)
        },
        None => settled(Stance::Off, Rule::D11, DecisionReason::ToldToWithdraw),
    }
}

/// Without an operator's word.
fn automatic(facts: &DecisionFacts) -> Decision {
    let moves = match (facts.role, facts.verdict) {
        (Role::Standby, Verdict::Down) | (Role::Primary, Verdict::Down | Verdict::Up) => true,
        (Role::Standby, Verdict::Up) | (Role::Standby | Role::Primary, Verdict::Unclear) => false,
    };
    let isolated = facts.role == Role::Standby && facts.isolation == Isolation::Isolated;
    if !isolated && !facts.contacted && facts.imposed && facts.stance == Stance::Off {
        // A withdraw ended before BIRD was read: it leaves nothing settled.
        let unsettled = DecisionFacts {
            stance: Stance::Unsettled,
            ..*facts
        };
        return match automatic(&unsettled) {
            Decision {
                to: Stance::Unsettled,
                ..
            } => settled(Stance::Unsettled, Rule::D10, DecisionReason::NotAdopted),
            moved => moved,
        };
    }
    if !isolated && facts.thawing && !moves {
        return settled(facts.stance, Rule::D10, DecisionReason::Thawing);
    }
    match facts.role {
        Role::Standby => standby(facts),
        Role::Primary => primary(facts),
    }
}

fn standby(facts: &DecisionFacts) -> Decision {
    match (facts.isolation, facts.verdict) {
        (Isolation::Isolated, _) => isolated(facts),
        (Isolation::Connected | Isolation::Open | Isolation::CutOff, Verdict::Down) => takeover(facts),
        (Isolation::Connected | Isolation::Open | Isolation::CutOff, Verdict::Up) => failback(facts),
        (Isolation::Connected | Isolation::Open | Isolation::CutOff, Verdict::Unclear) => {
            settled(facts.stance, Rule::D4, DecisionReason::Unclear)
        }
    }
}

fn isolated(facts: &DecisionFacts) -> Decision {
    match (facts.on_isolated, facts.stance) {
        (OnLoss::Withdraw, Stance::Full | Stance::Draining { .. } | Stance::Off) => {
            settled(Stance::Off, Rule::D5, DecisionReason::IsolatedWithdraws)
        }
        (OnLoss::Keep, _) | (OnLoss::Withdraw, Stance::Unsettled) => {
            settled(facts.stance, Rule::D5, DecisionReason::IsolatedKeeps)
        }
    }
}

/// The target is down. Nothing that protects failback is asked here (D7), and no latch: it only
/// keeps what is announced.
fn takeover(facts: &DecisionFacts) -> Decision {
    let relapse = match facts.stance {
        Stance::Full => return settled(Stance::Full, Rule::D4, DecisionReason::TargetDown),
        Stance::Draining { .. } => true,
        Stance::Unsettled | Stance::Off => false,
    };
    if facts.isolation == Isolation::Open {
        return settled(facts.stance, Rule::D5, DecisionReason::WitnessesUnknown);
    }
    if facts.isolation == Isolation::CutOff && facts.on_cut_off == OnCutOff::Hold {
        return settled(facts.stance, Rule::D5, DecisionReason::CutOffHolds);
    }
    if !facts.proven {
        return settled(facts.stance, Rule::D5, DecisionReason::WitnessAwaited);
    }
    if facts.holds_unserved {
        return settled(facts.stance, Rule::D16, DecisionReason::NotServingHolds);
    }
    if relapse {
        return settled(Stance::Full, Rule::D7, DecisionReason::Relapse);
    }
    unless_due(facts.takeover, facts.stance, DecisionReason::TakeoverDelay)
        .unwrap_or_else(|| settled(Stance::Full, Rule::D4, DecisionReason::TargetDown))
}

/// The target is up.
fn failback(facts: &DecisionFacts) -> Decision {
    match facts.stance {
        Stance::Off => settled(Stance::Off, Rule::D4, DecisionReason::TargetUp),
        Stance::Unsettled if !facts.contacted => settled(facts.stance, Rule::D10, DecisionReason::NotAdopted),
        Stance::Full | Stance::Draining { .. } | Stance::Unsettled if facts.latched => {
            settled(facts.stance, Rule::D9, DecisionReason::Latched)
        }
        Stance::Draining { .. } => drain(facts),
        Stance::Full | Stance::Unsettled => begin_failback(facts),
    }
}

fn begin_failback(facts: &DecisionFacts) -> Decision {
    if facts.consent_missing {
        return settled(facts.stance, Rule::D6, DecisionReason::ConsentAwaited);
    }
    unless_due(facts.failback, facts.stance, DecisionReason::FailbackDelay)
        .or_else(|| unless_due(facts.window, facts.stance, DecisionReason::WindowClosed))
        .or_else(|| waits_by_d8(facts.retry, facts.stance, DecisionReason::Unconfirmed))
        .unwrap_or_else(|| match facts.stance {
            Stance::Full | Stance::Unsettled if facts.confirms => settled(
                Stance::Draining { since: facts.now },
                Rule::D8,
                DecisionReason::Confirming,
            ),
            Stance::Full if facts.drains => settled(
                Stance::Draining { since: facts.now },
                Rule::D8,
                DecisionReason::Draining,
            ),
            Stance::Full | Stance::Unsettled | Stance::Off | Stance::Draining { .. } => {
                settled(Stance::Off, Rule::D4, DecisionReason::TargetUp)
            }
        })
}

fn drain(facts: &DecisionFacts) -> Decision {
    if facts.confirms && !facts.confirmed {
        return waits_by_d8(facts.confirm, facts.stance, DecisionReason::Confirming)
            .unwrap_or_else(|| settled(Stance::Full, Rule::D8, DecisionReason::Unconfirmed));
    }
    unless_due(facts.failback, facts.stance, DecisionReason::FailbackDelay)
        .or_else(|| waits_by_d8(facts.drained, facts.stance, DecisionReason::Draining))
        .unwrap_or_else(|| settled(Stance::Off, Rule::D8, DecisionReason::TargetUp))
}

/// A primary's probes look at home: witnesses only inform, and nothing delays it.
fn primary(facts: &DecisionFacts) -> Decision {
    match facts.verdict {
        Verdict::Unclear => settled(facts.stance, Rule::D4, DecisionReason::Unclear),
        Verdict::Down => settled(Stance::Off, Rule::D4, DecisionReason::TargetDown),
        Verdict::Up => match facts.stance {
            Stance::Off | Stance::Unsettled if facts.latched => {
                settled(facts.stance, Rule::D9, DecisionReason::Latched)
            }
            Stance::Off | Stance::Unsettled | Stance::Draining { .. } | Stance::Full => {
                settled(Stance::Full, Rule::D4, DecisionReason::TargetUp)
            }
        },
    }
}

fn settled(to: Stance, rule: Rule, why: DecisionReason) -> Decision {
    Decision {
        to,
        rule,
        why,
        deadline: None,
    }
}

fn unless_due(due: TimerState, keep: Stance, why: DecisionReason) -> Option<Decision> {
    let deadline = match due {
        TimerState::Now => return None,
        TimerState::At(moment) => Some(moment),
        TimerState::Never => None,
    };
    Some(Decision {
        deadline,
        ..settled(keep, Rule::D6, why)
    })
}

fn waits_by_d8(due: TimerState, keep: Stance, why: DecisionReason) -> Option<Decision> {
    let waiting = unless_due(due, keep, why)?;
    Some(Decision {
        rule: Rule::D8,
        ..waiting
    })
}

#[cfg(test)]
mod tests;
