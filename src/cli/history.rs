//! `falconer history`.

use clap::Args;

use super::client::Daemon;
use super::failure::Failure;
use super::output;
use crate::history::line;
use crate::status::told;

/// Shows what happened.
#[derive(Debug, Args)]
pub(super) struct History {
    /// Only what happened to this service
    service: Option<String>,

    /// Print each entry with its evidence, as a line of JSON
    #[arg(long)]
    json: bool,

    /// How many entries, the latest ones
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    lines: usize,
}

impl History {
    /// Prints the latest entries, oldest first.
    pub(super) fn run(&self, daemon: &Daemon) -> Result<(), Failure> {
        if let Some(service) = &self.service {
            daemon.must_have(service)?;
        }
        let mut entries = daemon.history()?;
        entries.retain(|entry| self.service.is_none() || entry.service == self.service);
        entries.drain(..entries.len().saturating_sub(self.lines));
        output::print(if self.json {
            entries.iter().map(line).collect()
        } else {
            told(&entries, &output::style())
        })
    }
}
