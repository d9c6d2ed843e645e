//! From tcpdump's file format to the BGP messages in it: pcap records, IP and TCP headers, streams put
//! together in order. It opens no socket and starts no program.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::bgp::{self, Message};

/// pcap's magic number for times in nanoseconds, little endian.
const NANO: [u8; 4] = [0x4d, 0x3c, 0xb2, 0xa1];
/// LINKTYPE_LINUX_SLL2: what a capture on all interfaces has in front of a packet.
const LINUX_SLL2: u32 = 276;
/// How long that header is.
const SLL2_HEADER: usize = 20;

/// One captured packet.
#[derive(Debug)]
pub struct Packet {
    /// When the kernel saw it.
    pub at: SystemTime,
    /// Everything, link header first.
    octets: Vec<u8>,
}

/// Reads the file header.
pub fn open(stream: &mut impl Read) -> Result<()> {
    let mut header = [0; 24];
    stream
        .read_exact(&mut header)
        .context("reading the capture's header")?;
    ensure!(
        header[..4] == NANO,
        "not a capture in nanoseconds: {:02x?}",
        &header[..4]
    );
    let link = u32::from_le_bytes(header[20..24].try_into()?);
    ensure!(link == LINUX_SLL2, "the capture's link type is {link}");
    Ok(())
}

/// Reads the next packet; `None` at the end.
pub fn read(stream: &mut impl Read) -> Result<Option<Packet>> {
    let mut header = [0; 16];
    if stream.read_exact(&mut header).is_err() {
        return Ok(None);
    }
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let mut octets = vec![0; usize::try_from(word(8))?];
    stream.read_exact(&mut octets).context("reading a packet")?;
    Ok(Some(Packet {
        at: UNIX_EPOCH + Duration::new(u64::from(word(0)), word(4)),
        octets,
    }))
}

/// What a packet carries.
#[derive(Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// A piece of a TCP stream.
    Tcp(Segment<'a>),
    /// A UDP datagram's content.
    Udp(&'a [u8]),
    /// Something else.
    Other,
}

/// A piece of a TCP stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Source and destination.
    pub flow: Flow,
    /// The number of its first octet.
    pub sequence: u32,
    /// Whether it opens the connection.
    pub syn: bool,
    /// Its content.
    pub data: &'a [u8],
}

/// One direction of a TCP connection: address and port of source and destination.
pub type Flow = ((IpAddr, u16), (IpAddr, u16));

impl Packet {
    /// Takes the headers off.
    pub fn payload(&self) -> Result<Payload<'_>> {
        let short = "a packet is shorter than its header";
        let (link, network) = self.octets.split_at_checked(SLL2_HEADER).context(short)?;
        let (source, destination, protocol, transport) = match [link[0], link[1]] {
            [0x08, 0x00] => ipv4(network).context(short)?,
            [0x86, 0xdd] => ipv6(network).context(short)?,
            _ => return Ok(Payload::Other),
        };
        match protocol {
            6 => Ok(Payload::Tcp(
                segment(source, destination, transport).context(short)?,
            )),
            17 => Ok(Payload::Udp(transport.get(8..).context(short)?)),
            _ => Ok(Payload::Other),
        }
    }
}

fn ipv4(packet: &[u8]) -> Option<(IpAddr, IpAddr, u8, &[u8])> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?));
    Some((
        address(12)?.into(),
        address(16)?.into(),
        *packet.get(9)?,
        packet.get(header..total)?,
    ))
}

/// Without extension headers, which nobody in the lab sends.
fn ipv6(packet: &[u8]) -> Option<(IpAddr, IpAddr, u8, &[u8])> {
    let length = usize::from(u16::from_be_bytes([*packet.get(4)?, *packet.get(5)?]));
    let address = |at: usize| {
        Some(Ipv6Addr::from(
            <[u8; 16]>::try_from(packet.get(at..at + 16)?).ok()?,
        ))
    };
    Some((
        address(8)?.into(),
        address(24)?.into(),
        *packet.get(6)?,
        packet.get(40..40 + length)?,
    ))
}

fn segment(source: IpAddr, destination: IpAddr, packet: &[u8]) -> Option<Segment<'_>> {
    let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let sequence = u32::from(word(4)?) << 16 | u32::from(word(6)?);
    let offset = usize::from(packet.get(12)? >> 4) * 4;
    let syn = packet.get(13)? & 0x02 != 0;
    let flow = ((source, word(0)?), (destination, word(2)?));
    Some(Segment {
        flow,
        sequence,
        syn,
        data: packet.get(offset..)?,
    })
}

/// Puts the directions of all connections together.
#[derive(Debug, Default)]
pub struct Streams(HashMap<Flow, Stream>);

/// One direction of a connection.
#[derive(Debug, Default)]
struct Stream {
    /// The number of the octet that comes next.
    next: u32,
    /// What came out of order, by its distance from `next` when it came.
    early: BTreeMap<u32, Vec<u8>>,
    /// What is not a whole message yet.
    rest: Vec<u8>,
}

impl Streams {
    /// Takes a segment in, and returns the messages that it completes.
    pub fn push(&mut self, segment: &Segment<'_>) -> Result<Vec<Message>> {
        if segment.syn {
            let next = segment.sequence.wrapping_add(1);
            self.0.insert(
                segment.flow,
                Stream {
                    next,
                    ..Stream::default()
                },
            );
            return Ok(Vec::new());
        }
        let Some(stream) = self.0.get_mut(&segment.flow) else {
            if segment.data.is_empty() {
                // A reset, in answer to nothing.
                return Ok(Vec::new());
            }
            bail!(
                "a connection whose beginning was not captured: {:?}",
                segment.flow
            );
        };
        stream.push(segment.sequence, segment.data);
        let mut messages = Vec::new();
        while let Some(message) = bgp::next(&mut stream.rest)? {
            messages.push(message);
        }
        Ok(messages)
    }
}

impl Stream {
    fn push(&mut self, sequence: u32, data: &[u8]) {
        if !data.is_empty() {
            self.early.insert(sequence, data.to_vec());
        }
        // Whatever joins on; what was seen before (a retransmission) is cut off its front.
        while let Some(sequence) = self.early.keys().copied().find(|first| !after(*first, self.next)) {
            let data = self.early.remove(&sequence).unwrap_or_default();
            let seen = usize::try_from(self.next.wrapping_sub(sequence)).unwrap_or(usize::MAX);
            if let Some(new) = data.get(seen..).filter(|new| !new.is_empty()) {
                self.rest.extend_from_slice(new);
                self.next = self.next.wrapping_add(u32::try_from(new.len()).unwrap_or(0));
            }
        }
    }
}

/// Whether `a` comes later than `b`, in sequence numbers that wrap around (RFC 1982).
fn after(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}
