//! A change of what we want, followed through its stages until BIRD has done it.

use jiff::Timestamp;

use super::stage_timer::StageTimer;
use crate::bird::reconcile::{StageReport, TransitionStage};
use crate::core::Strength;
use crate::model::history::TransitionEvent;
use crate::model::snapshot;

/// The last transition of one service.
#[derive(Clone, Debug)]
pub(crate) struct TransitionTimer {
    decision: u64,
    shown: snapshot::TransitionSnapshot,
    stages: StageTimer,
    recorded: u64,
}

impl TransitionTimer {
    /// Starts following a transition. `protocols`: how many static protocols have to follow before a stage
    /// counts as reached.
    pub(crate) fn begin(change: &TransitionEvent, decision: u64, protocols: usize) -> Self {
        let shown = snapshot::TransitionSnapshot {
            from: change.from,
            to: change.to,
            rule: change.rule.clone(),
            reason: change.reason.clone(),
            stages: change.stages.clone(),
        };
        Self {
            decision,
            shown,
            stages: StageTimer::new(protocols),
            recorded: 0,
        }
    }

    /// A protocol reached a stage. True: with it the last stage of the transition is reached.
    pub(crate) fn reach(&mut self, report: &StageReport, at: Timestamp) -> bool {
        if report.id != self.decision {
            return false;
        }
        let all = self.stages.reach(report, at, &mut self.shown.stages);
        let end = if self.shown.to == Strength::Off {
            TransitionStage::Down
        } else {
            TransitionStage::Exported
        };
        all && report.stage == end
    }

    /// It stands in the history under this number.
    pub(crate) fn recorded_as(&mut self, seq: u64) {
        self.recorded = seq;
    }

    /// Its number in the history.
    pub(crate) fn recorded(&self) -> u64 {
        self.recorded
    }

    /// As the snapshot shows it.
    pub(crate) fn shown(&self) -> &snapshot::TransitionSnapshot {
        &self.shown
    }
}
