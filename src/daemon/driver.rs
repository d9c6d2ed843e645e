//! The driver: the only `select!` that feeds the judgement, and the only owner of it.
//!
//! Wait, feed, notice, flush: wait for a fact or for time; feed it to the site; notice what that
//! made of things; flush wishes, checks, memory and snapshot to the edges. It decides nothing.

mod drilling;
mod intake;
mod leave;
mod pace;
mod publish;
mod reconfigure;
mod remembering;
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
pub(super) use reconfigure::Wheel;
use remembering::read_at_last;
pub(super) use remembering::{Remembered, Remembering, remember};
use watchdog::Watchdog;

use super::alarms::Alarms;
use super::bird_conf::Wrong;
use super::checks::{Checked, Checks};
use super::chronicle::{self, Chronicle, Latest};
use super::clock::Clock;
use super::drill::Rehearsal;
use super::keeping::Successor;
use super::requests::Waiting;
use super::senses::{Senses, Unusable};
use super::telling::tell;
use super::transition::Following;
use super::view::View;
use crate::api;
use crate::bird::client::Link;
use crate::bird::steering::{Report, Seen, Wish, Wishes};
use crate::config::Config;
use crate::failover::trace::Header;
use crate::failover::{Event, Input, Memory, Note, Site, Start, service};
use crate::history::What;
use crate::metrics::{Counts, Tally};
use crate::ready::Readiness;
use crate::status::Snapshot;
use crate::status::latency::Book;
use crate::store::journal::{Journal, Past};
use crate::store::recording::Recording;
use crate::store::{Found, Keeper, Kept, Version};
use crate::systemd;
use crate::time::Now;

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
pub(super) struct Edges {
    /// Steering at work.
    pub(super) wheel: Wheel,
    /// What we want of BIRD.
    pub(super) wishes: watch::Sender<Wishes>,
    /// What steering saw and did.
    pub(super) reports: mpsc::Receiver<Report>,
    /// How keeping went.
    pub(super) kept: mpsc::Receiver<Kept>,
    /// What is to be kept.
    pub(super) keeper: Keeper,
    /// Whether the history can be written.
    pub(super) journal_reports: mpsc::Receiver<Result<(), String>>,
    /// Checks to make.
    pub(super) checks: Checks,
    /// Checks made.
    pub(super) checked: mpsc::Receiver<Checked>,
    /// The probes, as far as they know of trouble without being asked.
    pub(super) senses: Senses,
    /// What is wrong with bird.conf on disk.
    pub(super) bird_conf: watch::Receiver<Wrong>,
    /// What came of operators' errands.
    pub(super) hearsay: mpsc::Receiver<What>,
    /// Whether we would take over, to be shown.
    pub(super) ready: watch::Receiver<Arc<Readiness>>,
    /// Configurations to go over to.
    pub(super) successors: mpsc::Receiver<Successor>,
    /// The configuration in force, for those who follow it.
    pub(super) in_force: watch::Sender<Arc<Config>>,
    /// What operators ask for.
    pub(super) requests: mpsc::Receiver<api::Request>,
    /// The drills that operators ask for.
    pub(super) drills: mpsc::Receiver<api::Drill>,
    /// Whether bird.conf is being applied.
    pub(super) applying: watch::Receiver<bool>,
    /// How BIRD's socket stands.
    pub(super) link: watch::Receiver<Link>,
}

/// The driver.
pub(super) struct Driver {
    config: Arc<Config>,
    clock: Clock,
    site: Site,
    edges: Edges,
    since: Timestamp,
    now_at_start: Now,
    link: (Link, Timestamp),
    seen: Option<(Seen, Timestamp)>,
    upstreams_since: Vec<Option<Timestamp>>,
    following: Vec<Option<Following>>,
    drills: Vec<Option<Rehearsal>>,
    alarms: Alarms,
    unusable: Unusable,
    memory: Version,
    memory_trouble: Option<String>,
    history_trouble: Option<String>,
    chronicle: Chronicle,
    counts: Tally<Counts>,
    recording: Option<Recording>,
    waiting: Waiting,
    snapshot: watch::Sender<Arc<Snapshot>>,
    latency: watch::Sender<Arc<Book>>,
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
enum Woken {
    Time,
    Checked(Checked),
    Report(Report),
    Request(api::Request),
    Drill(api::Drill),
    Kept(Kept),
    Journal(Result<(), String>),
    Link,
    BirdConf,
    Ready,
    Told(What),
    Successor(Successor),
    Remembered(Result<Remembered, JoinError>),
    /// A task that the daemon cannot do without has ended.
    Ended(&'static str),
    Stop(&'static str),
}

/// Why the daemon cannot go on, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken(pub(super) String);

impl Driver {
    /// A driver that has not turned yet.
    pub(super) fn new(
        config: Arc<Config>,
        clock: Clock,
        found: Found,
        past: Past,
        journal: Journal,
        edges: Edges,
    ) -> Self {
        let counts = Tally::<Counts>::default();
        let now = clock.now();
        let site = Site::new(&config, &found.memory, now);
        let services = config.services.len();
        let link = edges.link.borrow().clone();
        let view = View {
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
            memory: Version {
                number: 0,
                memory: found.memory,
            },
            memory_trouble: found.problem,
            history_trouble: None,
            chronicle: Chronicle::new(past, journal, counts.clone()),
            counts,
            looked: watch::channel(false).0,
            recording: None,
            waiting: Waiting::default(),
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
            latency: watch::channel(Arc::new(Book::new(&config, None))).0,
            config,
            clock,
            site,
            edges,
        }
    }

    /// The latest snapshot, now and later.
    pub(super) fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.subscribe()
    }

    /// Whether a snapshot has been published that knows of BIRD.
    pub(super) fn looked(&self) -> watch::Receiver<bool> {
        self.looked.subscribe()
    }

    /// What is counted here, for the metrics.
    pub(super) fn counts(&self) -> Tally<Counts> {
        self.counts.clone()
    }

    /// The latest entries of the history, now and later.
    pub(super) fn history(&self) -> watch::Receiver<Latest> {
        self.chronicle.latest()
    }

    /// The latest results of every probe, now and later.
    pub(super) fn latency(&self) -> watch::Receiver<Arc<Book>> {
        self.latency.subscribe()
    }

    /// Turns until `stop` ends, and then leaves BIRD as `on_exit` says.
    ///
    /// # Errors
    /// A task that it cannot do without ended before. BIRD is left as it is then.
    pub(super) async fn run(mut self, stop: impl Future<Output = &'static str>) -> Result<(), Broken> {
        let mut stop = std::pin::pin!(stop);
        self.record(
            None,
            What::Started {
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        );
        self.feed(None);
        loop {
            let woken = self.wait(stop.as_mut()).await;
            if let Woken::Stop(why) = woken {
                tracing::info!(why, "asked to stop");
                self.end_drills_first(why).await;
                self.record(None, What::Stopped { why: why.to_owned() });
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

    fn take(&mut self, woken: Woken) -> Result<(), Broken> {
        match woken {
            Woken::Time => self.feed(None),
            Woken::Checked(checked) => self.take_checked(checked),
            Woken::Report(report) => self.take_report(report),
            Woken::Request(request) => self.take_request(request),
            Woken::Drill(request) => self.take_drill(request),
            Woken::Kept(kept) => self.take_kept(&kept),
            Woken::Journal(written) => self.take_written(written),
            Woken::Link => self.take_link(),
            Woken::BirdConf | Woken::Ready => self.publication.stale(),
            Woken::Told(what) => self.take_told(what),
            Woken::Successor(successor) => self.go_over_to(successor),
            Woken::Remembered(found) => return self.take_remembered(found),
            Woken::Ended(task) => {
                return Err(Broken(format!("{task} has ended, and nobody had asked it to")));
            }
            // Handled by whoever turns the loop.
            Woken::Stop(_) => {}
        }
        Ok(())
    }

    /// Takes in what waits already, results and reports in turn, before anything is published: a check
    /// that has ended is not one that never reports. False: there was more than a batch of it.
    fn take_waiting(&mut self) -> Result<bool, Broken> {
        for _ in 0..BATCH {
            let report = self.edges.reports.try_recv().map(Woken::Report).ok();
            let checked = self.edges.checked.try_recv().map(Woken::Checked).ok();
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

    async fn wait(&mut self, stop: Pin<&mut impl Future<Output = &'static str>>) -> Woken {
        let at = self.wake_at();
        let edges = &mut self.edges;
        tokio::select! {
            biased;
            why = stop => Woken::Stop(why),
            // Every task holds the other end of a channel here: where it panics or returns, that closes.
            report = edges.reports.recv() => report.map_or(Woken::Ended("steering"), Woken::Report),
            Some(checked) = edges.checked.recv() => Woken::Checked(checked),
            () = sleep_until(at) => Woken::Time,
            kept = edges.kept.recv() => kept.map_or(Woken::Ended("the writer of the state"), Woken::Kept),
            written = edges.journal_reports.recv() => {
                written.map_or(Woken::Ended("the writer of the history"), Woken::Journal)
            }
            link = edges.link.changed() => link.map_or(Woken::Ended("the connection to BIRD"), |()| Woken::Link),
            changed = edges.bird_conf.changed() => {
                changed.map_or(Woken::Ended("the keeping of the files"), |()| Woken::BirdConf)
            }
            changed = edges.ready.changed() => changed.map_or(Woken::Ended("readiness"), |()| Woken::Ready),
            found = read_at_last(&mut self.remembering) => Woken::Remembered(found),
            Some(what) = edges.hearsay.recv() => Woken::Told(what),
            Some(successor) = edges.successors.recv() => Woken::Successor(successor),
            request = edges.requests.recv() => request.map_or(Woken::Ended("the API"), Woken::Request),
            Some(request) = edges.drills.recv() => Woken::Drill(request),
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

    fn handle(&mut self, input: &Input) -> Vec<Start> {
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
    pub(super) fn record_inputs(&mut self, file: &Path, limit: u64) -> io::Result<()> {
        let header = Header::new(&self.config, &self.memory.memory, self.now_at_start);
        self.recording = Some(Recording::begin(file, limit, &header)?);
        Ok(())
    }

    /// Hands to the edges what follows. Wishes go first: nothing may delay them. What is to be kept and
    /// what is shown is composed later, however many inputs came.
    fn flush(&mut self, starts: &[Start]) {
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
            let differs = |index: usize, same: fn(&Wish, &service::Wish) -> bool| {
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

    fn notice(&mut self, note: &Note) {
        tell(&self.site, note);
        if let Note::Switched { service, .. } = note {
            self.notice_switch(*service, note);
        } else if let Note::Drill { service, step } = note {
            self.notice_drill(*service, step);
        } else if let Some((service, what)) = chronicle::what_of(note, &self.site) {
            self.record(service, what);
        }
    }

    fn notice_switch(&mut self, index: usize, note: &Note) {
        let now = self.clock.now();
        let Some(service) = self.site.services().get(index) else {
            return;
        };
        let protocols = service.policy().full.len().max(service.policy().drain.len());
        let Some(mut following) = Following::begin(&now, note, service.wish().decision, protocols) else {
            return;
        };
        let evidence = self.view(now).evidence(index);
        let stages = following.shown().stages.clone();
        if let Some(what) = chronicle::transition_of(note, stages, evidence) {
            following.recorded_as(self.record(Some(index), what));
        }
        if let Some(slot) = self.following.get_mut(index) {
            *slot = Some(following);
        }
    }

    /// Records something in the history; its number there.
    fn record(&mut self, service: Option<usize>, what: What) -> u64 {
        let service = service
            .and_then(|service| self.config.services.get(service))
            .map(|service| &*service.name);
        self.chronicle.record(self.clock.now().wall, service, what)
    }

    fn view(&self, now: Now) -> View<'_> {
        View {
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
        let memory: Memory = self.site.memory();
        if memory != self.memory.memory {
            self.memory = Version {
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

fn same_wish(wish: &Wish, wanted: &service::Wish) -> bool {
    wish.id == wanted.decision
        && wish.strength == wanted.strength
        && wish.hands_off == wanted.hands_off
        && wish.drill == wanted.drill
}

fn same_reason(wish: &Wish, wanted: &service::Wish) -> bool {
    wish.reason == wanted.reason
}

fn wish_of(wish: &service::Wish) -> Wish {
    Wish {
        strength: wish.strength,
        hands_off: wish.hands_off,
        reason: wish.reason.clone(),
        id: wish.decision,
        drill: wish.drill,
    }
}

#[cfg(test)]
mod tests;
