//! `show protocols` and `show protocols all NAME`.

use std::net::IpAddr;

use crate::bird::error::BirdError;
use crate::bird::parse::reply_check::{accepted, accepted_for, labelled, malformed};
use crate::bird::reply::{BirdReply, ReplyCode};
use crate::model::BgpState;

/// What BIRD calls a BGP protocol.
const BGP: &str = "BGP";

/// What stands in a session's last error where a side refuses the other's hold time (RFC 4271 section 6.2).
pub const HOLD_TIME_REFUSED: &str = "Unacceptable hold time";

/// What stands in the place of a table where there is none.
const NOTHING: &str = "---";

/// One row of `show protocols`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolRow {
    /// Its name.
    pub name: String,
    /// What it is, such as "Static", "BGP", "BFD", "Kernel" or "Device".
    pub proto: String,
    /// The table of its main channel; `None` where it has none or several ("---").
    pub table: Option<String>,
    /// Its state.
    pub state: ProtocolState,
    /// BIRD's own words about it. For BGP its state and then its last error, such as "Established"
    /// or "Active Socket: Connection refused"; empty where BIRD says nothing.
    pub info: String,
}

/// The state of a protocol (nest/proto.c:proto_state_name), or that BIRD shows none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtocolState {
    /// BIRD was not asked, or did not answer. No row has it.
    Unknown,
    /// BIRD has no protocol of that name. No row has it.
    Missing,
    /// `down`: disabled, or at rest.
    Down,
    /// `start`: enabled, not up yet, as a BGP session that is not established. A word of a BIRD to come
    /// counts as this: it is neither at rest nor at work.
    Starting,
    /// `up`.
    Up,
    /// `stop` or `flush`: its routes are being removed. It may have been enabled again meanwhile.
    Stopping,
}

/// `show protocols all NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolDetail {
    /// The row that `show protocols` has as well.
    pub protocol: ProtocolRow,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BgpDetail {
    /// The session's state.
    pub state: BgpState,
    /// The other side's address; `None` for a dynamic session's range.
    pub neighbor_address: Option<IpAddr>,
    /// The other side's AS; zero where it may be any.
    pub neighbor_as: Option<u32>,
    /// Our own AS.
    pub local_as: Option<u32>,
    /// BIRD's last error, such as "Socket: Connection refused".
    pub last_error: Option<String>,
    /// What BIRD says of the session's kind, such as "external multihop AS4"; empty while it is down.
    pub session: String,
    /// Since when the protocol is in its state, in BIRD's words and without fractions of a second, which
    /// BIRD computes anew each time.
    pub since: String,
    /// How long, in seconds, the other side was asked to keep our routes while BIRD restarts; `None`
    /// where it was asked for nothing, or the session is not established.
    pub restart_time: Option<u32>,
    /// How long, in seconds, the other side was asked to keep our routes as a last resort after that (RFC 9494);
    /// `None` as above.
    pub stale_time: Option<u32>,
    /// Whether the other side keeps routes while a neighbour restarts (RFC 4724).
    pub neighbor_knows_restart: bool,
    /// Whether the other side knows long-lived graceful restart (RFC 9494).
    pub neighbor_knows_stale: bool,
    /// The hold time that both sides agreed on, in seconds; zero: none. `None` unless the session is
    /// established.
    pub hold_time: Option<u32>,
}

/// Whose capabilities `show protocols all` lists (proto/bgp/bgp.c:bgp_show_capabilities).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Capabilities {
    #[default]
    Nobodys,
    Local,
    Neighbors,
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
    /// How many routes it sends at the most; `None` where there is no limit.
    pub export_limit: Option<ExportLimit>,
    /// Its routes; `None` while it is down.
    pub routes: Option<RouteCounts>,
    /// With BGP: the next hop of what it announces, where a route has no other (proto/bgp/bgp.c).
    pub next_hop: OwnNextHop,
}

/// What a BGP channel names as the next hop of our own routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OwnNextHop {
    /// BIRD shows none: the channel is down, or not BGP's.
    #[default]
    NotShown,
    /// An address.
    Address(IpAddr),
    /// "::" or "0.0.0.0": BIRD drops each route that has no next hop of its own as it encodes it.
    Unspecified,
    /// Something that this parser cannot read.
    Unreadable(String),
}

/// How many routes a channel sends at the most (nest/proto.c:channel_show_limit).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportLimit {
    /// The number.
    pub routes: u64,
    /// BIRD's word for what happens beyond it: "warn", "block", "restart" or "disable".
    pub action: String,
    /// Whether it is reached: "[HIT]".
    pub hit: bool,
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

/// Reads the answer to `show protocols` (nest/proto.c:proto_cmd_show).
///
/// # Errors
/// BIRD's own, or [`BirdError::Malformed`].
pub fn protocols(reply: &BirdReply) -> Result<Vec<ProtocolRow>, BirdError> {
    if reply.last.code == ReplyCode::NO_PROTOCOLS_MATCH {
        return Ok(Vec::new());
    }
    accepted(reply)?;
    reply
        .with_code(ReplyCode::PROTOCOL_ROW)
        .map(ProtocolRow::parse)
        .collect()
}

/// Reads the answer to `show protocols all "NAME"`.
///
/// # Errors
/// BIRD's own; [`BirdError::Malformed`] where the answer is not about exactly that protocol.
pub fn protocol(reply: &BirdReply, name: &str) -> Result<ProtocolDetail, BirdError> {
    accepted_for(reply, name)?;
    let mut rows = reply.with_code(ReplyCode::PROTOCOL_ROW);
    let (Some(row), None) = (rows.next(), rows.next()) else {
        return Err(malformed("not one protocol", name));
    };
    let since = since(row);
    let row = ProtocolRow::parse(row)?;
    if row.name != name {
        return Err(malformed("another protocol", &row.name));
    }
    let mut detail = ProtocolDetail {
        protocol: row,
        description: None,
        message: None,
        bgp: None,
        channels: Vec::new(),
    };
    let mut whose = Capabilities::default();
    for line in reply.with_code(ReplyCode::PROTOCOL_DETAILS) {
        detail.take(line, &mut whose);
    }
    if let Some(bgp) = &mut detail.bgp {
        bgp.since = since;
    }
    Ok(detail)
}

impl ProtocolRow {
    /// Whether it is a BGP session that is established.
    pub fn is_established(&self) -> bool {
        self.bgp_state() == Some(BgpState::Established)
    }

    /// The state of a BGP session; `None` for another kind of protocol, and where BIRD does not say.
    pub fn bgp_state(&self) -> Option<BgpState> {
        if self.proto != BGP {
            return None;
        }
        let said = self.info.split(' ').next().and_then(BgpState::of_bird);
        // A session whose protocol is down has no state in `show protocols`.
        said.or((self.state == ProtocolState::Down).then_some(BgpState::Down))
    }

    /// The last error of a BGP session, such as "Socket: Connection refused". BIRD forgets it once
    /// the session is established.
    pub fn last_error(&self) -> Option<&str> {
        if self.proto != BGP {
            return None;
        }
        let error = match self.info.split_once(' ') {
            Some((word, rest)) if BgpState::of_bird(word).is_some() => rest,
            None if BgpState::of_bird(&self.info).is_some() => "",
            _ => &self.info,
        };
        Some(error).filter(|error| !error.is_empty())
    }

    fn parse(row: &str) -> Result<Self, BirdError> {
        let mut rest = row;
        let mut word = || {
            let (word, after) = rest
                .trim_start()
                .split_once(' ')
                .unwrap_or((rest.trim_start(), ""));
            rest = after;
            Some(word).filter(|word| !word.is_empty())
        };
        let (Some(name), Some(proto), Some(table), Some(state)) = (word(), word(), word(), word()) else {
            return Err(malformed("a protocol", row));
        };
        Ok(Self {
            name: name.to_owned(),
            proto: proto.to_owned(),
            table: (table != NOTHING).then(|| table.to_owned()),
            state: ProtocolState::parse(state),
            info: info(proto, rest),
        })
    }
}

/// What stands behind "Since", which is as many words as the operator's time format has. Two blanks
/// divide the two, unless the time has two blanks itself; then a session's state still stands out.
fn info(proto: &str, since_and_info: &str) -> String {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = since_and_info.trim_start();
    let behind = squeeze(text.split_once("  ").map_or("", |(_, info)| info));
    let is_state = |word: &&str| BgpState::of_bird(word).is_some();
    if proto != BGP || behind.split(' ').next().is_some_and(|word| is_state(&word)) {
        return behind;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.iter().position(is_state) {
        Some(state) => words[state..].join(" "),
        None => behind,
    }
}

/// What stands as "Since" in a row, up to the two blanks behind it.
fn since(row: &str) -> String {
    let mut rest = row;
    for _ in 0..4 {
        rest = rest.trim_start().split_once(' ').map_or("", |(_, rest)| rest);
    }
    let since = rest.trim_start().split("  ").next().unwrap_or_default();
    since.split('.').next().unwrap_or_default().trim_end().to_owned()
}

impl ProtocolState {
    fn parse(word: &str) -> Self {
        match word {
            "down" => Self::Down,
            "up" => Self::Up,
            "stop" | "flush" => Self::Stopping,
            _ => Self::Starting,
        }
    }
}

impl ProtocolDetail {
    /// One line of the block. What is before the first channel is the protocol's, the rest is the
    /// last channel's.
    fn take(&mut self, line: &str, whose: &mut Capabilities) {
        if let Some(name) = line.trim().strip_prefix("Channel ") {
            self.channels.push(Channel {
                name: name.trim().to_owned(),
                ..Channel::default()
            });
        } else if let Some(begun) = Capabilities::begun_by(line) {
            *whose = begun;
        } else if let (Capabilities::Neighbors, Some(bgp)) = (*whose, &mut self.bgp)
            && let Some(known) = bgp.neighbor_capability(line)
        {
            *known = true;
        } else if let Some((label, value)) = labelled(line) {
            match self.channels.last_mut() {
                Some(channel) => channel.take(label, value),
                None => self.take_own(label, value, *whose),
            }
        }
    }

    fn take_own(&mut self, label: &str, value: &str, whose: Capabilities) {
        match label {
            "Description" => self.description = Some(value.to_owned()),
            "Message" => self.message = Some(value.to_owned()),
            "BGP state" => {
                self.bgp = Some(BgpDetail {
                    state: value.to_owned().into(),
                    ..BgpDetail::default()
                });
            }
            _ => {
                if let Some(bgp) = &mut self.bgp {
                    bgp.take(label, value, whose);
                }
            }
        }
    }
}

impl Capabilities {
    fn begun_by(line: &str) -> Option<Self> {
        match line.trim() {
            "Local capabilities" => Some(Self::Local),
            "Neighbor capabilities" => Some(Self::Neighbors),
            _ => None,
        }
    }
}

impl BgpDetail {
    fn take(&mut self, label: &str, value: &str, whose: Capabilities) {
        match label {
            "Neighbor address" => self.neighbor_address = address(value),
            "Neighbor AS" => self.neighbor_as = value.parse().ok(),
            "Local AS" => self.local_as = value.parse().ok(),
            "Last error" => self.last_error = Some(value.to_owned()),
            "Session" => self.session = value.to_owned(),
            // BIRD says a time only where it asks for something; a mere helper has none.
            "Restart time" if whose == Capabilities::Local => self.restart_time = value.parse().ok(),
            "LL stale time" if whose == Capabilities::Local => self.stale_time = value.parse().ok(),
            // "22.041/30": what is left, and what was agreed on.
            "Hold timer" => {
                self.hold_time = value.split_once('/').and_then(|(_, agreed)| agreed.parse().ok());
            }
            _ => {}
        }
    }

    /// Where it is kept that the neighbour has the capability of that line.
    fn neighbor_capability(&mut self, line: &str) -> Option<&mut bool> {
        match line.trim() {
            "Graceful restart" => Some(&mut self.neighbor_knows_restart),
            "Long-lived graceful restart" => Some(&mut self.neighbor_knows_stale),
            _ => None,
        }
    }
}

impl BgpDetail {
    /// Whether BIRD passes a route's own gateway on as its next hop: to a neighbour on the same
    /// network, and within an AS (proto/bgp/packets.c:bgp_use_gateway).
    pub fn passes_gateways_on(&self) -> bool {
        let is = |word| self.session.split(' ').any(|found| found == word);
        is("internal") || !is("multihop")
    }
}

impl OwnNextHop {
    /// "203.0.113.2", or "2001:db8::2 fe80::2": the second is the link-local one, which will do.
    fn parse(value: &str) -> Self {
        let addresses: Result<Vec<IpAddr>, _> = value.split_whitespace().map(str::parse).collect();
        match addresses {
            Ok(all) if all.is_empty() => Self::Unreadable(value.to_owned()),
            Ok(all) => all
                .into_iter()
                .find(|address| !address.is_unspecified())
                .map_or(Self::Unspecified, Self::Address),
            Err(_) => Self::Unreadable(value.to_owned()),
        }
    }
}

impl Channel {
    fn take(&mut self, label: &str, value: &str) {
        match label {
            "State" => self.state = value.to_owned(),
            "Table" => self.table = value.to_owned(),
            "BGP Next hop" => self.next_hop = OwnNextHop::parse(value),
            "Preference" => self.preference = value.parse().ok(),
            "Input filter" => self.input_filter = value.to_owned(),
            "Output filter" => self.output_filter = value.to_owned(),
            "Export limit" => self.export_limit = limit(value),
            // Each limit's own comes right behind it, and the export limit is the last.
            "Action" => {
                if let Some(limit) = &mut self.export_limit {
                    value.clone_into(&mut limit.action);
                }
            }
            "Routes" => self.routes = counts(value),
            _ => {}
        }
    }
}

/// "203.0.113.1", "fe80::1%wan0" or "203.0.113.1 onlink".
fn address(value: &str) -> Option<IpAddr> {
    value.split([' ', '%']).next()?.parse().ok()
}

/// "10", or "10 [HIT]".
fn limit(value: &str) -> Option<ExportLimit> {
    let routes = value.split(' ').next()?.parse().ok()?;
    Some(ExportLimit {
        routes,
        action: String::new(),
        hit: value.ends_with("[HIT]"),
    })
}

/// "1 imported, 2 filtered, 0 exported, 1 preferred".
fn counts(value: &str) -> Option<RouteCounts> {
    let count = |what: &str| {
        value
            .split(", ")
            .find_map(|part| part.strip_suffix(what)?.trim_end().parse().ok())
    };
    Some(RouteCounts {
        imported: count("imported")?,
        exported: count("exported")?,
        preferred: count("preferred"),
    })
}

#[cfg(test)]
mod tests;
