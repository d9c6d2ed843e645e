//! The driver: the only `select!` that feeds the judgement, and the only owner of it.
//!
//! Wait, feed, notice, flush: wait for a fact or for time; feed it to the site; notice what that
//! made of things; flush wishes, checks, memory and snapshot to the edges. It decides nothing.

mod drills;
mod handlers;
mod pace;
mod publish;
mod reload;
mod remembering;
mod shutdown;
mod watchdog;

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until};

use pace::Pace;
use publish::{MEASURED_EVERY, Publication};
pub(crate) use reload::ReconcilerHandle;
use remembering::read_at_last;
pub(crate) use remembering::{Remembered, Remembering, remember};
use watchdog::Watchdog;

use super::alarms::Alarms;
use super::bird_conf_watch::BirdConfProblems;
use super::checks::{CheckRunner, FinishedCheck};
use super::clock::Clock;
use super::config_manager::NewConfig;
use super::drill_timer::DrillTimer;
use super::event_log::tell;
use super::history_log;
use super::history_log::{HistoryLog, LatestEntries};
use super::probe_set::{ProbeSet, Unusable};
use super::requests::WaitingRequests;
use super::snapshot::SnapshotBuilder;
use super::transition_timer::TransitionTimer;
use crate::api;
use crate::bird::client::ConnectionStatus;
use crate::bird::reconcile::{DesiredState, DesiredStates, Observed, ReconcilerReport};
use crate::config::Config;
use crate::core::trace::TraceHeader;
use crate::core::{CheckStart, CoreEvent, Event, Input, PersistentState, Site, service};
use crate::metrics::latency::LatencyBuffers;
use crate::metrics::{Counts, SharedCounters};
use crate::model::Snapshot;
use crate::model::history::HistoryEvent;
use crate::model::readiness::Readiness;
use crate::model::time::Now;
use crate::store::history::{HistoryWriter, StoredHistory};
use crate::store::recording::Recording;
use crate::store::{LoadedState, PersistResult, StateVersion, StateWriter};
use crate::systemd;

/// How many inputs that wait already are taken in before anything else is done: some milliseconds.
const BATCH: usize = 256;

/// What was asked to be reported and has not been is looked for this often, when nothing waits.
const ALONE_EVERY: Duration = Duration::from_secs(1);

/// What is to be kept on disk is composed for at most a tenth of the time while many services switch.
const MEMORY_REST: u32 = 9;

/// The loop turns at least this often, so that a suspension, a watchdog and the wall clock are
/// attended to.
const TURN_AT_LEAST: Duration = Duration::from_secs(1);

/// The edges, as far as the driver sees them.
pub(crate) struct Edges {
    /// Steering at work.
    pub(crate) wheel: ReconcilerHandle,
    /// What we want of BIRD.
    pub(crate) wishes: watch::Sender<DesiredStates>,
    /// What steering saw and did.
    pub(crate) reports: mpsc::Receiver<ReconcilerReport>,
    /// How keeping went.
    pub(crate) kept: mpsc::Receiver<PersistResult>,
    /// What is to be kept.
    pub(crate) keeper: StateWriter,
    /// Whether the history can be written.
    pub(crate) journal_reports: mpsc::Receiver<Result<(), String>>,
    /// Checks to make.
    pub(crate) checks: CheckRunner,
    /// Checks made.
    pub(crate) checked: mpsc::Receiver<FinishedCheck>,
    /// The probes, as far as they know of trouble without being asked.
    pub(crate) senses: ProbeSet,
    /// What is wrong with bird.conf on disk.
    pub(crate) bird_conf: watch::Receiver<BirdConfProblems>,
    /// What came of operators' errands.
    pub(crate) hearsay: mpsc::Receiver<HistoryEvent>,
    /// Whether we would take over, to be shown.
    pub(crate) ready: watch::Receiver<Arc<Readiness>>,
    /// Configurations to go over to.
    pub(crate) successors: mpsc::Receiver<NewConfig>,
    /// The configuration in force, for those who follow it.
    pub(crate) in_force: watch::Sender<Arc<Config>>,
    /// What operators ask for.
    pub(crate) requests: mpsc::Receiver<api::OperatorRequest>,
    /// The drills that operators ask for.
    pub(crate) drills: mpsc::Receiver<api::DrillRequest>,
    /// Whether bird.conf is being applied.
    pub(crate) applying: watch::Receiver<bool>,
    /// How BIRD's socket stands.
    pub(crate) link: watch::Receiver<ConnectionStatus>,
}

/// The driver.
pub(crate) struct Driver {
    config: Arc<Config>,
    clock: Clock,
    site: Site,
    edges: Edges,
    since: Timestamp,
    now_at_start: Now,
    link: (ConnectionStatus, Timestamp),
    seen: Option<(Observed, Timestamp)>,
    upstreams_since: Vec<Option<Timestamp>>,
    following: Vec<Option<TransitionTimer>>,
    drills: Vec<Option<DrillTimer>>,
    alarms: Alarms,
    unusable: Unusable,
    memory: StateVersion,
    memory_trouble: Option<String>,
    history_trouble: Option<String>,
    chronicle: HistoryLog,
    counts: SharedCounters<Counts>,
    recording: Option<Recording>,
    waiting: WaitingRequests,
    snapshot: watch::Sender<Arc<Snapshot>>,
    latency: watch::Sender<Arc<LatencyBuffers>>,
    watchdog: Watchdog,
    /// What is kept in state_dir, as long as its disk has not told.
    remembering: Option<Remembering>,
    publication: Publication,
    memory_pace: Pace,
    memory_stale: bool,
    /// When the judgement was last told of the time alone.
    alone_at: Instant,
    looked: watch::Sender<bool>,
}

/// What woke the driver.
enum WakeReason {
    Time,
    Checked(FinishedCheck),
    Report(ReconcilerReport),
    Request(api::OperatorRequest),
    Drill(api::DrillRequest),
    Kept(PersistResult),
    Journal(Result<(), String>),
    Link,
    BirdConf,
    Ready,
    Told(HistoryEvent),
    Successor(NewConfig),
    Remembered(Result<Remembered, JoinError>),
    /// A task that the daemon cannot do without has ended.
    Ended(&'static str),
    Stop(&'static str),
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
            memory: StateVersion {
                number: 0,
                memory: found.memory,
            },
            memory_trouble: found.problem,
            history_trouble: None,
            chronicle: HistoryLog::new(past, journal, counts.clone()),
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
        self.chronicle.latest()
    }

    /// The latest results of every probe, now and later.
    pub(crate) fn latency(&self) -> watch::Receiver<Arc<LatencyBuffers>> {
        self.latency.subscribe()
    }

    /// Turns until `stop` ends, and then leaves BIRD as `on_exit` says.
    ///
    /// # Errors
    /// A task that it cannot do without ended before. BIRD is left as it is then.
    pub(crate) async fn run(mut self, stop: impl Future<Output = &'static str>) -> Result<(), Broken> {
        let mut stop = std::pin::pin!(stop);
        self.record(
            None,
            HistoryEvent::Started {
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        );
        self.feed(None);
        loop {
            let woken = self.wait(stop.as_mut()).await;
            if let WakeReason::Stop(why) = woken {
                tracing::info!(why, "asked to stop");
                self.end_drills_first(why).await;
                self.record(None, HistoryEvent::Stopped { why: why.to_owned() });
                break;
            }
            let all = match self.take(woken).and_then(|()| self.take_waiting()) {
                Ok(all) => all,
                Err(broken) => return self.break_down(broken).await,
            };
            self.flush_memory_if_due();
            self.chronicle.publish();
            self.publish_if_due(all);
            self.say_alive();
        }
        self.flush_memory();
        self.leave().await;
        Ok(())
    }

    fn take(&mut self, woken: WakeReason) -> Result<(), Broken> {
        match woken {
            WakeReason::Time => self.feed(None),
            WakeReason::Checked(checked) => self.take_checked(checked),
            WakeReason::Report(report) => self.take_report(report),
            WakeReason::Request(request) => self.take_request(request),
            WakeReason::Drill(request) => self.take_drill(request),
            WakeReason::Kept(kept) => self.take_kept(&kept),
            WakeReason::Journal(written) => self.take_written(written),
            WakeReason::Link => self.take_link(),
            WakeReason::BirdConf | WakeReason::Ready => self.publication.stale(),
            WakeReason::Told(what) => self.take_told(what),
            WakeReason::Successor(successor) => self.go_over_to(successor),
            WakeReason::Remembered(found) => return self.take_remembered(found),
            WakeReason::Ended(task) => {
                return Err(Broken(format!("{task} has ended, and nobody had asked it to")));
            }
            // Handled by whoever turns the loop.
            WakeReason::Stop(_) => {}
        }
        Ok(())
    }

    /// Takes in what waits already, results and reports in turn, before anything is published: a check
    /// that has ended is not one that never reports. False: there was more than a batch of it.
    fn take_waiting(&mut self) -> Result<bool, Broken> {
        for _ in 0..BATCH {
            let report = self.edges.reports.try_recv().map(WakeReason::Report).ok();
            let checked = self.edges.checked.try_recv().map(WakeReason::Checked).ok();
            if report.is_none() && checked.is_none() {
                if self.alone_at + ALONE_EVERY <= Instant::now() {
                    self.feed(None);
                }
                return Ok(true);
            }
            for woken in [report, checked].into_iter().flatten() {
                self.take(woken)?;
            }
        }
        Ok(false)
    }

    async fn wait(&mut self, stop: Pin<&mut impl Future<Output = &'static str>>) -> WakeReason {
        let at = self.wake_at();
        let edges = &mut self.edges;
        tokio::select! {
            biased;
            why = stop => WakeReason::Stop(why),
            // Every task holds the other end of a channel here: where it panics or returns, that closes.
            report = edges.reports.recv() => report.map_or(WakeReason::Ended("steering"), WakeReason::Report),
            Some(checked) = edges.checked.recv() => WakeReason::Checked(checked),
            () = sleep_until(at) => WakeReason::Time,
            kept = edges.kept.recv() => kept.map_or(WakeReason::Ended("the writer of the state"), WakeReason::Kept),
            written = edges.journal_reports.recv() => {
                written.map_or(WakeReason::Ended("the writer of the history"), WakeReason::Journal)
            }
            link = edges.link.changed() => link.map_or(WakeReason::Ended("the connection to BIRD"), |()| WakeReason::Link),
            changed = edges.bird_conf.changed() => {
                changed.map_or(WakeReason::Ended("the keeping of the files"), |()| WakeReason::BirdConf)
            }
            changed = edges.ready.changed() => changed.map_or(WakeReason::Ended("readiness"), |()| WakeReason::Ready),
            found = read_at_last(&mut self.remembering) => WakeReason::Remembered(found),
            Some(what) = edges.hearsay.recv() => WakeReason::Told(what),
            Some(successor) = edges.successors.recv() => WakeReason::Successor(successor),
            request = edges.requests.recv() => request.map_or(WakeReason::Ended("the API"), WakeReason::Request),
            Some(request) = edges.drills.recv() => WakeReason::Drill(request),
        }
    }

    /// Tells systemd's watchdog that the loop turns and that steering works, no more often than it wants
    /// to hear.
    fn say_alive(&mut self) {
        let (steps, patience) = (self.edges.wheel.steps(), self.steering_patience());
        if self.watchdog.is_due(steps, patience, Instant::now()) {
            systemd::alive();
        }
    }

    /// How long steering may take over one step: the wait for the next poll, and a few commands that BIRD
    /// does not answer, its own and those before it.
    fn steering_patience(&self) -> Duration {
        self.config.bird.poll_interval * 2 + self.config.bird.timeout * 5 + MEASURED_EVERY
    }

    fn wake_at(&self) -> Instant {
        let judgement = self.site.deadline().map(|moment| self.clock.instant(moment));
        let publication = self.publication.due();
        let memory = self.memory_stale.then(|| self.memory_pace.due(Duration::ZERO));
        let turn = Instant::now() + TURN_AT_LEAST;
        [judgement, publication, memory, self.waiting.deadline()]
            .into_iter()
            .flatten()
            .fold(turn, Instant::min)
    }

    /// Hands a fact, or the passing of time, to the judgement.
    fn feed(&mut self, event: Option<Event>) {
        if event.is_none() {
            self.alone_at = Instant::now();
        }
        if let Some(lasted) = self.clock.suspended() {
            let input = Input {
                now: self.clock.now(),
                event: Some(Event::Suspended { lasted }),
            };
            let starts = self.handle(&input);
            self.flush(&starts);
        }
        let starts = self.handle(&Input {
            now: self.clock.now(),
            event,
        });
        self.flush(&starts);
    }

    fn handle(&mut self, input: &Input) -> Vec<CheckStart> {
        self.take_down(input);
        self.site.handle(input)
    }

    /// Every input of the judgement goes through here first, so that it can be played again.
    fn take_down(&mut self, input: &Input) {
        if let Some(recording) = &mut self.recording {
            recording.take(input);
        }
    }

    /// Records every input from here on.
    pub(crate) fn record_inputs(&mut self, file: &Path, limit: u64) -> io::Result<()> {
        let header = TraceHeader::new(&self.config, &self.memory.memory, self.now_at_start);
        self.recording = Some(Recording::begin(file, limit, &header)?);
        Ok(())
    }

    /// Hands to the edges what follows. Wishes go first: nothing may delay them. What is to be kept and
    /// what is shown is composed later, however many inputs came.
    fn flush(&mut self, starts: &[CheckStart]) {
        self.flush_wishes();
        for start in starts {
            self.edges.checks.start(*start);
        }
        let notes = self.site.take_notes();
        for note in &notes {
            self.notice(note);
        }
        self.memory_stale |= self.site.take_memory_changed();
        self.publication.stale();
        if !notes.is_empty() {
            self.publication.changed();
        }
    }

    /// Only what the judgement evaluated anew can want something else.
    fn flush_wishes(&mut self) {
        let settled = self.site.take_settled();
        self.alarms.mark(settled.iter().copied());
        let services = self.site.services();
        self.edges.wishes.send_if_modified(|wishes| {
            if wishes.len() != services.len() {
                *wishes = services.iter().map(|service| wish_of(service.wish())).collect();
                return true;
            }
            let differs = |index: usize, same: fn(&DesiredState, &service::Intent) -> bool| {
                !same(&wishes[index], services[index].wish())
            };
            let news = settled.iter().any(|&index| differs(index, same_wish));
            let words = |index: &usize| differs(*index, same_wish) || differs(*index, same_reason);
            let changed: Vec<usize> = settled.iter().copied().filter(words).collect();
            if !changed.is_empty() {
                let wishes = Arc::make_mut(wishes);
                for index in changed {
                    wishes[index] = wish_of(services[index].wish());
                }
            }
            // Other words for the same wish wake nobody: they are told with the next write.
            news
        });
    }

    fn notice(&mut self, note: &CoreEvent) {
        tell(&self.site, note);
        if let CoreEvent::Switched { service, .. } = note {
            self.notice_switch(*service, note);
        } else if let CoreEvent::Drill { service, step } = note {
            self.notice_drill(*service, step);
        } else if let Some((service, what)) = history_log::what_of(note, &self.site) {
            self.record(service, what);
        }
    }

    fn notice_switch(&mut self, index: usize, note: &CoreEvent) {
        let now = self.clock.now();
        let Some(service) = self.site.services().get(index) else {
            return;
        };
        let protocols = service.policy().full.len().max(service.policy().drain.len());
        let Some(mut following) = TransitionTimer::begin(&now, note, service.wish().decision, protocols)
        else {
            return;
        };
        let evidence = self.view(now).evidence(index);
        let stages = following.shown().stages.clone();
        if let Some(what) = history_log::transition_of(note, stages, evidence) {
            following.recorded_as(self.record(Some(index), what));
        }
        if let Some(slot) = self.following.get_mut(index) {
            *slot = Some(following);
        }
    }

    /// Records something in the history; its number there.
    fn record(&mut self, service: Option<usize>, what: HistoryEvent) -> u64 {
        let service = service
            .and_then(|service| self.config.services.get(service))
            .map(|service| &*service.name);
        self.chronicle.record(self.clock.now().wall, service, what)
    }

    fn view(&self, now: Now) -> SnapshotBuilder<'_> {
        SnapshotBuilder {
            config: &self.config,
            site: &self.site,
            seen: self.seen.as_ref().map(|(seen, at)| (seen, *at)),
            link: (&self.link.0, self.link.1),
            following: &self.following,
            drills: &self.drills,
            upstreams_since: &self.upstreams_since,
            since: self.since,
            now,
        }
    }

    fn flush_memory_if_due(&mut self) {
        if self.memory_stale && self.memory_pace.due(Duration::ZERO) <= Instant::now() {
            self.flush_memory();
        }
    }

    /// Hands over what is to be kept, where it changed. Whoever answers an operator does so at once.
    fn flush_memory(&mut self) {
        if !std::mem::take(&mut self.memory_stale) {
            return;
        }
        let began = Instant::now();
        let memory: PersistentState = self.site.memory();
        if memory != self.memory.memory {
            self.memory = StateVersion {
                number: self.memory.number + 1,
                memory,
            };
            // What is on disk is not known yet, and must not be lost.
            if self.remembering.is_none() {
                self.edges.keeper.keep(self.memory.clone());
            }
        }
        self.memory_pace.done(began);
    }

    fn name(&self, service: usize) -> &str {
        self.config
            .services
            .get(service)
            .map_or("?", |service| &service.name)
    }
}

fn same_wish(wish: &DesiredState, wanted: &service::Intent) -> bool {
    wish.id == wanted.decision
        && wish.strength == wanted.strength
        && wish.hands_off == wanted.hands_off
        && wish.drill == wanted.drill
}

fn same_reason(wish: &DesiredState, wanted: &service::Intent) -> bool {
    wish.reason == wanted.reason
}

fn wish_of(wish: &service::Intent) -> DesiredState {
    DesiredState {
        strength: wish.strength,
        hands_off: wish.hands_off,
        reason: wish.reason.clone(),
        id: wish.decision,
        drill: wish.drill,
    }
}

#[cfg(test)]
mod tests;
