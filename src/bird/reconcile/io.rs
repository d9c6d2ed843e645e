//! What a pass reaches BIRD, the state files and the daemon with, and what ends it early.

use std::future::Future;

use tokio::sync::watch;
use tokio::time::Instant;

use super::decision::DecisionState;
use super::observation::ObservedUpstream;
use super::report::{ReconcilerReport, ReportSender, TransitionStage};
use super::state_files::StateFiles;
use super::target::Intents;
use crate::bird::client::{BirdClient, BirdError, Priority};
use crate::bird::error::ErrorScope;
use crate::bird::parse::ProtocolDetail;
use crate::metrics::shared::SharedNumber;

/// Why a pass ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PassAbort {
    /// There is a new intent.
    NewIntent,
    /// BIRD is gone, or does not answer.
    BirdLost,
    /// Too many others ask BIRD something right now.
    QueueFull,
}

/// The edges of the reconciler, and what is known of the upstreams.
#[derive(Debug)]
pub(crate) struct ReconcilerIo {
    /// For what a decision needs (A10).
    pub(crate) urgent: BirdClient,
    /// For everything else.
    pub(crate) patient: BirdClient,
    pub(crate) files: StateFiles,
    pub(crate) intents: watch::Receiver<Intents>,
    /// The upstreams' sessions, as the last full pass saw them.
    pub(crate) upstreams: Vec<ObservedUpstream>,
    /// When the first of the writes is due that had to wait.
    pub(crate) retry_at: Option<Instant>,
    /// Something was written in this pass.
    pub(crate) wrote: bool,
    /// Counts that the task works, for whoever watches over it.
    pub(crate) steps: SharedNumber,
    reports: ReportSender,
}

impl ReconcilerIo {
    pub(crate) fn new(
        client: &BirdClient,
        files: StateFiles,
        intents: watch::Receiver<Intents>,
        reports: ReportSender,
    ) -> Self {
        Self {
            urgent: client.at(Priority::Decision),
            patient: client.at(Priority::Poll),
            files,
            intents,
            upstreams: Vec::new(),
            retry_at: None,
            wrote: false,
            steps: SharedNumber::default(),
            reports,
        }
    }

    /// Reports to the daemon, and never waits for it.
    pub(crate) fn report(&self, reports: impl IntoIterator<Item = ReconcilerReport>) {
        reports.into_iter().for_each(|report| self.reports.send(report));
    }

    /// Reports a stage of a decision, unless it was reported already.
    pub(crate) fn report_stage(&self, decision: &mut DecisionState, stage: TransitionStage, protocol: &str) {
        self.report(decision.stage(stage, protocol, Instant::now()));
    }

    /// A write waits until then.
    pub(crate) fn retry_at(&mut self, at: Option<Instant>) {
        self.retry_at = [self.retry_at, at].into_iter().flatten().min();
    }

    /// Whether there are intents that were not taken over yet.
    pub(crate) fn has_new_intents(&self) -> bool {
        self.steps.add(1);
        self.intents.has_changed().unwrap_or(true)
    }

    /// A decision goes first: whoever works through many questions asks here in between (A10).
    pub(crate) fn yield_to_intents(&self) -> Result<(), PassAbort> {
        if self.has_new_intents() {
            Err(PassAbort::NewIntent)
        } else {
            Ok(())
        }
    }

    /// What a question of a poll comes to, unless there is a new intent before that: it does not wait
    /// behind the questions of others (A10). Only for questions; nothing that writes is given up.
    pub(crate) async fn unless_new_intent<T>(
        &self,
        asking: impl Future<Output = Result<T, PassAbort>>,
    ) -> Result<T, PassAbort> {
        let mut intents = self.intents.clone();
        tokio::select! {
            biased;
            _ = intents.changed() => Err(PassAbort::NewIntent),
            answer = asking => answer,
        }
    }

    /// `show protocols all NAME` for a poll, unless there is a new intent before the answer.
    pub(crate) async fn poll_protocol(
        &self,
        name: &str,
    ) -> Result<Result<ProtocolDetail, BirdError>, PassAbort> {
        self.yield_to_intents()?;
        self.unless_new_intent(async { Ok(self.patient.show_protocol(name).await) })
            .await
    }
}

/// Sorts an error: one that ends the pass, or one that concerns only the command and is given back.
pub(crate) fn only_this_command(error: BirdError) -> Result<BirdError, PassAbort> {
    match error.scope() {
        ErrorScope::Connection => Err(PassAbort::BirdLost),
        ErrorScope::Queue => Err(PassAbort::QueueFull),
        ErrorScope::Command => Ok(error),
    }
}

/// For the questions without which there is no pass.
pub(crate) fn ends_the_pass(error: BirdError) -> PassAbort {
    only_this_command(error).map_or_else(|abort| abort, |_| PassAbort::BirdLost)
}
