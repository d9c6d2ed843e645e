//! The driver: the only `select!` that feeds the judgement, and the only owner of it.
//!
//! Wait, feed, notice, flush: wait for a fact or for time; feed it to the site; notice what that
//! made of things; flush wishes, checks, memory and snapshot to the edges. It decides nothing.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::alarms::{Alarms, Trouble};
use super::checks::{Checked, Checks};
use super::clock::Clock;
use super::requests::{self, Waiting};
use super::senses::Senses;
use super::telling::tell;
use super::transition::Following;
use super::view::View;
use crate::api;
use crate::bird::client::Link;
use crate::bird::steering::{Report, Seen, StageReport, Wish, Wishes};
use crate::config::Config;
use crate::config::model::OnLoss;
use crate::failover::{Adoption, Event, Input, Memory, Note, Site, Stance, Start, Strength};
use crate::status::Snapshot;
use crate::status::snapshot::{AlarmCode, Strength as Shown};
use crate::store::{Found, Keeper, Kept, Version};
use crate::systemd;

/// A snapshot is composed at most this often while only measurements change: quick enough for the
/// eye, and a thousand probes cost no more than ten.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(100);

/// The loop turns at least this often, so that a suspension, a watchdog and the wall clock are
/// attended to.
const TURN_AT_LEAST: Duration = Duration::from_secs(1);

/// The edges, as far as the driver sees them.
pub(super) struct Edges {
    /// What we want of BIRD.
    pub(super) wishes: watch::Sender<Wishes>,
    /// What steering saw and did.
    pub(super) reports: mpsc::Receiver<Report>,
    /// How keeping went.
    pub(super) kept: mpsc::Receiver<Kept>,
    /// What is to be kept.
    pub(super) keeper: Keeper,
    /// Checks to make.
    pub(super) checks: Checks,
    /// Checks made.
    pub(super) checked: mpsc::Receiver<Checked>,
    /// The probes, as far as they know of trouble without being asked.
    pub(super) senses: Senses,
    /// What operators ask for.
    pub(super) requests: mpsc::Receiver<api::Request>,
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
    link: (Link, Timestamp),
    seen: Option<(Seen, Timestamp)>,
    upstreams_since: Vec<Option<Timestamp>>,
    following: Vec<Option<Following>>,
    alarms: Alarms,
    memory: Version,
    memory_trouble: Option<String>,
    waiting: Waiting,
    snapshot: watch::Sender<Arc<Snapshot>>,
    stale: bool,
    published: Instant,
}

/// What woke the driver.
enum Woken {
    Time,
    Checked(Checked),
    Report(Report),
    Request(api::Request),
    Kept(Kept),
    Link,
    Stop(&'static str),
}

impl Driver {
    /// A driver that has not turned yet.
    pub(super) fn new(config: Arc<Config>, clock: Clock, found: Found, edges: Edges) -> Self {
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
            upstreams_since: &[],
            since: now.wall,
            now,
        };
        let (snapshot, _) = watch::channel(Arc::new(view.snapshot(Vec::new())));
        Self {
            upstreams_since: vec![None; config.upstreams.len()],
            following: vec![None; services],
            alarms: Alarms::default(),
            memory: Version {
                number: 0,
                memory: found.memory,
            },
            memory_trouble: found.problem,
            waiting: Waiting::default(),
            stale: true,
            published: Instant::now() - SNAPSHOT_EVERY,
            since: now.wall,
            link: (link, now.wall),
            seen: None,
            snapshot,
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

    /// Turns until `stop` ends, and then leaves BIRD as `on_exit` says.
    pub(super) async fn run(mut self, stop: impl Future<Output = &'static str>) {
        let mut stop = std::pin::pin!(stop);
        self.feed(None);
        loop {
            match self.wait(stop.as_mut()).await {
                Woken::Time => self.feed(None),
                Woken::Checked(Checked { id, report }) => {
                    let crate::probe::Report { outcome, detail, rtt } = report;
                    self.feed(Some(Event::Checked {
                        id,
                        outcome,
                        detail,
                        rtt,
                    }));
                }
                Woken::Report(report) => self.take_report(report),
                Woken::Request(request) => self.take_request(request),
                Woken::Kept(kept) => self.take_kept(&kept),
                Woken::Link => self.take_link(),
                Woken::Stop(why) => {
                    tracing::info!(why, "asked to stop");
                    break;
                }
            }
            self.publish_if_due();
            systemd::alive();
        }
        self.leave().await;
    }

    async fn wait(&mut self, stop: std::pin::Pin<&mut impl Future<Output = &'static str>>) -> Woken {
        let at = self.wake_at();
        let edges = &mut self.edges;
        tokio::select! {
            biased;
            why = stop => Woken::Stop(why),
            Some(report) = edges.reports.recv() => Woken::Report(report),
            Some(checked) = edges.checked.recv() => Woken::Checked(checked),
            () = sleep_until(at) => Woken::Time,
            Some(kept) = edges.kept.recv() => Woken::Kept(kept),
            Ok(()) = edges.link.changed() => Woken::Link,
            Some(request) = edges.requests.recv() => Woken::Request(request),
        }
    }

    fn wake_at(&self) -> Instant {
        let judgement = self.site.deadline().map(|moment| self.clock.instant(moment));
        let publication = self.stale.then(|| self.published + SNAPSHOT_EVERY);
        let turn = Instant::now() + TURN_AT_LEAST;
        [judgement, publication, self.waiting.deadline()]
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
            let starts = self.site.handle(&input);
            self.flush(&starts);
        }
        let starts = self.site.handle(&Input {
            now: self.clock.now(),
            event,
        });
        self.flush(&starts);
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
        let wishes: Wishes = self
            .site
            .services()
            .iter()
            .map(|service| wish_of(service.wish()))
            .collect();
        self.edges.wishes.send_if_modified(|before| {
            let changed = *before != wishes;
            if changed {
                *before = wishes;
            }
            changed
        });
    }

    fn notice(&mut self, note: &Note) {
        tell(&self.site, note);
        let Note::Switched { service: index, .. } = note else {
            return;
        };
        let Some(service) = self.site.services().get(*index) else {
            return;
        };
        let policy = service.policy();
        let protocols = policy.full.len().max(policy.drain.len());
        if let Some(slot) = self.following.get_mut(*index) {
            *slot = Following::begin(&self.clock.now(), note, service.wish().decision, protocols);
        }
    }

    fn flush_memory(&mut self) {
        let memory: Memory = self.site.memory();
        if memory != self.memory.memory {
            self.memory = Version {
                number: self.memory.number + 1,
                memory,
            };
            self.edges.keeper.keep(self.memory.clone());
        }
    }

    fn take_kept(&mut self, kept: &Kept) {
        if let Err(problem) = &kept.result {
            tracing::error!(problem, "state");
        }
        self.memory_trouble = kept.result.clone().err();
        self.waiting.kept(kept);
        self.stale = true;
    }

    fn take_link(&mut self) {
        let link = self.edges.link.borrow_and_update().clone();
        let before = &self.link.0;
        if before.state != link.state {
            let (from, to, error) = (before.state, link.state, link.error.as_deref().unwrap_or(""));
            let version = link.version.as_ref().map(ToString::to_string).unwrap_or_default();
            tracing::info!(?from, ?to, version, error, "bird");
        }
        let since = if before.state == link.state {
            self.link.1
        } else {
            self.clock.now().wall
        };
        self.link = (link, since);
        self.stale = true;
    }

    fn take_report(&mut self, report: Report) {
        match report {
            Report::Seen(seen) => self.take_seen(seen),
            Report::Stage(stage) => self.take_stage(&stage),
            Report::Drift { service, text } => {
                tracing::warn!(service = self.name(service), rule = "A6", text, "drift");
            }
            Report::Failed { service, text } => {
                tracing::error!(
                    service = self.name(service),
                    text,
                    "BIRD did not do what it was asked"
                );
            }
        }
    }

    fn take_seen(&mut self, seen: Seen) {
        let at = self.clock.now().wall_at(self.clock.moment(seen.at));
        let before = self.seen.as_ref().map(|(seen, _)| &seen.upstreams);
        for (index, upstream) in seen.upstreams.iter().enumerate() {
            let was = before
                .and_then(|before| before.get(index))
                .map(|before| before.state.as_str());
            if was == Some(&upstream.state) {
                continue;
            }
            let error = upstream.error.as_deref().unwrap_or("");
            tracing::info!(
                upstream = upstream.name,
                from = was.unwrap_or(""),
                to = upstream.state,
                error,
                "upstream"
            );
            if let Some(since) = self.upstreams_since.get_mut(index) {
                *since = Some(at);
            }
        }
        let adoptions = self.adoptions(&seen);
        self.seen = Some((seen, at));
        self.stale = true;
        for (service, adoption) in adoptions {
            tracing::info!(
                service = self.name(service),
                ?adoption,
                rule = "D10",
                "BIRD has been read"
            );
            self.feed(Some(Event::Bird { service, adoption }));
        }
    }

    /// What services that are not settled yet can adopt (D10).
    fn adoptions(&self, seen: &Seen) -> Vec<(usize, Adoption)> {
        if !seen.bird_running_normally {
            return Vec::new();
        }
        let services = self.site.services().iter().zip(&seen.services).enumerate();
        let unsettled = services.filter(|(_, (service, _))| service.stance() == Stance::Unsettled);
        let read = unsettled.filter_map(|(index, (_, seen))| match (seen.actual, seen.adopt) {
            (None, _) => None,
            (Some(_), Some(strength)) => Some((index, Adoption::Is(strength))),
            (Some(_), None) => Some((index, Adoption::Mixed)),
        });
        read.collect()
    }

    fn take_stage(&mut self, report: &StageReport) {
        let at = self.clock.now().wall_at(self.clock.moment(report.at));
        let name = self.name(report.service).to_owned();
        tracing::debug!(service = name, protocol = report.protocol, stage = ?report.stage, "stage");
        let Some(following) = self.following.get_mut(report.service).and_then(Option::as_mut) else {
            return;
        };
        if following.reach(report, at) {
            let shown = following.shown();
            let took = shown
                .stages
                .decided
                .map(|decided| at.duration_since(decided).as_millis());
            tracing::info!(
                service = name,
                from = %word(shown.from),
                to = %word(shown.to),
                rule = shown.rule,
                decision_to_done_ms = i64::try_from(took.unwrap_or(0)).unwrap_or(i64::MAX),
                "BIRD has done it"
            );
        }
        self.stale = true;
        self.published = Instant::now() - SNAPSHOT_EVERY;
    }

    fn take_request(&mut self, request: api::Request) {
        let services = self.site.services();
        let Some(service) = services
            .iter()
            .position(|service| service.policy().name == request.service)
        else {
            requests::refuse(request, api::Refusal::NoSuchService);
            return;
        };
        let event = Event::Asked {
            service,
            ask: requests::ask_of(&request.ask),
            actor: request.actor.clone(),
        };
        let number = self.memory.number;
        match self.site.ask(&Input {
            now: self.clock.now(),
            event: Some(event),
        }) {
            Ok(starts) => {
                self.flush(&starts);
                let said = requests::said(&self.site, service, &request.ask);
                let kept_with = (self.memory.number != number).then_some(self.memory.number);
                self.waiting.answer(request, said, kept_with);
            }
            Err(refusal) => requests::refuse(request, api::Refusal::NotNow(refusal.0)),
        }
    }

    fn name(&self, service: usize) -> &str {
        self.config
            .services
            .get(service)
            .map_or("?", |service| &service.name)
    }

    fn publish_if_due(&mut self) {
        self.waiting.give_up_if_due();
        if !self.stale || self.published + SNAPSHOT_EVERY > Instant::now() {
            return;
        }
        let now = self.clock.now();
        let view = View {
            config: &self.config,
            site: &self.site,
            seen: self.seen.as_ref().map(|(seen, at)| (seen, *at)),
            link: (&self.link.0, self.link.1),
            following: &self.following,
            upstreams_since: &self.upstreams_since,
            since: self.since,
            now,
        };
        let mut troubles = view.troubles();
        troubles.extend(self.edges.senses.troubles());
        troubles.extend(self.memory_trouble.iter().map(|problem| Trouble {
            code: AlarmCode::StateDir,
            service: None,
            subject: String::new(),
            text: problem.clone(),
        }));
        let (alarms, changes) = self.alarms.look(now.wall, &troubles);
        for trouble in changes.raised {
            tracing::warn!(code = ?trouble.code, service = trouble.service, text = trouble.text, "alarm");
        }
        for (code, service, subject) in changes.cleared {
            tracing::info!(?code, service, subject, "alarm cleared");
        }
        self.snapshot.send_replace(Arc::new(view.snapshot(alarms)));
        self.stale = false;
        self.published = Instant::now();
    }

    /// Leaves BIRD as `on_exit` says: as it is, or silent, within BIRD's own time-out.
    async fn leave(mut self) {
        if self.config.bird.on_exit == OnLoss::Keep {
            return;
        }
        let silent = |wish: &Wish| Wish {
            strength: wish.strength.map(|_| Strength::Off),
            reason: "falconer: stopped, on_exit is withdraw".to_owned(),
            id: wish.id + 1,
            ..wish.clone()
        };
        let wishes: Wishes = self.edges.wishes.borrow().iter().map(silent).collect();
        let steered: Vec<bool> = wishes
            .iter()
            .map(|wish| wish.strength.is_some() && !wish.hands_off)
            .collect();
        self.edges.wishes.send_replace(wishes);
        let deadline = Instant::now() + self.config.bird.timeout;
        while let Ok(Some(report)) = timeout_at(deadline, self.edges.reports.recv()).await {
            let Report::Seen(seen) = report else { continue };
            let done = seen.services.iter().zip(&steered);
            if done
                .clone()
                .all(|(seen, steered)| !steered || (seen.verified && seen.actual == Some(Strength::Off)))
            {
                return;
            }
        }
        tracing::error!("on_exit is withdraw, and BIRD has not confirmed it: look at birdc show protocols");
    }
}

fn wish_of(wish: &crate::failover::service::Wish) -> Wish {
    Wish {
        strength: wish.strength,
        hands_off: wish.hands_off,
        reason: wish.reason.clone(),
        id: wish.decision,
    }
}

fn word(strength: Shown) -> &'static str {
    match strength {
        Shown::Unknown => "unknown",
        Shown::Off => "off",
        Shown::Drain => "drain",
        Shown::Full => "full",
    }
}
