//! What a static protocol would do with its routes, and what else BIRD has of the same prefixes.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::bird::parse::Route;

/// Where BIRD needs no next hop to take a route (proto/static/static.c:static_show_rt).
pub(crate) const SURE: [&str; 3] = ["blackhole", "unreachable", "prohibited"];
/// How BIRD shows `import all` and `import none`.
pub(crate) const ACCEPT: &str = "ACCEPT";
pub(crate) const REJECT: &str = "REJECT";

/// What a static protocol would do with its routes, as `show protocols all` and `show static` tell while
/// it is disabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteFacts {
    pub(crate) table: String,
    /// `None`: BIRD does not say.
    pub(crate) preference: Option<u32>,
    pub(crate) input_filter: String,
    /// Where each prefix goes, in BIRD's words.
    pub(crate) targets: Vec<(IpNet, Vec<String>)>,
}

/// Another protocol's route of one of the service's prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OtherRoute {
    pub(crate) table: String,
    pub(crate) protocol: String,
    pub(crate) preference: Option<u32>,
}

/// What is known of a service's prefixes besides its own routes.
#[derive(Debug, Default)]
pub(crate) struct OtherRoutes {
    /// Of each prefix that was asked about: the routes of other protocols, in all tables.
    pub(crate) routes: BTreeMap<IpNet, Vec<OtherRoute>>,
    /// What an upstream carries of it from another protocol: the upstream and the protocol.
    pub(crate) exported: BTreeMap<IpNet, Vec<(String, String)>>,
}

/// The routes of protocols that are not the service's own.
pub(crate) fn of_others(routes: &[Route], own: &[String]) -> Vec<OtherRoute> {
    let others = routes.iter().filter(|route| !own.contains(&route.protocol));
    others
        .map(|route| OtherRoute {
            table: route.table.clone(),
            protocol: route.protocol.clone(),
            preference: route.preference,
        })
        .collect()
}
