//! What the machine asks for, and what it is told.

use std::time::Duration;

use super::{Look, Outcome};
use crate::bird::answer::{ConfigureStatus, Configured};
use crate::time::Moment;

/// What to do next; never two at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `configure status`, for [`Event::Status`].
    AskStatus,
    /// Look at the protocols, for [`Event::Look`].
    Look,
    /// Ask whether a takeover, a failback or a drill is under way, for [`Event::Calm`].
    AskCalm,
    /// Put the copy of what BIRD runs in the place of a file that it has not read, for
    /// [`Event::File`].
    PutRunning,
    /// `configure` of the file that BIRD runs already, for [`Event::Configured`]. It has no undo
    /// timer, so it stays whatever becomes of us or of the answer.
    ConfigureRunning,
    /// Keep the present file as the last good copy and put the new one in its place, for
    /// [`Event::File`].
    PutNew,
    /// Check that the new file is the one that BIRD would read, for [`Event::Place`].
    CheckPlace,
    /// `configure timeout` of the new file, for [`Event::Configured`].
    ConfigureNew {
        /// BIRD's undo timer.
        within: Duration,
    },
    /// `configure confirm`, for [`Event::Confirmed`].
    Confirm,
    /// `configure undo`, for [`Event::Undone`].
    Undo,
    /// Put the old file back, for [`Event::File`].
    PutBack,
    /// Note that the confirmation is on its way, for [`Event::File`].
    NoteConfirming,
    /// Nothing until then.
    Wait(Moment),
    /// It is over.
    Done(Outcome),
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `configure status`.
    Status(Result<ConfigureStatus, Trouble>),
    /// The protocols, or that they could not be looked at.
    Look(Result<Look, Trouble>),
    /// Whether a new file may be brought in now; or what is under way.
    Calm(Result<(), String>),
    /// Whether BIRD would read the new file; or why not.
    Place(Result<(), String>),
    /// `configure`, with an undo timer or without.
    Configured {
        /// When it was sent, not when it was answered.
        sent_at: Moment,
        /// BIRD's answer.
        answer: Result<Configured, Trouble>,
    },
    /// `configure confirm`.
    Confirmed(Result<Configured, Trouble>),
    /// `configure undo`.
    Undone(Result<Configured, Trouble>),
    /// The file was put in place, put back or noted; or why not.
    File(Result<(), String>),
}

/// A command without an answer, in an operator's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was not carried out: it was not sent, or BIRD refused it.
    NotDone(String),
    /// It may or may not have been carried out: no answer in time, or the connection broke.
    Unknown(String),
}

impl Trouble {
    /// The words.
    pub fn why(&self) -> &str {
        match self {
            Self::NotDone(why) | Self::Unknown(why) => why,
        }
    }
}
