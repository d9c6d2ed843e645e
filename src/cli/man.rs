//! `falconer man`: the commands in section 1, falconer.toml in section 5, the daemon in section 8.

mod config_page;

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::CliError;
use super::output;

/// The page of the daemon.
const DAEMON: &str = include_str!("man/falconer.8");
const CONFIG_FILE: &str = "falconer.toml";

/// Prints a page of the manual, or installs all of them.
#[derive(Debug, Args)]
#[command(after_help = "\
To read it at once: falconer man | man -l -
The configuration: falconer man falconer.toml | man -l -
To install the manual: falconer man --install /usr/local/share/man")]
pub(crate) struct ManArgs {
    /// The command whose page it is, or falconer.toml; without it, the page of falconer itself
    command: Option<String>,

    /// Write every page below this directory, as man1/falconer.1, man5/falconer.toml.5 and so on
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
            Some(name) if name == CONFIG_FILE => return output::print(config_page::page().as_bytes()),
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
        write(&directory.join("man1").join(file), &page(command.clone())?)?;
    }
    let configuration = directory.join("man5").join(format!("{CONFIG_FILE}.5"));
    write(&configuration, config_page::page().as_bytes())?;
    write(&directory.join("man8/falconer.8"), DAEMON.as_bytes())
}

fn write(path: &Path, page: &[u8]) -> Result<(), CliError> {
    let directory = path.parent().unwrap_or(path);
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(path, page))
        .map_err(|error| CliError::Failed(format!("cannot write {}: {error}", path.display())))
}

fn unknown(name: &str, root: &clap::Command) -> CliError {
    let known: Vec<&str> = root.get_subcommands().map(clap::Command::get_name).collect();
    CliError::Usage(format!(
        r#"there is no command "{name}"; there are: {}"#,
        known.join(", ")
    ))
}
