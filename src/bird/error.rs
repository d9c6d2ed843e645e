//! What can come of a command besides its answer. The texts are for operators; callers branch on
//! the variants.

use std::time::Duration;

/// Why a command has no answer. Callers branch on it; the texts are for operators.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BirdError {
    /// There is no connection now; the command was not sent. [`crate::bird::client::ConnectionStatus`] says the same.
    #[error("BIRD cannot be reached: {why}")]
    Unreachable {
        /// In an operator's words, with what to do about it.
        why: String,
    },
    /// The connection broke while the command was in flight: it may or may not have been carried
    /// out. BIRD must be read anew.
    #[error("the connection to BIRD broke before the answer: {why}")]
    Broken {
        /// In an operator's words.
        why: String,
    },
    /// No answer in time; the connection was dropped. The command may or may not have been, or
    /// still be, carried out.
    #[error("BIRD did not answer within {after:?}")]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
    /// Too many commands wait already; this one was not sent.
    #[error("too many commands wait for BIRD")]
    QueueFull,
    /// `show route ... exported`: the session, or its channel of that family, is not up.
    #[error("{protocol} is not up, so nothing is exported to it")]
    SessionDown {
        /// The upstream that was asked about.
        protocol: String,
    },
    /// BIRD has no protocol of that name.
    #[error("BIRD has no protocol {name}")]
    NoSuchProtocol {
        /// The name that was asked for.
        name: String,
    },
    /// 8007: this socket only lets us read.
    #[error("BIRD lets this socket only read (it says `restrict;` in bird.conf): use BIRD's main socket")]
    Restricted,
    /// Another error code of BIRD's.
    #[error("BIRD refused: {text} (code {code:04})")]
    Refused {
        /// BIRD's reply code, 8000 to 9999.
        code: u16,
        /// BIRD's own words.
        text: String,
    },
    /// An answer that does not fit the question, or is not of BIRD's protocol at all.
    #[error("BIRD gave an answer that makes no sense: {why}")]
    Malformed {
        /// What was wrong with it, with the text.
        why: String,
    },
    /// Nothing was sent, because what was to be sent is not fit for BIRD.
    #[error("not sent to BIRD: {why}")]
    Unfit {
        /// What is wrong with it.
        why: String,
    },
}

/// What an error concerns: whoever asks many things goes by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorScope {
    /// BIRD is gone, or does not answer: nothing can be asked now.
    Connection,
    /// Too many commands wait: this one was not sent, and another would not be.
    Queue,
    /// Only this command; BIRD answers others.
    Command,
}

impl BirdError {
    /// What it concerns.
    pub fn scope(&self) -> ErrorScope {
        match self {
            Self::Unreachable { .. } | Self::Broken { .. } | Self::Timeout { .. } => ErrorScope::Connection,
            Self::QueueFull => ErrorScope::Queue,
            Self::SessionDown { .. }
            | Self::NoSuchProtocol { .. }
            | Self::Restricted
            | Self::Refused { .. }
            | Self::Malformed { .. }
            | Self::Unfit { .. } => ErrorScope::Command,
        }
    }

    /// Whether the command may have been carried out although there is no answer that makes sense.
    pub fn may_be_done(&self) -> bool {
        self.silence().is_some()
    }

    /// Why a command that was sent has no answer that makes sense, in a word (see
    /// [`crate::metrics::counts::FAILURES`]); `None` where BIRD answered, or was never asked.
    pub fn silence(&self) -> Option<&'static str> {
        match self {
            Self::Timeout { .. } => Some("timeout"),
            Self::Broken { .. } => Some("broken"),
            Self::Malformed { .. } => Some("malformed"),
            Self::Unreachable { .. }
            | Self::QueueFull
            | Self::SessionDown { .. }
            | Self::NoSuchProtocol { .. }
            | Self::Restricted
            | Self::Refused { .. }
            | Self::Unfit { .. } => None,
        }
    }
}
