//! The configurations of the networks' routers, for BIRD and for FRR. Both have the usual policy: customer before
//! peer before provider, everything to customers, only what is one's own and one's customers' to all others, and
//! of two equal routes the older one. Text only.

use std::fmt::Write as _;

use super::topology::{Neighbor, Network, Relation};
use crate::bird_conf::head;

/// An ISP's community for "not before your peers' routes", by which a customer orders its own routes.
pub const BELOW_PEERS: (u32, u32) = (64500, 80);

/// How long the sessions between networks, and that of the standby, are kept without a word.
const HOLD: u32 = 30;

/// How a router treats its customer, the site.
#[derive(Clone, Copy, Debug)]
pub(super) struct SiteSession {
    /// Hold time, in seconds.
    pub(super) hold: u32,
    /// Whether it has BFD at 300 ms x 3.
    pub(super) bfd: bool,
    /// Whether the standby is a customer of the transit, too.
    pub(super) second_upstream: bool,
}

/// bird.conf of a network's router.
pub(super) fn bird(network: Network, site: SiteSession) -> String {
    let own = network.own_prefixes();
    let id = own
        .last()
        .and_then(|prefix| prefix.split('/').next())
        .unwrap_or_default();
    let mut text = head(id);
    text.push_str("protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }\n");
    if site.bfd {
        text.push_str("protocol bfd { }\n");
    }
    text.push_str("protocol static own {\n  ipv4;\n");
    for prefix in own {
        let _ = writeln!(text, "  route {prefix} blackhole;");
    }
    text.push_str("}\n");
    for neighbor in network.neighbors(site.second_upstream) {
        text.push_str(&bird_session(network, &neighbor, site));
    }
    text
}

fn bird_session(network: Network, neighbor: &Neighbor, site: SiteSession) -> String {
    let Neighbor {
        name,
        local,
        remote,
        asn,
        relation,
    } = neighbor;
    let (own, preference) = (network.asn(), relation.local_pref());
    let hold = if neighbor.is_site() { site.hold } else { HOLD };
    let bfd = if neighbor.is_site() && site.bfd {
        "bfd { interval 300 ms; multiplier 3; };"
    } else {
        ""
    };
    let export = match relation {
        Relation::Customer => "export all;".to_owned(),
        Relation::Peer | Relation::Provider => {
            format!("export where source = RTS_STATIC || ({own}, 200) ~ bgp_community;")
        }
    };
    let below_peers = BELOW_PEERS.1;
    // The route's own communities are asked before ours, which say where it came from, are put there.
    format!(
        "protocol bgp {name} {{\n  local {local} as {own};\n  neighbor {remote} as {asn};\n  \
         hold time {hold}; keepalive time {};\n  connect delay time 1; connect retry time 1; error wait time 1, 1;\n  \
         prefer older on; {bfd}\n  ipv4 {{\n    import filter {{\n      bgp_local_pref = {preference};\n      \
         if ({own}, {below_peers}) ~ bgp_community then bgp_local_pref = {below_peers};\n      \
         if (65535, 0) ~ bgp_community then bgp_local_pref = 0;\n      \
         bgp_community.delete([({own}, *)]); bgp_community.add(({own}, {preference}));\n      accept;\n    }};\n    \
         {export} next hop self;\n  }};\n}}\n",
        hold / 3
    )
}

/// The configurations of FRR's daemons for a network's router, by the daemon's name.
pub(super) fn frr(network: Network, site: SiteSession) -> Vec<(&'static str, String)> {
    let mut daemons = vec![("bgpd", bgpd(network, site))];
    if site.bfd {
        let profile = "hostname frr\nbfd\n profile lab\n  detect-multiplier 3\n  receive-interval 300\n  \
                       transmit-interval 300\n exit\nexit\n";
        daemons.insert(0, ("bfdd", profile.to_owned()));
    }
    daemons
}

/// Route maps come before their use: one that comes later takes five seconds to be heeded. FRR prefers the older
/// of two equal routes and follows RFC 8326 by itself.
fn bgpd(network: Network, site: SiteSession) -> String {
    let own = network.asn();
    let mut text = format!(
        "hostname {network}\nbgp community-list standard OURS permit {own}:200\n\
         route-map OWN permit 10\n set community {own}:200\nexit\n\
         route-map TO_OTHERS permit 10\n match community OURS\nexit\n"
    );
    for relation in [Relation::Customer, Relation::Peer, Relation::Provider] {
        let preference = relation.local_pref();
        let _ = write!(
            text,
            "route-map FROM_{preference} permit 10\n set local-preference {preference}\n \
             set community {own}:{preference} additive\nexit\n"
        );
    }
    let _ = write!(
        text,
        "router bgp {own}\n bgp router-id 192.0.2.129\n no bgp ebgp-requires-policy\n \
         no bgp network import-check\n no bgp default ipv4-unicast\n"
    );
    let neighbors = network.neighbors(site.second_upstream);
    for neighbor in &neighbors {
        let (remote, hold) = (neighbor.remote, if neighbor.is_site() { site.hold } else { HOLD });
        let _ = write!(
            text,
            " neighbor {remote} remote-as {}\n neighbor {remote} timers {} {hold}\n \
             neighbor {remote} timers connect 1\n neighbor {remote} advertisement-interval 0\n",
            neighbor.asn,
            hold / 3
        );
        if neighbor.is_site() && site.bfd {
            let _ = writeln!(text, " neighbor {remote} bfd\n neighbor {remote} bfd profile lab");
        }
    }
    text.push_str(" address-family ipv4 unicast\n");
    for prefix in network.own_prefixes() {
        let _ = writeln!(text, "  network {prefix} route-map OWN");
    }
    for neighbor in &neighbors {
        let (remote, preference) = (neighbor.remote, neighbor.relation.local_pref());
        let _ = write!(
            text,
            "  neighbor {remote} activate\n  neighbor {remote} next-hop-self\n  \
             neighbor {remote} route-map FROM_{preference} in\n"
        );
        match neighbor.relation {
            Relation::Customer => {}
            Relation::Peer | Relation::Provider => {
                let _ = writeln!(text, "  neighbor {remote} route-map TO_OTHERS out");
            }
        }
    }
    text.push_str(" exit-address-family\n");
    text
}
