//! What is announced all the time (D14): whether it is, and whether each upstream lets it out.

use ipnet::IpNet;

use super::exports::{FilterResult, filter_result, without_shadow};
use super::facts::ReadinessFacts;
use super::services::pairs;
use crate::config::model::{self, StaticProtocolConfig};
use crate::config::names::shadow;
use crate::model::message::{coded, list};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::{BirdState, StandingSnapshot, StandingState};

/// One check for each thing that is amiss. No takeover depends on it: a warning at most.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    if facts.snapshot.bird.state != BirdState::Up {
        return Vec::new();
    }
    let stand = pairs(facts).filter_map(|(policy, service)| Some((policy, service.standing.as_ref()?)));
    stand
        .flat_map(|(policy, standing)| of_service(facts, policy, standing))
        .collect()
}

fn of_service(
    facts: &ReadinessFacts<'_>,
    policy: &model::ServiceConfig,
    standing: &StandingSnapshot,
) -> Vec<ReadinessCheck> {
    let mut checks: Vec<ReadinessCheck> = not_announced(standing).into_iter().collect();
    for upstream in &policy.upstreams {
        let (mut refused, mut shadowless) = (Vec::new(), Vec::new());
        for (line, prefix) in lines(policy) {
            match filter_result(facts, &standing.exported_to, upstream, line, prefix) {
                None | Some(FilterResult::Passes | FilterResult::Unknown) => {}
                Some(FilterResult::Refused) => refused.push((line, prefix)),
                Some(FilterResult::NoShadow) => shadowless.push(line),
            }
        }
        checks.extend(refusal(upstream, &refused));
        checks.extend(without_shadow(upstream, &shadowless));
    }
    if checks.is_empty() && standing.actual == StandingState::On {
        let prefixes = list(&standing.prefixes);
        let text = coded!(
            "standing_announced",
            "announced all the time: {prefixes}",
            prefixes
        );
        checks.push(ReadinessCheck::ok(ReadinessCode::Standing, text));
    }
    let name = &policy.name;
    checks.into_iter().map(|check| check.service(name)).collect()
}

fn lines(policy: &model::ServiceConfig) -> impl Iterator<Item = (&StaticProtocolConfig, IpNet)> {
    let lines = policy.standing.iter();
    lines.flat_map(|line| line.prefixes.iter().map(move |prefix| (line, *prefix)))
}

/// They are wanted, and BIRD does not have them up.
fn not_announced(standing: &StandingSnapshot) -> Option<ReadinessCheck> {
    if standing.want != StandingState::On || standing.actual == StandingState::On {
        return None;
    }
    let (prefixes, protocols) = (list(&standing.prefixes), list(&standing.protocols));
    let text = coded!(
        "standing_not_announced",
        "{prefixes} should be announced all the time, and BIRD does not have {protocols} up",
        prefixes,
        protocols
    );
    let advice = coded!(
        "see_alarms_and_protocols",
        "see the alarms in `falconer status`, and `birdc show protocols`"
    );
    Some(ReadinessCheck::amiss(
        ReadinessCode::Standing,
        ReadinessLevel::Warning,
        text,
        advice,
    ))
}

fn refusal(upstream: &str, refused: &[(&StaticProtocolConfig, IpNet)]) -> Option<ReadinessCheck> {
    let (first, _) = refused.first()?;
    let prefixes: Vec<IpNet> = refused.iter().map(|(_, prefix)| *prefix).collect();
    let (prefixes, protocol, shadow) = (list(&prefixes), &first.name, shadow(&first.name));
    let text = coded!(
        "standing_refused",
        "{upstream} does not let {prefixes} out, which should be announced all the time: its export filter refuses it",
        upstream,
        prefixes
    );
    let advice = coded!(
        "let_filter_accept",
        "let the filter accept the prefix from {protocol} and {shadow} (docs/attach.md)",
        protocol,
        shadow
    );
    let level = ReadinessLevel::Warning;
    Some(ReadinessCheck::amiss(ReadinessCode::Standing, level, text, advice).subject(upstream))
}
