//! `falconer render`: bird.conf as the configuration would have it. BIRD is told nothing of it but by
//! `--apply`, which is the daemon's work where one runs.

use std::path::Path;
use std::sync::Arc;

use clap::Args;

use super::client::DaemonClient;
use super::exit::CliError;
use super::rendered::{RenderedFile, forbidden, not_written};
use super::{load, output};
use crate::bird_conf::disk::WriteOutcome;
use crate::bird_conf::disk::apply;
use crate::bird_conf::{diff, without_passwords};
use crate::daemon::{ApplyFailure, apply_alone};
use crate::model::command::{DaemonCommand, FilesCommand};

/// Renders bird.conf.
#[derive(Debug, Args)]
#[command(
    after_help = "Without an option it prints the file; BIRD would accept it except for the passwords."
)]
pub(crate) struct RenderArgs {
    /// Show what would change in the file on disk
    #[arg(long, conflicts_with_all = ["write", "apply"])]
    diff: bool,

    /// Write the file if BIRD's own parser accepts it; BIRD loads it with: birdc configure
    #[arg(long, conflicts_with = "apply")]
    write: bool,

    /// Write the file and load it into BIRD, with BIRD's own undo timer: it is kept only if no session and no
    /// announcement is lost
    #[arg(long)]
    apply: bool,

    /// Print the passwords instead of "(not shown)"
    #[arg(long, conflicts_with_all = ["diff", "write", "apply"])]
    with_passwords: bool,

    /// Replace the file even if somebody else changed it
    #[arg(long)]
    force: bool,
}

impl RenderArgs {
    /// Prints, compares or writes it.
    pub(crate) fn run(self, config_file: &Path, daemon: &DaemonClient) -> Result<(), CliError> {
        if self.force && !self.write && !self.apply {
            return Err(CliError::Usage("--force is for --write and --apply".to_owned()));
        }
        if self.apply && daemon.runs() {
            let apply = FilesCommand::Apply { force: self.force };
            return output::print(format!("{}\n", daemon.command(&DaemonCommand::Files(apply))?));
        }
        let config = Arc::new(load::read(config_file)?);
        let Some(settings) = &config.render else {
            let said = "there is nothing to render: without [render], bird.conf is your own";
            return Err(CliError::Failed(said.to_owned()));
        };
        output::runtime()?.block_on(async {
            if self.apply {
                let done = apply_alone(&config, config_file.to_owned(), self.force).await;
                let done = done.map_err(|error| not_applied(&error))?;
                return output::print(format!("{}\n", done.said));
            }
            let conf = RenderedFile::render(&config, settings).await?;
            if self.write {
                write(conf, self.force).await
            } else if self.diff {
                output::print(difference(&conf)?)
            } else if self.with_passwords {
                output::print(&conf.text)
            } else {
                output::print(without_passwords(&conf.text))
            }
        })
    }
}

fn difference(conf: &RenderedFile) -> Result<String, CliError> {
    let present = conf.file.inspect().map_err(|error| {
        let said = format!("{error:#}");
        if forbidden(&error) {
            CliError::Forbidden(said)
        } else {
            CliError::Failed(said)
        }
    })?;
    Ok(diff(
        &conf.file.path().display().to_string(),
        present.text.as_deref(),
        &conf.text,
    ))
}

async fn write(conf: RenderedFile, force: bool) -> Result<(), CliError> {
    let RenderedFile {
        text,
        file,
        parser,
        checked,
        load,
        ..
    } = conf;
    let path = file.path().display().to_string();
    let put = apply::write(&file, &parser, text, checked, force, load).await;
    match put.map_err(|error| not_written(&error))? {
        WriteOutcome::Unchanged => output::print(format!("{path} is already up to date\n")),
        WriteOutcome::Written { record_problem } => {
            if let Some(problem) = record_problem {
                output::warning(&problem);
            }
            output::print(format!(
                "{path} is written; have BIRD read it with: birdc configure\n"
            ))
        }
    }
}

/// Why BIRD does not run it.
fn not_applied(error: &ApplyFailure) -> CliError {
    match error {
        ApplyFailure::NoBird(_) => CliError::Unavailable(error.to_string()),
        ApplyFailure::NotRendered(_) => CliError::Configuration(error.to_string()),
        ApplyFailure::NotBegun(error) => not_written(error),
        ApplyFailure::Held(_) | ApplyFailure::NothingToRender | ApplyFailure::Ended { .. } => {
            CliError::Failed(error.to_string())
        }
    }
}
