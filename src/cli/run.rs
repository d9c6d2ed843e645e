//! `falconer run`: the daemon.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::exit::CliError;
use super::load;
use crate::daemon::{self, Options, RecordingOptions, RunError};
use crate::log;

/// Threads of the runtime: one for the judgement and BIRD, one for everything that could keep a
/// thread busy for a while, such as TLS handshakes and readers of the API.
const THREADS: usize = 2;

/// Threads for the disk stay once they are there: a machine that has no room for another thread later
/// must not keep a state file from being written.
const KEEP_ALIVE: Duration = Duration::from_hours(24 * 365);

/// So many of them are there from the start on.
const DISK_THREADS: usize = 6;

/// How long each is kept busy at the start, so that they are made and not shared.
const WARM_UP: Duration = Duration::from_millis(20);

/// How long the end waits for threads that are busy with the disk or a look-up of a name. A name
/// server that is silent holds one for half a minute, a disk that hangs for ever.
const FAREWELL: Duration = Duration::from_secs(1);

/// The daemon.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Record every input of the decisions in this new file, for "falconer simulate"
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// End the recording at this size, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64, requires = "record")]
    record_limit: u32,
}

impl RunArgs {
    /// Runs until the daemon is asked to stop.
    pub(crate) fn run(self, config_file: PathBuf) -> Result<(), CliError> {
        let record = self.record.map(|file| RecordingOptions {
            file,
            limit: u64::from(self.record_limit) << 20,
        });
        let (config, tell_warnings) = load::read_for_log(&config_file)?;
        let log = log::start(config.log).map_err(|error| CliError::Failed(format!("{error:#}")))?;
        tell_warnings();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_keep_alive(KEEP_ALIVE)
            .enable_all()
            .build()
            .map_err(|error| CliError::Failed(format!("cannot start the runtime: {error}")))?;
        warm_up(&runtime);
        let ended = runtime.block_on(async {
            // On a worker, because the thread that blocks here is none of the runtime's.
            tokio::spawn(daemon::run(Options {
                config,
                config_file,
                record,
            }))
            .await
        });
        // Dropped, it would wait for them without an end.
        runtime.shutdown_timeout(FAREWELL);
        drop(log);
        match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error @ RunError::Configuration(_))) => Err(CliError::Configuration(error.to_string())),
            Ok(Err(error @ (RunError::Held(_) | RunError::Broken(_) | RunError::Other(_)))) => {
                Err(CliError::Failed(error.to_string()))
            }
            Err(error) => Err(CliError::Failed(format!("the daemon failed: {error}"))),
        }
    }
}

/// Has the threads made that the disk is written from.
#[expect(clippy::disallowed_methods, reason = "these threads are there to be blocked")]
fn warm_up(runtime: &tokio::runtime::Runtime) {
    for _ in 0..DISK_THREADS {
        drop(runtime.spawn_blocking(|| std::thread::sleep(WARM_UP)));
    }
}
