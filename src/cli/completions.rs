//! `falconer completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::exit::CliError;
use super::{Arguments, output};

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
    /// Prints them.
    pub(crate) fn run(&self) -> Result<(), CliError> {
        let mut script = vec![];
        clap_complete::generate(self.shell, &mut Arguments::command(), "falconer", &mut script);
        output::print(&script)
    }
}
