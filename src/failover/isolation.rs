//! Whether this site's own view proves anything (D5).

use std::collections::VecDeque;
use std::time::Duration;

use crate::health::rows::Blame;
use crate::status::snapshot::ProbeState;
use crate::time::Moment;

/// Whether this site is connected, as its witnesses tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Enough witnesses are up.
    Connected,
    /// Unknown witnesses leave it open.
    Open,
    /// So many are down that `min_up` cannot be met.
    Isolated,
}

impl Isolation {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Open => "open",
            Self::Isolated => "isolated",
        }
    }
}

/// What the witnesses' states say together.
pub fn isolation(witnesses: impl Iterator<Item = ProbeState>, min_up: usize) -> Isolation {
    let (mut up, mut unknown) = (0, 0);
    for state in witnesses {
        match state {
            ProbeState::Up => up += 1,
            ProbeState::Unknown => unknown += 1,
            ProbeState::Down => {}
        }
    }
    if up >= min_up {
        Isolation::Connected
    } else if up + unknown >= min_up {
        Isolation::Open
    } else {
        Isolation::Isolated
    }
}

/// Until when this site is known to have been connected: the latest moment after which at least
/// `min_up` witnesses passed a check begun later. `None`: never. With `min_up` zero nothing needs
/// proof, and nothing is asked.
pub fn connected_until(latest_passes: impl Iterator<Item = Option<Moment>>, min_up: usize) -> Option<Moment> {
    let mut passes: Vec<Moment> = latest_passes.flatten().collect();
    passes.sort_unstable_by(|a, b| b.cmp(a));
    min_up.checked_sub(1).and_then(|last| passes.get(last).copied())
}

/// Passes that are remembered of one witness: at the shortest intervals they still reach back over
/// the longest time-outs, and a proof that has been forgotten is found again within a round.
const PASSES_LIMIT: usize = 1024;

/// When the witnesses passed: what tells the death of a target from the loss of our own uplink.
#[derive(Clone, Debug)]
pub struct Sightings {
    needed: usize,
    /// The starts of the latest checks that passed, by witness, oldest first.
    passes: Vec<VecDeque<Moment>>,
    /// Counts what was recorded, so that whoever waits for a pass knows that there is one.
    version: u64,
    /// The start of the latest check that was missing or failed, by witness, as of its latest pass.
    misses: Vec<Option<Moment>>,
}

impl Sightings {
    /// None yet, of so many witnesses, of which so many must pass.
    pub fn new(witnesses: usize, needed: usize) -> Self {
        Self {
            needed,
            passes: vec![VecDeque::new(); witnesses],
            version: 0,
            misses: vec![None; witnesses],
        }
    }

    /// Another number whenever something was recorded.
    pub(super) fn version(&self) -> u64 {
        self.version
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

    /// A check of a witness that began then failed, or is missing although one begun later passed.
    pub fn record_miss(&mut self, witness: usize, start: Option<Moment>) {
        if let Some(miss) = self.misses.get_mut(witness).filter(|miss| start > **miss) {
            *miss = start;
            self.version += 1;
        }
    }

    /// Takes over what another remembers of a witness.
    pub(super) fn carry(&mut self, to: usize, before: &Self, from: usize) {
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
    /// A witness that missed a check meanwhile says that our uplink was ill: then only a whole row
    /// that follows its pass proves anything.
    pub fn prove(&self, fails: Blame, alone: bool) -> bool {
        let passed = |(passes, miss): &(&VecDeque<Moment>, &Option<Moment>)| {
            let until = match **miss >= Some(fails.first) {
                true => fails.full_row_since,
                false if alone => Some(Moment::new(Duration::MAX)),
                false => Some(fails.last),
            };
            let in_time = until.map_or(0, |until| passes.partition_point(|&pass| pass <= until));
            in_time > 0 && passes[in_time - 1] >= fails.settled
        };
        self.passes.iter().zip(&self.misses).filter(passed).count() >= self.needed
    }
}

#[cfg(test)]
mod tests;
