//! What the probes of a service say together (D3).

use crate::config::model::{Decides, Quorum, Votes};
use crate::model::snapshot::{ProbeState, Verdict};

/// One probe's say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeVote {
    /// What its rows add up to.
    pub state: ProbeState,
    /// Which verdict it takes part in.
    pub votes: Votes,
    /// Which verdict it settles alone.
    pub decides: Option<Decides>,
}

impl ProbeVote {
    fn votes_down(&self) -> bool {
        matches!(self.votes, Votes::Both | Votes::Down)
    }

    fn votes_up(&self) -> bool {
        matches!(self.votes, Votes::Both | Votes::Up)
    }

    fn decides_down(&self) -> bool {
        self.decides == Some(Decides::Down) && self.state == ProbeState::Down
    }

    fn decides_up(&self) -> bool {
        self.decides == Some(Decides::Up) && self.state == ProbeState::Up
    }
}

/// The verdict. Unknown counts for neither; contradiction is unclear.
pub fn verdict(ballots: &[ProbeVote], down_when: Quorum, up_when: Quorum) -> Verdict {
    match (
        ballots.iter().any(ProbeVote::decides_down),
        ballots.iter().any(ProbeVote::decides_up),
    ) {
        (true, true) => Verdict::Unclear,
        (true, false) => Verdict::Down,
        (false, true) => Verdict::Up,
        (false, false) => match (sums_down(ballots, down_when), sums_up(ballots, up_when)) {
            (true, false) => Verdict::Down,
            (false, true) => Verdict::Up,
            (true, true) | (false, false) => Verdict::Unclear,
        },
    }
}

/// Which ballots a verdict down stands on (D5): those that decide it, and, where the sums say it
/// too, every one that votes it.
pub fn grounds_for_down(ballots: &[ProbeVote], down_when: Quorum) -> Vec<usize> {
    let summed = sums_down(ballots, down_when);
    let counts = |ballot: &ProbeVote| {
        ballot.decides_down() || (summed && ballot.votes_down() && ballot.state == ProbeState::Down)
    };
    (0..ballots.len()).filter(|&at| counts(&ballots[at])).collect()
}

fn sums_down(ballots: &[ProbeVote], down_when: Quorum) -> bool {
    let voters = ballots.iter().filter(|ballot| ballot.votes_down());
    met(down_when, voters, ProbeState::Down)
}

fn sums_up(ballots: &[ProbeVote], up_when: Quorum) -> bool {
    let voters = ballots.iter().filter(|ballot| ballot.votes_up());
    met(up_when, voters, ProbeState::Up)
}

fn met<'a>(quorum: Quorum, voters: impl Iterator<Item = &'a ProbeVote>, state: ProbeState) -> bool {
    let (mut all, mut agreeing) = (0, 0);
    for voter in voters {
        all += 1;
        agreeing += usize::from(voter.state == state);
    }
    let needed = match quorum {
        Quorum::Any => 1,
        Quorum::All => all.max(1),
        Quorum::AtLeast(number) => number.max(1),
    };
    agreeing >= needed
}

#[cfg(test)]
mod tests;
