//! The way of the real route: would it stand, be the best of its table, and reach the sessions? The rehearsal
//! of the export filters proves none of that; steering looks at it (`obstacles` of the snapshot).

use super::facts::Facts;
use super::services::pairs;
use super::{Check, Code, Level};
use crate::status::snapshot::{BirdState, Obstacle, Service, Strength};

/// One check for each obstacle; nothing of what is announced, where steering sees what is carried.
pub(super) fn check(facts: &Facts<'_>) -> Vec<Check> {
    if facts.snapshot.bird.state != BirdState::Up {
        return Vec::new();
    }
    let silent = pairs(facts).filter(|(_, service)| service.actual == Strength::Off);
    silent.flat_map(|(_, service)| of_service(service)).collect()
}

fn of_service(service: &Service) -> Vec<Check> {
    let checks = match service.obstacles.as_deref() {
        None => vec![Check::amiss(
            Code::Route,
            Level::Warning,
            "not everything was looked at yet: where its routes would stand, and what else has the prefixes",
            "ask again in a few seconds; where it stays so, see `falconer status` and the checks of its protocols",
        )],
        Some([]) => vec![Check::ok(
            Code::Route,
            "nothing that BIRD shows would stand before its routes on their way to the upstreams",
        )],
        Some(obstacles) => obstacles.iter().map(amiss).collect(),
    };
    checks
        .into_iter()
        .map(|check| check.service(&service.name))
        .collect()
}

fn amiss(obstacle: &Obstacle) -> Check {
    let level = if obstacle.certain {
        Level::No
    } else {
        Level::Warning
    };
    let Obstacle {
        protocol,
        text,
        advice,
        ..
    } = obstacle;
    Check::amiss(Code::Route, level, text.as_str(), advice.as_str()).subject(protocol)
}
