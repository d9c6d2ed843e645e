//! `falconer completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::failure::Failure;
use super::{Arguments, output};

/// Prints the completions for a shell.
#[derive(Debug, Args)]
#[command(
    after_help = "For bash: falconer completions bash > /usr/share/bash-completion/completions/falconer"
)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    /// Prints them.
    pub(super) fn run(&self) -> Result<(), Failure> {
        let mut script = vec![];
        clap_complete::generate(self.shell, &mut Arguments::command(), "falconer", &mut script);
        output::print(&script)
    }
}
