//! A drill: a service is announced without being wanted, seen to be carried, and made silent again.
//!
//! It is a fact beside the stance and never part of it: what the judgement decides is the same with
//! and without one, so a drill delays no takeover and counts for no latch. What BIRD is told, and
//! how it is proven, is steering's; who may begin one is [`Service`]'s.
//!
//! [`Service`]: super::service::Service

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decide::REASON_LIMIT;
use crate::model::command::DrillPlan;
use crate::model::millis;
use crate::model::snapshot::{DrillOutcome, DrillPhase};
use crate::model::strength::Strength;
use crate::model::time::Moment;

/// How long `state_dir` may take to keep the record, without which nothing begins.
pub(crate) const RECORD_LIMIT: Duration = Duration::from_secs(5);

/// How long BIRD and an upstream may take to carry it. Takeovers take milliseconds; a session with a
/// large table takes seconds.
pub(crate) const RISE_LIMIT: Duration = Duration::from_secs(20);

/// How long the end may take to be seen before somebody has to look. It is tried on and on.
pub(crate) const END_LIMIT: Duration = Duration::from_secs(20);

/// How long the sessions that carried it are watched once it is silent again, before it has passed: a
/// neighbour that does not want it (its limit of prefixes, its policy) closes the session, and may take
/// seconds for that.
pub(crate) const WATCH: Duration = Duration::from_secs(5);

/// What is written down before BIRD is told anything, so that whoever starts next can end it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillRecord {
    /// How strongly it announces.
    pub strength: Strength,
    /// Since when.
    #[serde(with = "millis")]
    pub since: Timestamp,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// The static protocols that announce it: the next start may know them by no other way. Empty in
    /// records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protocols: Vec<String>,
}

impl DrillRecord {
    /// The static protocols that announce it. Where an earlier version did not write them down, those
    /// that a rendered bird.conf has for a service of that name.
    pub fn protocols_of(&self, service: &str) -> Vec<String> {
        if !self.protocols.is_empty() {
            return self.protocols.clone();
        }
        let of_strength = match self.strength {
            Strength::Full => "",
            Strength::Off | Strength::Drain => "_drain",
        };
        ["v4", "v6"]
            .map(|family| format!("{service}_{family}{of_strength}"))
            .to_vec()
    }
}

/// What BIRD, the disk and the daemon say of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillEvent {
    /// The record is on disk.
    Kept,
    /// The record cannot be written; why.
    NotKept(String),
    /// It is announced, and enough upstreams carry it.
    Carried,
    /// BIRD did not do what it was asked, or must not be asked, or a session that carried it was closed;
    /// what.
    Failed(String),
    /// What was announced fell without us: BIRD is gone or new, or somebody configured it; what.
    Lost(String),
    /// It is to end at once; why.
    Stop(String),
    /// It is silent, and no upstream carries it.
    Silent,
}

/// What steering is to do for a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DrillIntent {
    /// Announce so strongly, and leave the state files as they are (A6): whatever befalls BIRD ends it.
    Announce(Strength),
    /// Silence the protocols of that strength, and see that nobody carries them.
    End(Strength),
}

/// How a drill ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillEnd {
    /// How.
    pub outcome: DrillOutcome,
    /// In words.
    pub text: String,
}

impl DrillEnd {
    pub(crate) fn new(outcome: DrillOutcome, text: impl Into<String>) -> Self {
        Self {
            outcome,
            text: text.into(),
        }
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActiveDrillPhase {
    /// It is being written down; BIRD knows nothing of it.
    Recording {
        /// Until then.
        give_up: Moment,
    },
    /// BIRD is to announce it.
    Rising {
        /// Until then.
        give_up: Moment,
    },
    /// It was seen to be carried.
    Holding {
        /// Until then.
        until: Moment,
    },
    /// BIRD is to be silent again.
    Ending {
        /// What is told once it is.
        end: DrillEnd,
        /// Until then.
        give_up: Moment,
    },
    /// It is silent again, and the sessions that carried it are watched before it has passed.
    Watching {
        /// What is told then.
        end: DrillEnd,
        /// Until then.
        until: Moment,
    },
    /// It should have been silent long ago; it is tried on.
    Unverified {
        /// What is still to be told of it.
        end: Option<DrillEnd>,
    },
}

/// A drill under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveDrill {
    pub(crate) plan: DrillPlan,
    pub(crate) since: Timestamp,
    pub(crate) actor: String,
    pub(crate) protocols: Vec<String>,
    pub(crate) phase: ActiveDrillPhase,
    /// It was begun before this daemon was.
    pub(crate) left_behind: bool,
}

impl ActiveDrill {
    /// One that begins now.
    pub(crate) fn begin(
        plan: DrillPlan,
        actor: &str,
        protocols: Vec<String>,
        since: Timestamp,
        now: Moment,
    ) -> Self {
        Self {
            plan,
            since,
            actor: actor.to_owned(),
            protocols,
            phase: ActiveDrillPhase::Recording {
                give_up: now + RECORD_LIMIT,
            },
            left_behind: false,
        }
    }

    /// One that somebody began who is no more: it is ended first.
    pub(crate) fn left_behind(record: &DrillRecord, now: Moment) -> Self {
        let text = "falconer ended in the middle of it; it was ended at the next start";
        Self {
            plan: DrillPlan {
                strength: record.strength,
                hold: Duration::ZERO,
                dry_run: false,
                reason: record.reason.clone(),
            },
            since: record.since,
            actor: record.actor.clone(),
            protocols: record.protocols.clone(),
            phase: ActiveDrillPhase::Ending {
                end: DrillEnd::new(DrillOutcome::Aborted, text),
                give_up: now + END_LIMIT,
            },
            left_behind: true,
        }
    }

    /// What was asked for.
    pub fn plan(&self) -> &DrillPlan {
        &self.plan
    }

    /// Since when it is under way.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Who asked for it.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// How far it is.
    pub fn phase(&self) -> &ActiveDrillPhase {
        &self.phase
    }

    /// Whether it was begun before this daemon was.
    pub fn is_left_behind(&self) -> bool {
        self.left_behind
    }

    /// When its announcement ends by itself.
    pub fn until(&self) -> Option<Moment> {
        match self.phase {
            ActiveDrillPhase::Holding { until } => Some(until),
            ActiveDrillPhase::Recording { .. }
            | ActiveDrillPhase::Rising { .. }
            | ActiveDrillPhase::Ending { .. }
            | ActiveDrillPhase::Watching { .. }
            | ActiveDrillPhase::Unverified { .. } => None,
        }
    }

    /// When it goes on by itself.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        match self.phase {
            ActiveDrillPhase::Recording { give_up }
            | ActiveDrillPhase::Rising { give_up }
            | ActiveDrillPhase::Ending { give_up, .. } => Some(give_up),
            ActiveDrillPhase::Holding { until } | ActiveDrillPhase::Watching { until, .. } => Some(until),
            ActiveDrillPhase::Unverified { .. } => None,
        }
    }

    /// What BIRD is to do for it.
    pub(crate) fn rehearsal(&self) -> Option<DrillIntent> {
        let strength = self.plan.strength;
        match self.phase {
            ActiveDrillPhase::Recording { .. } => None,
            ActiveDrillPhase::Rising { .. } | ActiveDrillPhase::Holding { .. } => {
                Some(DrillIntent::Announce(strength))
            }
            ActiveDrillPhase::Ending { .. }
            | ActiveDrillPhase::Watching { .. }
            | ActiveDrillPhase::Unverified { .. } => Some(DrillIntent::End(strength)),
        }
    }

    /// Why BIRD is to do it; `None`: it is to do nothing for it.
    pub(crate) fn reason_for_bird(&self) -> Option<String> {
        let reason = match &self.phase {
            ActiveDrillPhase::Recording { .. } => return None,
            ActiveDrillPhase::Rising { .. } | ActiveDrillPhase::Holding { .. } => {
                format!("falconer drill by {}", self.actor)
            }
            ActiveDrillPhase::Ending { .. } | ActiveDrillPhase::Unverified { .. } if self.left_behind => {
                "falconer drill, left behind".to_owned()
            }
            ActiveDrillPhase::Ending { end, .. }
            | ActiveDrillPhase::Watching { end, .. }
            | ActiveDrillPhase::Unverified { end: Some(end) } => {
                format!("falconer drill ends: {}", end.text)
            }
            ActiveDrillPhase::Unverified { end: None } => {
                "falconer drill ends: its end has not been seen".to_owned()
            }
        };
        Some(cut(reason))
    }

    /// What is written down of it.
    pub(crate) fn record(&self) -> DrillRecord {
        DrillRecord {
            strength: self.plan.strength,
            since: self.since,
            actor: self.actor.clone(),
            reason: self.plan.reason.clone(),
            protocols: self.protocols.clone(),
        }
    }
}

/// As much of it as BIRD takes with a command.
fn cut(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(REASON_LIMIT));
    reason
}

impl ActiveDrillPhase {
    /// As the snapshot shows it.
    pub fn shown(&self) -> DrillPhase {
        match self {
            Self::Recording { .. } => DrillPhase::Recording,
            Self::Rising { .. } => DrillPhase::Rising,
            Self::Holding { .. } => DrillPhase::Holding,
            Self::Ending { .. } | Self::Watching { .. } => DrillPhase::Ending,
            Self::Unverified { .. } => DrillPhase::Unverified,
        }
    }
}
