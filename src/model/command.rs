//! What operators ask for: one type from the command line over the API to the judgement.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::millis;
use crate::model::snapshot::OverrideAction;
use crate::model::strength::Strength;

/// What an operator asks of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DaemonCommand {
    /// A service is to be steered otherwise.
    Service {
        /// The service's name.
        service: String,
        /// How.
        command: OperatorCommand,
    },
    /// The facts, the rule that decides, and what would change it. Changes nothing.
    Explain {
        /// The service's name.
        service: String,
    },
    /// The configuration's files.
    Files(FilesCommand),
}

impl DaemonCommand {
    /// The service that it is about.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Service { service, .. } | Self::Explain { service } => Some(service),
            Self::Files(_) => None,
        }
    }
}

/// What an operator asks of falconer.toml and bird.conf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilesCommand {
    /// falconer.toml is read again, and gone over to if it is right.
    Reload,
    /// bird.conf is rendered anew and brought into BIRD (A9).
    Apply {
        /// Whether a file that somebody else changed is replaced.
        force: bool,
    },
}

/// What an operator asks of a service, and what the judgement takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum OperatorCommand {
    /// Announce at full, whatever the probes say.
    Announce(OverrideOptions),
    /// Fall silent, whatever the probes say: at once, or through drain.
    Withdraw(OverrideOptions),
    /// Write nothing to BIRD.
    Freeze(OverrideOptions),
    /// End the override, release the latch.
    Auto {
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Let one failback go ahead that waits for an operator or a window.
    Failback {
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Rehearse the announcement.
    Drill(DrillPlan),
}

/// How long an override holds, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideOptions {
    /// How long; `None`: until the operator says otherwise.
    #[serde(rename = "for")]
    pub lasting: Option<Duration>,
    /// Why.
    pub reason: Option<String>,
    /// Of a withdrawal: how long it stays announced at strength drain before it falls silent; `None`: it
    /// falls silent at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Duration>,
}

/// An operator's word against the automatic decision (D11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// What the operator wants.
    pub action: OverrideAction,
    /// Since when.
    #[serde(with = "millis")]
    pub since: Timestamp,
    /// When it ends by itself; `None`: when the operator says so.
    #[serde(with = "millis::option")]
    pub until: Option<Timestamp>,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Of a withdrawal: how long it drains before it falls silent; `None`: it falls silent at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Duration>,
    /// Who: a user's name or "uid N".
    pub actor: String,
}

/// What a drill is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillPlan {
    /// How strongly it announces: drain, which pulls no traffic from a living primary, or full.
    pub strength: Strength,
    /// How long it stays announced once it is carried.
    #[serde(rename = "for")]
    pub hold: Duration,
    /// Do everything short of BIRD.
    pub dry_run: bool,
    /// Why.
    pub reason: Option<String>,
}
