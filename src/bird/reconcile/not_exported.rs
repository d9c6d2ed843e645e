//! Why an upstream does not carry what is announced (A5): the one cause that BIRD shows, from where the
//! route stands, what stands before it, and what the session does with it. Pure.

use std::net::IpAddr;

use crate::bird::parse::{Dest, OwnNextHop, Route};
use crate::config::model::Family;

use super::observation::{LimitHit, ObservedUpstream, SeenChannel};

/// Why a route that BIRD's record calls exported may have been dropped when BIRD encoded it: only the
/// session's filter can have given it another next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NextHopDoubt {
    /// The channel's own next hop is unspecified.
    NoNextHop,
    /// The channel's own next hop cannot be read.
    Unreadable(String),
    /// The route's gateway is the neighbour.
    Neighbor(IpAddr),
}

/// Whether BIRD can have sent that route as it stands in the table (proto/bgp/packets.c:
/// bgp_update_next_hop_ip).
pub(crate) fn next_hop_doubt(
    route: &Route,
    upstream: &ObservedUpstream,
    family: Family,
) -> Option<NextHopDoubt> {
    let channel = upstream.channel(family)?;
    let gateway = match (&route.dest, route.next_hops.as_slice()) {
        (Dest::Unicast, [one]) if upstream.passes_gateways_on => one.via,
        _ => None,
    };
    if gateway.is_some() && gateway == upstream.neighbor {
        return gateway.map(NextHopDoubt::Neighbor);
    }
    match &channel.next_hop {
        OwnNextHop::Unspecified => Some(NextHopDoubt::NoNextHop),
        OwnNextHop::Unreadable(text) => Some(NextHopDoubt::Unreadable(text.clone())),
        OwnNextHop::Address(_) | OwnNextHop::NotShown => None,
    }
}

/// What the session's filter makes of it (`show route PREFIX export UPSTREAM all`): why BIRD drops it;
/// `None`: the filter gives it a next hop that will do, or there was no doubt.
pub(crate) fn dropped(
    filtered: &[Route],
    protocol: &str,
    doubt: Option<&NextHopDoubt>,
    upstream: &ObservedUpstream,
    family: Family,
) -> Option<String> {
    let route = filtered.iter().find(|route| route.protocol == protocol);
    let given = route.and_then(|route| route.bgp_next_hop);
    let (name, channel) = (&upstream.name, family.channel());
    let as_encoded = "BIRD drops it as it encodes it, whatever `show route exported` says";
    match (given, doubt) {
        (Some(given), _) if Some(given) == upstream.neighbor => Some(format!(
            "the export filter of {name} gives it the neighbour itself, {given}, as its next hop: {as_encoded}"
        )),
        (Some(given), _) if given.is_unspecified() => Some(format!(
            "the export filter of {name} gives it no next hop ({given}): {as_encoded}"
        )),
        (Some(_), _) | (None, None) => None,
        (None, Some(NextHopDoubt::NoNextHop)) => Some(format!(
            "the {channel} channel of {name} has no next hop of its own (`BGP Next hop` in `show protocols all \
             {name}` is unspecified): {as_encoded}; give the channel `next hop address`, and restart the \
             session"
        )),
        (None, Some(NextHopDoubt::Unreadable(text))) => Some(format!(
            "the next hop of the {channel} channel of {name} is not understood ({text}): whether BIRD sends it is \
             not known"
        )),
        (None, Some(NextHopDoubt::Neighbor(address))) => Some(format!(
            "its next hop is the neighbour itself, {address}: {as_encoded}, unless the session says `next hop self`, \
             which BIRD does not show; let the route go to blackhole"
        )),
    }
}

/// Why a session that is up does not have a route, by where the routes of its prefix stand (`show route
/// PREFIX table all`) and by its export limit. `None`: it is the best of the session's table, and only
/// the filter can tell.
pub(crate) fn in_tables(
    routes: &[Route],
    protocol: &str,
    upstream: &str,
    channel: &SeenChannel,
) -> Option<String> {
    let ours = |route: &&Route| route.protocol == protocol;
    let here: Vec<&Route> = routes
        .iter()
        .filter(|route| route.table == channel.table)
        .collect();
    let Some(own) = here.iter().copied().find(ours) else {
        return Some(match routes.iter().find(ours) {
            None => "its route is not in BIRD's table, as when its next hop cannot be reached or its import filter \
                     refuses it"
                .to_owned(),
            Some(elsewhere) => format!(
                "its route stands in table {}, and {upstream} exports table {}: no pipe between them lets it through",
                elsewhere.table, channel.table
            ),
        });
    };
    if !own.primary {
        let better = here.iter().find(|route| route.primary);
        let better = better.map_or_else(
            || "another route".to_owned(),
            |better| format!("{} has it{}", better.protocol, preferred(better)),
        );
        return Some(format!(
            "{better} in table {}, before ours{}: BIRD exports the best alone",
            channel.table,
            preferred(own)
        ));
    }
    let LimitHit { limit, exported } = channel.limit_hit?;
    // nest/rt-table.c and nest/limit.h of 2.0.12 and 2.19.2, by trial; BIRD 3 takes what is enabled anew.
    let room = if exported < limit {
        format!(
            "; it exports {exported} now, and BIRD 2 holds back what is new all the same until `birdc reload out \
             {upstream}`"
        )
    } else {
        String::new()
    };
    Some(format!(
        "the export limit of {upstream}, {limit}, was reached ([HIT] in `show protocols all {upstream}`){room}: raise it"
    ))
}

/// Why the session does not have the best route of its table, by what its filter makes of it now.
pub(crate) fn in_filter(filtered: &[Route], protocol: &str, upstream: &str, channel: &SeenChannel) -> String {
    if filtered.iter().any(|route| route.protocol == protocol) {
        format!(
            "{upstream} lets it out now, and BIRD has not sent it; BIRD does not say why (its log may: `{upstream}`)"
        )
    } else {
        format!("the export filter of {upstream}, {}, refuses it", channel.filter)
    }
}

fn preferred(route: &Route) -> String {
    route
        .preference
        .map(|preference| format!(" at preference {preference}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
