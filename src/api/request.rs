//! What operators ask of the daemon, and why it may say no.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::core::drill::DrillPlan;
use crate::model::drill::DrillReport;
use crate::model::snapshot::OverrideAction;

/// An operator's request.
#[derive(Debug)]
pub struct OperatorRequest {
    /// The service's name; it was in the last snapshot, and may be gone by now.
    pub service: String,
    /// What is asked.
    pub ask: Ask,
    /// Who asks: a user's name, or "uid N".
    pub actor: String,
    /// Where the answer goes. Dropping it tells the operator that the daemon is stopping.
    pub answer: oneshot::Sender<Result<String, Refusal>>,
}

/// An operator's wish for a drill.
#[derive(Debug)]
pub struct DrillRequest {
    /// The service's name; it was in the last snapshot, and may be gone by now.
    pub service: String,
    /// What is asked for.
    pub plan: DrillPlan,
    /// Who asks: a user's name, or "uid N".
    pub actor: String,
    /// Where the report goes once the drill has ended. Dropping it tells the operator that the daemon
    /// is stopping.
    pub answer: oneshot::Sender<Result<DrillReport, Refusal>>,
}

/// What an operator asks of Falconer as a whole, and not of a service.
#[derive(Debug)]
pub struct Errand {
    /// What.
    pub task: Task,
    /// Who asks: a user's name, or "uid N".
    pub actor: String,
    /// Where the answer goes, once it has come to its end.
    pub answer: oneshot::Sender<Result<String, Refusal>>,
}

/// An errand's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// falconer.toml is read again, and gone over to if it is right.
    Reload,
    /// bird.conf is rendered anew and brought into BIRD (A9).
    Apply {
        /// Whether a file that somebody else changed is replaced.
        force: bool,
    },
}

/// What an operator asks of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An override (D11).
    Override {
        /// What the operator wants.
        action: OverrideAction,
        /// How long, from now; `None`: until `auto`.
        span: Option<Duration>,
        /// Why: printable, at most 255 bytes.
        reason: Option<String>,
    },
    /// The end of an override, and the release of a latch (D9, D11).
    Auto {
        /// Why: printable, at most 255 bytes.
        reason: Option<String>,
    },
    /// The facts, the rule that decides, and what would change it. Changes nothing.
    Explain,
    /// One failback that waits for an operator or a window may go ahead.
    Failback {
        /// Why: printable, at most 255 bytes.
        reason: Option<String>,
    },
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such service (any more).
    #[error("there is no such service")]
    NoSuchService,
    /// It makes no sense in the state that the service is in; in words, with what would help.
    #[error("{0}")]
    NotNow(String),
    /// The configuration or a template is wrong; in words, with the places.
    #[error("{0}")]
    Configuration(String),
    /// It could not be done; in words, with what to do about it.
    #[error("{0}")]
    Failed(String),
}
