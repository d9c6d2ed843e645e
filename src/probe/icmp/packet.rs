//! Echo requests as bytes, and what comes back (RFC 792, RFC 4443).
//!
//! surge-ping reads the packets, above all the request that an ICMP error quotes. Its own client is
//! not used: its socket's receive buffer holds 256 packets, which a common tick of more probes than
//! that overruns, and it offers no safe way to enlarge it; and it takes a redirect for an answer.

use std::net::IpAddr;

use socket2::Type;
use surge_ping::{IcmpPacket, Icmpv4Packet, Icmpv6Packet};

use crate::config::model::Family;

/// The length of an ICMP echo header.
const HEADER: usize = 8;

/// As many bytes of data as `ping` sends, so that nothing on the way finds them odd.
const DATA: usize = 56;

/// An echo request or reply.
type Echo = [u8; HEADER + DATA];

/// An echo request. `nonce` opens the data, and comes back with the reply.
///
/// The checksum is filled in for IPv4; the kernel does it for IPv6 (RFC 3542, section 3.1).
pub(super) fn request(family: Family, ident: u16, seq: u16, nonce: u64) -> Echo {
    let mut echo = [0; HEADER + DATA];
    echo[0] = match family {
        Family::V4 => 8,
        Family::V6 => 128,
    };
    echo[4..6].copy_from_slice(&ident.to_be_bytes());
    echo[6..8].copy_from_slice(&seq.to_be_bytes());
    for (byte, text) in echo[HEADER..].iter_mut().zip(b"falconer".iter().cycle()) {
        *byte = *text;
    }
    echo[HEADER..HEADER + 8].copy_from_slice(&nonce.to_be_bytes());
    if family == Family::V4 {
        let sum = checksum(&echo);
        echo[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    echo
}

/// What a received packet says of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Where the request went.
    pub(super) target: IpAddr,
    /// The request's identifier. On a datagram socket the kernel chose and checked it.
    pub(super) ident: u16,
    /// The request's number.
    pub(super) seq: u16,
    /// What is said of it.
    pub(super) heard: Heard,
    /// The reply's nonce; `None` for an error, which need not quote that far.
    pub(super) nonce: Option<u64>,
}

/// What is said of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// An echo reply.
    Reply,
    /// An ICMP error that quotes the request.
    Error {
        /// The ICMP type.
        kind: u8,
        /// The ICMP code.
        code: u8,
        /// The router that says so; this host itself where neighbour resolution failed.
        from: IpAddr,
    },
}

/// Reads what a socket of that type received from `from`. `None`: nothing that answers a ping.
pub(super) fn read(packet: &[u8], socket: Type, from: IpAddr) -> Option<Answer> {
    let (kind, code) = match from {
        IpAddr::V4(_) => {
            let icmp = icmp_of(packet, socket)?;
            (*icmp.first()?, *icmp.get(1)?)
        }
        IpAddr::V6(_) => (*packet.first()?, *packet.get(1)?),
    };
    let (heard, nonce) = match (from, kind) {
        (IpAddr::V4(_), 0) => (Heard::Reply, Some(nonce_of(icmp_of(packet, socket)?)?)),
        (IpAddr::V6(_), 129) => (Heard::Reply, Some(nonce_of(packet)?)),
        (IpAddr::V4(_), 3 | 11 | 12) | (IpAddr::V6(_), 1..=4) => (Heard::Error { kind, code, from }, None),
        (IpAddr::V4(_) | IpAddr::V6(_), _) => return None,
    };
    let known = match from {
        // The last address is where it came in; surge-ping only passes it on.
        IpAddr::V4(v4) => IcmpPacket::V4(Icmpv4Packet::decode(packet, socket, v4, v4).ok()?),
        IpAddr::V6(v6) => IcmpPacket::V6(Icmpv6Packet::decode(packet, v6).ok()?),
    };
    Some(Answer {
        target: known.real_destination(),
        ident: known.get_identifier().into_u16(),
        seq: known.get_sequence().into_u16(),
        heard,
        nonce,
    })
}

/// The ICMP part of an IPv4 packet: a raw socket hands over the IP header as well.
fn icmp_of(packet: &[u8], socket: Type) -> Option<&[u8]> {
    if socket == Type::RAW {
        packet.get(usize::from(packet.first()? & 0xf) * 4..)
    } else {
        Some(packet)
    }
}

fn nonce_of(echo: &[u8]) -> Option<u64> {
    let bytes = echo.get(HEADER..HEADER + 8)?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
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
