//! What the core is told, and what it tells: the vocabulary between it and its driver.
//!
//! Everything that comes in can be written as a line of JSON and replayed to the same decisions.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::drill::{ActiveDrill, DrillEnd, DrillEvent};
use crate::core::health::CheckId;
use crate::model::command::{DrillPlan, OperatorCommand};
use crate::model::history::{HistoryEvent, TransitionEvent};
use crate::model::serving::ServingRoute;
use crate::model::snapshot::CheckOutcome;
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
    /// Where the kernel would send packets to the addresses that show whether this site serves (D16).
    Routes {
        /// The service's index.
        service: usize,
        /// All of them.
        routes: Vec<ServingRoute>,
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
    /// A check of whether this site serves a service, by the indexes of service and check (D16).
    Serves(usize, usize),
}

/// A check that is to be started now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckStart {
    /// The check's number: its result is reported under it.
    pub id: CheckId,
    /// Which probe.
    pub probe: ProbeId,
}

/// Something that happened in the core, worth a line in the log.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are entries of the history, and none is kept"
)]
pub enum CoreEvent {
    /// What the history keeps, and the index of the service that it is about. A transition comes without
    /// its evidence, and with no stage after the decision: those are the daemon's to add.
    History(Option<usize>, HistoryEvent),
    /// A drill of the service with this index went on. The history keeps its beginning and its report,
    /// which the daemon makes.
    Drill(usize, DrillStep),
}

impl CoreEvent {
    /// A change of what is wanted of BIRD, and the index of its service.
    pub fn transition(&self) -> Option<(usize, &TransitionEvent)> {
        match self {
            Self::History(Some(service), HistoryEvent::Transition(transition)) => {
                Some((*service, transition))
            }
            Self::History(..) | Self::Drill(..) => None,
        }
    }

    /// Whether it is of a probe or a verdict: `simulate` shows these only if it is asked to.
    pub fn is_detail(&self) -> bool {
        matches!(
            self,
            Self::History(_, HistoryEvent::Verdict { .. } | HistoryEvent::Probe { .. })
        )
    }
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
