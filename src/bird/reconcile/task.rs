//! The task: when to look at BIRD, and what to do about what is seen.
//!
//! A quick pass follows a new wish or a write: one look at all protocols, the writes that are due,
//! and the questions that prove them. A full pass comes with every poll and every connection, and
//! looks at everything else as well. A new wish ends either of them where it stands.

use std::future::Future;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::bird::client::{BirdClient, BirdError, ConnectionStatus, Priority};
use crate::bird::plan::State;
use crate::metrics::shared::SharedNumber;
use crate::model::snapshot::BirdState;

use super::drift::BirdRun;
use super::report_queue::ReportQueue;
use super::service::{ProtocolView, ServiceReconciler};
use super::state_files::StateFiles;
use super::{DesiredStates, ObservedUpstream, ReconcilerConfig, ReconcilerReport, TransitionStage};

/// How soon BIRD is looked at again while something is on its way, in milliseconds. BIRD 2 needs
/// none of it, BIRD 3 a few milliseconds, a large table up to a hundred. After the last one the
/// poll takes over.
const FOLLOW_MS: [u64; 14] = [0, 1, 2, 5, 10, 20, 50, 50, 100, 100, 100, 200, 200, 200];

/// Why a pass ended early.
pub(crate) enum PassAbort {
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
pub(crate) struct ReconcilerTask {
    /// For what a decision needs (A10).
    pub(crate) urgent: BirdClient,
    /// For everything else.
    pub(crate) patient: BirdClient,
    pub(crate) setup: ReconcilerConfig,
    pub(crate) courses: Vec<ServiceReconciler>,
    pub(crate) upstreams: Vec<ObservedUpstream>,
    pub(crate) boot: BirdRun,
    pub(crate) files: StateFiles,
    pub(crate) outbox: ReportQueue,
    /// Where the guard's round stands.
    pub(crate) guard_cursor: usize,
    /// Where the round of other protocols' routes stands.
    pub(crate) others_cursor: usize,
    pub(crate) wishes: watch::Receiver<DesiredStates>,
    link: watch::Receiver<ConnectionStatus>,
    /// The connection that was looked at last.
    connects: u64,
    next_poll: Instant,
    /// How many looks followed the last write, and when the next one does.
    follow: Option<(usize, Instant)>,
    /// When the first of the writes is due that had to wait.
    pub(crate) retry: Option<Instant>,
    /// Something was written in this pass.
    pub(crate) wrote: bool,
    /// Counts that it works, for whoever watches over it.
    pub(crate) steps: SharedNumber,
}

enum ReconcilerWake {
    Wishes,
    Link,
    Quick,
    Poll,
    Over,
}

impl ReconcilerTask {
    pub(crate) fn new(
        client: &BirdClient,
        setup: ReconcilerConfig,
        wishes: watch::Receiver<DesiredStates>,
        reports: mpsc::Sender<ReconcilerReport>,
    ) -> Self {
        let now = Instant::now();
        let course = |target: &super::ReconcileTarget| {
            ServiceReconciler::new(target.clone(), setup.poll_interval, now)
        };
        Self {
            urgent: client.at(Priority::Decision),
            patient: client.at(Priority::Poll),
            courses: setup.targets.iter().map(course).collect(),
            upstreams: Vec::new(),
            boot: BirdRun::default(),
            files: StateFiles::new(&setup.run_dir, &setup.socket),
            outbox: ReportQueue::new(reports),
            guard_cursor: 0,
            others_cursor: 0,
            wishes,
            link: client.link(),
            connects: 0,
            next_poll: now,
            follow: None,
            retry: None,
            wrote: false,
            steps: SharedNumber::default(),
            setup,
        }
    }

    /// Until nobody wishes any more.
    pub(crate) async fn run(mut self) {
        self.take_wishes();
        loop {
            self.steps.add(1);
            match self.wait().await {
                ReconcilerWake::Over => return,
                ReconcilerWake::Wishes => {
                    self.take_wishes();
                    self.follow = self.follow.map(|_| (0, Instant::now()));
                    self.pass(false).await;
                }
                ReconcilerWake::Quick => self.pass(false).await,
                ReconcilerWake::Link | ReconcilerWake::Poll => self.pass(true).await,
            }
        }
    }

    async fn wait(&mut self) -> ReconcilerWake {
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
                Some(at) if at <= poll => (at, ReconcilerWake::Quick),
                Some(_) | None => (poll, ReconcilerWake::Poll),
            };
            tokio::select! {
                biased;
                changed = self.wishes.changed() => return if changed.is_ok() { ReconcilerWake::Wishes } else { ReconcilerWake::Over },
                changed = self.link.changed() => match changed {
                    Ok(()) if self.link_news() => return ReconcilerWake::Link,
                    Ok(()) => {}
                    // The client's task ended; without it there is nothing to steer.
                    Err(_) => return ReconcilerWake::Over,
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

    /// Takes the latest wishes; the services whose wish is another one now.
    pub(crate) fn take_wishes(&mut self) -> Vec<usize> {
        // Borrowed for the comparison alone: a copy that somebody holds would have to be made anew by
        // whoever changes one of a thousand wishes.
        let wishes = self.wishes.borrow_and_update();
        let mut changed = Vec::new();
        for (service, (course, wish)) in self.courses.iter_mut().zip(wishes.iter()).enumerate() {
            if course.wish != *wish {
                course.take(wish);
                changed.push(service);
            }
        }
        changed
    }

    /// Whether there are wishes that were not taken yet.
    pub(crate) fn has_new_wishes(&self) -> bool {
        self.steps.add(1);
        self.wishes.has_changed().unwrap_or(true)
    }

    /// What a question of a poll comes to, unless there is a new wish before that: it does not wait
    /// behind the questions of others (A10). Only for questions; nothing that writes is given up.
    pub(crate) async fn unless_wished<T>(
        &self,
        asking: impl Future<Output = Result<T, PassAbort>>,
    ) -> Result<T, PassAbort> {
        let mut wishes = self.wishes.clone();
        tokio::select! {
            biased;
            _ = wishes.changed() => Err(PassAbort::NewWish),
            answer = asking => answer,
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
            (self.guard_cursor, self.others_cursor) = (0, 0);
            self.courses.iter_mut().for_each(ServiceReconciler::reconnected);
        }
        if full {
            self.next_poll = Instant::now() + self.setup.poll_interval;
            self.read_files().await;
        }
        let result = match (state, full) {
            (BirdState::Busy | BirdState::Down, _) => Err(PassAbort::Lost),
            (BirdState::Up, true) => self.full_pass().await,
            (BirdState::Up, false) => self.quick_pass().await,
        };
        match result {
            Ok(()) => self.plan_follow_up(),
            Err(PassAbort::NewWish) => {
                let now = Instant::now();
                self.next_poll = if full { now } else { self.next_poll };
                self.follow = if self.wrote { Some((0, now)) } else { self.follow };
            }
            Err(PassAbort::Crowded) => {
                let soon = Instant::now() + CROWDED;
                self.next_poll = if full { soon } else { self.next_poll };
                self.retry = Some(soon);
            }
            Err(PassAbort::Lost) => self.without_bird(full).await,
        }
    }

    /// Sees what others did to the state files. A new wish does not wait for that: it comes with the next
    /// full pass.
    async fn read_files(&mut self) {
        let names = self.courses.iter().flat_map(ServiceReconciler::names).collect();
        let reading = async { Ok(self.files.read(names).await) };
        if let Ok(said) = self.unless_wished(reading).await {
            self.files.trust(said);
        }
    }

    /// A look at all protocols, and what has to be written.
    async fn quick_pass(&mut self) -> Result<(), PassAbort> {
        let view = self.look(true).await?;
        self.ask_suspects(&view).await?;
        self.steer(&view).await?;
        self.prove(&view).await?;
        self.prove_silence(&view).await
    }

    /// `show protocols`, and what it says about drift and stages.
    pub(crate) async fn look(&mut self, urgent: bool) -> Result<ProtocolView, PassAbort> {
        let protocols = if urgent {
            self.urgent.show_protocols().await.map_err(ends_the_pass)?
        } else {
            let asking = async { self.patient.show_protocols().await.map_err(ends_the_pass) };
            self.unless_wished(asking).await?
        };
        let (view, now) = (ProtocolView::new(&protocols), Instant::now());
        for (service, course) in self.courses.iter_mut().enumerate() {
            if let Some(text) = course.observe(&view, &self.boot, now) {
                self.outbox.push(ReconcilerReport::Drift { service, text });
            }
            for name in course.names() {
                let stage = match view.state(&name) {
                    State::Up => TransitionStage::Up,
                    State::Down | State::Missing => TransitionStage::Down,
                    State::Unknown | State::Starting | State::Stopping => continue,
                };
                self.outbox.push_all(
                    course
                        .stage(service, stage, &name, now)
                        .map(ReconcilerReport::Stage),
                );
            }
        }
        Ok(view)
    }

    /// Who undid what had been reached: the message that BIRD shows, where it is not ours (A1, A3). It is
    /// asked before it is put back, because that takes the message away.
    pub(crate) async fn ask_suspects(&mut self, view: &ProtocolView) -> Result<(), PassAbort> {
        for service in 0..self.courses.len() {
            for (leg, slot) in self.courses[service].take_suspects(view) {
                let Some(line) = self.courses[service].legs[leg].line(slot) else {
                    continue;
                };
                let message = match self.patient.show_protocol(&line.protocol.name).await {
                    Ok(detail) => detail.message.filter(|message| *message != line.told),
                    Err(error) => only_the_question(error).map(|_| None)?,
                };
                if let Some(line) = self.courses[service].legs[leg].line_mut(slot) {
                    line.mending.undone(message, Instant::now());
                }
            }
        }
        Ok(())
    }

    /// A decision goes first: whoever works through many questions asks here in between (A10).
    pub(crate) fn heed_wishes(&self) -> Result<(), PassAbort> {
        if self.has_new_wishes() {
            Err(PassAbort::NewWish)
        } else {
            Ok(())
        }
    }

    /// Looks again soon while anything is on its way; once it has arrived, a full look follows, so
    /// that what is shown is what is.
    fn plan_follow_up(&mut self) {
        let now = Instant::now();
        let moving = self.courses.iter().any(ServiceReconciler::moving);
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
        let view = ProtocolView::default();
        for service in 0..self.courses.len() {
            let Some(wanted) = self.courses[service].lasting_order() else {
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
pub(crate) fn only_the_question(error: BirdError) -> Result<BirdError, PassAbort> {
    match error {
        BirdError::Unreachable { .. } | BirdError::Broken { .. } | BirdError::Timeout { .. } => {
            Err(PassAbort::Lost)
        }
        BirdError::QueueFull => Err(PassAbort::Crowded),
        BirdError::SessionDown { .. }
        | BirdError::NoSuchProtocol { .. }
        | BirdError::Restricted
        | BirdError::Refused { .. }
        | BirdError::Malformed { .. }
        | BirdError::Unfit { .. } => Ok(error),
    }
}

/// For the questions without which there is no pass.
pub(crate) fn ends_the_pass(error: BirdError) -> PassAbort {
    only_the_question(error).map_or_else(|halt| halt, |_| PassAbort::Lost)
}
