//! Packets that a host forges which sees nothing of what others send: whole IP packets, with the
//! source of its choice.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;

/// Raw sockets that send whole packets.
pub(crate) struct Forger {
    v4: Socket,
    v6: Socket,
}

impl Forger {
    /// In the namespace of the calling thread. Needs root.
    pub(crate) fn new() -> Self {
        let raw = |domain| Socket::new(domain, Type::RAW, Some(Protocol::from(255))).unwrap();
        Self {
            v4: raw(Domain::IPV4),
            v6: raw(Domain::IPV6),
        }
    }

    /// Sends it to whom it names.
    pub(crate) fn send(&self, packet: &[u8]) {
        let (socket, to) = match packet[0] >> 4 {
            4 => {
                let to: [u8; 4] = packet[16..20].try_into().unwrap();
                (&self.v4, IpAddr::from(to))
            }
            _ => {
                let to: [u8; 16] = packet[24..40].try_into().unwrap();
                (&self.v6, IpAddr::from(to))
            }
        };
        socket.send_to(packet, &SocketAddr::new(to, 0).into()).unwrap();
    }
}

/// Numbers that look random, the same in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn short(&mut self) -> u16 {
        (self.next() >> 24) as u16
    }

    pub(crate) fn word(&mut self) -> u32 {
        (self.next() >> 16) as u32
    }
}

/// An echo request or reply as Falconer would send or get it, with what cannot be known guessed.
pub(crate) fn echo(kind: u8, guess: &mut Numbers) -> Vec<u8> {
    let mut echo = vec![kind, 0, 0, 0];
    echo.extend(guess.word().to_be_bytes());
    echo.extend(guess.next().to_be_bytes());
    echo.extend(guess.word().to_be_bytes());
    echo.extend(b"onerfalconerfalconerfalconerfalconerfalconer");
    echo
}

/// A UDP datagram.
pub(crate) fn udp(from: u16, to: u16, data: &[u8]) -> Vec<u8> {
    let length = (8 + data.len()) as u16;
    let mut datagram = Vec::new();
    for word in [from, to, length, 0] {
        datagram.extend(word.to_be_bytes());
    }
    datagram.extend(data);
    datagram
}

/// A TCP segment without data.
pub(crate) fn tcp(from: u16, to: u16, seq: u32, ack: u32, flags: u8) -> Vec<u8> {
    let mut segment = Vec::new();
    for word in [from, to] {
        segment.extend(word.to_be_bytes());
    }
    for word in [seq, ack] {
        segment.extend(word.to_be_bytes());
    }
    segment.extend([5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment
}

/// An ICMP error that quotes a packet.
pub(crate) fn icmp_error(kind: u8, code: u8, quoted: &[u8]) -> Vec<u8> {
    let mut icmp = vec![kind, code, 0, 0, 0, 0, 0, 0];
    icmp.extend(quoted);
    icmp
}

/// What an IP packet carries.
#[derive(Clone, Copy)]
pub(crate) enum Carries<'a> {
    Icmp(&'a [u8]),
    Udp(&'a [u8]),
    Tcp(&'a [u8]),
}

/// An IP packet, its checksums filled in.
pub(crate) fn packet(from: IpAddr, to: IpAddr, carries: Carries<'_>) -> Vec<u8> {
    let v4 = from.is_ipv4();
    let (protocol, data, at) = match carries {
        Carries::Icmp(data) => (if v4 { ICMP } else { ICMP6 }, data, 2),
        Carries::Udp(data) => (UDP, data, 6),
        Carries::Tcp(data) => (TCP, data, 16),
    };
    let mut data = data.to_vec();
    let mut summed = match (protocol, from, to) {
        (ICMP, ..) => Vec::new(),
        (_, from, to) => pseudo_header(from, to, protocol, data.len()),
    };
    data[at..at + 2].fill(0);
    summed.extend(&data);
    data[at..at + 2].copy_from_slice(&checksum(&summed).to_be_bytes());
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ipv4(from, to, protocol, &data),
        (IpAddr::V6(from), IpAddr::V6(to)) => ipv6(from, to, protocol, &data),
        _ => panic!("two families in one packet"),
    }
}

fn ipv4(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(data);
    let length = packet.len() as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    let sum = checksum(&packet[..20]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

fn ipv6(from: Ipv6Addr, to: Ipv6Addr, protocol: u8, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((data.len() as u16).to_be_bytes());
    packet.extend([protocol, 64]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(data);
    packet
}

fn pseudo_header(from: IpAddr, to: IpAddr, protocol: u8, length: usize) -> Vec<u8> {
    let mut header = Vec::new();
    for addr in [from, to] {
        match addr {
            IpAddr::V4(addr) => header.extend(addr.octets()),
            IpAddr::V6(addr) => header.extend(addr.octets()),
        }
    }
    header.extend((length as u32).to_be_bytes());
    header.extend([0, 0, 0, protocol]);
    header
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
