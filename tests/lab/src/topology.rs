//! Who lives where: the names, addresses and links of the lab. It starts nothing.
//!
//! ```text
//!   cn 198.18.0.1 AS 64502 ──┐                       ┌── client 192.0.2.130
//!                            ├── isp AS 64500 ───────┤
//!   hk 203.0.113.2 AS 64501 ─┘                       └── witness 192.0.2.53, .54
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host of the lab, each in a network namespace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// The upstream: it chooses between the sites, and is the lab's witness of what was announced.
    Isp,
    /// The primary site.
    Cn,
    /// The standby site.
    Hk,
    /// A user of the service, somewhere behind the upstream.
    Client,
    /// Addresses that answer as long as the standby itself is connected.
    Witness,
}

/// The service's own address, on both sites' loopback.
pub const SERVICE4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
/// The same in IPv6.
pub const SERVICE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x5100, 0, 0, 0, 0, 0x10);
/// What the sites announce.
pub const PREFIX4: &str = "198.51.100.0/24";
/// What the sites announce.
pub const PREFIX6: &str = "2001:db8:5100::/48";

/// A host's link to the upstream. At the host its interface is `wan0`; at the upstream it has the
/// host's name.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Whose link it is.
    pub host: Host,
    /// The host's addresses; the first of each family is its own one.
    pub here: &'static [&'static str],
    /// The upstream's addresses, without a length: the host's default routes.
    pub isp: [&'static str; 2],
    /// The prefix lengths on the link, IPv4 and IPv6.
    pub length: [u8; 2],
}

/// Every link of the lab.
pub const LINKS: [Link; 4] = [
    Link {
        host: Host::Cn,
        here: &["198.18.0.1/24", "2001:db8:18::1/64"],
        isp: ["198.18.0.254", "2001:db8:18::fe"],
        length: [24, 64],
    },
    Link {
        host: Host::Hk,
        here: &["203.0.113.2/30", "2001:db8:113::2/64"],
        isp: ["203.0.113.1", "2001:db8:113::1"],
        length: [30, 64],
    },
    Link {
        host: Host::Client,
        here: &["192.0.2.130/25", "2001:db8:c::2/64"],
        isp: ["192.0.2.129", "2001:db8:c::1"],
        length: [25, 64],
    },
    Link {
        host: Host::Witness,
        here: &[
            "192.0.2.53/25",
            "192.0.2.54/25",
            "2001:db8:53::53/64",
            "2001:db8:53::54/64",
        ],
        isp: ["192.0.2.1", "2001:db8:53::1"],
        length: [25, 64],
    },
];

impl Host {
    /// Every host.
    pub const ALL: [Self; 5] = [Self::Isp, Self::Cn, Self::Hk, Self::Client, Self::Witness];

    /// Its name, which is also its interface's at the upstream, and what its HTTP service says.
    pub fn name(self) -> &'static str {
        match self {
            Self::Isp => "isp",
            Self::Cn => "cn",
            Self::Hk => "hk",
            Self::Client => "client",
            Self::Witness => "witness",
        }
    }

    /// Its AS number, where it speaks BGP.
    pub fn asn(self) -> Option<u32> {
        match self {
            Self::Isp => Some(64500),
            Self::Hk => Some(64501),
            Self::Cn => Some(64502),
            Self::Client | Self::Witness => None,
        }
    }

    /// Whether the service lives here.
    pub fn serves(self) -> bool {
        matches!(self, Self::Cn | Self::Hk)
    }

    /// Its own addresses on its link; none at the upstream, which has one on every link.
    pub fn addresses(self) -> Vec<IpAddr> {
        let Some(link) = LINKS.iter().find(|link| link.host == self) else {
            return Vec::new();
        };
        link.here
            .iter()
            .filter_map(|text| text.split('/').next()?.parse().ok())
            .collect()
    }

    /// The host that has this address on its link.
    pub fn of(address: IpAddr) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|host| host.addresses().contains(&address))
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
