//! The BGP sessions, as a template sees them.

use std::time::Duration;

use serde::Serialize;

use super::family_lists::{importable, prefixes, protocols};
use super::services::role;
use crate::bird_conf::Passwords;
use crate::config::Config;
use crate::config::model;
use crate::config::model::{
    Family, GracefulRestart, ImportPolicy, Role, ServiceConfig, SessionConfig, UpstreamConfig,
};
use crate::config::names;

/// LOCAL_PREF of the standby of rank 1 towards an iBGP neighbour, BIRD's own default.
const LOCAL_PREF: u32 = 100;
/// The longest restart time that fits RFC 4724's twelve bits, in seconds.
const MAX_RESTART_TIME: u64 = 4095;
/// The restart time where the hold time is "never", in seconds.
const RESTART_TIME_WITHOUT_HOLD: u64 = 30;

#[derive(Serialize)]
pub(crate) struct SessionFacts {
    name: String,
    kind: &'static str,
    neighbor: String,
    neighbor_as: u32,
    internal: bool,
    source: Option<String>,
    multihop: Option<u8>,
    password: Option<String>,
    hold_time: u64,
    keepalive_time: u64,
    connect_retry_time: u64,
    error_wait_time: [u64; 2],
    pub(crate) graceful_restart: &'static str,
    graceful_restart_time: u64,
    stale_routes_would_mislead: bool,
    pub(crate) bfd: Option<BfdFacts>,
    pub(crate) import: &'static str,
    import_filter: Option<String>,
    import_limit: Option<u32>,
    communities: Vec<(u16, u16)>,
    large_communities: Vec<(u32, u32, u32)>,
    standing_communities: Vec<(u16, u16)>,
    drain_communities: Vec<(u16, u16)>,
    no_llgr: bool,
    prepend: u8,
    med: Option<u32>,
    channels: Vec<ChannelFacts>,
}

#[derive(Serialize)]
pub(crate) struct BfdFacts {
    interval: String,
    multiplier: u8,
}

#[derive(Serialize)]
struct ChannelFacts {
    channel: &'static str,
    default_route: &'static str,
    export_filter: Option<String>,
    export_limit: usize,
    import_filter: Option<&'static str>,
    import_limit: usize,
    next_hop: Option<String>,
    services: Vec<CarriedFacts>,
}

/// What one service sends through one channel.
#[derive(Serialize)]
struct CarriedFacts {
    name: String,
    role: &'static str,
    rank: u32,
    prefixes: Vec<String>,
    protocols: Vec<String>,
    drain: Option<String>,
    standing: Option<CarriedStanding>,
    prepend: u32,
    med: Option<u32>,
    local_pref: u32,
}

/// What of one service goes out through one channel all the time.
#[derive(Serialize)]
struct CarriedStanding {
    prefixes: Vec<String>,
    protocols: Vec<String>,
}

pub(crate) fn sessions(
    config: &Config,
    upstreams: &[UpstreamConfig],
    kind: &'static str,
    router: &model::RouterConfig,
    passwords: &Passwords,
) -> Vec<SessionFacts> {
    upstreams
        .iter()
        .filter_map(|upstream| {
            let session = upstream.session.as_ref()?;
            Some(session_facts(config, upstream, session, kind, router, passwords))
        })
        .collect()
}

fn session_facts(
    config: &Config,
    upstream: &UpstreamConfig,
    session: &SessionConfig,
    kind: &'static str,
    router: &model::RouterConfig,
    passwords: &Passwords,
) -> SessionFacts {
    let graceful = graceful_restart(session);
    let (import, import_filter) = match &session.import {
        ImportPolicy::None => ("none", None),
        ImportPolicy::DefaultRoute => ("default-route", None),
        ImportPolicy::Services => ("services", None),
        ImportPolicy::Filter(name) => ("filter", Some(name.clone())),
    };
    let neighbors_own = Family::of_address(session.neighbor);
    let families = upstream.families.clone().unwrap_or_else(|| vec![neighbors_own]);
    let channels = families
        .into_iter()
        .map(|family| channel_facts(config, upstream, session, kind == "upstream", family))
        .collect();
    SessionFacts {
        name: upstream.name.clone(),
        kind,
        neighbor: session.neighbor.to_string(),
        neighbor_as: session.neighbor_as,
        internal: session.neighbor_as == router.local_as,
        source: session.source.map(|source| source.to_string()),
        multihop: session.multihop,
        password: session
            .password_file
            .as_ref()
            .and_then(|_| passwords.get(&upstream.name))
            .map(str::to_owned),
        hold_time: seconds(session.hold_time),
        keepalive_time: seconds(session.keepalive_time),
        connect_retry_time: seconds(session.connect_retry_time),
        error_wait_time: session.error_wait_time.map(seconds),
        graceful_restart: graceful,
        graceful_restart_time: restart_time(session.hold_time),
        stale_routes_would_mislead: graceful == "off" && session.graceful_restart != GracefulRestart::Off,
        bfd: session.bfd.map(|bfd| BfdFacts {
            interval: interval(bfd.interval),
            multiplier: bfd.multiplier,
        }),
        import,
        import_filter,
        import_limit: session.import_limit,
        communities: session.communities.clone(),
        large_communities: session.large_communities.clone(),
        standing_communities: session.standing_communities.clone(),
        drain_communities: session.drain_communities.clone(),
        no_llgr: session.no_llgr,
        prepend: session.prepend,
        med: session.med,
        channels,
    }
}

/// As configured, with one exception: a session whose routes are evidence (bird-route probes) must
/// not keep them when it is lost, and BIRD as a helper would. Nothing is forwarded by those routes,
/// so nothing is lost.
fn graceful_restart(session: &SessionConfig) -> &'static str {
    match (session.graceful_restart, &session.import) {
        (GracefulRestart::On, _) => "on",
        (GracefulRestart::Off, _) | (GracefulRestart::Aware, ImportPolicy::Services) => "off",
        (
            GracefulRestart::Aware,
            ImportPolicy::None | ImportPolicy::DefaultRoute | ImportPolicy::Filter(_),
        ) => "aware",
    }
}

fn channel_facts(
    config: &Config,
    upstream: &UpstreamConfig,
    session: &SessionConfig,
    carries: bool,
    family: Family,
) -> ChannelFacts {
    let services: Vec<CarriedFacts> = config
        .services
        .iter()
        .filter(|service| carries && service.upstreams.contains(&upstream.name))
        .map(|service| carried_facts(service, session, family))
        .filter(|carried| !carried.prefixes.is_empty())
        .collect();
    let importable = importable(config, family).len();
    ChannelFacts {
        channel: family.channel(),
        default_route: match family {
            Family::V4 => "0.0.0.0/0",
            Family::V6 => "::/0",
        },
        export_filter: (!services.is_empty()).then(|| names::export_filter(&upstream.name, family)),
        export_limit: services.iter().map(CarriedFacts::most).sum(),
        import_filter: (importable > 0).then(|| names::import_filter(family)),
        import_limit: importable,
        next_hop: session.next_hop(family).map(|addr| addr.to_string()),
        services,
    }
}

fn carried_facts(service: &ServiceConfig, session: &SessionConfig, family: Family) -> CarriedFacts {
    let behind = match service.role {
        Role::Standby => service.rank.saturating_sub(1),
        Role::Primary => 0,
    };
    let mut names = protocols(service.full.iter().chain(&service.drain), family);
    names.extend(
        protocols(&service.full, family)
            .iter()
            .map(|name| names::shadow(name)),
    );
    CarriedFacts {
        name: service.name.clone(),
        role: role(service.role),
        rank: service.rank,
        prefixes: prefixes(&service.prefixes, family),
        protocols: names,
        drain: service
            .drain
            .iter()
            .find(|drain| drain.family == family)
            .map(|drain| drain.name.clone()),
        standing: service
            .standing
            .iter()
            .find(|standing| standing.family == family)
            .map(|standing| CarriedStanding {
                prefixes: standing.prefixes.iter().map(ToString::to_string).collect(),
                protocols: vec![standing.name.clone(), names::shadow(&standing.name)],
            }),
        prepend: u32::from(session.prepend).saturating_add(behind),
        med: session.med.map(|med| med.saturating_add(behind)),
        local_pref: LOCAL_PREF.saturating_sub(behind).max(1),
    }
}

impl CarriedFacts {
    /// How many prefixes may be out at one time: BIRD exports one route of each.
    fn most(&self) -> usize {
        let standing = self.standing.iter().flat_map(|standing| &standing.prefixes);
        let new = standing.filter(|prefix| !self.prefixes.contains(prefix));
        self.prefixes.len() + new.count()
    }
}

/// BIRD takes these times in whole seconds; a part of one counts as one.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn restart_time(hold: Duration) -> u64 {
    match seconds(hold) {
        0 => RESTART_TIME_WITHOUT_HOLD,
        hold => hold.min(MAX_RESTART_TIME),
    }
}

/// BIRD takes BFD's intervals with a unit.
fn interval(time: Duration) -> String {
    if time.subsec_micros().is_multiple_of(1000) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{} us", time.as_micros())
    }
}
