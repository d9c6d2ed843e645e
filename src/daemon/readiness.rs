//! Readiness, continuously: gathered about every ten seconds and soon after something changed, decided,
//! and told to whoever follows it. Nothing waits for it, and it writes nothing to BIRD.

mod disk;
mod level_log;
mod queries;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use crate::bird::client::BirdClient;
use crate::config::Config;
use crate::model::Snapshot;
use crate::model::history::HistoryEvent;
use crate::model::readiness::Readiness;
use crate::model::snapshot::{Alarm, AlarmCode, BirdState, Strength};
use crate::ready::{BirdFactsSeen, DiskFacts, ReadinessFacts, decide};
use level_log::LevelLog;

/// How often it is gathered when nothing happens.
const GATHER_EVERY: Duration = Duration::from_secs(10);
/// How soon after a round the next one may follow, whatever happens: a session that flaps must not
/// turn into a load on BIRD.
const GATHER_GAP: Duration = Duration::from_secs(1);
/// How often it is decided anew while only the snapshot changes, which may be ten times a second.
const DECIDE_GAP: Duration = Duration::from_millis(500);

/// What readiness is gathered from, and who is told of it.
#[derive(Clone)]
pub(crate) struct ReadinessChannels {
    /// The configuration in force.
    pub(crate) in_force: watch::Receiver<Arc<Config>>,
    /// What the services do.
    pub(crate) snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Whether BIRD has been looked at.
    pub(crate) looked: watch::Receiver<bool>,
    /// For questions to BIRD.
    pub(crate) client: BirdClient,
    /// Whoever follows it.
    pub(crate) ready: watch::Sender<Arc<Readiness>>,
    /// For the history.
    pub(crate) told: mpsc::Sender<HistoryEvent>,
}

/// How long it rests after it broke down.
const REST: Duration = Duration::from_millis(500);

/// Starts it. It ends with the driver, or when the handle is dropped. It only informs: should it break
/// down, it is started anew, and nothing else is the worse for it. The second handle is its first task.
pub(crate) fn spawn(ends: ReadinessChannels) -> (AbortOnDropHandle<()>, AbortHandle) {
    let mut gathering = AbortOnDropHandle::new(tokio::spawn(ReadinessGatherer::new(ends.clone()).run()));
    let task = gathering.abort_handle();
    let kept = tokio::spawn(async move {
        while let Err(error) = gathering.await {
            tracing::error!(%error, "readiness failed and is restarted");
            sleep(REST).await;
            gathering = AbortOnDropHandle::new(tokio::spawn(ReadinessGatherer::new(ends.clone()).run()));
        }
    });
    (AbortOnDropHandle::new(kept), task)
}

/// What is said before anything was looked at.
pub(crate) fn not_yet() -> (watch::Sender<Arc<Readiness>>, watch::Receiver<Arc<Readiness>>) {
    watch::channel(Arc::new(Readiness::not_yet(Timestamp::now())))
}

struct ReadinessGatherer {
    ends: ReadinessChannels,
    of_bird: BirdFactsSeen,
    disk: DiskFacts,
    asking: disk::DiskQueries,
    /// Of what the last round was a picture.
    of: Option<SnapshotDigest>,
    gather_at: Instant,
    gather_not_before: Instant,
    decide_not_before: Instant,
    telling: LevelLog,
}

/// What of the snapshot is worth a round of questions when it changes.
#[derive(PartialEq)]
struct SnapshotDigest {
    bird: (BirdState, Option<String>),
    /// The upstreams that are established: a session that is not changes its state every second.
    established: Vec<String>,
    services: Vec<ServiceDigest>,
    foreign: Vec<Alarm>,
}

/// What of a service is worth a round of questions when it changes.
#[derive(PartialEq)]
struct ServiceDigest {
    name: String,
    want: Option<Strength>,
    actual: Option<Strength>,
    exported_to: Vec<String>,
}

impl SnapshotDigest {
    fn of(snapshot: &Snapshot) -> Self {
        let services = snapshot.services.iter();
        let services = services.map(|service| ServiceDigest {
            name: service.name.clone(),
            want: service.want,
            actual: service.actual,
            exported_to: service.exported_to.clone(),
        });
        let alarms = snapshot.alarms.iter();
        let foreign = alarms
            .filter(|alarm| alarm.code == AlarmCode::ForeignRoutes)
            .cloned();
        let upstreams = snapshot.upstreams.iter();
        let established = upstreams.filter(|upstream| upstream.state.is_established());
        Self {
            bird: (snapshot.bird.state, snapshot.bird.version.clone()),
            established: established.map(|upstream| upstream.name.clone()).collect(),
            services: services.collect(),
            foreign: foreign.collect(),
        }
    }
}

impl ReadinessGatherer {
    fn new(ends: ReadinessChannels) -> Self {
        let now = Instant::now();
        Self {
            ends,
            of_bird: BirdFactsSeen::default(),
            disk: disk::unseen("it was not looked at yet"),
            asking: disk::DiskQueries::default(),
            of: None,
            gather_at: now,
            gather_not_before: now,
            decide_not_before: now,
            telling: LevelLog::default(),
        }
    }

    async fn run(mut self) {
        if self.ends.looked.wait_for(|looked| *looked).await.is_err() {
            return;
        }
        loop {
            if self.gather_at <= Instant::now() {
                self.gather().await;
            }
            self.decide();
            if self.wait().await.is_none() {
                return;
            }
        }
    }

    /// Until there is something to do; `None`: the driver has ended.
    async fn wait(&mut self) -> Option<()> {
        tokio::select! {
            changed = self.ends.snapshot.changed() => changed.ok()?,
            changed = self.ends.in_force.changed() => {
                changed.ok()?;
                self.of = None;
            }
            () = sleep_until(self.gather_at) => return Some(()),
        }
        if self.of.as_ref() != Some(&SnapshotDigest::of(&self.ends.snapshot.borrow())) {
            self.gather_at = self.gather_at.min(self.gather_not_before);
        }
        sleep_until(self.decide_not_before.min(self.gather_at)).await;
        Some(())
    }

    async fn gather(&mut self) {
        let (snapshot, config) = {
            let (snapshot, config) = (&mut self.ends.snapshot, &mut self.ends.in_force);
            (
                snapshot.borrow_and_update().clone(),
                config.borrow_and_update().clone(),
            )
        };
        self.of = Some(SnapshotDigest::of(&snapshot));
        let pid = self.ends.client.link().borrow().pid;
        let (of_bird, disk) = tokio::join!(
            queries::ask(&self.ends.client, &config, &snapshot),
            self.asking.ask(&config, pid)
        );
        (self.of_bird, self.disk) = (of_bird, disk);
        let now = Instant::now();
        // A round that broke off is made up for soon.
        let whole = self.of_bird.protocols.is_some() || snapshot.bird.state != BirdState::Up;
        self.gather_at = now + if whole { GATHER_EVERY } else { GATHER_GAP };
        self.gather_not_before = now + GATHER_GAP;
    }

    fn decide(&mut self) {
        self.decide_not_before = Instant::now() + DECIDE_GAP;
        let config = self.ends.in_force.borrow().clone();
        let snapshot = self.ends.snapshot.borrow().clone();
        let readiness = decide(&ReadinessFacts {
            config: &config,
            snapshot: &snapshot,
            bird: &self.of_bird,
            disk: &self.disk,
        });
        if let Some(what) = self.telling.look(&readiness, Instant::now()) {
            // The driver takes it in between two facts; the log has it anyway.
            drop(self.ends.told.try_send(what));
        }
        self.ends.ready.send_if_modified(|before| {
            let same = before.checks == readiness.checks;
            *before = Arc::new(readiness);
            !same
        });
    }
}
