//! The upstreams: are enough sessions established, with a channel of each family, to carry each
//! service out?

use std::collections::BTreeSet;

use super::facts::Facts;
use super::{Check, Code, Level, list};
use crate::bird::answer::{Channel, ProtocolDetail};
use crate::config::model::{self, Family};

/// The state of a channel that carries routes.
const UP: &str = "UP";
/// The state of a session that does.
const ESTABLISHED: &str = "Established";

/// One check an upstream, and one for a family that none of a service's upstreams carries; nothing while
/// BIRD does not say.
pub(super) fn check(facts: &Facts<'_>) -> Vec<Check> {
    if facts.bird.protocols.is_none() {
        return Vec::new();
    }
    let short: Vec<Short<'_>> = facts
        .config
        .services
        .iter()
        .flat_map(|service| shortfalls(facts, service))
        .collect();
    let upstreams = facts.config.upstreams.iter();
    let used = upstreams.filter(|upstream| {
        facts
            .config
            .services
            .iter()
            .any(|service| service.upstreams.contains(&upstream.name))
    });
    let mut checks: Vec<Check> = used
        .map(|upstream| of_upstream(facts, &upstream.name, &short))
        .collect();
    checks.extend(short.iter().filter(|short| short.able == 0).map(Short::nowhere));
    checks
}

/// A service and family that too few sessions would carry.
struct Short<'a> {
    service: &'a model::Service,
    family: Family,
    /// How many of its upstreams have a channel of that family at all, up or not.
    able: usize,
    /// How many would carry it now.
    carrying: usize,
}

impl Short<'_> {
    fn nowhere(&self) -> Check {
        let channel = self.family.channel();
        let text = format!(
            "none of {} has an {channel} channel",
            list(&self.service.upstreams)
        );
        let advice = format!("give one of them `{channel} {{ ... }};` in bird.conf");
        Check::amiss(Code::Upstreams, Level::No, text, advice).service(&self.service.name)
    }
}

fn shortfalls<'a>(facts: &Facts<'_>, service: &'a model::Service) -> Vec<Short<'a>> {
    let families: BTreeSet<Family> = service.prefixes.iter().map(Family::of).collect();
    let short = families.into_iter().map(|family| {
        let sessions = service.upstreams.iter().map(|name| facts.bird.sessions.get(name));
        let able = sessions.clone().filter(|session| {
            // One that is missing might have been the one.
            session.is_none_or(|session| channel(session, family).is_some())
        });
        let carrying = sessions.flatten().filter(|session| {
            is_established(session) && channel(session, family).is_some_and(|channel| channel.state == UP)
        });
        Short {
            service,
            family,
            able: able.count(),
            carrying: carrying.count(),
        }
    });
    short
        .filter(|short| short.carrying < short.service.min_upstreams)
        .collect()
}

/// The channel of a family.
pub(super) fn channel(session: &ProtocolDetail, family: Family) -> Option<&Channel> {
    session
        .channels
        .iter()
        .find(|channel| channel.name == family.channel())
}

fn is_established(session: &ProtocolDetail) -> bool {
    session.bgp.as_ref().is_some_and(|bgp| bgp.state == ESTABLISHED)
}

fn of_upstream(facts: &Facts<'_>, name: &str, short: &[Short<'_>]) -> Check {
    let Some(wrong) = wrong(facts, name) else {
        return Check::ok(Code::Upstreams, "established, its channels up").subject(name);
    };
    let concerned = short
        .iter()
        .filter(|short| short.service.upstreams.iter().any(|other| other == name));
    let services: Vec<&String> = concerned
        .map(|short| &short.service.name)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let (level, text) = if services.is_empty() {
        (
            Level::Warning,
            format!("{wrong}; enough others carry what it carries"),
        )
    } else {
        (
            Level::No,
            format!("{wrong}: too few upstreams would carry {}", list(&services)),
        )
    };
    let advice = match facts.bird.sessions.get(name) {
        None => "upstreams name BGP protocols of bird.conf: `birdc show protocols` lists those that BIRD has"
            .to_owned(),
        Some(_) => format!("see why with `birdc show protocols all {name}`, and at the neighbour"),
    };
    Check::amiss(Code::Upstreams, level, text, advice).subject(name)
}

/// What keeps a session from carrying anything, in words.
fn wrong(facts: &Facts<'_>, name: &str) -> Option<String> {
    let Some(session) = facts.bird.sessions.get(name) else {
        let there = facts
            .bird
            .protocols
            .as_ref()
            .is_some_and(|all| all.contains_key(name));
        return Some(match there {
            true => format!("BIRD did not say how {name} is"),
            false => format!("BIRD has no protocol {name}"),
        });
    };
    let Some(bgp) = &session.bgp else {
        return Some(format!("{name} is of type {}, not BGP", session.protocol.proto));
    };
    if !is_established(session) {
        let error = bgp.last_error.as_deref().map(|error| format!(" ({error})"));
        return Some(format!("{name} is {}{}", bgp.state, error.unwrap_or_default()));
    }
    let down: Vec<String> = session
        .channels
        .iter()
        .filter(|channel| channel.state != UP)
        .map(|channel| format!("{} is {}", channel.name, channel.state))
        .collect();
    (!down.is_empty()).then(|| format!("{name} is established, but its channel {}", down.join(", ")))
}
