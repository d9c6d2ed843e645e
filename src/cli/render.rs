//! `falconer render`: bird.conf as the configuration would have it. BIRD is told nothing.

use std::path::Path;
use std::sync::Arc;

use clap::Args;

use super::bird_conf::{BirdConf, forbidden, not_written};
use super::failure::Failure;
use super::{output, reading};
use crate::conf_file::Put;
use crate::conf_file::applying;
use crate::render::diff;

/// Renders bird.conf.
#[derive(Debug, Args)]
#[command(after_help = "Without an option it prints the file, with the passwords that stand in it.")]
pub(super) struct Render {
    /// Show what would change in the file on disk
    #[arg(long, conflicts_with = "write")]
    diff: bool,

    /// Write the file, if BIRD's own parser accepts it; have BIRD read it with: birdc configure
    #[arg(long)]
    write: bool,

    /// Replace the file even if somebody else changed it
    #[arg(long, requires = "write")]
    force: bool,
}

impl Render {
    /// Prints, compares or writes it.
    pub(super) fn run(self, config_file: &Path) -> Result<(), Failure> {
        let config = Arc::new(reading::read(config_file)?);
        let Some(settings) = &config.render else {
            let said = "there is nothing to render: without [render], bird.conf is your own";
            return Err(Failure::Failed(said.to_owned()));
        };
        output::runtime()?.block_on(async {
            let conf = BirdConf::render(&config, settings).await?;
            if self.write {
                write(conf, self.force).await
            } else if self.diff {
                output::print(difference(&conf)?)
            } else {
                output::print(&conf.text)
            }
        })
    }
}

fn difference(conf: &BirdConf) -> Result<String, Failure> {
    let present = conf.file.inspect().map_err(|error| {
        let said = format!("{error:#}");
        if forbidden(&error) {
            Failure::Forbidden(said)
        } else {
            Failure::Failed(said)
        }
    })?;
    Ok(diff(
        &conf.file.path().display().to_string(),
        present.text.as_deref(),
        &conf.text,
    ))
}

async fn write(conf: BirdConf, force: bool) -> Result<(), Failure> {
    let BirdConf {
        text,
        file,
        parser,
        checked,
        ..
    } = conf;
    let path = file.path().display().to_string();
    let put = applying::write(&file, &parser, text, checked, force).await;
    match put.map_err(|error| not_written(&error))? {
        Put::Unchanged => output::print(format!("{path} is so already\n")),
        Put::Written { record_problem } => {
            if let Some(problem) = record_problem {
                output::warning(&problem);
            }
            output::print(format!(
                "{path} is written; have BIRD read it with: birdc configure\n"
            ))
        }
    }
}
