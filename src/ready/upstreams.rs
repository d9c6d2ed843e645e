//! The upstreams: are enough sessions established, with a channel of each family, to carry each
//! service out?

use std::collections::BTreeSet;

use super::facts::ReadinessFacts;
use crate::bird::parse::{Channel, ProtocolDetail};
use crate::config::model::{self, Family};
use crate::model::message::{CodedText, coded, list};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};

/// The state of a channel that carries routes.
const UP: &str = "UP";

/// One check an upstream, and one for a family that none of a service's upstreams carries; nothing while
/// BIRD does not say.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    if facts.bird.protocols.is_none() {
        return Vec::new();
    }
    let short: Vec<MissingUpstreams<'_>> = facts
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
    let mut checks: Vec<ReadinessCheck> = used
        .map(|upstream| of_upstream(facts, &upstream.name, &short))
        .collect();
    checks.extend(
        short
            .iter()
            .filter(|short| short.able == 0)
            .map(MissingUpstreams::nowhere),
    );
    checks.extend(
        facts
            .bird
            .sessions
            .iter()
            .filter_map(|(name, session)| keeps_routes(name, session)),
    );
    checks
}

/// The neighbour would keep the routes of a dead router.
fn keeps_routes(name: &str, session: &ProtocolDetail) -> Option<ReadinessCheck> {
    let time = session.bgp.as_ref()?.restart_time?;
    let text = coded!(
        "keeps_dead_routes",
        "{name} asks its neighbour to keep our routes for {time} s after BIRD here died (`graceful restart on`): a dead \
         standby stays announced that long",
        name,
        time
    );
    let advice = coded!(
        "write_graceful_restart_aware",
        "write `graceful restart aware;` for {name} in bird.conf, which only helps the neighbour",
        name
    );
    Some(ReadinessCheck::amiss(ReadinessCode::Upstreams, ReadinessLevel::Warning, text, advice).subject(name))
}

/// A service and family that too few sessions would carry.
struct MissingUpstreams<'a> {
    service: &'a model::ServiceConfig,
    family: Family,
    /// How many of its upstreams have a channel of that family at all, up or not.
    able: usize,
    /// How many would carry it now.
    carrying: usize,
}

impl MissingUpstreams<'_> {
    fn nowhere(&self) -> ReadinessCheck {
        let channel = self.family.channel();
        let all = list(&self.service.upstreams);
        let text = coded!(
            "no_upstream_has_channel",
            "none of {all} has an {channel} channel",
            all,
            channel
        );
        let advice = coded!(
            "add_channel",
            "give one of them `{channel} {{ ... }};` in bird.conf",
            channel
        );
        ReadinessCheck::amiss(ReadinessCode::Upstreams, ReadinessLevel::No, text, advice)
            .service(&self.service.name)
    }
}

fn shortfalls<'a>(
    facts: &ReadinessFacts<'_>,
    service: &'a model::ServiceConfig,
) -> Vec<MissingUpstreams<'a>> {
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
        MissingUpstreams {
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
pub(crate) fn channel(session: &ProtocolDetail, family: Family) -> Option<&Channel> {
    session
        .channels
        .iter()
        .find(|channel| channel.name == family.channel())
}

fn is_established(session: &ProtocolDetail) -> bool {
    session.bgp.as_ref().is_some_and(|bgp| bgp.state.is_established())
}

fn of_upstream(facts: &ReadinessFacts<'_>, name: &str, short: &[MissingUpstreams<'_>]) -> ReadinessCheck {
    let families = families_of(facts, name);
    let Some(wrong) = wrong(facts, name, &families) else {
        let session = facts.bird.sessions.get(name);
        let carried = families
            .iter()
            .filter(|family| session.is_some_and(|session| channel(session, **family).is_some()));
        let channels: Vec<&str> = carried.map(|family| family.channel()).collect();
        let channels = list(&channels);
        let text = coded!("upstream_established", "established, {channels} up", channels);
        return ReadinessCheck::ok(ReadinessCode::Upstreams, text).subject(name);
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
            ReadinessLevel::Warning,
            coded!(
                "others_carry_it",
                "{wrong}; enough other upstreams carry its prefixes",
                wrong
            ),
        )
    } else {
        let services = list(&services);
        (
            ReadinessLevel::No,
            coded!(
                "too_few_upstreams",
                "{wrong}: too few upstreams would carry {services}",
                wrong,
                services
            ),
        )
    };
    let advice = match facts.bird.sessions.get(name) {
        None => coded!(
            "name_a_bgp_protocol",
            "the name of an upstream is that of a BGP protocol in bird.conf: `birdc show protocols` lists them"
        ),
        Some(session) if session.bgp.is_none() => coded!(
            "upstream_must_be_bgp",
            "an upstream is a BGP protocol: take {name} out of falconer.toml, or name the session that carries the \
             prefixes out (`birdc show protocols`)",
            name
        ),
        Some(_) => coded!(
            "see_session",
            "see why with `birdc show protocols all {name}`, and at the neighbour",
            name
        ),
    };
    ReadinessCheck::amiss(ReadinessCode::Upstreams, level, text, advice).subject(name)
}

/// The families of the prefixes that an upstream is to carry.
fn families_of(facts: &ReadinessFacts<'_>, name: &str) -> BTreeSet<Family> {
    let services = facts.config.services.iter();
    let through = services.filter(|service| service.upstreams.iter().any(|upstream| upstream == name));
    through
        .flat_map(|service| &service.prefixes)
        .map(Family::of)
        .collect()
}

/// What keeps a session from carrying what it is to carry, in words.
fn wrong(facts: &ReadinessFacts<'_>, name: &str, families: &BTreeSet<Family>) -> Option<CodedText> {
    let Some(session) = facts.bird.sessions.get(name) else {
        let there = facts
            .bird
            .protocols
            .as_ref()
            .is_some_and(|all| all.contains_key(name));
        return Some(match there {
            true => coded!("session_not_read", "BIRD did not answer about {name}", name),
            false => coded!("no_protocol", "BIRD has no protocol {name}", name),
        });
    };
    let Some(bgp) = &session.bgp else {
        let kind = &session.protocol.proto;
        return Some(coded!("not_bgp", "{name} is of type {kind}, not BGP", name, kind));
    };
    if !is_established(session) {
        let state = bgp.state.as_str();
        return Some(match &bgp.last_error {
            Some(error) => coded!(
                "session_is_error",
                "{name} is {state} ({error})",
                name,
                state,
                error
            ),
            None => coded!("session_is", "{name} is {state}", name, state),
        });
    }
    // What no service uses, such as a channel of another family or of multicast, is the user's business.
    let used: Vec<&Channel> = families
        .iter()
        .filter_map(|family| channel(session, *family))
        .collect();
    if used.is_empty() {
        let missing: Vec<&str> = families.iter().map(|family| family.channel()).collect();
        let missing = list(&missing);
        return Some(coded!(
            "session_without_channel",
            "{name} is established, but has no channel {missing}",
            name,
            missing
        ));
    }
    let down = used.iter().filter(|channel| channel.state != UP);
    let down = down.map(|Channel { name, state, .. }| coded!("session_is", "{name} is {state}", name, state));
    let down: Vec<CodedText> = down.collect();
    let channels = list(&down);
    (!down.is_empty()).then(|| {
        coded!(
            "session_channel_down",
            "{name} is established, but its channel {channels}",
            name,
            channels
        )
    })
}
