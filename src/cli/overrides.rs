//! `falconer announce`, `withdraw`, `freeze`, `auto` and `failback`: an operator's word.
//!
//! What they mean is the daemon's business; here they are only handed over, and its words printed.

use clap::Args;

use std::time::Duration;

use super::client::DaemonClient;
use super::exit::CliError;
use super::output;
use crate::api::{reason, span};
use crate::model::command::{DaemonCommand, OperatorCommand, OverrideOptions};

/// Sets an override (D11).
#[derive(Debug, Args)]
pub(crate) struct OverrideArgs {
    #[command(flatten)]
    word: ServiceArgs,

    /// End it automatically after this time, such as 90s, 20m or 2h30m [default: until "falconer auto"]
    #[arg(long = "for", value_name = "DURATION", value_parser = span)]
    lasting: Option<Duration>,
}

/// A service, and why.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// The service
    service: String,

    /// The reason, shown in the status and the history
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
}

impl OverrideArgs {
    /// Hands it to the daemon as this command.
    pub(crate) fn run(
        self,
        command: fn(OverrideOptions) -> OperatorCommand,
        daemon: &DaemonClient,
    ) -> Result<(), CliError> {
        let ServiceArgs { service, reason } = self.word;
        let lasting = self.lasting;
        hand_over(service, command(OverrideOptions { lasting, reason }), daemon)
    }
}

impl ServiceArgs {
    /// Hands it to the daemon as this command.
    pub(crate) fn run(
        self,
        command: fn(Option<String>) -> OperatorCommand,
        daemon: &DaemonClient,
    ) -> Result<(), CliError> {
        hand_over(self.service, command(self.reason), daemon)
    }
}

fn hand_over(service: String, command: OperatorCommand, daemon: &DaemonClient) -> Result<(), CliError> {
    let said = daemon.command(&DaemonCommand::Service { service, command })?;
    output::print(format!("{said}\n"))
}
