//! What the core is told, and what it tells: the vocabulary between it and its driver.
//!
//! Everything that comes in can be written as a line of JSON and replayed to the same decisions.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decide::{Rule, Stance};
use super::drill::{ActiveDrill, DrillEnd, DrillEvent};
use crate::core::health::CheckId;
use crate::model::command::{DrillPlan, OperatorCommand};
use crate::model::message::CodedText;
use crate::model::snapshot::{CheckOutcome, Verdict};
use crate::model::strength::Strength;
use crate::model::time::{Moment, Now};

/// One input of the core: everything that it ever learns comes through these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// What time it is.
    #[serde(flatten)]
    pub now: Now,
    /// What has become known; `None`: only that time has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A check that was asked for has ended.
    Checked {
        /// Which check.
        id: CheckId,
        /// What came of it.
        outcome: CheckOutcome,
        /// In words.
        detail: String,
        /// How long the answer took.
        rtt: Option<Duration>,
    },
    /// What BIRD announces of a service.
    Bird {
        /// The service's index.
        service: usize,
        /// What can be adopted.
        adoption: InitialStrength,
    },
    /// An operator asks for something.
    Asked {
        /// The service's index.
        service: usize,
        /// For what.
        ask: OperatorCommand,
        /// Who: a user's name or "uid N".
        actor: String,
    },
    /// Something became known of a service's drill.
    Drill {
        /// The service's index.
        service: usize,
        /// What.
        news: DrillEvent,
    },
    /// The machine was suspended for that long: results under way prove nothing (D2).
    Suspended {
        /// How long.
        #[serde(rename = "for")]
        lasted: Duration,
    },
}

/// What a look at BIRD says of a service's static protocols, for the purpose of D10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitialStrength {
    /// They agree on this strength.
    Is(Strength),
    /// They disagree, are missing, or on their way.
    Mixed,
}

/// Why an operator's wish is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CommandRefused(pub String);

/// Which probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeId {
    /// A service's, by the indexes of service and probe.
    Service(usize, usize),
    /// A witness, by its index.
    Witness(usize),
}

/// A check that is to be started now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckStart {
    /// The check's number: its result is reported under it.
    pub id: CheckId,
    /// Which probe.
    pub probe: ProbeId,
}

/// Something that happened in the core, worth a line in the log and the history.
#[derive(Clone, Debug, PartialEq)]
pub enum CoreEvent {
    /// A service's stance changed.
    Switched {
        /// The service's index.
        service: usize,
        /// From.
        from: Stance,
        /// To.
        to: Stance,
        /// The rule that decided.
        rule: Rule,
        /// In words.
        reason: CodedText,
        /// The verdict at that moment.
        verdict: Verdict,
        /// When the first check began that failed in the rows behind a verdict down.
        first_fail: Option<Moment>,
        /// Since when the verdict stands.
        verdict_since: Moment,
        /// Whether it counts towards the latch (D9).
        counted: bool,
    },
    /// A service's verdict changed.
    Verdict {
        /// The service's index.
        service: usize,
        /// From.
        from: Verdict,
        /// To.
        to: Verdict,
    },
    /// A probe's state changed.
    Probe {
        /// Which.
        probe: ProbeId,
        /// From.
        from: crate::model::snapshot::ProbeState,
        /// To.
        to: crate::model::snapshot::ProbeState,
        /// The last result in words.
        detail: String,
    },
    /// The site's isolation changed.
    Isolation {
        /// From.
        from: super::isolation::Isolation,
        /// To.
        to: super::isolation::Isolation,
    },
    /// The service flapped too often, and is latched (D9).
    Latched {
        /// The service's index.
        service: usize,
    },
    /// The latch was released by an operator.
    Released {
        /// The service's index.
        service: usize,
        /// Who released it.
        actor: String,
        /// Why, in the operator's words.
        reason: Option<String>,
    },
    /// An override began.
    Overridden {
        /// The service's index.
        service: usize,
        /// What was asked for.
        over: super::persistent::Override,
    },
    /// An override ended.
    OverrideEnded {
        /// The service's index.
        service: usize,
        /// Which one.
        over: super::persistent::Override,
        /// Who ended it; `None`: it ran out.
        actor: Option<String>,
        /// Why it was ended, in the operator's words.
        reason: Option<String>,
    },
    /// An operator let a failback go ahead.
    FailbackAllowed {
        /// The service's index.
        service: usize,
        /// Who.
        actor: String,
        /// Why, in the operator's words.
        reason: Option<String>,
    },
    /// A failback that an operator had allowed needs to be allowed again.
    ConsentEnded {
        /// The service's index.
        service: usize,
        /// What had been allowed.
        consent: super::persistent::Consent,
        /// What ended it.
        why: String,
    },
    /// A drill went on.
    Drill {
        /// The service's index.
        service: usize,
        /// How.
        step: DrillStep,
    },
    /// The wall clock was stepped: overrides and what counts towards a latch keep their length.
    ClockStepped {
        /// By how much; forward is positive.
        by: jiff::SignedDuration,
    },
    /// Results were thrown away, because Falconer itself was stalled (D2).
    Stalled {
        /// How late it was woken.
        late: Duration,
    },
}

/// A step of a drill.
#[derive(Clone, Debug, PartialEq)]
pub enum DrillStep {
    /// It is written down, and BIRD is to announce.
    Began {
        /// What was asked for.
        plan: DrillPlan,
        /// By whom.
        actor: String,
    },
    /// Enough upstreams carry it.
    Carried,
    /// BIRD is to be silent again; what will be told of it then.
    Ending(DrillEnd),
    /// It came to its end, or is given up.
    Ended {
        /// What it was.
        drill: Box<ActiveDrill>,
        /// How it ended.
        end: DrillEnd,
    },
    /// It is silent again, or a session that carried it was closed; it is watched until it has ended.
    Watching,
    /// It should be silent, and nobody has seen that it is.
    Unverified,
    /// It is silent after all.
    Verified,
}

/// When something in the wall clock is due, as a moment.
pub(crate) fn moment_of(now: &Now, at: Timestamp) -> Moment {
    now.mono + Duration::try_from(at.duration_since(now.wall)).unwrap_or(Duration::ZERO)
}
