//! `falconer ready`: if the primary died now, would we take over?

use clap::Args;

use super::client::DaemonClient;
use super::exit::CliError;
use super::output;
use crate::cli::text::ready;
use crate::model::readiness::ReadinessLevel;

/// How the answer comes back to scripts.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 yes, 1 yes but with warnings, 2 no (or wrong usage), 69 the daemon is not reachable, \
77 no permission. A service that was never drilled is a warning.";

/// Asks whether we would take over.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ReadyArgs {
    /// Print every check as JSON
    #[arg(long)]
    json: bool,
}

impl ReadyArgs {
    /// Prints every check; how it ends is the answer.
    pub(crate) fn run(&self, daemon: &DaemonClient) -> Result<(), CliError> {
        let (json, readiness) = daemon.ready()?;
        if self.json {
            output::print([&json[..], b"\n"].concat())?;
        } else {
            output::print(ready(&readiness, &output::style()))?;
        }
        match readiness.level {
            ReadinessLevel::Ok => Ok(()),
            ReadinessLevel::Warning => Err(CliError::Answered(1)),
            ReadinessLevel::No => Err(CliError::Answered(2)),
        }
    }
}
