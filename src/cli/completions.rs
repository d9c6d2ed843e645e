//! `falconer completions`.

use clap::{Args, Command};
use clap_complete::Shell;

use super::exit::CliError;
use super::output;

/// Prints the completions for a shell.
#[derive(Debug, Args)]
#[command(
    after_help = "For bash: falconer completions bash > /usr/share/bash-completion/completions/falconer"
)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

impl CompletionsArgs {
    /// Prints those of `root`, the whole command line.
    pub(crate) fn run(&self, mut root: Command) -> Result<(), CliError> {
        let mut script = vec![];
        clap_complete::generate(self.shell, &mut root, "falconer", &mut script);
        output::print(&script)
    }
}
