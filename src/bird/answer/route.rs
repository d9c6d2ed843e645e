//! `show route`.

use std::net::IpAddr;

use ipnet::IpNet;

/// One route of one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The table it is in.
    pub table: String,
    /// The prefix.
    pub prefix: IpNet,
    /// Where packets go.
    pub dest: Dest,
    /// The protocol that brought it.
    pub protocol: String,
    /// The neighbour that it was learned from, where that is not the next hop.
    pub from: Option<IpAddr>,
    /// Whether it is the best of its table.
    pub primary: bool,
    /// BIRD's preference; `None` where the row does not say.
    pub preference: Option<u32>,
    /// The origin AS that the row shows; `None` for routes of our own and behind aggregates.
    pub origin_as: Option<u32>,
    /// Where `dest` is unicast.
    pub next_hops: Vec<NextHop>,
    /// With `all`: the AS path as BIRD prints it, sets in braces; `None` where there is none.
    pub as_path: Option<String>,
    /// With `all`: the communities (RFC 1997).
    pub communities: Vec<(u16, u16)>,
    /// With `all`: the large communities (RFC 8092).
    pub large_communities: Vec<(u32, u32, u32)>,
}

/// Where a route's packets go (nest/rt-attr.c:rta_dest_names).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dest {
    /// To its next hops.
    Unicast,
    /// Nowhere, silently.
    Blackhole,
    /// Nowhere, with an ICMP error.
    Unreachable,
    /// Nowhere, with an ICMP error that says so.
    Prohibited,
    /// Another word of BIRD's, such as "recursive".
    Other(String),
}

/// One next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The router's address; `None` for a route to an interface.
    pub via: Option<IpAddr>,
    /// The interface.
    pub interface: Option<String>,
}
