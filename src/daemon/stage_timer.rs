//! When the static protocols of a service reached each stage of an announcement or a withdrawal.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::bird::reconcile::{StageReport, TransitionStage};
use crate::model::snapshot::StageTimes;

/// The times so far. A stage is reached when the last protocol has reached it.
#[derive(Clone, Debug, Default)]
pub(crate) struct StageTimer {
    protocols: usize,
    reached: BTreeMap<(TransitionStage, String), Timestamp>,
}

impl StageTimer {
    /// For that many static protocols.
    pub(crate) fn new(protocols: usize) -> Self {
        Self {
            protocols,
            reached: BTreeMap::new(),
        }
    }

    /// A protocol reached a stage. True: all have now, and the time of the last stands in `stages`.
    pub(crate) fn reach(&mut self, report: &StageReport, at: Timestamp, stages: &mut StageTimes) -> bool {
        let first_time = self.reached.entry((report.stage, report.protocol.clone()));
        first_time.or_insert(at);
        let of_stage = self
            .reached
            .iter()
            .filter(|((stage, _), _)| *stage == report.stage);
        let all = of_stage.clone().count() >= self.protocols;
        if all {
            *slot(stages, report.stage) = of_stage.map(|(_, at)| *at).max();
        }
        all
    }
}

/// Where the time of a stage is shown.
fn slot(stages: &mut StageTimes, stage: TransitionStage) -> &mut Option<Timestamp> {
    match stage {
        TransitionStage::EnableSent => &mut stages.enable_sent,
        TransitionStage::EnableAnswered => &mut stages.enable_answered,
        TransitionStage::Up => &mut stages.up,
        TransitionStage::Exported => &mut stages.exported,
        TransitionStage::DisableSent => &mut stages.disable_sent,
        TransitionStage::DisableAnswered => &mut stages.disable_answered,
        TransitionStage::Down => &mut stages.down,
        TransitionStage::Gone => &mut stages.gone,
    }
}
