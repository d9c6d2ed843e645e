//! `falconer check`: whether the configuration is right, and BIRD would take what it renders to.
//! It changes nothing, and does not need the daemon.

use std::path::Path;
use std::sync::Arc;

use clap::Args;

use super::bird_conf::BirdConf;
use super::failure::Failure;
use super::{output, reading};
use crate::config::Config;

/// Checks the configuration.
#[derive(Debug, Args)]
pub(super) struct Check {}

impl Check {
    /// Says that all is well, or shows everything that is not.
    pub(super) fn run(self, config_file: &Path) -> Result<(), Failure> {
        let config = Arc::new(reading::read_and_look(config_file)?);
        let bird_conf = match &config.render {
            None => "bird.conf is your own (no [render])".to_owned(),
            Some(settings) => output::runtime()?.block_on(async {
                let conf = BirdConf::render(&config, settings).await?;
                for warning in conf.accepted().await? {
                    output::warning(&warning);
                }
                let (output, version) = (conf.file.path().display(), &conf.version);
                Ok::<_, Failure>(format!("{output} renders, and BIRD {version} would take it"))
            })?,
        };
        output::print(format!(
            "{}: {}; {bird_conf}\n",
            config_file.display(),
            counted(&config)
        ))
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
