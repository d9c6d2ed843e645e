//! Whether this site's own view proves anything (D5).

use std::collections::VecDeque;

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
    /// Counts the passes, so that whoever waits for one knows that there is one.
    version: u64,
}

impl Sightings {
    /// None yet, of so many witnesses, of which so many must pass.
    pub fn new(witnesses: usize, needed: usize) -> Self {
        Self {
            needed,
            passes: vec![VecDeque::new(); witnesses],
            version: 0,
        }
    }

    /// Another number whenever a pass was recorded.
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

    /// Takes over what another remembers of a witness.
    pub(super) fn carry(&mut self, to: usize, before: &Self, from: usize) {
        if let (Some(passes), Some(old)) = (self.passes.get_mut(to), before.passes.get(from)) {
            passes.clone_from(old);
        }
    }

    /// Whether enough witnesses passed amid these fails: in a check begun after the first of them,
    /// and not after the last. Without the second half, the end of a cut of our own uplink would
    /// prove that the target died in it: all fails lie before, and the witnesses pass again.
    pub fn amid(&self, fails: Blame) -> bool {
        let passed = |passes: &&VecDeque<Moment>| {
            let not_after = passes.partition_point(|&pass| pass <= fails.last);
            not_after > 0 && passes[not_after - 1] > fails.first
        };
        self.passes.iter().filter(passed).count() >= self.needed
    }
}

#[cfg(test)]
mod tests;
