//! The daemon: puts the parts together and runs the one loop that feeds the judgement.

mod alarms;
mod checks;
mod chronicle;
mod clock;
mod driver;
mod requests;
mod senses;
mod telling;
mod transition;
mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::bird::client::Client;
use crate::bird::lock::{Holder, LOCK_DIR, Lock};
use crate::bird::steering::{self, Setup};
use crate::config::Config;
use crate::store;
use crate::systemd;
use checks::Checks;
use clock::Clock;
use driver::{Driver, Edges};
use senses::Senses;

/// Reports of steering that wait to be taken in: a few looks at BIRD, and the stages of 200 services
/// switching at once.
const REPORTS_WAITING: usize = 4096;

/// Operators' requests that wait: more people than that do not type at once.
const REQUESTS_WAITING: usize = 64;

/// What the daemon is started with.
#[derive(Debug)]
pub struct Options {
    /// The configuration.
    pub config: Config,
    /// Where it came from, for the lock and the log.
    pub config_file: PathBuf,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start: another Falconer drives this BIRD. Nothing from outside ends it later.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let Options { config, config_file } = options;
    let clock = Clock::start();
    let holder = Holder {
        site: config.site.name.clone(),
        config: config_file.clone(),
        since: jiff::Timestamp::now(),
    };
    let _lock = Lock::acquire(Path::new(LOCK_DIR), &config.bird.socket, &holder)?;
    let found = store::open(&config.site.state_dir);
    if let Some(problem) = &found.problem {
        tracing::error!(problem, "state");
    }
    tracing::info!(site = config.site.name, config = %config_file.display(), version = env!("CARGO_PKG_VERSION"), "falconer starts");
    let client = Client::spawn(config.bird.socket.clone(), config.bird.timeout);
    let (wishes, wishes_taken) = watch::channel(Arc::from([]));
    let (reports, reports_in) = mpsc::channel(REPORTS_WAITING);
    let steering = steering::spawn(client.clone(), Setup::new(&config), wishes_taken, reports);
    let (kept_out, kept) = mpsc::channel(16);
    let keeper = store::Keeper::spawn(config.site.state_dir.clone(), kept_out);
    let past = store::journal::read(&config.site.state_dir);
    let (journal_out, journal_reports) = mpsc::channel(16);
    let journal = store::journal::Journal::spawn(config.site.state_dir.clone(), journal_out);
    let senses = Senses::new(&config, client.clone());
    let (checks, checked) = Checks::new(senses.make());
    let (requests_out, requests) = mpsc::channel(REQUESTS_WAITING);
    let edges = Edges {
        wishes,
        reports: reports_in,
        kept,
        keeper,
        journal_reports,
        checks,
        checked,
        senses,
        requests,
        link: client.link(),
    };
    let config = Arc::new(config);
    let driver = Driver::new(config.clone(), clock, found, past, journal, edges);
    let stop = CancellationToken::new();
    let handles = api::Handles {
        snapshot: driver.snapshot(),
        history: driver.history(),
        requests: requests_out,
        poll_interval: config.bird.poll_interval,
    };
    let api = {
        let (config, stop) = (config.clone(), stop.clone());
        tokio::spawn(async move { api::serve(&config.api, handles, stop).await })
    };
    let asked_to_stop = asked_to_stop()?;
    systemd::ready();
    driver.run(asked_to_stop).await;
    systemd::stopping();
    drop(steering);
    stop.cancel();
    // The API ends within its own limit; how it ended does not matter any more.
    let _ = api.await;
    tracing::info!("falconer stops");
    Ok(())
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
