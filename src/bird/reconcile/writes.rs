//! The writes: whatever differs from what is wanted, service by service and family by family.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::bird::client::BirdError;
use crate::bird::command::fit_reason;
use crate::bird::plan::{PairSide, Step};
use crate::model::snapshot::AlarmCode;

use super::backoff::{RetryCause, SwitchAction};
use super::service::ProtocolView;
use super::task::{PassAbort, ReconcilerTask, only_the_question};
use super::{ReconcilerReport, TransitionStage};

impl ReconcilerTask {
    /// Whatever differs is written, service by service and family by family: one that fails keeps
    /// no other. Wishes that come meanwhile are seen to in the same round: a thousand that come one by
    /// one do not each begin with a look at all protocols. What was written here waits for the next look,
    /// which follows at once.
    pub(crate) async fn steer(&mut self, view: &ProtocolView) -> Result<(), PassAbort> {
        let mut to_do: BTreeSet<usize> = (0..self.courses.len()).collect();
        let mut written = BTreeSet::new();
        let wrote_before = std::mem::take(&mut self.wrote);
        let mut result = Ok(());
        while let Some(service) = to_do.pop_first() {
            if self.has_new_wishes() {
                let new = self.take_wishes().into_iter();
                to_do.extend(new.filter(|service| !written.contains(service)));
            }
            self.wrote = false;
            result = self.steer_service(service, view).await;
            if self.wrote {
                written.insert(service);
            }
            if result.is_err() {
                break;
            }
        }
        self.wrote = wrote_before || !written.is_empty();
        result
    }

    async fn steer_service(&mut self, service: usize, view: &ProtocolView) -> Result<(), PassAbort> {
        for leg in 0..self.courses[service].legs.len() {
            self.round(service, leg, view).await?;
        }
        Ok(())
    }

    /// One family of one service: the plan's questions, its files, its writes.
    async fn round(&mut self, service: usize, leg: usize, view: &ProtocolView) -> Result<(), PassAbort> {
        let course = &self.courses[service];
        let (Some(wanted), Some(lasting)) = (course.order(), course.lasting_order()) else {
            return self.retract(service, leg, view).await;
        };
        let mut pair = self.courses[service].legs[leg].pair(view);
        let steps = loop {
            let steps = pair.steps(wanted);
            match steps.as_slice() {
                [Step::AskGuard(slot)] => {
                    if self.not_due(service, leg, *slot, SwitchAction::Enable) {
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
        self.write_files(service, leg, pair.files(lasting)).await;
        for step in steps {
            match step {
                Step::Enable(slot) => self.write(service, leg, slot, SwitchAction::Enable).await?,
                Step::Disable(slot) => self.write(service, leg, slot, SwitchAction::Disable).await?,
                Step::AskGuard(_) | Step::AskRoutes(_) => {}
            }
        }
        Ok(())
    }

    /// Whether a write has to wait; if so its time is remembered.
    fn not_due(&mut self, service: usize, leg: usize, slot: PairSide, order: SwitchAction) -> bool {
        let next = self.courses[service].not_before(leg, slot, order, Instant::now());
        self.retry = [self.retry, next].into_iter().flatten().min();
        next.is_some()
    }

    /// One `enable` or `disable`.
    pub(crate) async fn write(
        &mut self,
        service: usize,
        leg: usize,
        slot: PairSide,
        order: SwitchAction,
    ) -> Result<(), PassAbort> {
        if self.not_due(service, leg, slot, order) {
            return Ok(());
        }
        let course = &self.courses[service];
        let Some(line) = course.legs[leg].line(slot) else {
            return Ok(());
        };
        let name = line.protocol.name.clone();
        // Its words may have changed since the wish was taken: what is told is why it is so now.
        let latest = self.wishes.borrow().get(service).map(|wish| wish.reason.clone());
        let reason = latest.unwrap_or_else(|| course.wish.reason.clone());
        let (sent, answered) = match order {
            SwitchAction::Enable => (TransitionStage::EnableSent, TransitionStage::EnableAnswered),
            SwitchAction::Disable => (TransitionStage::DisableSent, TransitionStage::DisableAnswered),
        };
        self.stage(service, sent, &name);
        self.wrote = true;
        let answer = match order {
            SwitchAction::Enable => self.urgent.enable(&name, &reason).await,
            SwitchAction::Disable => self.urgent.disable(&name, &reason).await,
        };
        match answer {
            Ok(switch) => {
                self.stage(service, answered, &name);
                let (changed, now) = (order.changed(switch), Instant::now());
                if let Some(line) = self.courses[service].legs[leg].line_mut(slot) {
                    line.attempts.accepted(order, changed, now);
                    line.told = fit_reason(&reason);
                }
                if changed {
                    let mended = self.courses[service].mended(service, leg, slot, order, now);
                    self.outbox.push_all(mended);
                }
                Ok(())
            }
            Err(error) => self.failed(service, leg, slot, order, error),
        }
    }

    /// A write, or a question before it, failed.
    pub(crate) fn failed(
        &mut self,
        service: usize,
        leg: usize,
        slot: PairSide,
        order: SwitchAction,
        error: BirdError,
    ) -> Result<(), PassAbort> {
        let (verb, code) = match order {
            SwitchAction::Enable => ("enabled", AlarmCode::NotExported),
            SwitchAction::Disable => ("disabled", AlarmCode::Drift),
        };
        let name = self.courses[service].legs[leg]
            .line(slot)
            .map(|line| line.protocol.name.clone());
        let text = format!("{} could not be {verb}: {error}", name.unwrap_or_default());
        // Not sent at all: the connection is the trouble, and shows as such.
        if !matches!(error, BirdError::Unreachable { .. } | BirdError::QueueFull) {
            self.trouble(service, leg, slot, order, RetryCause { code, text });
        }
        only_the_question(error).map(|_| ())
    }

    /// A write failed or is forbidden: it is tried again, and reported once.
    pub(crate) fn trouble(
        &mut self,
        service: usize,
        leg: usize,
        slot: PairSide,
        order: SwitchAction,
        trouble: RetryCause,
    ) {
        let now = Instant::now();
        let Some(line) = self.courses[service].legs[leg].line_mut(slot) else {
            return;
        };
        let text = trouble.text.clone();
        let new = line.attempts.failed(order, trouble, now);
        let next = line.attempts.not_before(order, now);
        self.retry = [self.retry, next].into_iter().flatten().min();
        if new {
            self.outbox.push(ReconcilerReport::Failed { service, text });
        }
    }

    pub(crate) fn stage(&mut self, service: usize, stage: TransitionStage, protocol: &str) {
        let report = self.courses[service].stage(service, stage, protocol, Instant::now());
        self.outbox.push_all(report.map(ReconcilerReport::Stage));
    }
}
