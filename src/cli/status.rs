//! `falconer status`.

use std::time::Duration;

use clap::Args;

use super::client::DaemonClient;
use super::exit::CliError;
use super::output;
use crate::cli::text::text;

/// How often `--watch` looks: as often as the daemon looks at BIRD by default.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Shows the snapshot.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Print the snapshot of the API as JSON
    #[arg(long)]
    json: bool,
    /// Keep it live, until Ctrl-C
    #[arg(short, long)]
    watch: bool,
}

impl StatusArgs {
    /// Prints it once, or for as long as it is watched.
    pub(crate) fn run(&self, daemon: &DaemonClient) -> Result<(), CliError> {
        if !self.watch {
            return output::print(self.look(daemon)?);
        }
        loop {
            let shown = match self.look(daemon) {
                Ok(shown) => shown,
                // It may come back, and that is what is watched for. Forbidden it stays forbidden.
                Err(CliError::Unavailable(said)) if !self.json => format!("{said}\n"),
                Err(failure) => return Err(failure),
            };
            output::print(if self.json { shown } else { redrawn(&shown) })?;
            pause();
        }
    }

    /// What is to be shown now.
    fn look(&self, daemon: &DaemonClient) -> Result<String, CliError> {
        if self.json {
            let mut json = String::from_utf8_lossy(&daemon.status_json()?).into_owned();
            json.push('\n');
            return Ok(json);
        }
        Ok(text(&daemon.status()?, &output::style()))
    }
}

/// The text over what stands on the screen, line by line so that nothing flickers (ECMA-48: CUP,
/// EL, ED). Piped, the looks follow each other with an empty line between.
fn redrawn(shown: &str) -> String {
    if output::is_terminal() {
        format!("\u{1b}[H{}\u{1b}[J", shown.replace('\n', "\u{1b}[K\n"))
    } else {
        format!("{shown}\n")
    }
}

/// Waits until it is time to look again.
#[expect(
    clippy::disallowed_methods,
    reason = "a command of one thread that has nothing else to do"
)]
fn pause() {
    std::thread::sleep(LOOK_EVERY);
}
