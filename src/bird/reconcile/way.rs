//! The way that the route of a silent protocol would take: into its table, past what else has the prefix,
//! through pipes, and out of each session (A5). The rehearsal proves the export filter alone; this is what
//! BIRD shows of the rest. Pure.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::bird::parse::{OwnNextHop, Route};
use crate::config::model::StaticProtocolConfig;
use crate::model::snapshot::Obstacle;

use super::kernel;
use super::service::{ProtocolView, ServiceReconciler, StaticProtocol};
use super::{ObservedUpstream, SeenChannel};

/// Where BIRD needs no next hop to take a route (proto/static/static.c:static_show_rt).
pub(crate) const SURE: [&str; 3] = ["blackhole", "unreachable", "prohibited"];
/// How BIRD shows `import all` and `import none`.
pub(crate) const ACCEPT: &str = "ACCEPT";
const REJECT: &str = "REJECT";

/// What a static protocol would do with its routes, as `show protocols all` and `show static` tell while
/// it is disabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) table: String,
    /// `None`: BIRD does not say.
    pub(crate) preference: Option<u32>,
    pub(crate) input_filter: String,
    /// Where each prefix goes, in BIRD's words.
    pub(crate) targets: Vec<(IpNet, Vec<String>)>,
}

/// Another protocol's route of one of the service's prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rival {
    pub(crate) table: String,
    pub(crate) protocol: String,
    pub(crate) preference: Option<u32>,
}

/// A pipe, by the tables at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pipe {
    pub(crate) name: String,
    pub(crate) ends: (String, String),
}

/// What is known of a service's prefixes besides its own routes.
#[derive(Debug, Default)]
pub(crate) struct Others {
    /// Of each prefix that was asked about: the routes of other protocols, in all tables.
    pub(crate) routes: BTreeMap<IpNet, Vec<Rival>>,
    /// What an upstream carries of it from another protocol: the upstream and the protocol.
    pub(crate) exported: BTreeMap<IpNet, Vec<(String, String)>>,
}

/// The routes of protocols that are not the service's own.
pub(crate) fn rivals(routes: &[Route], own: &[String]) -> Vec<Rival> {
    let others = routes.iter().filter(|route| !own.contains(&route.protocol));
    others
        .map(|route| Rival {
            table: route.table.clone(),
            protocol: route.protocol.clone(),
            preference: route.preference,
        })
        .collect()
}

/// "master4 <=> t4", as `show protocols` has it of a pipe (proto/pipe/pipe.c:pipe_get_status).
pub(crate) fn pipe(name: &str, info: &str) -> Option<Pipe> {
    match info.split_whitespace().collect::<Vec<_>>()[..] {
        [one, "<=>" | "=>" | "<=", other] => Some(Pipe {
            name: name.to_owned(),
            ends: (one.to_owned(), other.to_owned()),
        }),
        _ => None,
    }
}

/// What would keep a takeover of a service from being carried, or from being proved; `None` while not all
/// of it was looked at.
pub(crate) fn obstacles(
    course: &ServiceReconciler,
    view: &ProtocolView,
    upstreams: &[ObservedUpstream],
) -> Option<Vec<Obstacle>> {
    let mut all = Vec::new();
    for leg in &course.legs {
        all.extend(of_line(course, &leg.full, true, view, upstreams)?);
        if let Some(drain) = &leg.drain
            && drain.shape.is_some()
        {
            let of_drain = of_line(course, drain, false, view, upstreams)?;
            // What is said of the full one need not be said twice.
            let new = |obstacle: &Obstacle| !all.iter().any(|known: &Obstacle| known.text == obstacle.text);
            let new: Vec<Obstacle> = of_drain.into_iter().filter(new).collect();
            all.extend(new);
        }
    }
    Some(all)
}

fn of_line(
    course: &ServiceReconciler,
    line: &StaticProtocol,
    full: bool,
    view: &ProtocolView,
    upstreams: &[ObservedUpstream],
) -> Option<Vec<Obstacle>> {
    let shape = line.shape.as_ref()?;
    let protocol = &line.protocol;
    let looked_at = |prefix: &IpNet| course.others.routes.contains_key(prefix);
    if !protocol.prefixes.iter().all(looked_at) {
        return None;
    }
    let mut all: Vec<Obstacle> = targets(protocol, shape).into_iter().collect();
    all.extend(import_filter(protocol, shape, full));
    all.extend(kernel::blackholed(protocol, shape, &course.others, &view.kernels));
    let able: Vec<(&ObservedUpstream, &SeenChannel)> = upstreams
        .iter()
        .filter(|seen| course.target.upstreams.contains(&seen.name) && seen.established)
        .filter_map(|seen| Some((seen, seen.channel(protocol.family)?)))
        .collect();
    let on_the_way: Vec<Vec<Obstacle>> = able
        .iter()
        .map(|(seen, channel)| to_upstream(course, protocol, shape, view, &seen.name, channel))
        .collect();
    let blocked = on_the_way
        .iter()
        .filter(|found| found.iter().any(|one| one.certain));
    let enough = able.len() - blocked.count() >= course.target.min_upstreams;
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
fn targets(protocol: &StaticProtocolConfig, shape: &Shape) -> Option<Obstacle> {
    let unsure = |words: &Vec<String>| !matches!(words.as_slice(), [one] if SURE.contains(&one.as_str()));
    let (prefix, words) = shape.targets.iter().find(|(_, words)| unsure(words))?;
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

fn import_filter(protocol: &StaticProtocolConfig, shape: &Shape, full: bool) -> Option<Obstacle> {
    let name = &protocol.name;
    let advice = format!(
        "let the {} channel of {name} `import all`",
        protocol.family.channel()
    );
    match shape.input_filter.as_str() {
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
    course: &ServiceReconciler,
    protocol: &StaticProtocolConfig,
    shape: &Shape,
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
    all.extend(between_tables(protocol, shape, view, upstream, channel));
    all.extend(better(course, protocol, shape, channel));
    all
}

/// Only a pipe brings a route from one table into another.
fn between_tables(
    protocol: &StaticProtocolConfig,
    shape: &Shape,
    view: &ProtocolView,
    upstream: &str,
    channel: &SeenChannel,
) -> Option<Obstacle> {
    if shape.table == channel.table {
        return None;
    }
    let (name, from, to) = (&protocol.name, &shape.table, &channel.table);
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
    course: &ServiceReconciler,
    protocol: &StaticProtocolConfig,
    shape: &Shape,
    channel: &SeenChannel,
) -> Option<Obstacle> {
    let beats = |rival: &&Rival| {
        rival.table == channel.table
            && match (rival.preference, shape.preference) {
                (Some(theirs), Some(ours)) => theirs >= ours,
                // Not understood is not well.
                (None, _) | (_, None) => true,
            }
    };
    let known = protocol.prefixes.iter();
    let (prefix, rival) = known
        .filter_map(|prefix| Some((prefix, course.others.routes.get(prefix)?.iter().find(beats)?)))
        .next()?;
    let word =
        |preference: Option<u32>| preference.map_or("an unknown preference".to_owned(), |n| n.to_string());
    let (theirs, ours) = (word(rival.preference), word(shape.preference));
    Some(obstacle(
        true,
        protocol,
        format!(
            "{} has {prefix} in table {} at preference {theirs}, and {} has {ours}: BIRD would not export ours",
            rival.protocol, rival.table, protocol.name
        ),
        format!(
            "take that route away (`birdc show route {prefix} all`), or give {} a higher `preference`",
            protocol.name
        ),
    ))
}

#[cfg(test)]
mod tests;
