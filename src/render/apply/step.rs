//! What the machine asks for, and what it is told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
    /// `configure timeout`, for [`Event::Configured`].
    Configure {
        /// For the log: BIRD reads the file that is there.
        which: Which,
        /// BIRD's undo timer.
        within: Duration,
    },
    /// `configure confirm`, for [`Event::Confirmed`].
    Confirm(Which),
    /// `configure undo`, for [`Event::Undone`].
    Undo(Which),
    /// Keep the present file as the last good copy and put the new one in its place, for
    /// [`Event::File`].
    PutNew,
    /// Put the old file back, for [`Event::File`].
    PutBack,
    /// Note that the confirmation is on its way, for [`Event::File`].
    NoteConfirming,
    /// Nothing until then.
    Wait(Moment),
    /// It is over.
    Done(Outcome),
}

/// Which file BIRD is told to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// The one that it runs, unchanged.
    Running,
    /// The new one.
    New,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `configure status`.
    Status(Result<ConfigureStatus, Trouble>),
    /// The protocols, or that they could not be looked at.
    Look(Result<Look, Trouble>),
    /// `configure timeout`.
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
