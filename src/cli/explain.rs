//! `falconer explain SERVICE`: the facts, the rule that decides, what would change it, and when.

use clap::Args;

use super::client::{Daemon, Order};
use super::failure::Failure;
use super::output;

/// A service's judgement laid open.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The service
    service: String,
}

impl Explain {
    /// Prints what the daemon says of it.
    pub(super) fn run(self, daemon: &Daemon) -> Result<(), Failure> {
        let said = daemon.change(&self.service, "explain", &Order::default())?;
        output::print(format!("{}\n", said.trim_end()))
    }
}
