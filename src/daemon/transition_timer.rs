//! A change of what we want, followed through its stages until BIRD has done it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::stage_timer::StageTimer;
use crate::bird::reconcile::{StageReport, TransitionStage};
use crate::core::Strength;
use crate::model::history::TransitionEvent;
use crate::model::snapshot;
use crate::model::snapshot::{FollowedState, FollowedUpstream};

/// The last transition of one service.
#[derive(Clone, Debug)]
pub(crate) struct TransitionTimer {
    decision: u64,
    shown: snapshot::TransitionSnapshot,
    stages: StageTimer,
    recorded: u64,
    /// Which way each upstream preferred when it was last told of, and how often that was.
    ways: BTreeMap<String, FollowedState>,
    told: usize,
}

/// How often the history is told of one transition that an upstream changed its way: a route that flaps must not fill
/// the disk.
const WAYS_TOLD: usize = 32;

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
            ways: BTreeMap::new(),
            told: 0,
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

    /// Which way the upstreams prefer now; what of it is new. With the last one that follows, the stage is reached
    /// (A11).
    pub(crate) fn follow(&mut self, ways: &[FollowedUpstream]) -> Vec<FollowedUpstream> {
        let Some(exported) = self
            .shown
            .stages
            .exported
            .filter(|_| self.shown.to == Strength::Full)
        else {
            return Vec::new();
        };
        let known = ways
            .iter()
            .filter(|way| way.state != FollowedState::CannotBeHeard);
        let all_follow = known.clone().all(|way| way.state == FollowedState::Follows);
        if let Some(last) = known.filter_map(|way| way.since).max().filter(|_| all_follow) {
            self.shown.stages.followed.get_or_insert(last.max(exported));
        }
        let mut new = Vec::new();
        for way in ways {
            let before = self.ways.insert(way.upstream.clone(), way.state);
            // Of one that nobody ever heard there is nothing to tell.
            let differs = before.unwrap_or(FollowedState::CannotBeHeard) != way.state;
            if differs && self.told < WAYS_TOLD {
                self.told += 1;
                new.push(way.clone());
            }
        }
        new
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
