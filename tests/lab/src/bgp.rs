//! Reads BGP messages off a byte stream: as much of RFC 4271, 4760, 1997 and 8092 as it takes to say
//! what was announced and withdrawn. It speaks to nobody, and trusts that both ends use four-byte AS
//! numbers (RFC 6793) and no ADD-PATH, as all speakers of the lab do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;

/// RFC 4271, 4.1: sixteen octets of ones, the length, the type.
const HEADER: usize = 19;
/// The longest message (RFC 4271, 4.1).
const LONGEST: usize = 4096;

/// A message, as far as the lab cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A session is being opened.
    Open,
    /// Routes come and go.
    Update(Update),
    /// The session ends, with RFC 4271's code and subcode.
    Notification(u8, u8),
    /// Nothing new.
    Keepalive,
    /// ROUTE-REFRESH and whatever else.
    Other(u8),
}

/// An UPDATE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// Prefixes that can be reached by the path below.
    pub announced: Vec<IpNet>,
    /// Prefixes that no longer can.
    pub withdrawn: Vec<IpNet>,
    /// AS_PATH, flattened.
    pub as_path: Vec<u32>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// Communities (RFC 1997).
    pub communities: Vec<(u16, u16)>,
    /// Large communities (RFC 8092).
    pub large_communities: Vec<(u32, u32, u32)>,
}

impl Update {
    /// Whether it announces or withdraws anything: an End-of-RIB marker (RFC 4724) does not.
    pub fn says_something(&self) -> bool {
        !self.announced.is_empty() || !self.withdrawn.is_empty()
    }

    /// Whether it announces this prefix.
    pub fn announces(&self, prefix: &str) -> bool {
        prefix
            .parse()
            .is_ok_and(|prefix: IpNet| self.announced.contains(&prefix))
    }

    /// Whether it withdraws this prefix.
    pub fn withdraws(&self, prefix: &str) -> bool {
        prefix
            .parse()
            .is_ok_and(|prefix: IpNet| self.withdrawn.contains(&prefix))
    }
}

/// Takes the first whole message off the front of `stream`; `None` if it is not all there yet.
pub fn next(stream: &mut Vec<u8>) -> Result<Option<Message>> {
    if stream.len() < HEADER {
        return Ok(None);
    }
    ensure!(
        stream[..16] == [0xff; 16],
        "not a BGP header: {:02x?}",
        &stream[..HEADER]
    );
    let length = usize::from(u16::from_be_bytes([stream[16], stream[17]]));
    ensure!(
        (HEADER..=LONGEST).contains(&length),
        "a BGP message of {length} octets"
    );
    if stream.len() < length {
        return Ok(None);
    }
    let message: Vec<u8> = stream.drain(..length).collect();
    let mut body = Octets(&message[HEADER..]);
    Ok(Some(match message[18] {
        1 => Message::Open,
        2 => Message::Update(update(&mut body).context("decoding an UPDATE")?),
        3 => Message::Notification(body.u8()?, body.u8()?),
        4 => Message::Keepalive,
        other => Message::Other(other),
    }))
}

fn update(body: &mut Octets<'_>) -> Result<Update> {
    let mut update = Update::default();
    let withdrawn = body.u16()?;
    prefixes(body.take(usize::from(withdrawn))?, false, &mut update.withdrawn)?;
    let length = body.u16()?;
    let mut attributes = Octets(body.take(usize::from(length))?);
    while !attributes.0.is_empty() {
        attribute(&mut attributes, &mut update)?;
    }
    prefixes(body.0, false, &mut update.announced)?;
    Ok(update)
}

fn attribute(from: &mut Octets<'_>, update: &mut Update) -> Result<()> {
    let flags = from.u8()?;
    let code = from.u8()?;
    let extended = flags & 0x10 != 0;
    let length = if extended {
        usize::from(from.u16()?)
    } else {
        usize::from(from.u8()?)
    };
    let mut value = Octets(from.take(length)?);
    match code {
        2 => as_path(&mut value, &mut update.as_path)?,
        4 => update.med = Some(value.u32()?),
        8 => {
            while !value.0.is_empty() {
                update.communities.push((value.u16()?, value.u16()?));
            }
        }
        14 => {
            let v6 = family(&mut value)?;
            let next_hop = value.u8()?;
            value.take(usize::from(next_hop))?;
            value.u8()?;
            prefixes(value.0, v6, &mut update.announced)?;
        }
        15 => {
            let v6 = family(&mut value)?;
            prefixes(value.0, v6, &mut update.withdrawn)?;
        }
        32 => {
            while !value.0.is_empty() {
                update
                    .large_communities
                    .push((value.u32()?, value.u32()?, value.u32()?));
            }
        }
        _ => {}
    }
    Ok(())
}

fn as_path(value: &mut Octets<'_>, path: &mut Vec<u32>) -> Result<()> {
    while !value.0.is_empty() {
        value.u8()?;
        for _ in 0..value.u8()? {
            path.push(value.u32()?);
        }
    }
    Ok(())
}

/// AFI and SAFI (RFC 4760): whether it is IPv6 unicast.
fn family(value: &mut Octets<'_>) -> Result<bool> {
    match (value.u16()?, value.u8()?) {
        (1, 1) => Ok(false),
        (2, 1) => Ok(true),
        (afi, safi) => bail!("an address family that the lab does not use: {afi}/{safi}"),
    }
}

fn prefixes(octets: &[u8], v6: bool, into: &mut Vec<IpNet>) -> Result<()> {
    let mut from = Octets(octets);
    while !from.0.is_empty() {
        let bits = from.u8()?;
        let octets = from.take(usize::from(bits).div_ceil(8))?;
        ensure!(octets.len() <= if v6 { 16 } else { 4 }, "a prefix of {bits} bits");
        let mut whole = [0; 16];
        whole[..octets.len()].copy_from_slice(octets);
        let address = if v6 {
            IpAddr::V6(Ipv6Addr::from(whole))
        } else {
            IpAddr::V4(Ipv4Addr::new(whole[0], whole[1], whole[2], whole[3]))
        };
        into.push(IpNet::new(address, bits)?);
    }
    Ok(())
}

/// What is left of a message.
struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .context("the message ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into()?))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into()?))
    }
}
