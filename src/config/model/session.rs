//! `[[upstream]]` and `[[peer]]`: BGP sessions of the local BIRD.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::model::family::Family;

/// `[[upstream]]` or `[[peer]]`: a BGP protocol of the local BIRD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// The BGP protocol's name in BIRD.
    pub name: String,
    /// How its session is rendered; `None` where we do not render.
    pub session: Option<SessionConfig>,
    /// The channels it has; `None` (attach mode, not given) means: ask BIRD.
    pub families: Option<Vec<Family>>,
    /// The origin AS that the Internet sees in what is announced here; `None`: our own.
    pub origin_as: Option<u32>,
}

/// What it takes to render a BGP session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// The neighbour's address.
    pub neighbor: IpAddr,
    /// The neighbour's AS number.
    pub neighbor_as: u32,
    /// Our address in the session.
    pub source: Option<IpAddr>,
    /// The neighbour is this many hops away; `None`: directly connected.
    pub multihop: Option<u8>,
    /// A file whose first line is the TCP-MD5 password (RFC 2385).
    pub password_file: Option<PathBuf>,
    /// RFC 4271 hold time.
    pub hold_time: Duration,
    /// RFC 4271 keepalive time.
    pub keepalive_time: Duration,
    /// How long to wait before connecting again.
    pub connect_retry_time: Duration,
    /// How long to wait after an error: first, and at most.
    pub error_wait_time: [Duration; 2],
    /// RFC 4724.
    pub graceful_restart: GracefulRestart,
    /// RFC 5880.
    pub bfd: Option<BfdConfig>,
    /// (asn, value) pairs put on what we announce (RFC 1997).
    pub communities: Vec<(u16, u16)>,
    /// RFC 8092.
    pub large_communities: Vec<(u32, u32, u32)>,
    /// Communities put on standing prefixes, in addition (D14).
    pub standing_communities: Vec<(u16, u16)>,
    /// Communities put on what is announced at strength drain, in addition (D8).
    pub drain_communities: Vec<(u16, u16)>,
    /// Whether NO_LLGR is put on what is announced (RFC 9494).
    pub no_llgr: bool,
    /// How often our AS is prepended, beyond the one that BGP puts there.
    pub prepend: u8,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// What is taken from the neighbour.
    pub import: ImportPolicy,
    /// So many routes of a family may come in; one more, and BIRD ends the session.
    pub import_limit: Option<u32>,
    /// Our next hops in what is announced, at most one of each family; where there is none BIRD
    /// takes an address of the session's interface.
    pub next_hop: Vec<IpAddr>,
}

impl SessionConfig {
    /// Our next hop in the routes of a family, where one is given.
    #[must_use]
    pub fn next_hop(&self, family: Family) -> Option<IpAddr> {
        self.next_hop
            .iter()
            .find(|addr| Family::of_address(**addr) == family)
            .copied()
    }
}

/// RFC 4724 graceful restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GracefulRestart {
    /// Help the neighbour, never ask it to keep our dead routes.
    Aware,
    /// The neighbour keeps our routes while we are gone.
    On,
    /// Not at all.
    Off,
}

/// BFD on a session (RFC 5880).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BfdConfig {
    /// Minimum receive and transmit interval.
    pub interval: Duration,
    /// Missed packets that mean down.
    pub multiplier: u8,
}

/// A session's import policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportPolicy {
    /// Nothing.
    None,
    /// Only the default route.
    DefaultRoute,
    /// The services' prefixes, to be seen by bird-route probes; never to the kernel.
    Services,
    /// A filter of the user's own, by name.
    Filter(String),
}
