//! `falconer check`: whether the configuration is right, and BIRD would take what it renders to.
//! It changes nothing, and needs the daemon only for `--live`.

use std::path::Path;
use std::sync::Arc;

use clap::Args;

use super::client::DaemonClient;
use super::exit::CliError;
use super::rendered::RenderedFile;
use super::{load, output};
use crate::cli::text::ready;
use crate::config::Config;
use crate::model::readiness::ReadinessLevel;

/// How the answer comes back to scripts.
const EXIT_CODES: &str = "\
Exit codes: 0 no errors (perhaps warnings), 1 with --live, the running daemon would not take over, \
69 BIRD or with --live the daemon is not reachable, 77 no permission, 78 \
    wrong configuration, or BIRD would not accept the rendered bird.conf.";

/// Checks the configuration.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct CheckArgs {
    /// Also ask the running daemon whether it would take over, as "falconer ready" does
    #[arg(long)]
    live: bool,
}

impl CheckArgs {
    /// Says that all is well, or shows everything that is not.
    pub(crate) fn run(self, config_file: &Path, daemon: &DaemonClient) -> Result<(), CliError> {
        let config = Arc::new(load::read_and_look(config_file)?);
        let bird_conf = match &config.render {
            None => "bird.conf is your own (no [render])".to_owned(),
            Some(settings) => output::runtime()?.block_on(async {
                let conf = RenderedFile::render(&config, settings).await?;
                for warning in conf.accepted().await? {
                    output::warning(&warning);
                }
                let (output, version) = (conf.file.path().display(), &conf.version);
                Ok::<_, CliError>(format!("{output} renders, and BIRD {version} would take it"))
            })?,
        };
        output::print(format!(
            "{}: {}; {bird_conf}\n",
            config_file.display(),
            counted(&config)
        ))?;
        if self.live { live(daemon) } else { Ok(()) }
    }
}

/// The readiness of the running daemon, which runs by the configuration that it read last.
fn live(daemon: &DaemonClient) -> Result<(), CliError> {
    let (_, readiness) = daemon.ready()?;
    output::print(format!("\n{}", ready(&readiness, &output::style())))?;
    match readiness.level {
        ReadinessLevel::Ok | ReadinessLevel::Warning => Ok(()),
        ReadinessLevel::No => Err(CliError::Answered(1)),
    }
}

/// What the configuration holds, in numbers.
fn counted(config: &Config) -> String {
    let probes: usize = config.services.iter().map(|service| service.probes.len()).sum();
    format!(
        "{}, {}, {}, {}",
        count(config.services.len(), "service"),
        count(probes, "probe"),
        count(config.upstreams.len(), "upstream"),
        count(config.witnesses.len(), "witness"),
    )
}

fn count(number: usize, of: &str) -> String {
    match (number, of.ends_with('s')) {
        (1, _) => format!("1 {of}"),
        (_, true) => format!("{number} {of}es"),
        (_, false) => format!("{number} {of}s"),
    }
}
