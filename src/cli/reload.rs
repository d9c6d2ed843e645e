//! `falconer reload`: the daemon goes over to the changed falconer.toml. What changed, or what is wrong
//! with the file, are the daemon's words.

use clap::Args;

use super::client::Daemon;
use super::failure::Failure;
use super::output;

/// Goes over to a changed configuration.
#[derive(Debug, Args)]
#[command(
    after_help = "It says what changed. A file that is wrong changes nothing, and exits with 78. \
    SIGHUP does the same."
)]
pub(super) struct Reload {}

impl Reload {
    /// Has it done, and prints what the daemon says of it.
    pub(super) fn run(self, daemon: &Daemon) -> Result<(), Failure> {
        output::print(format!("{}\n", daemon.reload()?))
    }
}
