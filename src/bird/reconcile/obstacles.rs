//! What would keep a takeover of a silent service from being carried: on the way of its route into its
//! table, past what else has the prefix, through pipes, and out of each session (A5). The rehearsal proves
//! the export filter alone; this is what BIRD shows of the rest. Pure.

use ipnet::IpNet;

use super::family::StaticProtocol;
use super::kernel::KernelExports;
use super::observation::{ObservedUpstream, SeenChannel};
use super::routes::{ACCEPT, OtherRoute, OtherRoutes, REJECT, RouteFacts, SURE};
use super::service::ServiceReconciler;
use super::view::ProtocolView;
use crate::bird::parse::OwnNextHop;
use crate::config::model::StaticProtocolConfig;
use crate::model::snapshot::Obstacle;

/// What would keep a takeover of a service from being carried, or from being proved; `None` while not all
/// of it was looked at.
pub(crate) fn obstacles(
    service: &ServiceReconciler,
    view: &ProtocolView,
    upstreams: &[ObservedUpstream],
) -> Option<Vec<Obstacle>> {
    let mut all = Vec::new();
    for family in &service.families {
        all.extend(of_protocol(service, &family.full, true, view, upstreams)?);
        if let Some(drain) = &family.drain
            && drain.routes.is_some()
        {
            let of_drain = of_protocol(service, drain, false, view, upstreams)?;
            // What is said of the full one need not be said twice.
            let new = |obstacle: &Obstacle| !all.iter().any(|known: &Obstacle| known.text == obstacle.text);
            let new: Vec<Obstacle> = of_drain.into_iter().filter(new).collect();
            all.extend(new);
        }
    }
    Some(all)
}

fn of_protocol(
    service: &ServiceReconciler,
    protocol: &StaticProtocol,
    full: bool,
    view: &ProtocolView,
    upstreams: &[ObservedUpstream],
) -> Option<Vec<Obstacle>> {
    let routes = protocol.routes.as_ref()?;
    let protocol = &protocol.config;
    let looked_at = |prefix: &IpNet| service.others.routes.contains_key(prefix);
    if !protocol.prefixes.iter().all(looked_at) {
        return None;
    }
    let mut all: Vec<Obstacle> = targets(protocol, routes).into_iter().collect();
    all.extend(import_filter(protocol, routes, full));
    all.extend(kernel_blackhole(protocol, routes, &service.others, &view.kernels));
    let able: Vec<(&ObservedUpstream, &SeenChannel)> = upstreams
        .iter()
        .filter(|seen| service.target.upstreams.contains(&seen.name) && seen.is_established())
        .filter_map(|seen| Some((seen, seen.channel(protocol.family)?)))
        .collect();
    let on_the_way: Vec<Vec<Obstacle>> = able
        .iter()
        .map(|(seen, channel)| to_upstream(service, protocol, routes, view, &seen.name, channel))
        .collect();
    let blocked = on_the_way
        .iter()
        .filter(|found| found.iter().any(|one| one.certain));
    let enough = able.len() - blocked.count() >= service.target.min_upstreams;
    let on_the_way = on_the_way.into_iter().flatten().map(|found| Obstacle {
        certain: found.certain && !enough && full,
        ..found
    });
    for found in on_the_way {
        // Several upstreams export one table.
        if !all.iter().any(|known| known.text == found.text) {
            all.push(found);
        }
    }
    Some(all)
}

pub(crate) fn obstacle(
    certain: bool,
    protocol: &StaticProtocolConfig,
    text: String,
    advice: impl Into<String>,
) -> Obstacle {
    Obstacle {
        certain,
        protocol: protocol.name.clone(),
        text,
        advice: advice.into(),
    }
}

/// Whether a route by a gateway would stand is only seen once it is enabled.
fn targets(protocol: &StaticProtocolConfig, routes: &RouteFacts) -> Option<Obstacle> {
    let unsure = |words: &Vec<String>| !matches!(words.as_slice(), [one] if SURE.contains(&one.as_str()));
    let (prefix, words) = routes.targets.iter().find(|(_, words)| unsure(words))?;
    let goes = if words.is_empty() {
        "goes where BIRD does not say".to_owned()
    } else {
        format!("goes {}", words.join(" and "))
    };
    let text = format!(
        "{prefix} of {} {goes}: whether BIRD would take it is not provable before it is enabled",
        protocol.name
    );
    let advice = format!(
        "let it go to blackhole, and what you know better be more specific (docs/attach.md); or `falconer drill` \
         proves it as it is then: `birdc show static {}`",
        protocol.name
    );
    Some(obstacle(false, protocol, text, advice))
}

fn import_filter(protocol: &StaticProtocolConfig, routes: &RouteFacts, full: bool) -> Option<Obstacle> {
    let name = &protocol.name;
    let advice = format!(
        "let the {} channel of {name} `import all`",
        protocol.family.channel()
    );
    match routes.input_filter.as_str() {
        ACCEPT => None,
        REJECT => Some(obstacle(
            full,
            protocol,
            format!("{name} imports nothing into BIRD's table (`import none`)"),
            advice,
        )),
        filter => Some(obstacle(
            false,
            protocol,
            format!(
                "{name} has an import filter of its own, {filter}: whether its routes pass it is not provable"
            ),
            advice,
        )),
    }
}

/// From the table of the static protocol out of one session.
fn to_upstream(
    service: &ServiceReconciler,
    protocol: &StaticProtocolConfig,
    routes: &RouteFacts,
    view: &ProtocolView,
    upstream: &str,
    channel: &SeenChannel,
) -> Vec<Obstacle> {
    let family = channel.family.channel();
    let mut all = Vec::new();
    match &channel.next_hop {
        OwnNextHop::Address(_) | OwnNextHop::NotShown => {}
        OwnNextHop::Unspecified => all.push(obstacle(
            true,
            protocol,
            format!(
                "the {family} channel of {upstream} has no next hop of its own (`BGP Next hop` is unspecified): BIRD \
                 would drop our routes as it encodes them"
            ),
            format!("give the {family} channel of {upstream} a `next hop address` of its family, and restart the session"),
        )),
        OwnNextHop::Unreadable(text) => all.push(obstacle(
            false,
            protocol,
            format!("the next hop of the {family} channel of {upstream} is not understood: {text}"),
            format!("see `birdc show protocols all {upstream}`"),
        )),
    }
    all.extend(between_tables(protocol, routes, view, upstream, channel));
    all.extend(better(service, protocol, routes, channel));
    all
}

/// Only a pipe brings a route from one table into another.
fn between_tables(
    protocol: &StaticProtocolConfig,
    routes: &RouteFacts,
    view: &ProtocolView,
    upstream: &str,
    channel: &SeenChannel,
) -> Option<Obstacle> {
    if routes.table == channel.table {
        return None;
    }
    let (name, from, to) = (&protocol.name, &routes.table, &channel.table);
    let (certain, how) = match view.pipes_between(from, to) {
        Some(pipes) if pipes.is_empty() => (true, "and no pipe leads there".to_owned()),
        Some(pipes) => (
            false,
            format!(
                "and reaches it only through {}: whether it passes there is not provable before it is enabled",
                pipes.join(" and ")
            ),
        ),
        None => (
            false,
            "and how BIRD's pipes lead there is not understood".to_owned(),
        ),
    };
    Some(obstacle(
        certain,
        protocol,
        format!("{name} is in table {from}, {upstream} exports table {to}, {how}"),
        format!("let {name} be in table {to}, or drill it"),
    ))
}

/// BIRD exports the best route alone; where two have one preference, which is the best is not ours to say.
fn better(
    service: &ServiceReconciler,
    protocol: &StaticProtocolConfig,
    routes: &RouteFacts,
    channel: &SeenChannel,
) -> Option<Obstacle> {
    let beats = |other: &&OtherRoute| {
        other.table == channel.table
            && match (other.preference, routes.preference) {
                (Some(theirs), Some(ours)) => theirs >= ours,
                // Not understood is not well.
                (None, _) | (_, None) => true,
            }
    };
    let known = protocol.prefixes.iter();
    let (prefix, other) = known
        .filter_map(|prefix| Some((prefix, service.others.routes.get(prefix)?.iter().find(beats)?)))
        .next()?;
    let word =
        |preference: Option<u32>| preference.map_or("an unknown preference".to_owned(), |n| n.to_string());
    let (theirs, ours) = (word(other.preference), word(routes.preference));
    Some(obstacle(
        true,
        protocol,
        format!(
            "{} has {prefix} in table {} at preference {theirs}, and {} has {ours}: BIRD would not export ours",
            other.protocol, other.table, protocol.name
        ),
        format!(
            "take that route away (`birdc show route {prefix} all`), or give {} a higher `preference`",
            protocol.name
        ),
    ))
}

/// The first prefix that leads somewhere now, and nowhere while the protocol is up.
pub(crate) fn kernel_blackhole(
    protocol: &StaticProtocolConfig,
    routes: &RouteFacts,
    others: &OtherRoutes,
    kernels: &KernelExports,
) -> Option<Obstacle> {
    let open = kernels
        .whole_tables
        .iter()
        .find(|open| open.table == routes.table && open.family == protocol.family.channel())?;
    let (prefix, other, target) = routes.targets.iter().find_map(|(prefix, words)| {
        let [target] = words.as_slice() else { return None };
        let useful = others.routes.get(prefix)?.iter().find(|other| {
            other.table == routes.table
                && !kernels.own_protocols.contains(&other.protocol)
                && other.preference < routes.preference
        })?;
        SURE.contains(&target.as_str())
            .then_some((prefix, useful, target))
    })?;
    let (name, kernel) = (&protocol.name, &open.protocol);
    let text = format!(
        "{kernel} exports all of table {} to the kernel: while {name} is up, {prefix} is {target} there, in place of the \
         route of {}, and this host reaches nothing in it that has no more specific route",
        open.table, other.protocol
    );
    let advice = format!(
        "let the {} channel of {kernel} `export where source != RTS_STATIC`, or `export where proto != \"{name}\"` and \
         whatever else it took (docs/attach.md)",
        open.family
    );
    Some(obstacle(false, protocol, text, advice))
}

#[cfg(test)]
mod tests;
