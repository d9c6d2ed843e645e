//! Whether this site's own view proves anything (D5).

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::model::{self, MinUp, OnCutOff};
use crate::core::health::ProbeTracker;
use crate::core::streak::FailureSpan;
use crate::model::snapshot::{Isolation, ProbeState};
use crate::model::time::Moment;

/// Whether a group meets what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GroupStanding {
    Met,
    Open,
    Lost,
}

/// What the witnesses' states say together.
pub fn isolation(witnesses: impl Iterator<Item = (model::Group, ProbeState)>, min_up: MinUp) -> Isolation {
    let witnesses: Vec<_> = witnesses.collect();
    let meets = |of: Option<model::Group>, needed: usize| {
        let members = witnesses
            .iter()
            .filter(|(group, _)| of.is_none_or(|of| of == *group));
        standing(members.map(|(_, state)| *state), needed)
    };
    let all = meets(None, min_up.all);
    let near = meets(Some(model::Group::Near), min_up.near);
    let far = meets(Some(model::Group::Far), min_up.far);
    match (all, near, far) {
        (GroupStanding::Lost, _, _) | (_, GroupStanding::Lost, _) => Isolation::Isolated,
        // Without a near witness that is asked for, nothing says that this site itself is connected.
        (_, _, GroupStanding::Lost) if min_up.near == 0 => Isolation::Isolated,
        (GroupStanding::Open, _, _) | (_, GroupStanding::Open, _) | (_, _, GroupStanding::Open) => {
            Isolation::Open
        }
        (GroupStanding::Met, GroupStanding::Met, GroupStanding::Lost) => Isolation::CutOff,
        (GroupStanding::Met, GroupStanding::Met, GroupStanding::Met) => Isolation::Connected,
    }
}

fn standing(members: impl Iterator<Item = ProbeState>, needed: usize) -> GroupStanding {
    let (mut up, mut unknown) = (0, 0);
    for state in members {
        match state {
            ProbeState::Up => up += 1,
            ProbeState::Unknown => unknown += 1,
            ProbeState::Down => {}
        }
    }
    if up >= needed {
        GroupStanding::Met
    } else if up + unknown >= needed {
        GroupStanding::Open
    } else {
        GroupStanding::Lost
    }
}

/// Until when this site is known to have been connected: the latest moment after which enough
/// witnesses passed a check begun later, of each group. `None`: never. Where none is needed nothing
/// needs proof, and nothing is asked.
pub fn connected_until(
    latest_passes: impl Iterator<Item = (model::Group, Option<Moment>)>,
    min_up: MinUp,
) -> Option<Moment> {
    let passes: Vec<_> = latest_passes
        .filter_map(|(group, pass)| Some((group, pass?)))
        .collect();
    let until = |of: Option<model::Group>, needed: usize| {
        let members = passes
            .iter()
            .filter(|(group, _)| of.is_none_or(|of| of == *group));
        let mut passes: Vec<Moment> = members.map(|(_, pass)| *pass).collect();
        passes.sort_unstable_by(|a, b| b.cmp(a));
        Some(passes.get(needed.checked_sub(1)?).copied())
    };
    let groups = [
        until(None, min_up.all),
        until(Some(model::Group::Near), min_up.near),
        until(Some(model::Group::Far), min_up.far),
    ];
    groups.into_iter().flatten().min()?
}

/// Passes that are remembered of one witness: at the shortest intervals they still reach back over
/// the longest time-outs, and a proof that has been forgotten is found again within a round.
const PASSES_LIMIT: usize = 1024;

/// When the witnesses passed: what tells the death of a target from the loss of our own uplink.
#[derive(Clone, Debug)]
pub struct WitnessPasses {
    needed: MinUp,
    groups: Vec<model::Group>,
    /// The starts of the latest checks that passed, by witness, oldest first.
    passes: Vec<VecDeque<Moment>>,
    /// Counts what was recorded, so that whoever waits for a pass knows that there is one.
    version: u64,
    /// Counts the misses among them: they may take a proof away again.
    missed: u64,
    /// The start of the latest check that was missing or failed, by witness, as of its latest pass.
    misses: Vec<Option<Moment>>,
}

impl WitnessPasses {
    /// None yet, of witnesses of these groups, of which so many must pass.
    pub fn new(groups: Vec<model::Group>, needed: MinUp) -> Self {
        Self {
            needed,
            passes: vec![VecDeque::new(); groups.len()],
            version: 0,
            missed: 0,
            misses: vec![None; groups.len()],
            groups,
        }
    }

    /// Another number whenever something was recorded.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Another number whenever a witness missed a check: then what was proven may be so no more.
    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }

    /// A witness passed a check that began then.
    pub fn record(&mut self, witness: usize, start: Moment) {
        let Some(passes) = self.passes.get_mut(witness) else {
            return;
        };
        if passes.back().is_some_and(|&latest| start <= latest) {
            return;
        }
        if passes.len() >= PASSES_LIMIT {
            passes.pop_front();
        }
        passes.push_back(start);
        self.version += 1;
    }

    /// A check of a witness that began then failed or could not be made, or is missing although one begun
    /// later passed.
    pub fn record_miss(&mut self, witness: usize, start: Option<Moment>) {
        if let Some(miss) = self.misses.get_mut(witness).filter(|miss| start > **miss) {
            *miss = start;
            self.version += 1;
            self.missed += 1;
        }
    }

    /// Takes over what another remembers of a witness.
    pub(crate) fn carry(&mut self, to: usize, before: &Self, from: usize) {
        if let (Some(passes), Some(old)) = (self.passes.get_mut(to), before.passes.get(from)) {
            passes.clone_from(old);
        }
        self.record_miss(to, before.misses.get(from).copied().flatten());
    }

    /// Whether enough witnesses passed in time to tell these fails from a cut of our own uplink: in a
    /// check begun when the first of them should have been answered already, so that an answer lost in
    /// a cut means that the pass came after the cut; and not after the last, which has then failed
    /// outside of the cut. `alone`: a single fail makes the probe down, and none has to follow.
    ///
    /// When it should have been answered is known from earlier answers only, and this one may have taken
    /// longer than any of them: so they must have passed a check, too, begun when the first had failed.
    /// A cut that began while it was out, and lasts, does not let them.
    ///
    /// A witness that missed a check meanwhile says that our uplink was ill: then only a whole row
    /// that follows its next pass proves anything.
    pub fn prove(&self, fails: FailureSpan, alone: bool) -> bool {
        let passed = |witness: usize| {
            let (passes, miss) = (&self.passes[witness], self.misses[witness]);
            let missed = miss.filter(|&miss| miss >= fails.first);
            let until = match missed {
                Some(_) => fails.full_row_since,
                None if alone => Some(Moment::new(Duration::MAX)),
                None => Some(fails.last),
            };
            let in_time = until.map_or(0, |until| passes.partition_point(|&pass| pass <= until));
            let proof = in_time.checked_sub(1).map(|at| passes[at]);
            let since = passes.back().copied();
            proof.is_some_and(|pass| pass >= fails.settled)
                && (missed.is_none() || proof > missed)
                && fails.ended.is_some_and(|ended| since >= Some(ended))
        };
        let enough = |of: Option<model::Group>, needed: usize| {
            let members = (0..self.groups.len()).filter(|&at| of.is_none_or(|of| of == self.groups[at]));
            needed == 0 || members.filter(|&witness| passed(witness)).count() >= needed
        };
        enough(None, self.needed.all)
            && enough(Some(model::Group::Near), self.needed.near)
            && enough(Some(model::Group::Far), self.needed.far)
    }
}

/// This site was connected, and is not known to be since: isolated, or with too few witnesses that can
/// be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsolationEpisode {
    /// Until when it was known to be connected.
    pub(crate) connected_until: Option<Moment>,
}

/// The witnesses' groups and states.
pub(crate) fn witness_states<'a>(
    policies: &'a [model::ProbeConfig],
    witnesses: &'a [ProbeTracker],
) -> impl Iterator<Item = (model::Group, ProbeState)> + 'a {
    let witnesses = policies.iter().zip(witnesses);
    witnesses.map(|(policy, witness)| (policy.group, witness.state()))
}

/// Whose passes a takeover needs: where it goes ahead although the far witnesses are lost, not theirs.
pub(crate) fn needed_for_takeover(isolation: &model::IsolationConfig) -> MinUp {
    match isolation.on_cut_off {
        OnCutOff::Hold => isolation.min_up,
        OnCutOff::Takeover if isolation.min_up.near > 0 => MinUp {
            far: 0,
            ..isolation.min_up
        },
        OnCutOff::Takeover => isolation.min_up,
    }
}

#[cfg(test)]
mod tests;
