//! `falconer announce`, `withdraw`, `freeze`, `auto` and `failback`: an operator's word.
//!
//! What they mean is the daemon's business; here they are only handed over, and its words printed.

use clap::Args;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::client::DaemonClient;
use super::exit::CliError;
use super::output;
use crate::api::{reason, span};
use crate::model::command::{DaemonCommand, OperatorCommand, OverrideOptions};
use crate::model::snapshot::{OverrideAction, ServiceSnapshot};
use crate::model::strength::Strength;

/// How long BIRD may take to fall silent once the drain is over.
const SILENT_WITHIN: Duration = Duration::from_secs(15);
/// How often the daemon is asked whether it has.
const POLL: Duration = Duration::from_millis(250);

/// Sets an override (D11).
#[derive(Debug, Args)]
pub(crate) struct OverrideArgs {
    #[command(flatten)]
    word: ServiceArgs,

    /// End it automatically after this time, such as 90s, 20m or 2h30m [default: until "falconer auto"]
    #[arg(long = "for", value_name = "DURATION", value_parser = span)]
    lasting: Option<Duration>,
}

/// Withdraws one service, or all (D11).
#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    /// The service
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    service: Option<String>,

    /// Withdraw every service, such as before a shutdown
    #[arg(long)]
    all: bool,

    /// Stay announced as a last resort for this time, so that the other site takes over first; return when nothing
    /// is announced any more [default: withdraw at once]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    drain: Option<Duration>,

    /// End it automatically after this time, such as 90s, 20m or 2h30m [default: until "falconer auto"]
    #[arg(long = "for", value_name = "DURATION", value_parser = span)]
    lasting: Option<Duration>,

    /// The reason, shown in the status and the history
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
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
        let options = OverrideOptions {
            lasting,
            reason,
            drain: None,
        };
        hand_over(service, command(options), daemon)
    }
}

impl WithdrawArgs {
    /// Hands it to the daemon. One service that is refused keeps no other from being withdrawn.
    pub(crate) fn run(self, daemon: &DaemonClient) -> Result<(), CliError> {
        let services = match self.service {
            Some(service) => vec![service],
            None => {
                let services = daemon.status()?.services.into_iter();
                services.map(|service| service.name).collect()
            }
        };
        let options = OverrideOptions {
            lasting: self.lasting,
            reason: self.reason,
            drain: self.drain,
        };
        let (mut withdrawn, mut outcome) = (Vec::new(), Ok(()));
        for service in services {
            let command = OperatorCommand::Withdraw(options.clone());
            match hand_over(service.clone(), command, daemon) {
                Ok(()) => withdrawn.push(service),
                Err(error) => keep_first(&mut outcome, error),
            }
        }
        if let Some(drain) = self.drain {
            let deadline = Instant::now() + drain + SILENT_WITHIN;
            for service in &withdrawn {
                let silent = output::runtime()?.block_on(until_silent(service, deadline, daemon));
                silent.unwrap_or_else(|error| keep_first(&mut outcome, error));
            }
        }
        outcome
    }
}

/// The first error is the command's; the others are printed at once.
fn keep_first(outcome: &mut Result<(), CliError>, error: CliError) {
    if outcome.is_ok() {
        *outcome = Err(error);
    } else {
        output::error(&error);
    }
}

/// Waits until BIRD announces nothing of a service any more.
async fn until_silent(name: &str, deadline: Instant, daemon: &DaemonClient) -> Result<(), CliError> {
    loop {
        let service = daemon.service(name).await?;
        if (service.want, service.actual) == (Some(Strength::Off), Some(Strength::Off)) {
            return output::print(format!("{name}: nothing is announced any more\n"));
        }
        if !is_being_withdrawn(&service) {
            return Err(CliError::Failed(format!(
                "{name}: the withdrawal was ended by somebody else; see `falconer history`"
            )));
        }
        if Instant::now() > deadline {
            return Err(CliError::Failed(format!(
                "{name}: BIRD did not confirm the withdrawal; see `falconer status`"
            )));
        }
        sleep(POLL).await;
    }
}

fn is_being_withdrawn(service: &ServiceSnapshot) -> bool {
    let over = service.overridden.as_ref();
    over.is_some_and(|over| over.action == OverrideAction::Withdraw)
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
