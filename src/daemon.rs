//! The daemon: puts the parts together and runs the one loop that feeds the judgement.

mod alarms;
mod bird_conf_apply;
mod bird_conf_render;
mod bird_conf_watch;
mod checks;
mod clock;
mod config_manager;
mod drill_timer;
mod driver;
mod event_log;
mod history_log;
mod in_transition;
mod instance_lock;
mod let_go;
mod probe_set;
mod process;
mod readiness;
mod reload;
mod requests;
mod rivals;
mod snapshot;
mod stage_timer;
mod strays;
mod transition_timer;
mod wiring;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::api;
use crate::bird::client::BirdClient;
use crate::bird::lock::LockError;
use crate::bird::state_file::StateDir;
use crate::config::Config;
use crate::systemd;
pub(crate) use bird_conf_apply::{ApplyFailure, apply_alone, load};
pub use bird_conf_render::RenderFailure;
pub(crate) use bird_conf_render::{rendered, version_of};
use bird_conf_watch::BirdConfFile;
use clock::Clock;
use config_manager::ConfigManager;
use driver::Remembered;
use instance_lock::{contested, lock};
pub use wiring::Tasks;
use wiring::{Wiring, wire};

/// The API opens when BIRD has been looked at, or after this long: an operator wants to know then what
/// is the matter.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Commands for the files that wait to be refused, because one is under way.
const FILES_COMMANDS_WAITING: usize = 8;

/// What the daemon is started with.
#[derive(Debug)]
pub struct Options {
    /// The configuration.
    pub config: Config,
    /// Where it came from, for the lock and the log.
    pub config_file: PathBuf,
    /// Where every input of the judgement is recorded.
    pub record: Option<RecordingOptions>,
}

/// A recording that is asked for.
#[derive(Debug)]
pub struct RecordingOptions {
    /// The file, which must not be there yet.
    pub file: PathBuf,
    /// Where it ends, in bytes.
    pub limit: u64,
}

/// Why the daemon did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// bird.conf cannot be rendered from this configuration.
    #[error(transparent)]
    Configuration(#[from] RenderFailure),
    /// Another Falconer drives this BIRD.
    #[error(transparent)]
    Held(#[from] LockError),
    /// A part of it has ended that nobody had asked to end.
    #[error("{0}: falconer has to be started again, as systemd does, and BIRD keeps what it announces")]
    Broken(String),
    /// The operating system did not let it start.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or when a part of it breaks down. Nothing from outside ends it later.
pub async fn run(options: Options) -> Result<(), RunError> {
    Box::pin(run_and_tell(options, drop)).await
}

/// The same, for tests that end its tasks on purpose: `started` is given them.
///
/// # Errors
/// As [`run`].
#[doc(hidden)]
pub async fn run_and_tell(options: Options, started: impl FnOnce(Tasks)) -> Result<(), RunError> {
    let Options {
        mut config,
        config_file,
        record,
    } = options;
    process::raise_open_files();
    process::fit_probes(&mut config);
    let config = Arc::new(config);
    let clock = Clock::start();
    let asked_to_stop = asked_to_stop()?;
    let hangup = signal(SignalKind::hangup()).context("watching for SIGHUP")?;
    let lock = lock(&config, config_file.clone())?;
    let (site, version) = (&config.site.name, env!("CARGO_PKG_VERSION"));
    tracing::info!(site, config = %config_file.display(), version, "Falconer starts");
    // What cannot be made is retried and alarmed by whoever needs it.
    if let Err(error) = StateDir::new(&config.site.run_dir).make_dirs() {
        tracing::error!(error = %format!("{error:#}"), "cannot prepare run_dir");
    }
    let client = BirdClient::spawn(config.bird.socket.clone(), config.bird.timeout);
    let bird_conf = BirdConfFile::prepare(&config, &client).await?;
    let (files_out, files) = mpsc::channel(FILES_COMMANDS_WAITING);
    let (remembered, remembering) = driver::remember(&config.site.state_dir).await;
    told(&remembered);
    let mut tasks = vec![("the connection to BIRD", client.task())];
    let mut contested = std::pin::pin!(contested(lock, client.link()));
    let Wiring {
        mut driver,
        handles,
        config_manager,
        background,
    } = wire(&config, clock, &client, files_out, remembered, &mut tasks);
    driver.remembers_later(remembering);
    if let Some(RecordingOptions { file, limit }) = record {
        let named = || format!("recording in {}", file.display());
        driver.record_inputs(&file, limit).with_context(named)?;
    }
    let stop = CancellationToken::new();
    let _stopped = stop.clone().drop_guard();
    let api = {
        let mut looked = driver.looked();
        let open = async move {
            // A listener that opens before BIRD was looked at would say of everything that it is not
            // announced, and another site might believe it. How the wait ends does not matter.
            let _ = timeout(FIRST_LOOK, looked.wait_for(|looked| *looked)).await;
        };
        api::start(config.api.clone(), handles, open, stop.clone()).context("starting the API's thread")?
    };
    // Judging goes on while bird.conf is put in place or brought into BIRD.
    let manager = ConfigManager::new(config_file, client, config_manager);
    let keeping = AbortOnDropHandle::new(tokio::spawn(manager.run(bird_conf, files, hangup)));
    tasks.extend([
        ("the keeping of the files", keeping.abort_handle()),
        ("the API", api.task()),
    ]);
    started(tasks);
    let ended = tokio::select! {
        ended = driver.run(asked_to_stop) => ended.map_err(|broken| RunError::Broken(broken.0)),
        held = &mut contested => Err(RunError::Held(held)),
    };
    drop((keeping, background));
    systemd::stopping();
    stop.cancel();
    // It ends within its own limit.
    api.ended().await;
    tracing::info!("Falconer stops");
    ended
}

/// Says what is wrong with what an earlier Falconer kept here.
fn told((found, past): &Remembered) {
    if let Some(problem) = &found.problem {
        tracing::error!(problem, "cannot read the state file");
    }
    if let Some(problem) = &past.problem {
        tracing::warn!(problem, "cannot read the history");
    }
}

/// Ends when the daemon is asked to stop.
fn asked_to_stop() -> anyhow::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate()).context("watching for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watching for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
