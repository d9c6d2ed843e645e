//! The reconciler's task: it waits for a new intent, for BIRD, for the next look or the next poll, and
//! makes a pass.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::decision::BirdRun;
use super::export_queries;
use super::guard_queries::guard_some;
use super::io::{PassAbort, ReconcilerIo, ends_the_pass, only_this_command};
use super::observation::ObservedUpstream;
use super::report::{ReconcilerReport, ReportSender};
use super::rival_queries::RivalRounds;
use super::route_queries::{ask_kernels, ask_others, ask_upstreams};
use super::service::ServiceReconciler;
use super::state_files::StateFiles;
use super::summary;
use super::target::{Intents, ReconcilerConfig};
use super::view::ProtocolView;
use super::writes::{re_enable_unreached, reconcile, update_intents, write_state_files};
use crate::bird::client::{BirdClient, ConnectionStatus};
use crate::bird::parse::{BirdStatus, DaemonState};
use crate::metrics::shared::SharedNumber;
use crate::model::snapshot::BirdState;

/// How soon BIRD is looked at again while something is on its way, in milliseconds. BIRD 2 needs
/// none of it, BIRD 3 a few milliseconds, a large table up to a hundred. After the last one the
/// poll takes over.
const FOLLOW_MS: [u64; 14] = [0, 1, 2, 5, 10, 20, 50, 50, 100, 100, 100, 200, 200, 200];

/// How soon to try again when too many others ask.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(50);

/// What the task owns.
pub(crate) struct ReconcilerTask {
    config: ReconcilerConfig,
    services: Vec<ServiceReconciler>,
    io: ReconcilerIo,
    run: BirdRun,
    /// Where the guard's round stands.
    guard_cursor: usize,
    /// Where the round of other protocols' routes stands.
    others_cursor: usize,
    /// Where the rounds of questions about rivals stand.
    rivals: RivalRounds,
    connection: watch::Receiver<ConnectionStatus>,
    next_poll: Instant,
    /// How many looks followed the last write, and when the next one does.
    follow: Option<(usize, Instant)>,
}

enum ReconcilerWake {
    Intents,
    Connection,
    Quick,
    Poll,
    Ended,
}

/// How much a pass looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PassKind {
    Quick,
    Full,
}

impl ReconcilerTask {
    pub(crate) fn new(
        client: &BirdClient,
        config: ReconcilerConfig,
        intents: watch::Receiver<Intents>,
        reports: ReportSender,
    ) -> Self {
        let now = Instant::now();
        let targets = config.targets.iter().enumerate();
        let mut services: Vec<ServiceReconciler> = targets
            .flat_map(|(index, target)| {
                ServiceReconciler::of_service(index, target, config.poll_interval, now)
            })
            .collect();
        // What is announced all the time waits for what is announced in an outage.
        services.sort_by_key(|service| service.decision.is_standing());
        let files = StateFiles::new(&config.run_dir, &config.socket);
        Self {
            config,
            services,
            io: ReconcilerIo::new(client, files, intents, reports),
            run: BirdRun::default(),
            guard_cursor: 0,
            others_cursor: 0,
            rivals: RivalRounds::new(now),
            connection: client.link(),
            next_poll: now,
            follow: None,
        }
    }

    /// Counts the steps that the task takes.
    pub(crate) fn steps(&self) -> SharedNumber {
        self.io.steps.clone()
    }

    /// Ends when the sender of the intents, or the client's task, is gone.
    pub(crate) async fn run(mut self) {
        update_intents(&mut self.services, &mut self.io);
        loop {
            self.io.steps.add(1);
            match self.wait().await {
                ReconcilerWake::Ended => return,
                ReconcilerWake::Intents => {
                    update_intents(&mut self.services, &mut self.io);
                    self.follow = self.follow.map(|_| (0, Instant::now()));
                    self.pass(PassKind::Quick).await;
                }
                ReconcilerWake::Quick => self.pass(PassKind::Quick).await,
                ReconcilerWake::Connection | ReconcilerWake::Poll => self.pass(PassKind::Full).await,
            }
        }
    }

    async fn wait(&mut self) -> ReconcilerWake {
        loop {
            // A poll can wait for what is on its way, but not for ever.
            let poll = match self.follow {
                Some(_) => self.next_poll + self.config.poll_interval,
                None => self.next_poll,
            };
            let quick = [self.follow.map(|(_, at)| at), self.io.retry_at]
                .into_iter()
                .flatten()
                .min();
            let (timer, wake) = match quick {
                Some(at) if at <= poll => (at, ReconcilerWake::Quick),
                Some(_) | None => (poll, ReconcilerWake::Poll),
            };
            tokio::select! {
                // A new intent first: a decision never waits behind a poll that is due as well (A10).
                biased;
                changed = self.io.intents.changed() => {
                    return if changed.is_ok() { ReconcilerWake::Intents } else { ReconcilerWake::Ended };
                }
                changed = self.connection.changed() => match changed {
                    Ok(()) if self.connection_differs() => return ReconcilerWake::Connection,
                    Ok(()) => {}
                    // The client's task ended; without it there is nothing to write to.
                    Err(_) => return ReconcilerWake::Ended,
                },
                () = due(timer) => return wake,
            }
        }
    }

    /// Whether the connection is another one, or BIRD is there or gone since the last look.
    fn connection_differs(&mut self) -> bool {
        let connection = self.connection.borrow_and_update();
        let seen = self.services.iter().any(|service| service.actual.is_some());
        connection.connects != self.run.connects || (connection.state == BirdState::Up) != seen
    }

    /// One pass. A quick one that finds BIRD gone leaves the rest to the next full one.
    async fn pass(&mut self, kind: PassKind) {
        (self.io.wrote, self.io.retry_at) = (false, None);
        let (state, connects) = {
            let connection = self.connection.borrow_and_update();
            (connection.state, connection.connects)
        };
        if connects != self.run.connects {
            self.run.connects = connects;
            (self.guard_cursor, self.others_cursor) = (0, 0);
            self.rivals.reconnected(Instant::now());
            self.services.iter_mut().for_each(ServiceReconciler::reconnected);
        }
        if kind == PassKind::Full {
            self.next_poll = Instant::now() + self.config.poll_interval;
            self.read_files().await;
        }
        let result = match (state, kind) {
            (BirdState::Busy | BirdState::Down, _) => Err(PassAbort::BirdLost),
            (BirdState::Up, PassKind::Full) => self.full_pass().await,
            (BirdState::Up, PassKind::Quick) => self.quick_pass().await,
        };
        match result {
            Ok(()) => self.plan_follow_up(),
            Err(abort) => self.aborted(kind, abort).await,
        }
    }

    async fn aborted(&mut self, kind: PassKind, abort: PassAbort) {
        let now = Instant::now();
        let next = match abort {
            PassAbort::NewIntent => {
                self.follow = if self.io.wrote {
                    Some((0, now))
                } else {
                    self.follow
                };
                now
            }
            PassAbort::QueueFull => {
                self.io.retry_at = Some(now + QUEUE_FULL_PAUSE);
                now + QUEUE_FULL_PAUSE
            }
            PassAbort::BirdLost => {
                self.follow = None;
                write_state_files(&mut self.services, &mut self.io).await;
                if kind == PassKind::Full {
                    self.report_nothing_seen();
                }
                return;
            }
        };
        // A full pass that was cut short is made up for.
        if kind == PassKind::Full {
            self.next_poll = next;
        }
    }

    /// Sees what others did to the state files. A new intent does not wait for that: it comes with the
    /// next full pass.
    async fn read_files(&mut self) {
        let names = self.services.iter().flat_map(ServiceReconciler::names).collect();
        let reading = async { Ok(self.io.files.read(names).await) };
        if let Ok(values) = self.io.unless_new_intent(reading).await {
            self.io.files.replace_known(values);
        }
    }

    /// A look at all protocols, and what has to be written.
    async fn quick_pass(&mut self) -> Result<(), PassAbort> {
        let view = self.look(PassKind::Quick).await?;
        self.ask_who_undid(&view).await?;
        reconcile(&mut self.services, &view, &mut self.io).await?;
        export_queries::prove_announcements(&mut self.services, &view, &self.io).await?;
        export_queries::prove_drill_ends(&mut self.services, &view, &self.io).await
    }

    /// A look at everything (A1, A5, A7).
    async fn full_pass(&mut self) -> Result<(), PassAbort> {
        let status = async { self.io.patient.show_status().await.map_err(ends_the_pass) };
        let status = self.io.unless_new_intent(status).await?;
        self.run.started_at = status.last_reboot.as_ref().map(|at| without_fraction(at));
        let mut view = self.look(PassKind::Full).await?;
        // BIRD 3 says yes to everything while it shuts down, and means nothing by it.
        if status.daemon != DaemonState::ShuttingDown {
            self.ask_who_undid(&view).await?;
            reconcile(&mut self.services, &view, &mut self.io).await?;
            if self.io.wrote {
                view = self.look(PassKind::Full).await?;
            }
        }
        let (services, io) = (&mut self.services, &mut self.io);
        ask_upstreams(&self.config.upstreams, io).await?;
        guard_some(services, &mut self.guard_cursor, &view, io).await?;
        ask_others(services, &mut self.others_cursor, io).await?;
        ask_kernels(services, &mut view, io).await?;
        let asking = export_queries::ask_exports(services, &view, io);
        let replies = io.unless_new_intent(asking).await?;
        export_queries::report_exports(services, &view, &replies, io);
        if is_normal(&status) {
            re_enable_unreached(services, &view, &replies, io).await?;
        }
        let sessions = self.rivals.ask(services, &self.config.sessions, io).await?;
        let pid = io.patient.link().borrow().pid;
        let readable = io.files.readable(pid).await;
        let now = Instant::now();
        services
            .iter_mut()
            .for_each(|service| service.update_drift_alarms(now));
        let recovering = status.graceful_restart_recovery;
        let running = status.daemon == DaemonState::Running;
        let observed = services.iter_mut().map(|service| {
            let replies = replies.of(service);
            let reach = export_queries::reach(service, &view, replies, recovering, io);
            service.follow(&reach.exported_to, &sessions, now);
            let observed = summary::service(service, &view, reach, replies, &io.upstreams, running);
            (
                service.decision.is_standing(),
                service.decision.service(),
                observed,
            )
        });
        let (observed, upstreams) = (summary::joined(observed), io.upstreams.clone());
        let seen = summary::all(observed, upstreams, is_normal(&status), readable.err());
        io.report([ReconcilerReport::Seen(seen)]);
        Ok(())
    }

    /// BIRD is not there: that is what there is to report.
    fn report_nothing_seen(&mut self) {
        let now = Instant::now();
        self.services
            .iter_mut()
            .for_each(|service| service.lose_sight(now));
        let unseen = self.services.iter().map(|service| {
            let (is_standing, index) = (service.decision.is_standing(), service.decision.service());
            (is_standing, index, summary::unseen_service(service))
        });
        let services = summary::joined(unseen);
        let upstreams = self.config.upstreams.iter();
        let upstreams = upstreams.map(|name| ObservedUpstream::unknown(name)).collect();
        let seen = summary::all(services, upstreams, false, None);
        self.io.report([ReconcilerReport::Seen(seen)]);
    }

    /// `show protocols`, and what it says about drift and stages.
    async fn look(&mut self, kind: PassKind) -> Result<ProtocolView, PassAbort> {
        let protocols = match kind {
            PassKind::Quick => self.io.urgent.show_protocols().await.map_err(ends_the_pass)?,
            PassKind::Full => {
                let asking = async { self.io.patient.show_protocols().await.map_err(ends_the_pass) };
                self.io.unless_new_intent(asking).await?
            }
        };
        let (view, now) = (ProtocolView::new(&protocols), Instant::now());
        for service in &mut self.services {
            let drift = service.observe(&view, &self.run, now);
            let index = service.decision.service();
            self.io
                .report(drift.map(|text| ReconcilerReport::Drift { service: index, text }));
            self.io.report(service.stages_seen(&view, now));
        }
        Ok(view)
    }

    /// Who undid what had been reached: the message that BIRD shows, where it is not ours (A1, A3). It is
    /// asked before it is put back, because that takes the message away.
    async fn ask_who_undid(&mut self, view: &ProtocolView) -> Result<(), PassAbort> {
        for protocol in self
            .services
            .iter_mut()
            .flat_map(|service| service.take_undone(view))
        {
            let message = match self.io.patient.show_protocol(&protocol.config.name).await {
                Ok(detail) => detail.message.filter(|message| *message != protocol.last_reason),
                Err(error) => only_this_command(error).map(|_| None)?,
            };
            protocol.drift_backoff.undone(message, Instant::now());
        }
        Ok(())
    }

    /// Looks again soon while anything is on its way; once it has arrived, a full look follows, so
    /// that what is shown is what is.
    fn plan_follow_up(&mut self) {
        let now = Instant::now();
        let in_progress = self.services.iter().any(ServiceReconciler::in_progress);
        let looks = match (self.io.wrote, self.follow) {
            (true, _) | (false, None) => 0,
            (false, Some((looks, _))) => looks + 1,
        };
        self.follow = match FOLLOW_MS.get(looks) {
            Some(wait) if self.io.wrote || (in_progress && self.follow.is_some()) => {
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
}

/// tokio's timer rounds up to the next millisecond; what is due is due.
async fn due(at: Instant) {
    if at > Instant::now() {
        sleep_until(at).await;
    }
}

/// BIRD is up and running, and no graceful-restart recovery holds anything back.
fn is_normal(status: &BirdStatus) -> bool {
    status.daemon == DaemonState::Running && !status.graceful_restart_recovery
}

/// BIRD computes its start anew from the wall clock each time, a few microseconds off.
fn without_fraction(at: &str) -> String {
    at.split('.').next().unwrap_or(at).to_owned()
}
