//! Echo requests as bytes, and what comes back (RFC 792, RFC 4443).
//!
//! surge-ping reads the packets. Its own client is not used: its socket's receive buffer holds 256
//! packets, which a common tick of more probes than that overruns, and it offers no safe way to
//! enlarge it; it takes a redirect for an answer; and it believes an ICMP error by the quoted
//! address, identifier and number alone. Whether a packet is about a ping of ours is decided by the
//! bytes of the request, all of which must come back, as far as the packet carries them.

use std::net::IpAddr;

use socket2::Type;
use surge_ping::{IcmpPacket, Icmpv4Packet, Icmpv6Packet};

use crate::config::model::Family;

/// The length of an ICMP echo header.
const HEADER: usize = 8;

/// As many bytes of data as `ping` sends, so that nothing on the way finds them odd.
const DATA: usize = 56;

/// Where the cookie stands, from the start of the ICMP header: after the nonce.
pub(crate) const COOKIE_AT: u32 = 16;

/// How many bytes of the data nobody can guess: the nonce and the cookie.
const SECRET: usize = 12;

/// An echo request.
pub(crate) type Echo = [u8; HEADER + DATA];

/// What makes a request different from all others. All of it is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The identifier. On a datagram socket the kernel puts its own in its place.
    pub(crate) ident: u16,
    /// The number.
    pub(crate) seq: u16,
    /// Opens the data: another one for each ping.
    pub(crate) nonce: u64,
    /// Follows the nonce: the same for all pings of a socket, which filters replies by it.
    pub(crate) cookie: u32,
}

/// An echo request.
///
/// The checksum is filled in for IPv4; the kernel does it for IPv6 (RFC 3542, section 3.1).
pub(crate) fn request(family: Family, marks: Marks) -> Echo {
    let mut echo = [0; HEADER + DATA];
    echo[0] = match family {
        Family::V4 => 8,
        Family::V6 => 128,
    };
    echo[4..6].copy_from_slice(&marks.ident.to_be_bytes());
    echo[6..8].copy_from_slice(&marks.seq.to_be_bytes());
    for (byte, text) in echo[HEADER..].iter_mut().zip(b"falconer".iter().cycle()) {
        *byte = *text;
    }
    echo[HEADER..HEADER + 8].copy_from_slice(&marks.nonce.to_be_bytes());
    echo[HEADER + 8..HEADER + SECRET].copy_from_slice(&marks.cookie.to_be_bytes());
    if family == Family::V4 {
        let sum = checksum(&echo);
        echo[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    echo
}

/// A packet that may be about a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IcmpMessage<'a> {
    /// Where the request went.
    pub(crate) target: IpAddr,
    /// The request's identifier. On a datagram socket the kernel chose and checked it.
    pub(crate) ident: u16,
    /// The request's number.
    pub(crate) seq: u16,
    /// What is said of it.
    pub(crate) says: Says<'a>,
}

/// What is said of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says<'a> {
    /// An echo reply, with these data.
    Reply(&'a [u8]),
    /// An ICMP error.
    Error(IcmpError, Quote<'a>),
}

/// An ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IcmpError {
    /// The ICMP type.
    pub(crate) kind: u8,
    /// The ICMP code.
    pub(crate) code: u8,
    /// The router that says so; this host itself where neighbour resolution failed.
    pub(crate) from: IpAddr,
}

/// The ICMP packet that an error quotes, as far as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote<'a>(&'a [u8]);

/// Whether these are the data that were sent with that request.
pub(crate) fn is_reply_to(data: &[u8], request: &Echo) -> bool {
    data.get(..SECRET) == Some(&request[HEADER..HEADER + SECRET])
}

impl Quote<'_> {
    /// Whether this is that request. A router quotes 8 bytes at least (RFC 792), the checksum of
    /// the data among them; RFC 4443 wants as much as fits, so that IPv6 quotes always have the data.
    pub(crate) fn is_of(&self, request: &Echo, family: Family) -> bool {
        let length = self.0.len().min(request.len());
        match family {
            Family::V4 => length >= HEADER && self.0[..length] == request[..length],
            // The kernel filled in the checksum, which we do not know.
            Family::V6 => {
                length >= HEADER + SECRET
                    && self.0[..2] == request[..2]
                    && self.0[4..length] == request[4..length]
            }
        }
    }
}

/// Reads what a socket of that type received from `from`. `None`: nothing that is about a ping.
pub(crate) fn read(packet: &[u8], socket: Type, from: IpAddr) -> Option<IcmpMessage<'_>> {
    let icmp = match from {
        IpAddr::V4(_) => icmp_of(packet, socket)?,
        IpAddr::V6(_) => packet,
    };
    let (kind, code) = (*icmp.first()?, *icmp.get(1)?);
    let says = match (from, kind) {
        (IpAddr::V4(_), 0) | (IpAddr::V6(_), 129) => Says::Reply(icmp.get(HEADER..)?),
        (IpAddr::V4(_), 3 | 11 | 12) | (IpAddr::V6(_), 1..=4) => {
            let quoted = icmp.get(HEADER..)?;
            let quote = match from {
                IpAddr::V4(_) => quote4(quoted)?,
                IpAddr::V6(_) => quote6(quoted)?,
            };
            Says::Error(IcmpError { kind, code, from }, quote)
        }
        (IpAddr::V4(_) | IpAddr::V6(_), _) => return None,
    };
    let known = match from {
        // The last address is where it came in; surge-ping only passes it on.
        IpAddr::V4(v4) => IcmpPacket::V4(Icmpv4Packet::decode(packet, socket, v4, v4).ok()?),
        IpAddr::V6(v6) => IcmpPacket::V6(Icmpv6Packet::decode(packet, v6).ok()?),
    };
    Some(IcmpMessage {
        target: known.real_destination(),
        ident: known.get_identifier().into_u16(),
        seq: known.get_sequence().into_u16(),
        says,
    })
}

/// The ICMP packet in a quoted IPv4 packet that is ICMP, and no later fragment.
fn quote4(quoted: &[u8]) -> Option<Quote<'_>> {
    let (first, protocol) = (*quoted.first()?, *quoted.get(9)?);
    let fragment = u16::from_be_bytes([*quoted.get(6)?, *quoted.get(7)?]) & 0x1fff;
    let whole = first >> 4 == 4 && protocol == 1 && fragment == 0;
    whole.then(|| quoted.get(usize::from(first & 0xf) * 4..).map(Quote))?
}

/// The ICMP packet in a quoted IPv6 packet. Ours have no extension headers.
fn quote6(quoted: &[u8]) -> Option<Quote<'_>> {
    let icmp = *quoted.first()? >> 4 == 6 && *quoted.get(6)? == 58;
    icmp.then(|| quoted.get(40..).map(Quote))?
}

/// The ICMP part of an IPv4 packet: a raw socket hands over the IP header as well.
fn icmp_of(packet: &[u8], socket: Type) -> Option<&[u8]> {
    if socket == Type::RAW {
        packet.get(usize::from(packet.first()? & 0xf) * 4..)
    } else {
        Some(packet)
    }
}

/// RFC 1071, over an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // The loop has brought it into 16 bits.
    !(sum as u16)
}
