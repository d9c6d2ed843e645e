//! The way of the real route: would it stand, be the best of its table, and reach the sessions? The rehearsal
//! of the export filters proves none of that; steering looks at it (`obstacles` of the snapshot).

use super::facts::ReadinessFacts;
use super::services::pairs;
use super::upstreams::channel;
use crate::config::model;
use crate::model::message::{coded, list};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::{BirdState, Obstacle, ServiceSnapshot, Strength};

/// One check for each obstacle; nothing of what is announced, where steering sees what is carried.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    if facts.snapshot.bird.state != BirdState::Up {
        return Vec::new();
    }
    let silent = pairs(facts).filter(|(_, service)| service.actual == Strength::Off);
    silent
        .flat_map(|(policy, service)| of_service(facts, policy, service))
        .collect()
}

/// Whether a session stands for a service, so that there was a way to look at.
fn has_way(facts: &ReadinessFacts<'_>, policy: &model::ServiceConfig) -> bool {
    let stands = |name: &String| {
        let mut shown = facts.snapshot.upstreams.iter();
        shown.any(|upstream| upstream.name == *name && upstream.state.is_established())
    };
    let carries = |name: &String| {
        let session = facts.bird.sessions.get(name);
        let mut families = policy.full.iter().map(|line| line.family);
        session.is_none_or(|session| families.any(|family| channel(session, family).is_some()))
    };
    policy.upstreams.iter().any(|name| stands(name) && carries(name))
}

fn of_service(
    facts: &ReadinessFacts<'_>,
    policy: &model::ServiceConfig,
    service: &ServiceSnapshot,
) -> Vec<ReadinessCheck> {
    let checks = match service.obstacles.as_deref() {
        None => vec![ReadinessCheck::amiss(
            ReadinessCode::Route,
            ReadinessLevel::Warning,
            coded!(
                "route_not_checked_yet",
                "not yet checked: where its routes would be, and which other routes have the prefixes"
            ),
            coded!(
                "ask_again_or_see_status",
                "ask again in a few seconds; if it stays like this, see `falconer status` and the checks of its protocols"
            ),
        )],
        Some([]) if !has_way(facts, policy) => {
            let all = list(&policy.upstreams);
            vec![ReadinessCheck::amiss(
                ReadinessCode::Route,
                ReadinessLevel::Warning,
                coded!(
                    "no_way_to_check",
                    "no way to an upstream could be checked: none of {all} is established with a channel of its family",
                    all
                ),
                coded!(
                    "see_sessions",
                    "see why with `birdc show protocols all` of {all}, and at the neighbours",
                    all
                ),
            )]
        }
        Some([]) => vec![ReadinessCheck::ok(
            ReadinessCode::Route,
            coded!(
                "way_is_free",
                "nothing that BIRD shows would block its routes on their way to the upstreams"
            ),
        )],
        Some(obstacles) => obstacles.iter().map(amiss).collect(),
    };
    checks
        .into_iter()
        .map(|check| check.service(&service.name))
        .collect()
}

fn amiss(obstacle: &Obstacle) -> ReadinessCheck {
    let level = if obstacle.certain {
        ReadinessLevel::No
    } else {
        ReadinessLevel::Warning
    };
    let Obstacle {
        protocol,
        text,
        advice,
        ..
    } = obstacle;
    ReadinessCheck::amiss(ReadinessCode::Route, level, text.as_str(), advice.as_str()).subject(protocol)
}
