//! `falconer man`.

use clap::{Args, CommandFactory};

use super::failure::Failure;
use super::{Arguments, output};

/// Prints a page of the manual.
#[derive(Debug, Args)]
#[command(after_help = "To read it at once: falconer man | man -l -")]
pub(super) struct Man {
    /// The command whose page it is; without it, the page of falconer itself
    command: Option<String>,
}

impl Man {
    /// Prints it, in roff.
    pub(super) fn run(&self) -> Result<(), Failure> {
        let mut root = Arguments::command();
        root.build();
        let command = match &self.command {
            None => root,
            Some(name) => root
                .find_subcommand(name)
                .cloned()
                .ok_or_else(|| unknown(name, &root))?,
        };
        let mut page = vec![];
        clap_mangen::Man::new(command).render(&mut page)?;
        output::print(&page)
    }
}

fn unknown(name: &str, root: &clap::Command) -> Failure {
    let known: Vec<&str> = root.get_subcommands().map(clap::Command::get_name).collect();
    Failure::Usage(format!(
        r#"there is no command "{name}"; there are: {}"#,
        known.join(", ")
    ))
}
