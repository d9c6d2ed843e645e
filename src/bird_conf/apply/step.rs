//! What the machine asks for, and what it is told.

use std::time::Duration;

use super::outcome::ApplyOutcome;
use super::protocol_states::ProtocolStates;
use crate::bird::parse::{ConfigureReply, ConfigureStatus};
use crate::model::time::Moment;

/// What to do next; never two at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyStep {
    /// `configure status`, for [`ApplyEvent::Status`].
    AskStatus,
    /// Look at the protocols, for [`ApplyEvent::Look`].
    Look,
    /// Ask whether a takeover, a failback or a drill is under way, for [`ApplyEvent::Calm`].
    AskCalm,
    /// Put the copy of what BIRD runs in the place of a file that it has not read, for
    /// [`ApplyEvent::File`].
    PutRunning,
    /// `configure` of the file that BIRD runs already, for [`ApplyEvent::Configured`]. It has no undo
    /// timer, so it stays whatever becomes of us or of the answer.
    ConfigureRunning,
    /// Keep the present file as the last good copy and put the new one in its place, for
    /// [`ApplyEvent::File`].
    PutNew,
    /// Check that the new file is the one that BIRD would read, for [`ApplyEvent::Place`].
    CheckPlace,
    /// `configure timeout` of the new file, for [`ApplyEvent::Configured`].
    ConfigureNew {
        /// BIRD's undo timer.
        within: Duration,
    },
    /// `configure confirm`, for [`ApplyEvent::Confirmed`].
    Confirm,
    /// `configure undo`, for [`ApplyEvent::Undone`].
    Undo,
    /// Put the old file back, for [`ApplyEvent::File`].
    PutBack,
    /// Note that the confirmation is on its way, for [`ApplyEvent::File`].
    NoteConfirming,
    /// Nothing until then.
    Wait(Moment),
    /// It is over.
    Done(ApplyOutcome),
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyEvent {
    /// `configure status`.
    Status(Result<ConfigureStatus, CommandFailure>),
    /// The protocols, or that they could not be looked at.
    Look(Result<ProtocolStates, CommandFailure>),
    /// Whether a new file may be brought in now; or what is under way.
    Calm(Result<(), String>),
    /// Whether BIRD would read the new file; or why not.
    Place(Result<(), String>),
    /// `configure`, with an undo timer or without.
    Configured {
        /// When it was sent, not when it was answered.
        sent_at: Moment,
        /// BIRD's answer.
        answer: Result<ConfigureReply, CommandFailure>,
    },
    /// `configure confirm`.
    Confirmed(Result<ConfigureReply, CommandFailure>),
    /// `configure undo`.
    Undone(Result<ConfigureReply, CommandFailure>),
    /// The file was put in place, put back or noted; or why not.
    File(Result<(), String>),
}

/// A command without an answer, in an operator's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandFailure {
    /// It was not carried out: it was not sent, or BIRD refused it.
    NotDone(String),
    /// It may or may not have been carried out: no answer in time, or the connection broke.
    Unknown(String),
}

impl CommandFailure {
    /// The words.
    pub fn why(&self) -> &str {
        match self {
            Self::NotDone(why) | Self::Unknown(why) => why,
        }
    }
}
