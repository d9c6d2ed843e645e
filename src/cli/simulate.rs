//! `falconer simulate TRACE`: a trace through the real rules, and the transitions that come of it.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::CliError;
use super::{load, output};
use crate::config::duration;
use crate::core::trace;
use crate::core::trace::Trace;

/// The longest trace that is read: a recording at its usual limit, several times over.
const LONGEST: u64 = 1 << 30;

/// Plays a trace.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The trace, recorded with "falconer run --record" or written by hand; "-" reads standard input
    trace: PathBuf,

    /// Show verdicts and the states of probes, too
    #[arg(long)]
    all: bool,
}

impl SimulateArgs {
    /// Prints what would have happened, a line each.
    pub(crate) fn run(self, config_file: &Path) -> Result<(), CliError> {
        let config = load::read(config_file)?;
        let name = self.trace.display();
        let text =
            read(&self.trace).map_err(|error| CliError::Failed(format!("cannot read {name}: {error}")))?;
        let trace = Trace::parse(&text, &config).map_err(|errors| {
            let errors = errors.iter().map(|error| format!("{name}: {error}"));
            CliError::Failed(errors.collect::<Vec<_>>().join("\n"))
        })?;
        let mut out = String::new();
        for (at, note) in trace::simulate(&config, &trace) {
            if self.all || !note.is_detail() {
                let at = duration::format(at.since_start());
                out.push_str(&format!("{at:>12}  {}\n", trace::tell(&config, &note)));
            }
        }
        if out.is_empty() {
            out.push_str("nothing would have happened\n");
        }
        output::print(out)
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(LONGEST).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?
            .take(LONGEST)
            .read_to_string(&mut text)?;
    }
    Ok(text)
}
