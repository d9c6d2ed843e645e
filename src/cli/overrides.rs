//! `falconer announce`, `withdraw`, `freeze`, `auto` and `failback`: an operator's word.
//!
//! What they mean is the daemon's business; here they are only handed over, and its words printed.

use clap::Args;

use super::client::{DaemonClient, OverrideRequestBody};
use super::exit::CliError;
use super::output;
use crate::api::{check_reason, span};

/// Sets an override (D11).
#[derive(Debug, Args)]
pub(crate) struct OverrideArgs {
    #[command(flatten)]
    word: ServiceArgs,

    /// End it by itself after this long, such as 90s, 20m or 2h30m [default: until "falconer auto"]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    span: Option<String>,
}

/// A service, and why.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// The service
    service: String,

    /// Why, for whoever looks at the status or the history
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
}

impl OverrideArgs {
    /// Hands it to the daemon as this verb.
    pub(crate) fn run(self, verb: &str, daemon: &DaemonClient) -> Result<(), CliError> {
        self.word.hand_over(verb, self.span, daemon)
    }
}

impl ServiceArgs {
    /// Hands it to the daemon as this verb.
    pub(crate) fn run(self, verb: &str, daemon: &DaemonClient) -> Result<(), CliError> {
        self.hand_over(verb, None, daemon)
    }

    fn hand_over(self, verb: &str, span: Option<String>, daemon: &DaemonClient) -> Result<(), CliError> {
        let said = daemon.change(
            &self.service,
            verb,
            &OverrideRequestBody {
                span,
                reason: self.reason,
            },
        )?;
        output::print(format!("{said}\n"))
    }
}

/// Checks what `--for` says, by the daemon's own reading of it.
fn duration(text: &str) -> Result<String, String> {
    span(text).map(|_| text.to_owned())
}

/// Checks what `--reason` says, by the daemon's own rule.
fn reason(text: &str) -> Result<String, String> {
    check_reason(text).map(|()| text.to_owned())
}
