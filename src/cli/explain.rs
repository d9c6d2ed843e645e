//! `falconer explain SERVICE`: the facts, the rule that decides, what would change it, and when.

use clap::Args;

use super::client::DaemonClient;
use super::exit::CliError;
use super::output;
use crate::model::command::DaemonCommand;

/// A service's judgement laid open.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The service
    service: String,
}

impl ExplainArgs {
    /// Prints what the daemon says of it.
    pub(crate) fn run(self, daemon: &DaemonClient) -> Result<(), CliError> {
        let said = daemon.command(&DaemonCommand::Explain {
            service: self.service,
        })?;
        output::print(format!("{}\n", said.trim_end()))
    }
}
