//! A change of what we want, followed through its stages until BIRD has done it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::bird::steering::{Stage, StageReport};
use crate::failover::{Note, Stance, Strength};
use crate::status::snapshot;
use crate::time::Now;

/// The last transition of one service.
#[derive(Clone, Debug)]
pub(super) struct Following {
    decision: u64,
    shown: snapshot::Transition,
    reached: BTreeMap<(Stage, String), Timestamp>,
    protocols: usize,
    recorded: u64,
}

impl Following {
    /// Starts following a [`Note::Switched`]. `protocols`: how many static protocols have to follow
    /// before a stage counts as reached.
    pub(super) fn begin(now: &Now, note: &Note, decision: u64, protocols: usize) -> Option<Self> {
        let Note::Switched {
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
        let stages = snapshot::Stages {
            first_fail: first_fail.map(|moment| now.wall_at(moment)),
            verdict: Some(now.wall_at(*verdict_since)),
            decided: Some(now.wall),
            ..snapshot::Stages::default()
        };
        let shown = snapshot::Transition {
            from: shown_stance(*from),
            to: shown_stance(*to),
            rule: rule.to_string(),
            reason: reason.clone(),
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
    pub(super) fn reach(&mut self, report: &StageReport, at: Timestamp) -> bool {
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
            Stage::Down
        } else {
            Stage::Exported
        };
        all && report.stage == end
    }

    /// It stands in the history under this number.
    pub(super) fn recorded_as(&mut self, seq: u64) {
        self.recorded = seq;
    }

    /// Its number in the history.
    pub(super) fn recorded(&self) -> u64 {
        self.recorded
    }

    /// As the snapshot shows it.
    pub(super) fn shown(&self) -> &snapshot::Transition {
        &self.shown
    }
}

/// Where the time of a stage is shown.
pub(super) fn slot(stages: &mut snapshot::Stages, stage: Stage) -> &mut Option<Timestamp> {
    match stage {
        Stage::EnableSent => &mut stages.enable_sent,
        Stage::EnableAnswered => &mut stages.enable_answered,
        Stage::Up => &mut stages.up,
        Stage::Exported => &mut stages.exported,
        Stage::DisableSent => &mut stages.disable_sent,
        Stage::DisableAnswered => &mut stages.disable_answered,
        Stage::Down => &mut stages.down,
        Stage::Gone => &mut stages.gone,
    }
}

/// A stance as the snapshot shows it.
pub(super) fn shown_stance(stance: Stance) -> snapshot::Strength {
    shown_strength(stance.strength())
}

/// A strength as the snapshot shows it.
pub(super) fn shown_strength(strength: Option<Strength>) -> snapshot::Strength {
    match strength {
        None => snapshot::Strength::Unknown,
        Some(Strength::Off) => snapshot::Strength::Off,
        Some(Strength::Drain) => snapshot::Strength::Drain,
        Some(Strength::Full) => snapshot::Strength::Full,
    }
}
