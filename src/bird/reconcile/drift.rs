//! Drift: BIRD is not what it was brought to, and it was not us. What changed, what may have done
//! it, and the command that would have stuck. Pure.

use super::decision::{BirdRun, ReachedState};
use super::family::FamilyState;
use super::view::ProtocolView;
use crate::bird::parse::ProtocolState;
use crate::bird::plan::PairSide;
use crate::core::Strength;

/// What is not as it was brought to be, in words. Nothing while it only moves: BIRD restarts a
/// protocol by itself when its definition changes.
pub(crate) fn describe(
    (service, is_standing): (&str, bool),
    families: &[FamilyState],
    reached: &ReachedState,
    is_frozen: bool,
    view: &ProtocolView,
    run: &BirdRun,
) -> Option<String> {
    let changes: Vec<(ProtocolState, &str)> = families
        .iter()
        .flat_map(|family| changes(family, reached.strength, view))
        .collect();
    let (first, _) = *changes.first()?;
    let seen: Vec<String> = changes.iter().map(|(state, name)| words(*state, name)).collect();
    let missing = first == ProtocolState::Missing;
    let cause = if missing {
        "BIRD's configuration does not define it any more"
    } else if !run.restarted_since(&reached.run) {
        "It was not us: a `birdc enable` or `disable` does that, a `configure undo` or an expired undo timer, and a \
         `configure` where bird.conf does not include the state file"
    } else if first == ProtocolState::Down {
        "BIRD was restarted, and did not take the state from our file: bird.conf must include it, and BIRD's user \
         must be able to read it"
    } else {
        "BIRD was restarted, and did not come up as it was"
    };
    let remedy = if is_frozen {
        "It is left as it is, because the service is frozen"
    } else if missing {
        "It cannot be put back before bird.conf defines it again"
    } else {
        "It is put back"
    };
    let command = match (first, is_standing) {
        (ProtocolState::Up, false) => "announce",
        (ProtocolState::Up, true) => "auto",
        (
            ProtocolState::Unknown
            | ProtocolState::Missing
            | ProtocolState::Down
            | ProtocolState::Starting
            | ProtocolState::Stopping,
            _,
        ) => "withdraw",
    };
    let was = match (is_standing, reached.strength) {
        (false, strength) => format!("{service} was at strength {strength}"),
        (true, Strength::Off) => format!("the standing announcement of {service} was off"),
        (true, Strength::Drain | Strength::Full) => format!("the standing announcement of {service} was on"),
    };
    let seen = seen.join(" and ");
    Some(format!(
        "{was}, and now {seen}. {cause}. {remedy}. What would have stuck is `falconer \
         {command} {service}`"
    ))
}

/// Which protocols are the opposite of what `strength` means, in words; `None`: none, or they only
/// move.
pub(crate) fn changed(families: &[FamilyState], strength: Strength, view: &ProtocolView) -> Option<String> {
    let changed = families.iter().flat_map(|family| changes(family, strength, view));
    let seen: Vec<String> = changed.map(|(state, name)| words(state, name)).collect();
    (!seen.is_empty()).then(|| seen.join(" and "))
}

/// The protocols of a family that are the opposite of what `strength` means.
fn changes<'a>(
    family: &'a FamilyState,
    strength: Strength,
    view: &ProtocolView,
) -> Vec<(ProtocolState, &'a str)> {
    if strength == Strength::Drain && family.drain.is_none() {
        return Vec::new();
    }
    let wanted_up = |side| match side {
        PairSide::Full => strength == Strength::Full,
        PairSide::Drain => strength == Strength::Drain,
    };
    [PairSide::Full, PairSide::Drain]
        .into_iter()
        .filter_map(|side| Some((side, family.get(side)?.config.name.as_str())))
        .map(|(side, name)| (wanted_up(side), view.state(name), name))
        .filter(|(wanted_up, state, _)| match state {
            ProtocolState::Up => !wanted_up,
            ProtocolState::Down | ProtocolState::Missing => *wanted_up,
            ProtocolState::Unknown | ProtocolState::Starting | ProtocolState::Stopping => false,
        })
        .map(|(_, state, name)| (state, name))
        .collect()
}

fn words(state: ProtocolState, name: &str) -> String {
    match state {
        ProtocolState::Missing => format!("BIRD has no {name}"),
        ProtocolState::Down => format!("{name} is down"),
        ProtocolState::Up => format!("{name} is up"),
        ProtocolState::Unknown | ProtocolState::Starting | ProtocolState::Stopping => {
            format!("{name} is between two states")
        }
    }
}
