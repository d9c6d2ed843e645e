//! The task: when to look at BIRD, and what to do about what is seen.
//!
//! A quick pass follows a new wish or a write: one look at all protocols, the writes that are due,
//! and the questions that prove them. A full pass comes with every poll and every connection, and
//! looks at everything else as well. A new wish ends either of them where it stands.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::bird::client::{BirdError, Client, Link, Priority};
use crate::bird::plan::{Slot, State, Step};
use crate::status::snapshot::{AlarmCode, BirdState};

use super::attempts::{Order, Trouble};
use super::course::{Boot, Course, View};
use super::files::Files;
use super::outbox::Outbox;
use super::{Report, SeenUpstream, Setup, Stage, Wishes};

/// How soon BIRD is looked at again while something is on its way, in milliseconds. BIRD 2 needs
/// none of it, BIRD 3 a few milliseconds, a large table up to a hundred. After the last one the
/// poll takes over.
const FOLLOW_MS: [u64; 14] = [0, 1, 2, 5, 10, 20, 50, 50, 100, 100, 100, 200, 200, 200];

/// Why a pass ended early.
pub(super) enum Halt {
    /// There is a new wish.
    NewWish,
    /// BIRD is gone, or does not answer.
    Lost,
    /// Too many others ask BIRD something right now.
    Crowded,
}

/// How soon to try again when too many others ask.
const CROWDED: Duration = Duration::from_millis(50);

/// What the task owns.
pub(super) struct Task {
    /// For what a decision needs (A10).
    pub(super) urgent: Client,
    /// For everything else.
    pub(super) patient: Client,
    pub(super) setup: Setup,
    pub(super) courses: Vec<Course>,
    pub(super) upstreams: Vec<SeenUpstream>,
    pub(super) boot: Boot,
    pub(super) files: Files,
    pub(super) outbox: Outbox,
    /// Where the guard's round stands.
    pub(super) guard_cursor: usize,
    pub(super) wishes: watch::Receiver<Wishes>,
    link: watch::Receiver<Link>,
    /// The connection that was looked at last.
    connects: u64,
    next_poll: Instant,
    /// How many looks followed the last write, and when the next one does.
    follow: Option<(usize, Instant)>,
    /// When the first of the writes is due that had to wait.
    retry: Option<Instant>,
    /// Something was written in this pass.
    pub(super) wrote: bool,
}

enum Wake {
    Wishes,
    Link,
    Quick,
    Poll,
    Over,
}

impl Task {
    pub(super) fn new(
        client: &Client,
        setup: Setup,
        wishes: watch::Receiver<Wishes>,
        reports: mpsc::Sender<Report>,
    ) -> Self {
        let now = Instant::now();
        let course = |target: &super::Target| Course::new(target.clone(), setup.poll_interval, now);
        Self {
            urgent: client.at(Priority::Decision),
            patient: client.at(Priority::Poll),
            courses: setup.targets.iter().map(course).collect(),
            upstreams: Vec::new(),
            boot: Boot::default(),
            files: Files::new(&setup.run_dir, &setup.socket),
            outbox: Outbox::new(reports),
            guard_cursor: 0,
            wishes,
            link: client.link(),
            connects: 0,
            next_poll: now,
            follow: None,
            retry: None,
            wrote: false,
            setup,
        }
    }

    /// Until nobody wishes any more.
    pub(super) async fn run(mut self) {
        self.take_wishes();
        loop {
            match self.wait().await {
                Wake::Over => return,
                Wake::Wishes => {
                    self.take_wishes();
                    self.follow = self.follow.map(|_| (0, Instant::now()));
                    self.pass(false).await;
                }
                Wake::Quick => self.pass(false).await,
                Wake::Link | Wake::Poll => self.pass(true).await,
            }
        }
    }

    async fn wait(&mut self) -> Wake {
        loop {
            // A poll can wait for what is on its way, but not for ever.
            let poll = match self.follow {
                Some(_) => self.next_poll + self.setup.poll_interval,
                None => self.next_poll,
            };
            let quick = [self.follow.map(|(_, at)| at), self.retry]
                .into_iter()
                .flatten()
                .min();
            let (timer, wake) = match quick {
                Some(at) if at <= poll => (at, Wake::Quick),
                Some(_) | None => (poll, Wake::Poll),
            };
            tokio::select! {
                biased;
                changed = self.wishes.changed() => return if changed.is_ok() { Wake::Wishes } else { Wake::Over },
                changed = self.link.changed() => match changed {
                    Ok(()) if self.link_news() => return Wake::Link,
                    Ok(()) => {}
                    // The client's task ended; without it there is nothing to steer.
                    Err(_) => return Wake::Over,
                },
                () = self.outbox.drain() => {}
                () = due(timer) => return wake,
            }
        }
    }

    /// Whether the connection is another one, or BIRD is there or gone since the last look.
    fn link_news(&mut self) -> bool {
        let link = self.link.borrow_and_update();
        let seen = self.courses.iter().any(|course| course.actual.is_some());
        link.connects != self.connects || (link.state == BirdState::Up) != seen
    }

    fn take_wishes(&mut self) {
        let wishes = self.wishes.borrow_and_update().clone();
        for (course, wish) in self.courses.iter_mut().zip(wishes.iter()) {
            course.take(wish);
        }
    }

    /// One pass. A quick one that finds BIRD gone leaves the rest to the next full one.
    async fn pass(&mut self, full: bool) {
        (self.wrote, self.retry) = (false, None);
        let (state, connects) = {
            let link = self.link.borrow_and_update();
            (link.state, link.connects)
        };
        if connects != self.connects {
            self.connects = connects;
            self.boot.connects = connects;
            self.guard_cursor = 0;
            self.courses.iter_mut().for_each(Course::reconnected);
        }
        if full {
            self.next_poll = Instant::now() + self.setup.poll_interval;
            self.files.distrust();
        }
        let result = match (state, full) {
            (BirdState::Busy | BirdState::Down, _) => Err(Halt::Lost),
            (BirdState::Up, true) => self.full_pass().await,
            (BirdState::Up, false) => self.quick_pass().await,
        };
        match result {
            Ok(()) => self.plan_follow_up(),
            Err(Halt::NewWish) => {
                let now = Instant::now();
                self.next_poll = if full { now } else { self.next_poll };
                self.follow = if self.wrote { Some((0, now)) } else { self.follow };
            }
            Err(Halt::Crowded) => {
                let soon = Instant::now() + CROWDED;
                self.next_poll = if full { soon } else { self.next_poll };
                self.retry = Some(soon);
            }
            Err(Halt::Lost) => self.without_bird(full).await,
        }
    }

    /// A look at all protocols, and what has to be written.
    async fn quick_pass(&mut self) -> Result<(), Halt> {
        let view = self.look(true).await?;
        self.steer(&view).await?;
        self.prove(&view).await
    }

    /// `show protocols`, and what it says about drift and stages.
    pub(super) async fn look(&mut self, urgent: bool) -> Result<View, Halt> {
        let client = if urgent { &self.urgent } else { &self.patient };
        let protocols = client.show_protocols().await.map_err(ends_the_pass)?;
        let (view, now) = (View::new(&protocols), Instant::now());
        for (service, course) in self.courses.iter_mut().enumerate() {
            if let Some(text) = course.observe(&view, &self.boot, now) {
                self.outbox.push(Report::Drift { service, text });
            }
            for name in course.names() {
                let stage = match view.state(&name) {
                    State::Up => Stage::Up,
                    State::Down | State::Missing => Stage::Down,
                    State::Unknown | State::Starting | State::Stopping => continue,
                };
                self.outbox
                    .push_all(course.stage(service, stage, &name, now).map(Report::Stage));
            }
        }
        Ok(view)
    }

    /// Whatever differs is written, service by service and family by family: one that fails keeps
    /// no other.
    pub(super) async fn steer(&mut self, view: &View) -> Result<(), Halt> {
        for service in 0..self.courses.len() {
            self.heed_wishes()?;
            for leg in 0..self.courses[service].legs.len() {
                self.round(service, leg, view).await?;
            }
        }
        Ok(())
    }

    /// A decision goes first: whoever works through many questions asks here in between (A10).
    pub(super) fn heed_wishes(&self) -> Result<(), Halt> {
        if self.wishes.has_changed().unwrap_or(true) {
            Err(Halt::NewWish)
        } else {
            Ok(())
        }
    }

    /// One family of one service: the plan's questions, its files, its writes.
    async fn round(&mut self, service: usize, leg: usize, view: &View) -> Result<(), Halt> {
        let Some(wanted) = self.courses[service].order() else {
            return Ok(());
        };
        let mut pair = self.courses[service].legs[leg].pair(view);
        let steps = loop {
            let steps = pair.steps(wanted);
            match steps.as_slice() {
                [Step::AskGuard(slot)] => {
                    if self.not_due(service, leg, *slot, Order::Enable) {
                        break Vec::new();
                    }
                    let Some(fits) = self.ask_guard_to_enable(service, leg, *slot).await? else {
                        break Vec::new();
                    };
                    pair.get_mut(*slot)
                        .into_iter()
                        .for_each(|known| known.fits = Some(fits));
                }
                [Step::AskRoutes(slot)] => {
                    let routed = self.ask_routes(service, leg, *slot).await?;
                    pair.get_mut(*slot)
                        .into_iter()
                        .for_each(|known| known.routed = Some(routed));
                }
                _ => break steps,
            }
        };
        self.write_files(service, leg, pair.files(wanted)).await;
        for step in steps {
            match step {
                Step::Enable(slot) => self.write(service, leg, slot, Order::Enable).await?,
                Step::Disable(slot) => self.write(service, leg, slot, Order::Disable).await?,
                Step::AskGuard(_) | Step::AskRoutes(_) => {}
            }
        }
        Ok(())
    }

    /// Whether a write has to wait; if so its time is remembered.
    fn not_due(&mut self, service: usize, leg: usize, slot: Slot, order: Order) -> bool {
        let line = self.courses[service].legs[leg].line(slot);
        let next = line.and_then(|line| line.attempts.not_before(order, Instant::now()));
        self.retry = [self.retry, next].into_iter().flatten().min();
        next.is_some()
    }

    /// One `enable` or `disable`.
    async fn write(&mut self, service: usize, leg: usize, slot: Slot, order: Order) -> Result<(), Halt> {
        if self.not_due(service, leg, slot, order) {
            return Ok(());
        }
        let course = &self.courses[service];
        let Some(line) = course.legs[leg].line(slot) else {
            return Ok(());
        };
        let (name, reason) = (line.protocol.name.clone(), course.wish.reason.clone());
        let (sent, answered) = match order {
            Order::Enable => (Stage::EnableSent, Stage::EnableAnswered),
            Order::Disable => (Stage::DisableSent, Stage::DisableAnswered),
        };
        self.stage(service, sent, &name);
        self.wrote = true;
        let answer = match order {
            Order::Enable => self.urgent.enable(&name, &reason).await,
            Order::Disable => self.urgent.disable(&name, &reason).await,
        };
        match answer {
            Ok(switch) => {
                self.stage(service, answered, &name);
                let changed = order.changed(switch);
                if let Some(line) = self.courses[service].legs[leg].line_mut(slot) {
                    line.attempts.accepted(order, changed, Instant::now());
                }
                Ok(())
            }
            Err(error) => self.failed(service, leg, slot, order, error),
        }
    }

    /// A write, or a question before it, failed.
    pub(super) fn failed(
        &mut self,
        service: usize,
        leg: usize,
        slot: Slot,
        order: Order,
        error: BirdError,
    ) -> Result<(), Halt> {
        let (verb, code) = match order {
            Order::Enable => ("enabled", AlarmCode::NotExported),
            Order::Disable => ("disabled", AlarmCode::Drift),
        };
        let name = self.courses[service].legs[leg]
            .line(slot)
            .map(|line| line.protocol.name.clone());
        let text = format!("{} could not be {verb}: {error}", name.unwrap_or_default());
        // Not sent at all: the connection is the trouble, and shows as such.
        if !matches!(error, BirdError::Unreachable { .. } | BirdError::QueueFull) {
            self.trouble(service, leg, slot, order, Trouble { code, text });
        }
        only_the_question(error).map(|_| ())
    }

    /// A write failed or is forbidden: it is tried again, and reported once.
    pub(super) fn trouble(&mut self, service: usize, leg: usize, slot: Slot, order: Order, trouble: Trouble) {
        let now = Instant::now();
        let Some(line) = self.courses[service].legs[leg].line_mut(slot) else {
            return;
        };
        let text = trouble.text.clone();
        let new = line.attempts.failed(order, trouble, now);
        let next = line.attempts.not_before(order, now);
        self.retry = [self.retry, next].into_iter().flatten().min();
        if new {
            self.outbox.push(Report::Failed { service, text });
        }
    }

    pub(super) fn stage(&mut self, service: usize, stage: Stage, protocol: &str) {
        let report = self.courses[service].stage(service, stage, protocol, Instant::now());
        self.outbox.push_all(report.map(Report::Stage));
    }

    /// Looks again soon while anything is on its way; once it has arrived, a full look follows, so
    /// that what is shown is what is.
    fn plan_follow_up(&mut self) {
        let now = Instant::now();
        let moving = self.courses.iter().any(Course::moving);
        let looks = match (self.wrote, self.follow) {
            (true, _) | (false, None) => 0,
            (false, Some((looks, _))) => looks + 1,
        };
        self.follow = match FOLLOW_MS.get(looks) {
            Some(wait) if self.wrote || (moving && self.follow.is_some()) => {
                Some((looks, now + Duration::from_millis(*wait)))
            }
            Some(_) | None => {
                if self.follow.take().is_some() {
                    self.next_poll = now;
                }
                None
            }
        };
    }

    /// BIRD is not there: the files are all that can be done, for a BIRD that starts (A6).
    async fn without_bird(&mut self, full: bool) {
        self.follow = None;
        let view = View::default();
        for service in 0..self.courses.len() {
            let Some(wanted) = self.courses[service].order() else {
                continue;
            };
            for leg in 0..self.courses[service].legs.len() {
                let files = self.courses[service].legs[leg].pair(&view).files(wanted);
                self.write_files(service, leg, files).await;
            }
        }
        if full {
            self.report_nothing_seen();
        }
    }
}

/// tokio's timer rounds up to the next millisecond; what is due is due.
async fn due(at: Instant) {
    if at > Instant::now() {
        sleep_until(at).await;
    }
}

/// Sorts an error: one that ends the pass, or one that concerns only the question and is given back.
pub(super) fn only_the_question(error: BirdError) -> Result<BirdError, Halt> {
    match error {
        BirdError::Unreachable { .. } | BirdError::Broken { .. } | BirdError::Timeout { .. } => {
            Err(Halt::Lost)
        }
        BirdError::QueueFull => Err(Halt::Crowded),
        BirdError::SessionDown { .. }
        | BirdError::NoSuchProtocol { .. }
        | BirdError::Restricted
        | BirdError::Refused { .. }
        | BirdError::Malformed { .. }
        | BirdError::Unfit { .. } => Ok(error),
    }
}

/// For the questions without which there is no pass.
pub(super) fn ends_the_pass(error: BirdError) -> Halt {
    only_the_question(error).map_or_else(|halt| halt, |_| Halt::Lost)
}
