//! The driver: the only `select!` that feeds the judgement, and the only owner of it.
//!
//! Wait, feed, notice, flush: wait for a fact or for time; feed it to the site; notice what that
//! made of things; flush intents, checks, memory and snapshot to the edges. It decides nothing.

mod commands;
mod drills;
mod following;
mod handlers;
mod pace;
mod publication;
mod publish;
mod reconciler_handle;
mod reload;
mod remembering;
mod shutdown;
mod state;
mod stored_state;
mod watchdog;

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until};

use super::checks::FinishedCheck;
use super::config_manager::NewConfig;
use super::event_log::tell;
use super::snapshot::SnapshotBuilder;
use super::transition_timer::TransitionTimer;
use crate::api;
use crate::bird::reconcile::ReconcilerReport;
use crate::core::service::{Intent, ServiceState};
use crate::core::trace::TraceHeader;
use crate::core::{CheckStart, CoreEvent, Event, Input, PersistentState};
use crate::model::history::{HistoryEvent, TransitionEvent};
use crate::model::time::Now;
use crate::store::recording::Recording;
use crate::store::{PersistResult, StateVersion};
use crate::systemd;
use publication::MEASURED_EVERY;
pub(crate) use reconciler_handle::ReconcilerHandle;
pub(crate) use state::{Broken, Driver, Edges};
use stored_state::read_at_last;
pub(crate) use stored_state::{Remembered, remember};

/// How many inputs that wait already are taken in before anything else is done: some milliseconds.
const BATCH: usize = 256;

/// What was asked to be reported and has not been is looked for this often, when nothing waits.
const ALONE_EVERY: Duration = Duration::from_secs(1);

/// The loop turns at least this often, so that a suspension, a watchdog and the wall clock are
/// attended to.
const TURN_AT_LEAST: Duration = Duration::from_secs(1);

/// What woke the driver.
enum WakeReason {
    Time,
    Checked(FinishedCheck),
    Report(ReconcilerReport),
    Request(api::OperatorRequest),
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

impl Driver {
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
                tracing::info!(why, "stop requested");
                self.end_drills_first(why).await;
                self.record(None, HistoryEvent::Stopped { why: why.to_owned() });
                break;
            }
            let all = match self.take(woken).and_then(|()| self.take_waiting()) {
                Ok(all) => all,
                Err(broken) => return self.break_down(broken).await,
            };
            self.flush_memory_if_due();
            self.history_log.publish();
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
            WakeReason::Kept(kept) => self.take_kept(&kept),
            WakeReason::Journal(written) => self.take_written(written),
            WakeReason::Link => self.take_link(),
            WakeReason::BirdConf | WakeReason::Ready => self.publication.stale(),
            WakeReason::Told(what) => self.take_told(what),
            WakeReason::Successor(successor) => self.go_over_to(successor),
            WakeReason::Remembered(found) => return self.take_remembered(found),
            WakeReason::Ended(task) => {
                return Err(Broken(format!("{task} has ended unexpectedly")));
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
            let report = self.edges.reports.try_recv().map(WakeReason::Report);
            let checked = self.edges.checks.try_next().map(WakeReason::Checked);
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
            checked = edges.checks.next() => WakeReason::Checked(checked),
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
            Some(what) = edges.history_events.recv() => WakeReason::Told(what),
            Some(successor) = edges.successors.recv() => WakeReason::Successor(successor),
            request = edges.requests.recv() => request.map_or(WakeReason::Ended("the API"), WakeReason::Request),
        }
    }

    /// Tells systemd's watchdog that the loop turns and that steering works, no more often than it wants
    /// to hear.
    fn say_alive(&mut self) {
        let (steps, patience) = (self.edges.reconciler.steps(), self.steering_patience());
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
        let noted = !notes.is_empty();
        for note in notes {
            self.notice(note);
        }
        self.memory_stale |= self.site.take_memory_changed();
        self.publication.stale();
        if noted {
            self.publication.changed();
        }
    }

    /// Only what the judgement evaluated anew can want something else.
    fn flush_wishes(&mut self) {
        let settled = self.site.take_settled();
        self.alarms.mark(settled.iter().copied());
        let services = self.site.services();
        self.edges.intents.send_if_modified(|intents| {
            if intents.len() != services.len() {
                services
                    .iter()
                    .for_each(|service| tell_standing(service, &Intent::default()));
                *intents = services.iter().map(|service| service.intent().clone()).collect();
                return true;
            }
            let wanted = |index: usize| services[index].intent();
            let changed: Vec<usize> = settled
                .iter()
                .copied()
                .filter(|&index| intents[index] != *wanted(index))
                .collect();
            let wakes = changed
                .iter()
                .any(|&index| !intents[index].wants_the_same(wanted(index)));
            if !changed.is_empty() {
                let intents = Arc::make_mut(intents);
                for index in changed {
                    tell_standing(&services[index], &intents[index]);
                    intents[index].clone_from(wanted(index));
                }
            }
            // Another reason for the same wakes nobody: BIRD is given it with the next write.
            wakes
        });
    }

    fn notice(&mut self, note: CoreEvent) {
        tell(&self.site, &note);
        match note {
            CoreEvent::History(Some(service), HistoryEvent::Transition(change)) => {
                self.notice_transition(service, *change);
            }
            CoreEvent::History(service, what) => {
                self.record(service, what);
            }
            CoreEvent::Drill(service, step) => self.notice_drill(service, &step),
        }
    }

    /// Adds what the core does not know to a transition, and follows it.
    fn notice_transition(&mut self, index: usize, mut change: TransitionEvent) {
        let Some(service) = self.site.services().get(index) else {
            return;
        };
        let protocols = service.policy().full.len().max(service.policy().drain.len());
        let mut following = TransitionTimer::begin(&change, service.intent().decision, protocols);
        change.evidence = self.view(self.clock.now()).evidence(index);
        let what = HistoryEvent::Transition(Box::new(change));
        following.recorded_as(self.record(Some(index), what));
        if let Some(slot) = self.following.get_mut(index) {
            *slot = Some(following);
        }
    }

    /// Records something in the history; its number there.
    fn record(&mut self, service: Option<usize>, what: HistoryEvent) -> u64 {
        let service = service
            .and_then(|service| self.config.services.get(service))
            .map(|service| &*service.name);
        self.history_log.record(self.clock.now().wall, service, what)
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
                self.edges.state_writer.keep(self.memory.clone());
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

/// Standing prefixes go on or off (D14): no transition, so it is told here.
fn tell_standing(service: &ServiceState, before: &Intent) {
    let was = before.standing.as_ref().map(|standing| standing.on);
    if let Some(standing) = service.intent().standing.as_ref()
        && was != Some(standing.on)
    {
        let (service, reason) = (service.policy().name.as_str(), standing.reason.as_str());
        tracing::info!(
            service,
            rule = "D14",
            on = standing.on,
            reason,
            "standing prefixes wanted"
        );
    }
}

#[cfg(test)]
mod tests;
