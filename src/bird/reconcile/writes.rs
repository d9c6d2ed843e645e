//! The writes: whatever differs from what is wanted, service by service and family by family.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::backoff::RetryCause;
use super::decision::DecisionState;
use super::export_queries::AllReplies;
use super::family::{FamilyState, StaticProtocol};
use super::io::{PassAbort, ReconcilerIo, only_this_command};
use super::re_enable;
use super::report::{ReconcilerReport, TransitionStage};
use super::service::ServiceReconciler;
use super::view::ProtocolView;
use crate::bird::client::BirdError;
use crate::bird::command::fit_reason;
use crate::bird::plan::{PairSide, StateFileValue, Step, SwitchAction};

/// Takes over the latest intents; the services that have another one now.
pub(crate) fn update_intents(services: &mut [ServiceReconciler], io: &mut ReconcilerIo) -> Vec<usize> {
    // Borrowed for the comparison alone: a copy that somebody holds would have to be made anew by
    // whoever changes one of a thousand intents.
    let intents = io.intents.borrow_and_update();
    let mut changed = Vec::new();
    for (index, service) in services.iter_mut().enumerate() {
        let Some(intent) = intents.get(service.decision.service()) else {
            continue;
        };
        if service.decision.differs(intent) {
            let intent = service.decision.part_of(intent);
            service.decision.update(&intent);
            changed.push(index);
        }
    }
    changed
}

/// Whatever differs is written: one service that fails keeps no other. Intents that come meanwhile are
/// seen to in the same round: a thousand that come one by one do not each begin with a look at all
/// protocols. What was written here waits for the next look, which follows at once.
pub(crate) async fn reconcile(
    services: &mut [ServiceReconciler],
    view: &ProtocolView,
    io: &mut ReconcilerIo,
) -> Result<(), PassAbort> {
    let mut to_do: BTreeSet<usize> = (0..services.len()).collect();
    let mut written = BTreeSet::new();
    let wrote_before = std::mem::take(&mut io.wrote);
    let mut result = Ok(());
    while let Some(index) = to_do.pop_first() {
        if io.has_new_intents() {
            let new = update_intents(services, io).into_iter();
            to_do.extend(new.filter(|index| !written.contains(index)));
        }
        io.wrote = false;
        result = reconcile_service(&mut services[index], view, io).await;
        if io.wrote {
            written.insert(index);
        }
        if result.is_err() {
            break;
        }
    }
    io.wrote = wrote_before || !written.is_empty();
    result
}

async fn reconcile_service(
    service: &mut ServiceReconciler,
    view: &ProtocolView,
    io: &mut ReconcilerIo,
) -> Result<(), PassAbort> {
    for family in &mut service.families {
        family.reconcile(&mut service.decision, view, io).await?;
    }
    Ok(())
}

/// BIRD is not there: the state files are all that can be done, for a BIRD that starts (A6).
pub(crate) async fn write_state_files(services: &mut [ServiceReconciler], io: &mut ReconcilerIo) {
    let view = ProtocolView::default();
    for service in services {
        let Some(wanted) = service.decision.wanted_in_files() else {
            continue;
        };
        for family in &mut service.families {
            let files = family.pair(&view).files(wanted);
            family.write_state_files(files, io).await;
        }
    }
}

/// What is enabled and reaches nobody is disabled and enabled again, now and then (A5).
pub(crate) async fn re_enable_unreached(
    services: &mut [ServiceReconciler],
    view: &ProtocolView,
    replies: &AllReplies,
    io: &mut ReconcilerIo,
) -> Result<(), PassAbort> {
    let now = Instant::now();
    for service in services {
        let replies = replies.of(service);
        for family in &mut service.families {
            let side = family.alone_up(&service.decision, view).filter(|side| {
                family.get(*side).is_some_and(|protocol| {
                    re_enable::reaches_nobody(&service.target, &protocol.config, &io.upstreams, replies)
                })
            });
            let Some(side) = side else {
                family.re_enable.reset();
                continue;
            };
            if family.re_enable.is_due(now)
                && let Some(protocol) = family.get_mut(side)
            {
                io.yield_to_intents()?;
                // What follows is our own doing, and no drift.
                service.decision.reached = None;
                protocol
                    .switch(&mut service.decision, SwitchAction::Disable, io)
                    .await?;
                protocol
                    .switch(&mut service.decision, SwitchAction::Enable, io)
                    .await?;
            }
        }
    }
    Ok(())
}

impl FamilyState {
    /// One family of one service: the plan's questions, its files, its writes.
    async fn reconcile(
        &mut self,
        decision: &mut DecisionState,
        view: &ProtocolView,
        io: &mut ReconcilerIo,
    ) -> Result<(), PassAbort> {
        let (Some(wanted), Some(in_files)) = (decision.wanted(), decision.wanted_in_files()) else {
            return self.retract_drill(decision, view, io).await;
        };
        let mut pair = self.pair(view);
        let steps = loop {
            let steps = pair.steps(wanted);
            let [Step::AskGuard(side) | Step::AskRoutes(side)] = steps[..] else {
                break steps;
            };
            let (Some(protocol), Some(known)) = (self.get_mut(side), pair.get_mut(side)) else {
                break Vec::new();
            };
            if steps == [Step::AskRoutes(side)] {
                known.routed = Some(protocol.has_all_routes(io).await?);
                continue;
            }
            if protocol.must_wait(decision, SwitchAction::Enable, io) {
                break Vec::new();
            }
            match protocol.ask_guard(io).await {
                Ok(verdict) => {
                    known.fits = Some(verdict.is_ok());
                    if let Err(cause) = verdict {
                        protocol.retry_later(decision, SwitchAction::Enable, cause, io);
                    }
                }
                Err(error) => {
                    protocol.failed(decision, SwitchAction::Enable, error, io)?;
                    break Vec::new();
                }
            }
        };
        // Before the writes: a BIRD that restarts in between must come up as it is wanted (A6).
        self.write_state_files(pair.files(in_files), io).await;
        for step in steps {
            if let Step::Switch(side, action) = step
                && let Some(protocol) = self.get_mut(side)
            {
                protocol.switch(decision, action, io).await?;
            }
        }
        Ok(())
    }

    /// The state files of one family; what fails shows, and stops nothing (A6).
    async fn write_state_files(&mut self, files: [Option<StateFileValue>; 2], io: &mut ReconcilerIo) {
        let mut failed = None;
        for (side, value) in [PairSide::Full, PairSide::Drain].into_iter().zip(files) {
            if let (Some(protocol), Some(value)) = (self.get(side), value)
                && let Err(error) = io.files.write(&protocol.config.name, value).await
            {
                failed = Some(error);
            }
        }
        self.file_error = failed;
    }

    /// Nothing is settled yet, and a drill was left behind: what it announced is silenced, before
    /// what BIRD announces is adopted (D10).
    async fn retract_drill(
        &mut self,
        decision: &mut DecisionState,
        view: &ProtocolView,
        io: &mut ReconcilerIo,
    ) -> Result<(), PassAbort> {
        let side = decision.ending_side().filter(|side| {
            decision.intent.strength.is_none() && self.pair(view).disable_step(*side).is_some()
        });
        let Some(protocol) = side.and_then(|side| self.get_mut(side)) else {
            return Ok(());
        };
        match io.files.is_enabled(&protocol.config.name).await {
            // A takeover came in the middle of the drill, and then our end.
            Some(true) => {
                decision.in_earnest.push(protocol.config.name.clone());
                Ok(())
            }
            Some(false) => protocol.switch(decision, SwitchAction::Disable, io).await,
            // What may be announced in earnest is not silenced on a guess; the next look asks again.
            None => Ok(()),
        }
    }
}

impl StaticProtocol {
    /// Whether a write has to wait; if so its time is remembered.
    fn must_wait(&self, decision: &DecisionState, action: SwitchAction, io: &mut ReconcilerIo) -> bool {
        let next = self.not_before(decision, action, Instant::now());
        io.retry_at(next);
        next.is_some()
    }

    /// One `enable` or `disable`.
    async fn switch(
        &mut self,
        decision: &mut DecisionState,
        action: SwitchAction,
        io: &mut ReconcilerIo,
    ) -> Result<(), PassAbort> {
        if self.must_wait(decision, action, io) {
            return Ok(());
        }
        let name = &self.config.name;
        // The reason may have changed since the intent was taken over: BIRD is given why it is so now.
        let latest = io
            .intents
            .borrow()
            .get(decision.service())
            .map(|intent| decision.part_of(intent).reason);
        let reason = latest.unwrap_or_else(|| decision.intent.reason.clone());
        let (sent, answered) = match action {
            SwitchAction::Enable => (TransitionStage::EnableSent, TransitionStage::EnableAnswered),
            SwitchAction::Disable => (TransitionStage::DisableSent, TransitionStage::DisableAnswered),
        };
        io.report_stage(decision, sent, name);
        io.wrote = true;
        let answer = match action {
            SwitchAction::Enable => io.urgent.enable(name, &reason).await,
            SwitchAction::Disable => io.urgent.disable(name, &reason).await,
        };
        let reply = match answer {
            Ok(reply) => reply,
            Err(error) => return self.failed(decision, action, error, io),
        };
        io.report_stage(decision, answered, name);
        let (changed, now) = (action.changed(reply), Instant::now());
        self.backoff.accepted(action, changed, now);
        self.last_reason = fit_reason(&reason);
        if changed && let Some(undone) = decision.undone {
            io.report([ReconcilerReport::Mended {
                service: decision.service(),
                protocol: self.config.name.clone(),
                enabled: action == SwitchAction::Enable,
                // After a restart of BIRD nobody undid it, so that it does not count.
                repeated: (!undone.restarted).then(|| self.drift_backoff.record_put_back(now)),
            }]);
        }
        Ok(())
    }

    /// A write, or a question before it, failed.
    fn failed(
        &mut self,
        decision: &DecisionState,
        action: SwitchAction,
        error: BirdError,
        io: &mut ReconcilerIo,
    ) -> Result<(), PassAbort> {
        // Not sent at all: the connection is the trouble, and shows as such.
        if !matches!(error, BirdError::Unreachable { .. } | BirdError::QueueFull) {
            let cause = RetryCause::failed(action, &self.config.name, &error);
            self.retry_later(decision, action, cause, io);
        }
        only_this_command(error).map(|_| ())
    }

    /// A write failed or is forbidden: it is tried again, and reported once.
    fn retry_later(
        &mut self,
        decision: &DecisionState,
        action: SwitchAction,
        cause: RetryCause,
        io: &mut ReconcilerIo,
    ) {
        let now = Instant::now();
        let text = cause.text.clone();
        let is_new = self.backoff.failed(action, cause, now);
        io.retry_at(self.backoff.not_before(action, now));
        if is_new {
            io.report([decision.failure(text)]);
        }
    }
}
