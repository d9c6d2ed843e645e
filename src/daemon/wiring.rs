//! What the daemon consists of, and the channels between its parts.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_util::task::AbortOnDropHandle;

use super::bird_conf_watch::BirdConfProblems;
use super::checks::CheckRunner;
use super::clock::Clock;
use super::config_manager::ConfigManagerChannels;
use super::driver::{Driver, Edges, ReconcilerHandle, Remembered};
use super::probe_set::ProbeSet;
use super::{process, readiness, strays};
use crate::api;
use crate::bird::client::BirdClient;
use crate::config::Config;
use crate::metrics;
use crate::model::command::FilesCommand;
use crate::model::readiness::Readiness;
use crate::store;

/// Reports of a disk that wait: it makes one at a time.
const DISK_REPORTS_WAITING: usize = 16;

/// Operators' requests that wait: more people than that do not type at once.
const REQUESTS_WAITING: usize = 64;

/// Entries for the history that wait for the driver.
const ENTRIES_WAITING: usize = 8;

/// The tasks of a daemon that runs, by what they do.
#[doc(hidden)]
pub type Tasks = Vec<(&'static str, AbortHandle)>;

/// The parts of a daemon.
pub(crate) struct Wiring {
    pub(crate) driver: Driver,
    /// What the API is given.
    pub(crate) handles: api::Handles,
    /// What who keeps the files is given.
    pub(crate) config_manager: ConfigManagerChannels,
    /// Readiness, and drills that were left behind: dropping them ends them.
    pub(crate) background: [AbortOnDropHandle<()>; 2],
}

/// Starts the edges, and a driver between them.
pub(crate) fn wire(
    config: &Arc<Config>,
    clock: Clock,
    client: &BirdClient,
    files: mpsc::Sender<api::OperatorRequest<FilesCommand>>,
    (found, past): Remembered,
    tasks: &mut Tasks,
) -> Wiring {
    let (reconciler, intents, reports) = ReconcilerHandle::take(config, client.clone());
    let (state_writer, kept) = state_writer(&config.site.state_dir);
    let (journal, journal_reports) = journal(&config.site.state_dir);
    let unwritten = journal.unwritten();
    tasks.push(("steering", reconciler.task()));
    tasks.push(("the writer of the state", state_writer.task()));
    tasks.push(("the writer of the history", journal.task()));
    let descriptors = metrics::SharedCounters::default();
    let probe_set = ProbeSet::new(config, client.clone(), descriptors.clone());
    let (requests_out, requests) = mpsc::channel(REQUESTS_WAITING);
    let (applying_out, applying) = watch::channel(false);
    let (wrong, bird_conf) = watch::channel(BirdConfProblems::default());
    let (told_out, history_events) = mpsc::channel(ENTRIES_WAITING);
    let strays = strays::spawn(config, &found.memory, client, &told_out);
    // The one reload that is under way waits for its answer.
    let (successors_out, successors) = mpsc::channel(1);
    let (in_force_out, in_force) = watch::channel(config.clone());
    let (ready_out, ready) = readiness::not_yet();
    let edges = Edges {
        reconciler,
        intents,
        reports,
        kept,
        state_writer,
        journal_reports,
        checks: CheckRunner::new(probe_set.make()),
        probe_set,
        bird_conf,
        history_events,
        ready: ready.clone(),
        successors,
        in_force: in_force_out,
        requests,
        files,
        applying,
        link: client.link(),
    };
    let driver = Driver::new(config.clone(), clock, found, past, journal, edges);
    let sources = sources(&driver, client, unwritten, descriptors);
    let (gathering, task) = readiness::spawn(readiness::ReadinessChannels {
        in_force: in_force.clone(),
        snapshot: driver.snapshot(),
        looked: driver.looked(),
        client: client.clone(),
        ready: ready_out,
        told: told_out.clone(),
    });
    tasks.push(("readiness", task));
    Wiring {
        handles: handles(config, &driver, requests_out, ready, sources),
        config_manager: ConfigManagerChannels {
            in_force,
            successors: successors_out,
            snapshot: driver.snapshot(),
            wrong,
            told: told_out,
            applying: applying_out,
        },
        background: [gathering, strays],
        driver,
    }
}

/// What the API is given.
fn handles(
    config: &Config,
    driver: &Driver,
    requests: mpsc::Sender<api::OperatorRequest>,
    ready: watch::Receiver<Arc<Readiness>>,
    metrics: metrics::MetricSources,
) -> api::Handles {
    api::Handles {
        snapshot: driver.snapshot(),
        ready,
        history: driver.history(),
        past: past_of(&config.site.state_dir),
        latency: driver.latency(),
        requests,
        poll_interval: config.bird.poll_interval,
        metrics,
    }
}

/// Keeps what survives a restart, and reports how that went.
fn state_writer(state_dir: &Path) -> (store::StateWriter, mpsc::Receiver<store::PersistResult>) {
    let (kept_out, kept) = mpsc::channel(DISK_REPORTS_WAITING);
    (store::StateWriter::spawn(state_dir.to_owned(), kept_out), kept)
}

/// Writes the history, and reports how that went.
fn journal(state_dir: &Path) -> (store::history::HistoryWriter, mpsc::Receiver<Result<(), String>>) {
    let (written_out, written) = mpsc::channel(DISK_REPORTS_WAITING);
    (
        store::history::HistoryWriter::spawn(state_dir.to_owned(), written_out),
        written,
    )
}

/// Where a scrape finds what the snapshot does not hold.
fn sources(
    driver: &Driver,
    client: &BirdClient,
    unwritten: metrics::shared::SharedNumber,
    descriptors: metrics::SharedCounters<metrics::DescriptorCounts>,
) -> metrics::MetricSources {
    metrics::MetricSources {
        counts: driver.counts(),
        commands: client.commands(),
        unwritten,
        descriptors,
        process: process::look,
    }
}

/// The history on disk, for those who ask how it all began.
fn past_of(state_dir: &Path) -> api::HistoryReader {
    let state_dir = state_dir.to_owned();
    api::HistoryReader::new(move |page| store::history::offer(&state_dir, page))
}
