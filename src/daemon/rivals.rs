//! Rivals as the snapshot, its alarms and `falconer explain` show them (A11).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::bird::reconcile::{Observed, ObservedRival, ObservedService, PreferredWay};
use crate::model::message::{CodedText, coded};
use crate::model::snapshot::{FollowedState, FollowedUpstream, RivalRoute};

/// How long an upstream may prefer another way before that is an alarm: the usual hold time of 90 s is over by then,
/// and so is BIRD's default of 240 s.
const ALARM_AFTER: Duration = Duration::from_secs(300);

/// The routes of others that are heard now. `at` is the wall clock's time of the look.
pub(crate) fn shown_rivals(
    seen: &Observed,
    service: &ObservedService,
    at: Timestamp,
) -> Option<Vec<RivalRoute>> {
    let shown = |rival: &ObservedRival| RivalRoute {
        prefix: rival.prefix,
        upstream: rival.session.clone(),
        as_path: rival.as_path.clone(),
        origin_as: rival.origin_as,
        since: Some(wall(seen, rival.since, at)),
    };
    let rivals = service.rivals.as_ref()?;
    Some(rivals.iter().map(shown).collect())
}

/// Which way the upstreams prefer.
pub(crate) fn shown_ways(seen: &Observed, service: &ObservedService, at: Timestamp) -> Vec<FollowedUpstream> {
    let shown = |way: &PreferredWay| FollowedUpstream {
        upstream: way.upstream.clone(),
        state: way.state,
        since: Some(wall(seen, way.since, at)),
    };
    service.ways.iter().map(shown).collect()
}

/// The upstreams that have preferred another way for so long that it is an alarm.
pub(crate) fn unfollowed_too_long(seen: &Observed, service: usize) -> Vec<&str> {
    let ways = seen.services.get(service).map(|service| service.ways.iter());
    let late = ways.into_iter().flatten().filter(|way| {
        way.state == FollowedState::PrefersAnother
            && seen.at.saturating_duration_since(way.since) >= ALARM_AFTER
    });
    late.map(|way| way.upstream.as_str()).collect()
}

/// What such an upstream tells, and what that means.
pub(crate) fn alarm_text(service: &ObservedService, upstream: &str) -> CodedText {
    let mut rivals = service.rivals.iter().flatten();
    let path = rivals.find_map(|rival| rival.as_path.clone().filter(|_| rival.session == upstream));
    let path = path.unwrap_or_default();
    coded!(
        "upstream_prefers_another_way",
        "{upstream} has preferred another way than ours for five minutes (AS path {path}): whoever sends through it does \
         not reach this site. A dead site's route ends with its ISP's hold timer: if it stays, ask the ISP of that path; \
         `falconer ready` says what would win against it (winner)",
        upstream,
        path
    )
}

/// What `falconer explain` adds: who follows, and who else has the prefixes.
pub(crate) fn explained(seen: &Observed, service: &ObservedService) -> Vec<String> {
    let for_so_long = |since: Instant| {
        let age = seen.at.saturating_duration_since(since);
        format!("for {} s", age.as_secs())
    };
    let mut lines = Vec::new();
    for way in &service.ways {
        let (upstream, time) = (&way.upstream, for_so_long(way.since));
        lines.push(match way.state {
            FollowedState::Follows => format!("{upstream} prefers our route, {time} (A11)"),
            FollowedState::PrefersAnother => format!("{upstream} still prefers another way, {time} (A11)"),
            FollowedState::CannotBeHeard => {
                format!("{upstream} cannot be heard: which way it prefers is unknown (A11)")
            }
        });
    }
    match service.rivals.as_deref() {
        None => lines
            .push("rivals: no session can tell of any, so it is unknown whether there are some".to_owned()),
        Some([]) => lines.push("rivals: none is heard".to_owned()),
        Some(rivals) => lines.extend(rivals.iter().map(|rival| {
            let path = rival.as_path.as_deref().unwrap_or("none");
            let time = for_so_long(rival.since);
            format!(
                "rival: {} from {}, AS path {path}, {time}; it informs and decides nothing (D15)",
                rival.prefix, rival.session
            )
        })),
    }
    lines
}

/// The wall clock's time of an instant before a look at BIRD.
fn wall(seen: &Observed, instant: Instant, at: Timestamp) -> Timestamp {
    let before = seen.at.saturating_duration_since(instant);
    at.saturating_sub(SignedDuration::try_from(before).unwrap_or(SignedDuration::MAX))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests;
