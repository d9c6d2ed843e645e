//! A change of what we want, followed through its stages until BIRD has done it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::bird::reconcile::{StageReport, TransitionStage};
use crate::core::{CoreEvent, Stance, Strength};
use crate::model::snapshot;
use crate::model::time::Now;

/// The last transition of one service.
#[derive(Clone, Debug)]
pub(crate) struct TransitionTimer {
    decision: u64,
    shown: snapshot::TransitionSnapshot,
    reached: BTreeMap<(TransitionStage, String), Timestamp>,
    protocols: usize,
    recorded: u64,
}

impl TransitionTimer {
    /// Starts following a [`CoreEvent::Switched`]. `protocols`: how many static protocols have to follow
    /// before a stage counts as reached.
    pub(crate) fn begin(now: &Now, note: &CoreEvent, decision: u64, protocols: usize) -> Option<Self> {
        let CoreEvent::Switched {
            from,
            to,
            rule,
            reason,
            first_fail,
            verdict_since,
            ..
        } = note
        else {
            return None;
        };
        let stages = snapshot::StageTimes {
            first_fail: first_fail.map(|moment| now.wall_at(moment)),
            verdict: Some(now.wall_at(*verdict_since)),
            decided: Some(now.wall),
            ..snapshot::StageTimes::default()
        };
        let shown = snapshot::TransitionSnapshot {
            from: shown_stance(*from),
            to: shown_stance(*to),
            rule: rule.to_string(),
            reason: reason.text.clone(),
            stages,
        };
        Some(Self {
            decision,
            shown,
            reached: BTreeMap::new(),
            protocols,
            recorded: 0,
        })
    }

    /// A protocol reached a stage. True: with it the last stage of the transition is reached.
    pub(crate) fn reach(&mut self, report: &StageReport, at: Timestamp) -> bool {
        if report.id != self.decision {
            return false;
        }
        self.reached
            .entry((report.stage, report.protocol.clone()))
            .or_insert(at);
        let of_stage = self
            .reached
            .iter()
            .filter(|((stage, _), _)| *stage == report.stage);
        let all = of_stage.clone().count() >= self.protocols;
        let last = of_stage.map(|(_, at)| *at).max();
        if all {
            *slot(&mut self.shown.stages, report.stage) = last;
        }
        let end = if self.shown.to == snapshot::Strength::Off {
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

/// Where the time of a stage is shown.
pub(crate) fn slot(stages: &mut snapshot::StageTimes, stage: TransitionStage) -> &mut Option<Timestamp> {
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

/// A stance as the snapshot shows it.
pub(crate) fn shown_stance(stance: Stance) -> snapshot::Strength {
    shown_strength(stance.strength())
}

/// A strength as the snapshot shows it.
pub(crate) fn shown_strength(strength: Option<Strength>) -> snapshot::Strength {
    match strength {
        None => snapshot::Strength::Unknown,
        Some(Strength::Off) => snapshot::Strength::Off,
        Some(Strength::Drain) => snapshot::Strength::Drain,
        Some(Strength::Full) => snapshot::Strength::Full,
    }
}
