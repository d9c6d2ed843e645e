//! The driver: the only `select!` that feeds the judgement, and the only owner of it.
//!
//! Wait, feed, notice, flush: wait for a fact or for time; feed it to the site; notice what that
//! made of things; flush wishes, checks, memory and snapshot to the edges. It decides nothing.

mod drilling;
mod intake;
mod leave;
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
use super::senses::Senses;
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

/// A snapshot is composed at most this often while only measurements change: quick enough for the
/// eye, and a thousand probes cost no more than ten.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(100);

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
    /// A configuration that waits for the end of a drill, and until when.
    postponed: Option<(Successor, Instant)>,
    alarms: Alarms,
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
    stale: bool,
    published: Instant,
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
            postponed: None,
            alarms: Alarms::default(),
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
            stale: true,
            published: Instant::now() - SNAPSHOT_EVERY,
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
            match self.wait(stop.as_mut()).await {
                Woken::Time => self.feed(None),
                Woken::Checked(checked) => self.take_checked(checked),
                Woken::Report(report) => self.take_report(report),
                Woken::Request(request) => self.take_request(request),
                Woken::Drill(request) => self.take_drill(request),
                Woken::Kept(kept) => self.take_kept(&kept),
                Woken::Journal(written) => self.take_written(written),
                Woken::Link => self.take_link(),
                Woken::BirdConf | Woken::Ready => self.stale = true,
                Woken::Told(what) => drop(self.record(None, what)),
                Woken::Successor(successor) => self.go_over_to(successor),
                Woken::Remembered(found) => {
                    if let Err(broken) = self.take_remembered(found) {
                        return self.break_down(broken).await;
                    }
                }
                Woken::Ended(task) => {
                    let why = format!("{task} has ended, and nobody had asked it to");
                    return self.break_down(Broken(why)).await;
                }
                Woken::Stop(why) => {
                    tracing::info!(why, "asked to stop");
                    self.end_drills_first(why).await;
                    self.record(None, What::Stopped { why: why.to_owned() });
                    break;
                }
            }
            self.go_over_if_due();
            self.publish_if_due();
            self.say_alive();
        }
        self.leave().await;
        Ok(())
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
        self.config.bird.poll_interval * 2 + self.config.bird.timeout * 5 + SNAPSHOT_EVERY
    }

    fn wake_at(&self) -> Instant {
        let judgement = self.site.deadline().map(|moment| self.clock.instant(moment));
        let publication = self.stale.then(|| self.published + SNAPSHOT_EVERY);
        let turn = Instant::now() + TURN_AT_LEAST;
        let postponed = self.postponed.as_ref().map(|(_, until)| *until);
        [judgement, publication, postponed, self.waiting.deadline()]
            .into_iter()
            .flatten()
            .fold(turn, Instant::min)
    }

    /// Hands a fact, or the passing of time, to the judgement.
    fn feed(&mut self, event: Option<Event>) {
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

    /// Hands to the edges what follows. Wishes go first: nothing may delay them.
    fn flush(&mut self, starts: &[Start]) {
        self.flush_wishes();
        for start in starts {
            self.edges.checks.start(*start);
        }
        let notes = self.site.take_notes();
        for note in &notes {
            self.notice(note);
        }
        self.flush_memory();
        self.stale = true;
        if !notes.is_empty() {
            self.published = Instant::now() - SNAPSHOT_EVERY;
        }
    }

    fn flush_wishes(&mut self) {
        let services = self.site.services();
        self.edges.wishes.send_if_modified(|before| {
            let all = |same: fn(&Wish, &service::Wish) -> bool| {
                let mut both = before.iter().zip(services);
                before.len() == services.len() && both.all(|(wish, service)| same(wish, service.wish()))
            };
            let (same, same_words) = (all(same_wish), all(same_reason));
            if !same || !same_words {
                *before = services.iter().map(|service| wish_of(service.wish())).collect();
            }
            // Other words for the same wish wake nobody: they are told with the next write.
            !same
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

    fn flush_memory(&mut self) {
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
