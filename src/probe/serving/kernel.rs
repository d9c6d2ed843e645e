//! Asks the kernel where it would send a packet (rtnetlink, RTM_GETROUTE; rtnetlink(7)). Nothing is changed.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteProtocol, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use rustix::io::Errno;

/// What the kernel says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KernelAnswer {
    /// The route that matches.
    Route(KernelRoute),
    /// A packet would go nowhere.
    Refused(RouteRefusal),
    /// It could not be asked, in words.
    NotAsked(String),
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KernelRoute {
    /// Whether the address is this host's own.
    pub(crate) local: bool,
    /// What it leads to.
    pub(crate) prefix: IpNet,
    /// Whether BIRD put it there.
    pub(crate) by_bird: bool,
    /// Where a packet goes; several with equal shares.
    pub(crate) hops: Vec<KernelHop>,
}

/// One way of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KernelHop {
    /// The interface's number.
    pub(crate) interface: u32,
    /// The next router; `None`: the address is on the link.
    pub(crate) gateway: Option<IpAddr>,
}

/// Why a packet would go nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouteRefusal {
    /// A blackhole drops it.
    Blackhole,
    /// A route says unreachable.
    Unreachable,
    /// A route says prohibited.
    Prohibited,
    /// No route matches.
    NoRoute,
    /// The address is no host's: a broadcast or multicast address.
    NoHost,
}

/// A socket to the kernel.
pub(crate) struct KernelSocket {
    socket: Socket,
    asked: u32,
}

impl KernelSocket {
    /// Opens it.
    ///
    /// # Errors
    /// As the kernel says, such as that AF_NETLINK is not allowed.
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // The kernel answers while it takes the request in: what is not there then never comes.
        socket.set_non_blocking(true)?;
        Ok(Self { socket, asked: 0 })
    }

    /// Where a packet to `address` would go.
    pub(crate) fn ask(&mut self, address: IpAddr) -> KernelAnswer {
        self.asked += 1;
        let answered = self
            .socket
            .send(&request(address, self.asked), 0)
            .and_then(|_| self.socket.recv_from_full());
        match answered {
            Ok((reply, _)) => parse(&reply, self.asked),
            Err(error) => KernelAnswer::NotAsked(format!("the kernel does not answer: {error}")),
        }
    }

    /// An interface's name, or its number where it is gone.
    pub(crate) fn interface(&self, number: u32) -> String {
        rustix::net::netdevice::index_to_name(&self.socket, number)
            .unwrap_or_else(|_| format!("interface {number}"))
    }
}

/// The request. With RTM_F_FIB_MATCH (Linux 4.13) the answer is the route itself, and not what is made of it
/// for one address: its prefix tells a default route from others.
fn request(address: IpAddr, number: u32) -> Vec<u8> {
    let mut route = RouteMessage::default();
    (
        route.header.address_family,
        route.header.destination_prefix_length,
    ) = match address {
        IpAddr::V4(_) => (AddressFamily::Inet, 32),
        IpAddr::V6(_) => (AddressFamily::Inet6, 128),
    };
    route.header.flags = RouteFlags::FibMatch;
    route
        .attributes
        .push(RouteAttribute::Destination(RouteAddress::from(address)));
    let mut header = NetlinkHeader::default();
    (header.flags, header.sequence_number) = (NLM_F_REQUEST, number);
    let payload = NetlinkPayload::from(RouteNetlinkMessage::GetRoute(route));
    let mut message = NetlinkMessage::new(header, payload);
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn parse(reply: &[u8], number: u32) -> KernelAnswer {
    let not_understood =
        |why: String| KernelAnswer::NotAsked(format!("the kernel's answer is not understood: {why}"));
    let message = match NetlinkMessage::<RouteNetlinkMessage>::deserialize(reply) {
        Ok(message) => message,
        Err(error) => return not_understood(error.to_string()),
    };
    if message.header.sequence_number != number {
        return not_understood("it is to another question".to_owned());
    }
    if let NetlinkPayload::Error(error) = &message.payload {
        return refused(&error.to_io());
    }
    if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) = message.payload {
        return found(&route);
    }
    not_understood("it is no route".to_owned())
}

/// IPv4 tells of such a route by an error alone.
fn refused(error: &io::Error) -> KernelAnswer {
    let refusal = match Errno::from_io_error(error) {
        Some(Errno::INVAL) => RouteRefusal::Blackhole,
        Some(Errno::HOSTUNREACH) => RouteRefusal::Unreachable,
        Some(Errno::ACCESS) => RouteRefusal::Prohibited,
        Some(Errno::NETUNREACH) => RouteRefusal::NoRoute,
        Some(_) | None => return KernelAnswer::NotAsked(format!("the kernel says: {error}")),
    };
    KernelAnswer::Refused(refusal)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "kinds of routes that a later kernel may have are not understood either"
)]
fn found(route: &RouteMessage) -> KernelAnswer {
    if route.header.flags.contains(RouteFlags::Cloned) {
        return KernelAnswer::NotAsked(
            "this kernel does not say which route matches (Linux 4.13 does)".to_owned(),
        );
    }
    let local = match route.header.kind {
        RouteType::Local => true,
        RouteType::Unicast => false,
        RouteType::Broadcast | RouteType::Anycast | RouteType::Multicast => {
            return KernelAnswer::Refused(RouteRefusal::NoHost);
        }
        RouteType::BlackHole => return KernelAnswer::Refused(RouteRefusal::Blackhole),
        RouteType::Unreachable => return KernelAnswer::Refused(RouteRefusal::Unreachable),
        RouteType::Prohibit => return KernelAnswer::Refused(RouteRefusal::Prohibited),
        other => {
            return KernelAnswer::NotAsked(format!("the kernel's route is of an unknown kind ({other:?})"));
        }
    };
    let Some(prefix) = prefix(route) else {
        return KernelAnswer::NotAsked("the kernel's route has no prefix".to_owned());
    };
    KernelAnswer::Route(KernelRoute {
        local,
        prefix,
        by_bird: route.header.protocol == RouteProtocol::Bird,
        hops: hops(route),
    })
}

fn prefix(route: &RouteMessage) -> Option<IpNet> {
    let family = route.header.address_family;
    let everything = if family == AddressFamily::Inet {
        IpAddr::from([0; 4])
    } else if family == AddressFamily::Inet6 {
        IpAddr::from([0; 16])
    } else {
        return None;
    };
    let written = first(&route.attributes, |attribute| {
        let RouteAttribute::Destination(address) = attribute else {
            return None;
        };
        ip(address)
    });
    IpNet::new(
        written.unwrap_or(everything),
        route.header.destination_prefix_length,
    )
    .ok()
}

fn hops(route: &RouteMessage) -> Vec<KernelHop> {
    let interface = first(&route.attributes, |attribute| {
        let RouteAttribute::Oif(interface) = attribute else {
            return None;
        };
        Some(*interface)
    });
    let alone = interface.map(|interface| KernelHop {
        interface,
        gateway: gateway(&route.attributes),
    });
    let shares = first(&route.attributes, |attribute| {
        let RouteAttribute::MultiPath(hops) = attribute else {
            return None;
        };
        Some(hops)
    });
    let shares = shares.into_iter().flatten().map(|hop| KernelHop {
        interface: hop.interface_index,
        gateway: gateway(&hop.attributes),
    });
    alone.into_iter().chain(shares).collect()
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    first(attributes, |attribute| {
        if let RouteAttribute::Gateway(address) = attribute {
            return ip(address);
        }
        if let RouteAttribute::Via(RouteVia::Inet(address)) = attribute {
            return Some(IpAddr::V4(*address));
        }
        if let RouteAttribute::Via(RouteVia::Inet6(address)) = attribute {
            return Some(IpAddr::V6(*address));
        }
        None
    })
}

fn first<'a, T>(
    attributes: &'a [RouteAttribute],
    of: impl FnMut(&'a RouteAttribute) -> Option<T>,
) -> Option<T> {
    attributes.iter().find_map(of)
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    if let RouteAddress::Inet(address) = address {
        return Some(IpAddr::V4(*address));
    }
    let RouteAddress::Inet6(address) = address else {
        return None;
    };
    Some(IpAddr::V6(*address))
}

#[cfg(test)]
mod tests;
