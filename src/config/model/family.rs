//! The address families.

use ipnet::IpNet;

/// An address family, which is also a BIRD channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4, `ipv4` in BIRD.
    V4,
    /// IPv6, `ipv6` in BIRD.
    V6,
}

impl Family {
    /// The family of a prefix.
    pub fn of(prefix: &IpNet) -> Self {
        match prefix {
            IpNet::V4(_) => Self::V4,
            IpNet::V6(_) => Self::V6,
        }
    }

    /// The family of an address.
    #[must_use]
    pub fn of_address(addr: std::net::IpAddr) -> Self {
        match addr {
            std::net::IpAddr::V4(_) => Self::V4,
            std::net::IpAddr::V6(_) => Self::V6,
        }
    }

    /// The channel's name in BIRD.
    pub fn channel(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}
