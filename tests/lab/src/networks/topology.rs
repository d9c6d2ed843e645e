//! Who lives where: the networks, their links, and what each is to the other. It starts nothing.
//!
//! ```text
//!                    transit AS 64530 ── client_t
//!                    /              \
//!   client_a ── isp_a AS 64510 ── isp_b AS 64500 ── client_b
//!                    │    (peers)     │
//!     cn, primary, AS 64502        hk, standby, AS 64501
//! ```
//!
//! hk has a link to the transit, too, whose session is up only where a plan says so.
//!
//! IPv4 only: which route wins does not depend on the family. The sites have the addresses and AS numbers that
//! they have in the lab with one upstream ([`crate::topology`]).

use std::fmt;

use crate::topology::Host;

/// A network with an AS of its own, and one router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// The primary's ISP.
    IspA,
    /// The standby's ISP. The first witness is here.
    IspB,
    /// The ISP of both ISPs. The second witness is here.
    Transit,
}

impl Network {
    /// Every network.
    pub const ALL: [Self; 3] = [Self::IspA, Self::IspB, Self::Transit];

    /// Its router's name, which is also its interface's at the neighbouring routers.
    pub fn name(self) -> &'static str {
        match self {
            Self::IspA => "isp_a",
            Self::IspB => "isp_b",
            Self::Transit => "transit",
        }
    }

    /// Its AS number.
    pub fn asn(self) -> u32 {
        match self {
            Self::IspA => 64510,
            Self::IspB => 64500,
            Self::Transit => 64530,
        }
    }

    /// The name of the client in it.
    pub fn client(self) -> &'static str {
        match self {
            Self::IspA => "client_a",
            Self::IspB => "client_b",
            Self::Transit => "client_t",
        }
    }

    /// What it announces of its own: its client, its witness, and its customer's link.
    pub fn own_prefixes(self) -> &'static [&'static str] {
        match self {
            Self::IspA => &["198.18.0.0/24", "192.0.2.128/28"],
            Self::IspB => &["203.0.113.0/30", "192.0.2.144/28", "192.0.2.53/32"],
            Self::Transit => &["192.0.2.160/28", "192.0.2.54/32"],
        }
    }

    /// The witness that lives on its router's loopback.
    pub fn witness(self) -> Option<&'static str> {
        match self {
            Self::IspA => None,
            Self::IspB => Some("192.0.2.53"),
            Self::Transit => Some("192.0.2.54"),
        }
    }

    /// The BGP neighbors of its router; the standby is the transit's only where it has a second upstream.
    pub fn neighbors(self, second_upstream: bool) -> Vec<Neighbor> {
        let address = |text: &'static str| text.split('/').next().unwrap_or(text);
        let neighbor = |name, local, remote| {
            let (asn, relation) = self.to(name)?;
            Some(Neighbor {
                name,
                local: address(local),
                remote: address(remote),
                asn,
                relation,
            })
        };
        LINKS
            .iter()
            .filter(|link| second_upstream || link.interface_there() != "wan1")
            .filter_map(|link| {
                if link.router == self.name() {
                    neighbor(link.host, link.here, link.there)
                } else if link.host == self.name() {
                    neighbor(link.router, link.there, link.here)
                } else {
                    None
                }
            })
            .collect()
    }

    /// The AS number of a neighbor, and what it is to this network; a client speaks no BGP.
    fn to(self, name: &str) -> Option<(u32, Relation)> {
        if let Some(site) = [Host::Cn, Host::Hk].into_iter().find(|host| host.name() == name) {
            return Some((site.asn()?, Relation::Customer));
        }
        let network = Self::ALL.into_iter().find(|network| network.name() == name)?;
        let relation = match (self, network) {
            (Self::Transit, _) => Relation::Customer,
            (Self::IspA | Self::IspB, Self::Transit) => Relation::Provider,
            (Self::IspA | Self::IspB, Self::IspA | Self::IspB) => Relation::Peer,
        };
        Some((network.asn(), relation))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a neighbor is to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It pays, and is told everything.
    Customer,
    /// Told what is ours and our customers'.
    Peer,
    /// Paid by us, and told the same as a peer.
    Provider,
}

impl Relation {
    /// LOCAL_PREF of what it tells us, as most networks have it: what earns money before what is free before
    /// what costs money.
    pub fn local_pref(self) -> u32 {
        match self {
            Self::Customer => 200,
            Self::Peer => 100,
            Self::Provider => 50,
        }
    }
}

/// A BGP session of a network's router.
#[derive(Clone, Copy, Debug)]
pub struct Neighbor {
    /// Its name.
    pub name: &'static str,
    /// Our address.
    pub local: &'static str,
    /// Its address.
    pub remote: &'static str,
    /// Its AS number.
    pub asn: u32,
    /// What it is to us.
    pub relation: Relation,
}

impl Neighbor {
    /// Whether it is one of the two sites.
    pub fn is_site(&self) -> bool {
        self.name == Host::Cn.name() || self.name == Host::Hk.name()
    }
}

/// A link between a router and another host. The interface at a router has the other's name, at any other host
/// it is `wan0`, and at the standby's second link `wan1`.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouterLink {
    /// The router's name.
    pub(super) router: &'static str,
    /// The router's address.
    pub(super) here: &'static str,
    /// The other host's name.
    pub(super) host: &'static str,
    /// The other host's address.
    pub(super) there: &'static str,
}

impl RouterLink {
    /// The interface's name at the other host.
    pub(super) fn interface_there(&self) -> &'static str {
        if (self.router, self.host) == ("transit", "hk") {
            "wan1"
        } else if Network::ALL.iter().any(|network| network.name() == self.host) {
            self.router
        } else {
            "wan0"
        }
    }
}

/// Every link.
pub(super) const LINKS: [RouterLink; 9] = [
    link("isp_a", "198.18.0.254/24", "cn", "198.18.0.1/24"),
    link("isp_b", "203.0.113.1/30", "hk", "203.0.113.2/30"),
    link("transit", "100.64.0.13/30", "hk", "100.64.0.14/30"),
    link("isp_a", "100.64.0.1/30", "transit", "100.64.0.2/30"),
    link("isp_b", "100.64.0.5/30", "transit", "100.64.0.6/30"),
    link("isp_a", "100.64.0.9/30", "isp_b", "100.64.0.10/30"),
    link("isp_a", "192.0.2.129/28", "client_a", "192.0.2.130/28"),
    link("isp_b", "192.0.2.145/28", "client_b", "192.0.2.146/28"),
    link("transit", "192.0.2.161/28", "client_t", "192.0.2.162/28"),
];

const fn link(
    router: &'static str,
    here: &'static str,
    host: &'static str,
    there: &'static str,
) -> RouterLink {
    RouterLink {
        router,
        here,
        host,
        there,
    }
}
