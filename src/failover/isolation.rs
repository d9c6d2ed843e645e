//! Whether this site's own view proves anything (D5).

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

#[cfg(test)]
mod tests;
