//! The driver and its edges: what it is made of. What it does is in the files beside.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::pace::Pace;
use super::publication::Publication;
use super::reconciler_handle::ReconcilerHandle;
use super::stored_state::Remembering;
use super::watchdog::Watchdog;

use crate::api;
use crate::bird::client::ConnectionStatus;
use crate::bird::reconcile::{Intents, Observed, ReportReceiver};
use crate::config::Config;
use crate::core::Site;
use crate::daemon::alarms::Alarms;
use crate::daemon::bird_conf_watch::BirdConfProblems;
use crate::daemon::checks::CheckRunner;
use crate::daemon::clock::Clock;
use crate::daemon::config_manager::NewConfig;
use crate::daemon::drill_timer::DrillTimer;
use crate::daemon::history_log::{HistoryLog, LatestEntries};
use crate::daemon::let_go::LetGo;
use crate::daemon::probe_set::{ProbeSet, Unusable};
use crate::daemon::requests::WaitingRequests;
use crate::daemon::snapshot::SnapshotBuilder;
use crate::daemon::transition_timer::TransitionTimer;
use crate::metrics::latency::LatencyBuffers;
use crate::metrics::{Counts, SharedCounters};
use crate::model::Snapshot;
use crate::model::command::FilesCommand;
use crate::model::history::HistoryEvent;
use crate::model::readiness::Readiness;
use crate::model::time::Now;
use crate::store::history::{HistoryWriter, StoredHistory};
use crate::store::recording::Recording;
use crate::store::{LoadedState, PersistResult, StateVersion, StateWriter};
use crate::systemd;

/// What is to be kept on disk is composed for at most a tenth of the time while many services switch.
const MEMORY_REST: u32 = 9;

/// The edges, as far as the driver sees them.
pub(crate) struct Edges {
    /// The task that brings BIRD to what is wanted.
    pub(crate) reconciler: ReconcilerHandle,
    /// What we want of BIRD.
    pub(crate) intents: watch::Sender<Intents>,
    /// What the reconciler saw and did.
    pub(crate) reports: ReportReceiver,
    /// Whether each write of the state succeeded.
    pub(crate) kept: mpsc::Receiver<PersistResult>,
    /// Writes the state to state_dir.
    pub(crate) state_writer: StateWriter,
    /// Whether the history can be written.
    pub(crate) journal_reports: mpsc::Receiver<Result<(), String>>,
    /// The checks.
    pub(crate) checks: CheckRunner,
    /// The probes, as far as they know of trouble without being asked.
    pub(crate) probe_set: ProbeSet,
    /// What is wrong with bird.conf on disk.
    pub(crate) bird_conf: watch::Receiver<BirdConfProblems>,
    /// What came of operators' commands for the files.
    pub(crate) history_events: mpsc::Receiver<HistoryEvent>,
    /// Whether we would take over, to be shown.
    pub(crate) ready: watch::Receiver<Arc<Readiness>>,
    /// New configurations, to be reloaded.
    pub(crate) successors: mpsc::Receiver<NewConfig>,
    /// The configuration in force, for those who follow it.
    pub(crate) in_force: watch::Sender<Arc<Config>>,
    /// What operators ask for.
    pub(crate) requests: mpsc::Receiver<api::OperatorRequest>,
    /// Those of them that concern the files.
    pub(crate) files: mpsc::Sender<api::OperatorRequest<FilesCommand>>,
    /// Whether bird.conf is being applied.
    pub(crate) applying: watch::Receiver<bool>,
    /// How BIRD's socket stands.
    pub(crate) link: watch::Receiver<ConnectionStatus>,
}

/// The driver.
pub(crate) struct Driver {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Clock,
    pub(crate) site: Site,
    pub(crate) edges: Edges,
    pub(crate) since: Timestamp,
    pub(crate) now_at_start: Now,
    pub(crate) link: (ConnectionStatus, Timestamp),
    pub(crate) seen: Option<(Observed, Timestamp)>,
    pub(crate) upstreams_since: Vec<Option<Timestamp>>,
    pub(crate) following: Vec<Option<TransitionTimer>>,
    pub(crate) drills: Vec<Option<DrillTimer>>,
    pub(crate) alarms: Alarms,
    pub(crate) unusable: Unusable,
    /// Standing prefixes that are being withdrawn because their key was taken out.
    pub(crate) let_go: LetGo,
    pub(crate) memory: StateVersion,
    pub(crate) memory_trouble: Option<String>,
    pub(crate) history_trouble: Option<String>,
    pub(crate) history_log: HistoryLog,
    pub(crate) counts: SharedCounters<Counts>,
    pub(crate) recording: Option<Recording>,
    pub(crate) waiting: WaitingRequests,
    pub(crate) snapshot: watch::Sender<Arc<Snapshot>>,
    pub(crate) latency: watch::Sender<Arc<LatencyBuffers>>,
    pub(crate) watchdog: Watchdog,
    /// What is kept in state_dir, as long as its disk has not told.
    pub(crate) remembering: Option<Remembering>,
    pub(crate) publication: Publication,
    pub(crate) memory_pace: Pace,
    pub(crate) memory_stale: bool,
    /// When the judgement was last told of the time alone.
    pub(crate) alone_at: Instant,
    pub(crate) looked: watch::Sender<bool>,
}

/// Why the daemon cannot go on, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) String);

impl Driver {
    /// A driver that has not turned yet.
    pub(crate) fn new(
        config: Arc<Config>,
        clock: Clock,
        found: LoadedState,
        past: StoredHistory,
        journal: HistoryWriter,
        edges: Edges,
    ) -> Self {
        let counts = SharedCounters::<Counts>::default();
        let now = clock.now();
        let site = Site::new(&config, &found.memory, now);
        let services = config.services.len();
        let link = edges.link.borrow().clone();
        let view = SnapshotBuilder {
            config: &config,
            site: &site,
            seen: None,
            link: (&link, now.wall),
            following: &[],
            drills: &[],
            upstreams_since: &[],
            since: now.wall,
            now,
        };
        let (snapshot, _) = watch::channel(Arc::new(view.snapshot(Vec::new())));
        Self {
            upstreams_since: vec![None; config.upstreams.len()],
            following: vec![None; services],
            drills: Self::drills_left_behind(&site),
            alarms: Alarms::default(),
            unusable: Unusable::default(),
            let_go: LetGo::default(),
            memory: StateVersion {
                number: 0,
                memory: found.memory,
            },
            memory_trouble: found.problem,
            history_trouble: None,
            history_log: HistoryLog::new(past, journal, counts.clone()),
            counts,
            looked: watch::channel(false).0,
            recording: None,
            waiting: WaitingRequests::default(),
            watchdog: Watchdog::new(systemd::watchdog(), Instant::now()),
            remembering: None,
            publication: Publication::new(),
            memory_pace: Pace::new(MEMORY_REST),
            memory_stale: false,
            alone_at: Instant::now(),
            since: now.wall,
            now_at_start: now,
            link: (link, now.wall),
            seen: None,
            snapshot,
            latency: watch::channel(Arc::new(LatencyBuffers::new(&config, None))).0,
            config,
            clock,
            site,
            edges,
        }
    }

    /// The latest snapshot, now and later.
    pub(crate) fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.subscribe()
    }

    /// Whether a snapshot has been published that knows of BIRD.
    pub(crate) fn looked(&self) -> watch::Receiver<bool> {
        self.looked.subscribe()
    }

    /// What is counted here, for the metrics.
    pub(crate) fn counts(&self) -> SharedCounters<Counts> {
        self.counts.clone()
    }

    /// The latest entries of the history, now and later.
    pub(crate) fn history(&self) -> watch::Receiver<LatestEntries> {
        self.history_log.latest()
    }

    /// The latest results of every probe, now and later.
    pub(crate) fn latency(&self) -> watch::Receiver<Arc<LatencyBuffers>> {
        self.latency.subscribe()
    }
}
