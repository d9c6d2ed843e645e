//! `falconer ready`: if the primary died now, would we take over?

use clap::Args;

use super::client::Daemon;
use super::failure::Failure;
use super::output;
use crate::ready::Level;
use crate::status::ready;

/// How the answer comes back to scripts.
pub(super) const EXIT_CODES: &str = "\
Exit codes: 0 yes, 1 yes but with warnings, 2 no (or wrong usage), 69 the daemon is not reachable, \
77 no permission. A service that was never drilled is a warning.";

/// Asks whether we would take over.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Ready {
    /// Print every check as JSON
    #[arg(long)]
    json: bool,
}

impl Ready {
    /// Prints every check; how it ends is the answer.
    pub(super) fn run(&self, daemon: &Daemon) -> Result<(), Failure> {
        let (json, readiness) = daemon.ready()?;
        if self.json {
            output::print([&json[..], b"\n"].concat())?;
        } else {
            output::print(ready(&readiness, &output::style()))?;
        }
        match readiness.level {
            Level::Ok => Ok(()),
            Level::Warning => Err(Failure::Answered(1)),
            Level::No => Err(Failure::Answered(2)),
        }
    }
}
