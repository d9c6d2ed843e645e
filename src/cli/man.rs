//! `falconer man`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::CliError;
use super::output;

/// Prints a page of the manual, or installs all of them.
#[derive(Debug, Args)]
#[command(after_help = "\
To read it at once: falconer man | man -l -
To install the manual: falconer man --install /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// The command whose page it is; without it, the page of falconer itself
    command: Option<String>,

    /// Write every page into this directory, as falconer.1, falconer-status.1 and so on
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    install: Option<PathBuf>,
}

impl ManArgs {
    /// Prints a page of `root`, the whole command line, in roff.
    pub(crate) fn run(&self, mut root: clap::Command) -> Result<(), CliError> {
        root.build();
        if let Some(directory) = &self.install {
            return install(&root, directory);
        }
        let command = match &self.command {
            None => root,
            Some(name) => root
                .find_subcommand(name)
                .cloned()
                .ok_or_else(|| unknown(name, &root))?,
        };
        output::print(&page(command)?)
    }
}

/// A command's page.
fn page(command: clap::Command) -> Result<Vec<u8>, CliError> {
    let mut page = vec![];
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}

fn install(root: &clap::Command, directory: &Path) -> Result<(), CliError> {
    let commands = root
        .get_subcommands()
        .filter(|command| command.get_name() != "help");
    let pages = commands.map(|command| (format!("falconer-{}.1", command.get_name()), command));
    for (file, command) in std::iter::once(("falconer.1".to_owned(), root)).chain(pages) {
        let path = directory.join(file);
        let page = page(command.clone())?;
        std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::write(&path, page))
            .map_err(|error| CliError::Failed(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(())
}

fn unknown(name: &str, root: &clap::Command) -> CliError {
    let known: Vec<&str> = root.get_subcommands().map(clap::Command::get_name).collect();
    CliError::Usage(format!(
        r#"there is no command "{name}"; there are: {}"#,
        known.join(", ")
    ))
}
