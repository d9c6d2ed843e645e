//! Why a command did not do what it was asked: in words for the user, and as an exit code for
//! scripts (sysexits.h where it has one).

use std::io;
use std::process::ExitCode;

/// What went wrong; the text is whole sentences that say what would help.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// 1: it was refused, or it failed.
    #[error("{0}")]
    Failed(String),
    /// 2: the arguments ask for what cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// 69, EX_UNAVAILABLE: the daemon or BIRD is not reachable.
    #[error("{0}")]
    Unavailable(String),
    /// 77, EX_NOPERM: this user may not do it.
    #[error("{0}")]
    Forbidden(String),
    /// 78, EX_CONFIG: the configuration is wrong; it has been shown where and why.
    #[error("{0}")]
    Configuration(String),
    /// Nothing went wrong: the exit code is the answer, and the output has been printed.
    #[error("the answer is exit code {0}")]
    Answered(u8),
    /// 0: whoever reads our output has read enough.
    #[error("nobody reads the output any more")]
    Unread,
}

impl CliError {
    /// The exit code of the contract.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Unread => 0,
            Self::Answered(code) => *code,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Unavailable(_) => 69,
            Self::Forbidden(_) => 77,
            Self::Configuration(_) => 78,
        })
    }
}

/// An error of writing our output.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Unread
        } else {
            Self::Failed(format!("cannot write the output: {error}"))
        }
    }
}
