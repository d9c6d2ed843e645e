//! `falconer reload`: the daemon goes over to the changed falconer.toml. What changed, or what is wrong
//! with the file, are the daemon's words.

use clap::Args;

use super::client::DaemonClient;
use super::exit::CliError;
use super::output;
use crate::model::command::{DaemonCommand, FilesCommand};

/// Goes over to a changed configuration.
#[derive(Debug, Args)]
#[command(
    after_help = "It says what changed. A wrong file changes nothing; the exit code is 78. \
    SIGHUP does the same."
)]
pub(crate) struct ReloadArgs {}

impl ReloadArgs {
    /// Has it done, and prints what the daemon says of it.
    pub(crate) fn run(self, daemon: &DaemonClient) -> Result<(), CliError> {
        output::print(format!(
            "{}\n",
            daemon.command(&DaemonCommand::Files(FilesCommand::Reload))?
        ))
    }
}
