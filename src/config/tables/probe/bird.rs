//! Probes that ask our own BIRD.

use crate::config::finding::Finding;
use crate::config::model::{BirdProtocolConfig, BirdRouteConfig, CheckConfig};
use crate::config::reader::TableReader;
use crate::config::value::address::{ADDRESS, PREFIX, stand_in_check};
use crate::config::value::bgp::{Asn, COMMUNITY, LARGE_COMMUNITY};
use crate::config::value::text::PROTOCOL;

pub(crate) fn route(t: &mut TableReader<'_, '_>) -> CheckConfig {
    CheckConfig::BirdRoute(BirdRouteConfig {
        prefix: t
            .key("prefix", PREFIX)
            .doc("The exact prefix; a pass needs a route to it that matches all keys below.")
            .also_called(&["prefixes", "route"])
            .example("\"198.51.100.0/24\"")
            .required(),
        protocol: t
            .key("protocol", PROTOCOL)
            .doc("Only routes of this BGP protocol.")
            .also_called(&["upstream", "peer"])
            .optional(),
        origin_as: t
            .key("origin_as", Asn)
            .doc("Only routes with this origin AS.")
            .also_called(&["origin"])
            .optional(),
        community: t
            .key("community", COMMUNITY)
            .doc("Only routes with this community.")
            .also_called(&["communities"])
            .optional(),
        large_community: t
            .key("large_community", LARGE_COMMUNITY)
            .doc("Only routes with this large community.")
            .also_called(&["large_communities"])
            .optional(),
        next_hop: t
            .key("next_hop", ADDRESS)
            .doc("Only routes with this next hop.")
            .also_called(&["via"])
            .optional(),
    })
}

pub(crate) fn protocol(t: &mut TableReader<'_, '_>) -> CheckConfig {
    let protocol = t
        .key("protocol", PROTOCOL)
        .doc("The BGP protocol that must be established. Either this or `bfd`.")
        .also_called(&["bgp", "target", "upstream", "peer"])
        .optional();
    let bfd = t
        .key("bfd", ADDRESS)
        .doc("The address of the neighbour whose BFD session must be up. Either this or `protocol`.")
        .also_called(&["neighbor", "neighbour", "bfd_neighbor"])
        .optional();
    let path = t.path().clone();
    match (protocol, bfd) {
        (Some(_), Some(_)) => {
            t.report(
                Finding::error(
                    "one-of-two",
                    "a bird-protocol probe looks at one session, not at two",
                )
                .at_key(&path.key("bfd"), "the BFD session with this neighbour")
                .at_key(&path.key("protocol"), "this BGP protocol")
                .help("make it two probes"),
            );
            stand_in_check()
        }
        (Some(protocol), None) => CheckConfig::BirdProtocol(BirdProtocolConfig::Bgp(protocol)),
        (None, Some(neighbor)) => CheckConfig::BirdProtocol(BirdProtocolConfig::Bfd(neighbor)),
        (None, None) => {
            if !t.is_describing() {
                t.report(
                    Finding::error("missing-key", format!("`{path}` has neither `protocol` nor `bfd`"))
                        .at(&path, "which session?")
                        .help("add `protocol = \"NAME\"` for a BGP protocol, or `bfd = \"ADDRESS\"` for the BFD session with a neighbour"),
                );
            }
            stand_in_check()
        }
    }
}
