//! The winner: would a standby's route win where the primary's stays after its death (D14)? From the prefixes, and
//! from the AS path of the primary's route as it is heard now.

use ipnet::IpNet;

use super::facts::ReadinessFacts;
use super::services::pairs;
use crate::config::Config;
use crate::config::model::{Role, ServiceConfig};
use crate::model::message::{CodedText, coded};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::{BirdState, RivalRoute, ServiceSnapshot, Strength};

/// One check for each standby that is silent. Of what is announced `followed` says who prefers it.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    if facts.snapshot.bird.state != BirdState::Up {
        return Vec::new();
    }
    let silent = pairs(facts).filter(|(policy, service)| {
        policy.role == Role::Standby && service.actual == Strength::Off && service.drill.is_none()
    });
    silent
        .map(|(policy, service)| of_service(facts.config, policy, service).service(&service.name))
        .collect()
}

fn of_service(config: &Config, policy: &ServiceConfig, service: &ServiceSnapshot) -> ReadinessCheck {
    let rivals = service.rivals.as_deref().unwrap_or_default();
    // What is told of the primary, where the configuration says nothing.
    let heard = rivals.iter().map(|rival| rival.prefix);
    let primary: Vec<IpNet> = if policy.primary_prefixes.is_empty() {
        heard.collect()
    } else {
        policy.primary_prefixes.clone()
    };
    let is_inside = |ours: &IpNet, of: &IpNet| of.contains(ours) && of.prefix_len() < ours.prefix_len();
    let more_specific = |ours: &IpNet| {
        let inside = primary.iter().any(|of| is_inside(ours, of));
        inside
            && !primary
                .iter()
                .chain(matching(rivals, ours))
                .any(|of| ours.contains(of))
    };
    if let Some(equal) = policy.prefixes.iter().find(|ours| !more_specific(ours)) {
        return not_more_specific(config, policy, service, equal);
    }
    let text = coded!(
        "wins_by_prefix",
        "what a takeover announces is more specific than what the primary announces: it wins everywhere at once"
    );
    ReadinessCheck::ok(ReadinessCode::Winner, text)
}

/// The prefixes of the rivals that a more specific one of ours would not beat.
fn matching<'a>(rivals: &'a [RivalRoute], ours: &IpNet) -> impl Iterator<Item = &'a IpNet> {
    let ours = *ours;
    rivals
        .iter()
        .map(|rival| &rival.prefix)
        .filter(move |prefix| ours.contains(*prefix))
}

fn not_more_specific(
    config: &Config,
    policy: &ServiceConfig,
    service: &ServiceSnapshot,
    prefix: &IpNet,
) -> ReadinessCheck {
    let mut rivals = service.rivals.iter().flatten();
    let heard = rivals.find(|rival| prefix.contains(&rival.prefix));
    let path = heard.and_then(|rival| rival.as_path.as_deref());
    let text = match (&service.rivals, path) {
        (None, _) => coded!(
            "winner_nobody_tells",
            "not provable: no session tells of the primary's route to {prefix}, so it is unknown whether ours would win \
             where it stays after the primary's death",
            prefix
        ),
        (Some(_), None) => coded!(
            "winner_not_heard",
            "not provable: the primary's route to {prefix} is not heard now, so it is unknown whether ours would win \
             where it stays after the primary's death",
            prefix
        ),
        (Some(_), Some(path)) => compared(prefix, origin_hops(path), our_hops(config, policy)),
    };
    let advice = match &service.rivals {
        None => coded!(
            "hear_primary_route",
            "write `import = \"services\"` for an upstream or peer that tells of the primary's route (docs/readiness.md)"
        ),
        Some(_) => coded!(
            "shorten_ghost_or_split",
            "BFD or a short hold time at the primary shortens that; more-specific prefixes in a takeover win everywhere at \
             once (`primary_prefixes`)"
        ),
    };
    // Nothing is wrong with a single /24, and a takeover by it helps whom it can: a warning that cannot be
    // mended would hide the others.
    ReadinessCheck::amiss(ReadinessCode::Winner, ReadinessLevel::Ok, text, advice)
}

/// Which of two routes to one prefix wins, by how often the origin AS stands in each.
fn compared(prefix: &IpNet, theirs: usize, ours: Option<usize>) -> CodedText {
    let Some(ours) = ours else {
        return coded!(
            "winner_own_path_unknown",
            "the primary announces {prefix} as well: in the primary's own ISP its customer's route wins whatever the path \
             length, and how long the path of ours would be is not known here",
            prefix
        );
    };
    match theirs.cmp(&ours) {
        std::cmp::Ordering::Equal => coded!(
            "winner_equal_paths",
            "the primary's route to {prefix} is as long as ours would be: where it stays as a ghost, the older one wins; \
             in the primary's own ISP the customer route wins whatever the path length",
            prefix
        ),
        std::cmp::Ordering::Less => coded!(
            "winner_longer_path",
            "the primary's route to {prefix} is shorter than ours would be (its AS {theirs} times, ours {ours} times): where \
             it stays as a ghost, it wins until it is gone",
            prefix,
            theirs,
            ours
        ),
        std::cmp::Ordering::Greater => coded!(
            "winner_shorter_path",
            "the primary's route to {prefix} is longer than ours would be (its AS {theirs} times, ours {ours} times): ours \
             wins, but not in the primary's own ISP, where the customer route wins whatever the path length",
            prefix,
            theirs,
            ours
        ),
    }
}

/// How often the origin AS stands at the end of a path: once, and once for each of its prepends.
fn origin_hops(path: &str) -> usize {
    let mut hops = path.split_whitespace().rev();
    let origin = hops.next();
    origin.map_or(0, |origin| 1 + hops.take_while(|hop| *hop == origin).count())
}

/// The same of what we would send, over the upstream that prepends least; `None`: the bird.conf is the user's own.
fn our_hops(config: &Config, policy: &ServiceConfig) -> Option<usize> {
    let behind = usize::try_from(policy.rank.saturating_sub(1)).unwrap_or(usize::MAX);
    let upstreams = config.upstreams.iter();
    let through = upstreams.filter(|upstream| policy.upstreams.contains(&upstream.name));
    let prepends = through.filter_map(|upstream| Some(usize::from(upstream.session.as_ref()?.prepend)));
    prepends.min().map(|prepends| 1 + prepends.saturating_add(behind))
}
