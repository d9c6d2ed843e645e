//! Drift: BIRD is not what it was brought to, and it was not us. What changed, what may have done
//! it, and the command that would have stuck. Pure.

use crate::bird::plan::{PairSide, State};
use crate::core::Strength;

use super::service::{FamilyState, ProtocolView, ServiceReconciler};

/// A strength that was reached, and under which BIRD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReachedState {
    pub(crate) strength: Strength,
    pub(crate) boot: BirdRun,
}

/// Which run of BIRD it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BirdRun {
    /// How many times we connected.
    pub(crate) connects: u64,
    /// When BIRD started, as it says, without fractions: it computes that anew every time.
    pub(crate) at: Option<String>,
}

impl BirdRun {
    pub(crate) fn restarted_since(&self, earlier: &Self) -> bool {
        self.connects != earlier.connects && self.at != earlier.at
    }
}

/// What is not as it was brought to be, in words. Nothing while it only moves: BIRD restarts a
/// protocol by itself when its definition changes.
pub(crate) fn told(
    course: &ServiceReconciler,
    settled: &ReachedState,
    view: &ProtocolView,
    boot: &BirdRun,
) -> Option<String> {
    let changes: Vec<(State, &str)> = course
        .legs
        .iter()
        .flat_map(|leg| changes(leg, settled.strength, view))
        .collect();
    let (first, _) = *changes.first()?;
    let seen: Vec<String> = changes.iter().map(|(state, name)| words(*state, name)).collect();
    let missing = first == State::Missing;
    let cause = if missing {
        "BIRD's configuration does not define it any more"
    } else if !boot.restarted_since(&settled.boot) {
        "It was not us: a `birdc enable` or `disable` does that, a `configure undo` or an expired undo timer, and a \
         `configure` where bird.conf does not include the state file"
    } else if first == State::Down {
        "BIRD was restarted, and did not take the state from our file: bird.conf must include it, and BIRD's user \
         must be able to read it"
    } else {
        "BIRD was restarted, and did not come up as it was"
    };
    let mend = if course.order().is_none() {
        "It is left as it is, because the service is frozen"
    } else if missing {
        "It cannot be put back before bird.conf defines it again"
    } else {
        "It is put back"
    };
    let command = if first == State::Up {
        "announce"
    } else {
        "withdraw"
    };
    let (service, strength, seen) = (&course.target.service, settled.strength, seen.join(" and "));
    Some(format!(
        "{service} was at strength {strength}, and now {seen}. {cause}. {mend}. What would have stuck is `falconer \
         {command} {service}`"
    ))
}

/// Which protocols are the opposite of what `strength` means, in words; `None`: none, or they only
/// move.
pub(crate) fn changed(course: &ServiceReconciler, strength: Strength, view: &ProtocolView) -> Option<String> {
    let changed = course.legs.iter().flat_map(|leg| changes(leg, strength, view));
    let seen: Vec<String> = changed.map(|(state, name)| words(state, name)).collect();
    (!seen.is_empty()).then(|| seen.join(" and "))
}

/// The protocols of a family that are the opposite of what `strength` means.
fn changes<'a>(leg: &'a FamilyState, strength: Strength, view: &ProtocolView) -> Vec<(State, &'a str)> {
    if strength == Strength::Drain && leg.drain.is_none() {
        return Vec::new();
    }
    let wanted_up = |slot| match slot {
        PairSide::Full => strength == Strength::Full,
        PairSide::Drain => strength == Strength::Drain,
    };
    [PairSide::Full, PairSide::Drain]
        .into_iter()
        .filter_map(|slot| Some((slot, leg.line(slot)?.protocol.name.as_str())))
        .map(|(slot, name)| (wanted_up(slot), view.state(name), name))
        .filter(|(wanted_up, state, _)| match state {
            State::Up => !wanted_up,
            State::Down | State::Missing => *wanted_up,
            State::Unknown | State::Starting | State::Stopping => false,
        })
        .map(|(_, state, name)| (state, name))
        .collect()
}

fn words(state: State, name: &str) -> String {
    match state {
        State::Missing => format!("BIRD has no {name}"),
        State::Down => format!("{name} is down"),
        State::Up => format!("{name} is up"),
        State::Unknown | State::Starting | State::Stopping => format!("{name} is between two states"),
    }
}
