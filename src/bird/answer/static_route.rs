//! `show static NAME`: what a static protocol holds, whether it is enabled or not.

use ipnet::IpNet;

/// One route of a static protocol's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticRoute {
    /// The prefix.
    pub prefix: IpNet,
    /// Where packets go, in BIRD's words: "blackhole", "unreachable", "via 192.0.2.1 on eth0"; one
    /// for each next hop.
    pub dest: Vec<String>,
}
