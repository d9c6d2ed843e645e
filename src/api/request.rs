//! What operators ask of the daemon, how it answers, and why it may say no.

use tokio::sync::oneshot;

use crate::model::command::DaemonCommand;
use crate::model::drill::DrillReport;

/// An operator's request.
#[derive(Debug)]
pub struct OperatorRequest<C = DaemonCommand> {
    /// What is asked. A service that it names was in the last snapshot, and may be gone by now.
    pub command: C,
    /// Who asks: a user's name, or "uid N".
    pub actor: String,
    /// Where the answer goes.
    pub answer: ReplySender,
}

/// Where an answer goes, once the command has come to its end. Dropping it tells the operator that the
/// daemon is stopping.
pub type ReplySender = oneshot::Sender<Result<CommandReply, Refusal>>;

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandReply {
    /// It is done; in words.
    Said(String),
    /// A drill has ended, or never began.
    Drill(Box<DrillReport>),
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
