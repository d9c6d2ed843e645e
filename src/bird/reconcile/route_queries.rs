//! The questions of a full pass about the upstreams, and about who else has the services' prefixes.

use ipnet::IpNet;

use super::io::{PassAbort, ReconcilerIo, only_this_command};
use super::observation::{LimitHit, ObservedUpstream, SeenChannel};
use super::routes;
use super::service::ServiceReconciler;
use super::view::ProtocolView;
use crate::bird::client::BirdError;
use crate::bird::parse::{Channel, ProtocolDetail, ProtocolRow};
use crate::config::model::Family;
use crate::model::BgpState;

/// The state of a channel that carries routes.
const UP: &str = "UP";

/// How many prefixes are looked for in other protocols' routes in one poll.
const OTHERS_PER_POLL: usize = 32;

/// The sessions that are to carry the prefixes out.
pub(crate) async fn ask_upstreams(names: &[String], io: &mut ReconcilerIo) -> Result<(), PassAbort> {
    let mut upstreams = Vec::with_capacity(names.len());
    for name in names {
        let seen = match io.poll_protocol(name).await? {
            Ok(detail) => upstream(detail),
            Err(BirdError::NoSuchProtocol { .. }) => ObservedUpstream {
                state: BgpState::Missing,
                ..ObservedUpstream::unknown(name)
            },
            Err(error) => ObservedUpstream {
                error: Some(only_this_command(error)?.to_string()),
                ..ObservedUpstream::unknown(name)
            },
        };
        upstreams.push(seen);
    }
    io.upstreams = upstreams;
    Ok(())
}

/// A round of who else has the services' prefixes, and whether an upstream carries that (A5).
pub(crate) async fn ask_others(
    services: &mut [ServiceReconciler],
    cursor: &mut usize,
    io: &ReconcilerIo,
) -> Result<(), PassAbort> {
    let prefixes: Vec<(usize, Family, IpNet)> = services
        .iter()
        .enumerate()
        .flat_map(|(service, state)| state.target.full.iter().map(move |full| (service, full)))
        .flat_map(|(service, full)| full.prefixes.iter().map(move |one| (service, full.family, *one)))
        .collect();
    for _ in 0..OTHERS_PER_POLL.min(prefixes.len()) {
        io.yield_to_intents()?;
        let (service, family, prefix) = prefixes[*cursor % prefixes.len()];
        *cursor = cursor.wrapping_add(1);
        ask_others_of(&mut services[service], family, prefix, io).await?;
    }
    Ok(())
}

async fn ask_others_of(
    service: &mut ServiceReconciler,
    family: Family,
    prefix: IpNet,
    io: &ReconcilerIo,
) -> Result<(), PassAbort> {
    let own = &service.own;
    let others = match io.patient.show_route_everywhere(prefix).await {
        Ok(found) => routes::of_others(&found, own),
        Err(error) => return only_this_command(error).map(|_| ()),
    };
    let mut exported = Vec::new();
    let wanted = |seen: &&ObservedUpstream| service.target.upstreams.contains(&seen.name);
    for upstream in io.upstreams.iter().filter(wanted) {
        let table = upstream.channel(family).map(|channel| &channel.table);
        if !others.iter().any(|other| Some(&other.table) == table) {
            continue;
        }
        match io.patient.show_route_exported(prefix, &upstream.name).await {
            Ok(found) => {
                let sent = routes::of_others(&found, own).into_iter();
                exported.extend(sent.map(|other| (upstream.name.clone(), other.protocol)));
            }
            Err(error) => drop(only_this_command(error)?),
        }
    }
    service.others.routes.insert(prefix, others);
    service.others.exported.insert(prefix, exported);
    Ok(())
}

/// What the kernel protocols export, where anything depends on it.
pub(crate) async fn ask_kernels(
    services: &[ServiceReconciler],
    view: &mut ProtocolView,
    io: &ReconcilerIo,
) -> Result<(), PassAbort> {
    let mut others = services.iter().flat_map(|service| service.others.routes.values());
    if others.all(Vec::is_empty) {
        return Ok(());
    }
    for name in view.kernels.names.clone() {
        match io.poll_protocol(&name).await? {
            Ok(detail) => view.kernels.add(&detail),
            Err(error) => drop(only_this_command(error)?),
        }
    }
    Ok(())
}

pub(crate) fn upstream(detail: ProtocolDetail) -> ObservedUpstream {
    let ProtocolDetail {
        protocol: ProtocolRow { name, info, .. },
        bgp,
        channels,
        ..
    } = detail;
    let (neighbor, passes_gateways_on) = bgp.as_ref().map_or((None, false), |bgp| {
        (bgp.neighbor_address, bgp.passes_gateways_on())
    });
    let since = bgp.as_ref().map(|bgp| bgp.since.clone());
    let (state, error) = match bgp {
        Some(bgp) => (bgp.state, bgp.last_error),
        None => {
            let word = info.split_whitespace().next();
            (
                word.map_or(BgpState::Unknown, |word| word.to_owned().into()),
                None,
            )
        }
    };
    let channels: Vec<SeenChannel> = channels.into_iter().filter_map(seen_channel).collect();
    ObservedUpstream {
        since,
        families: channels.iter().map(|channel| channel.family).collect(),
        channels,
        neighbor,
        passes_gateways_on,
        name,
        state,
        error,
    }
}

fn seen_channel(channel: Channel) -> Option<SeenChannel> {
    let family = [Family::V4, Family::V6]
        .into_iter()
        .find(|family| family.channel() == channel.name)?;
    // One that only warns lets everything out.
    let limit_hit = channel
        .export_limit
        .filter(|limit| limit.hit && limit.action != "warn")
        .map(|limit| LimitHit {
            limit: limit.routes,
            exported: channel.routes.map_or(limit.routes, |routes| routes.exported),
        });
    Some(SeenChannel {
        family,
        table: channel.table,
        filter: channel.output_filter,
        takes_in: channel.state == UP && channel.input_filter != routes::REJECT,
        next_hop: channel.next_hop,
        limit_hit,
    })
}
