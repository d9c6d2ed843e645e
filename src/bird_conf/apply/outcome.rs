//! How an apply ends.

use std::fmt;

/// How an apply ends. In every case but [`ApplyOutcome::Applied`] the old file is back, unless
/// [`ApplyOutcome::FileStays`] says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// BIRD runs the new file, and keeps it.
    Applied,
    /// BIRD was not told of the new file.
    NotStarted {
        /// Why.
        why: String,
    },
    /// BIRD would not take the new file.
    Refused {
        /// In BIRD's words.
        why: String,
    },
    /// BIRD took the new file, and is back at what it ran before.
    Undone {
        /// What was missing.
        why: String,
    },
    /// Nobody knows which of the two BIRD runs: look at it, and apply again.
    Unclear {
        /// Why.
        why: String,
    },
    /// The old file could not be put back.
    FileStays {
        /// How it ended else.
        outcome: Box<ApplyOutcome>,
        /// Why it could not.
        why: String,
    },
}

impl fmt::Display for ApplyOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied => write!(f, "applied and confirmed"),
            Self::NotStarted { why } => write!(f, "not applied: {why}; BIRD runs what it ran before"),
            Self::Refused { why } => write!(f, "BIRD refuses the new file: {why}; the old one is back"),
            Self::Undone { why } => write!(f, "undone: {why}; BIRD is back at the old file"),
            Self::Unclear { why } => {
                write!(
                    f,
                    "unclear: {why}; the old file is back, look at what BIRD runs and apply again"
                )
            }
            Self::FileStays { outcome, why } => {
                write!(
                    f,
                    "{outcome}. But the new file is still on disk, it could not be put back: {why}"
                )
            }
        }
    }
}
