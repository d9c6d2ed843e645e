//! `show protocols` and `show protocols all NAME`.

use std::net::IpAddr;

/// One row of `show protocols`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: String,
    /// What it is, such as "Static", "BGP", "BFD", "Kernel" or "Device".
    pub proto: String,
    /// The table of its main channel; `None` where it has none or several ("---").
    pub table: Option<String>,
    /// Its state.
    pub state: State,
    /// BIRD's own words about it. For BGP its state and then its last error, such as "Established"
    /// or "Active Socket: Connection refused"; empty where BIRD says nothing.
    pub info: String,
}

/// The state of a protocol (nest/proto.c:proto_state_name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Disabled, or at rest.
    Down,
    /// Trying: a BGP session that is not established.
    Start,
    /// At work.
    Up,
    /// Shutting down.
    Stop,
    /// Down, and its routes are still being taken out of the tables.
    Flush,
    /// A word that this parser does not know.
    Other,
}

/// `show protocols all NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolDetail {
    /// The row that `show protocols` has as well.
    pub protocol: Protocol,
    /// The operator's text in bird.conf.
    pub description: Option<String>,
    /// The reason that the last enable or disable carried (A3).
    pub message: Option<String>,
    /// What a BGP protocol has besides.
    pub bgp: Option<BgpDetail>,
    /// Its channels, in BIRD's order.
    pub channels: Vec<Channel>,
}

/// What `show protocols all` says of a BGP protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpDetail {
    /// BIRD's word: "Established", "Active", "Idle", "Passive", "Down" and so on.
    pub state: String,
    /// The other side's address; `None` for a dynamic session's range.
    pub neighbor_address: Option<IpAddr>,
    /// The other side's AS; zero where it may be any.
    pub neighbor_as: Option<u32>,
    /// Our own AS.
    pub local_as: Option<u32>,
    /// BIRD's last error, such as "Socket: Connection refused".
    pub last_error: Option<String>,
}

/// A channel of a protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// Its name, such as "ipv4" or "ipv6".
    pub name: String,
    /// BIRD's word, such as "UP" or "DOWN".
    pub state: String,
    /// Its table.
    pub table: String,
    /// What routes get that say nothing else; `None` where BIRD does not say.
    pub preference: Option<u32>,
    /// The import filter's name, "ACCEPT", "REJECT" or "(unnamed)".
    pub input_filter: String,
    /// The export filter's name, "ACCEPT", "REJECT" or "(unnamed)".
    pub output_filter: String,
    /// Its routes; `None` while it is down.
    pub routes: Option<RouteCounts>,
}

/// How many routes pass a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteCounts {
    /// Taken in.
    pub imported: u64,
    /// Sent out.
    pub exported: u64,
    /// Taken in, and the best of their table; `None` where BIRD does not say.
    pub preferred: Option<u64>,
}
