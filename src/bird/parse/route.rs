//! `show route`.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::bird::error::BirdError;
use crate::bird::parse::reply_check::{accepted, accepted_for, labelled, malformed};
use crate::bird::reply::{BirdReply, ReplyCode};

/// How BIRD says that there is no channel to look at: 2.x and 3.x where the protocol has none of
/// that family, 2.x also where the session is down.
const NO_TABLES: &str = "No valid tables";

/// How BIRD 3 says that the session is down: "Requested 'show route export' to protocols which
/// aren't accepting exports at all."
const NO_EXPORTS: &str = "aren't accepting exports";

/// One route of one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The table it is in.
    pub table: String,
    /// The prefix.
    pub prefix: IpNet,
    /// Where packets go.
    pub dest: Dest,
    /// The protocol that brought it.
    pub protocol: String,
    /// The neighbour that it was learned from, where that is not the next hop.
    pub from: Option<IpAddr>,
    /// Whether it is the best of its table.
    pub primary: bool,
    /// BIRD's preference; `None` where the row does not say.
    pub preference: Option<u32>,
    /// The origin AS that the row shows; `None` for routes of our own and behind aggregates.
    pub origin_as: Option<u32>,
    /// Where `dest` is unicast.
    pub next_hops: Vec<NextHop>,
    /// With `all`: the AS path as BIRD prints it, sets in braces; `None` where there is none.
    pub as_path: Option<String>,
    /// With `all`: the next hop that the neighbour named, which a recursive route's
    /// [`Route::next_hops`] do not show.
    pub bgp_next_hop: Option<IpAddr>,
    /// With `all`: the communities (RFC 1997).
    pub communities: Vec<(u16, u16)>,
    /// With `all`: the large communities (RFC 8092).
    pub large_communities: Vec<(u32, u32, u32)>,
}

/// Where a route's packets go (nest/rt-attr.c:rta_dest_names).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dest {
    /// To its next hops.
    Unicast,
    /// Nowhere, silently.
    Blackhole,
    /// Nowhere, with an ICMP error.
    Unreachable,
    /// Nowhere, with an ICMP error that says so.
    Prohibited,
    /// Another word of BIRD's, such as "recursive".
    Other(String),
}

/// One next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The router's address; `None` for a route to an interface.
    pub via: Option<IpAddr>,
    /// The interface.
    pub interface: Option<String>,
}

/// Reads the answer to `show route PREFIX exported UPSTREAM`: a row was sent; none, or "Network not
/// found", was not. The same question serves every family: BIRD looks at the channel that fits the
/// prefix.
///
/// # Errors
/// [`BirdError::SessionDown`] where the session is not up, or has no channel of the prefix's family
/// that is; else BIRD's own, or [`BirdError::Malformed`].
pub fn exported(reply: &BirdReply, upstream: &str) -> Result<Vec<Route>, BirdError> {
    rows(reply, Some(upstream))
}

/// Reads the answer to `show route PREFIX [protocol NAME] all`; empty where there is no route.
///
/// # Errors
/// [`BirdError::SessionDown`] where the protocol has no channel of the prefix's family; else BIRD's
/// own, or [`BirdError::Malformed`].
pub fn routes(reply: &BirdReply, protocol: Option<&str>) -> Result<Vec<Route>, BirdError> {
    rows(reply, protocol)
}

fn rows(reply: &BirdReply, protocol: Option<&str>) -> Result<Vec<Route>, BirdError> {
    let text = &reply.last.text;
    if reply.last.code == ReplyCode::ROUTE_NOT_FOUND {
        return Ok(Vec::new());
    }
    let Some(protocol) = protocol else {
        accepted(reply)?;
        return parse(reply);
    };
    if reply.last.code == ReplyCode::PARSE_ERROR && (text.contains(NO_TABLES) || text.contains(NO_EXPORTS)) {
        return Err(BirdError::SessionDown {
            protocol: protocol.to_owned(),
        });
    }
    accepted_for(reply, protocol)?;
    parse(reply)
}

/// The lines in their order: a table, a route in it, its next hops, its attributes.
fn parse(reply: &BirdReply) -> Result<Vec<Route>, BirdError> {
    let mut routes: Vec<Route> = Vec::new();
    let mut table = "";
    let mut label = String::new();
    for line in &reply.lines {
        let text = line.text.as_str();
        match line.code {
            ReplyCode::ROUTE_ROW if text.is_empty() => {}
            ReplyCode::ROUTE_ROW if text.starts_with('\t') => {
                let route = routes
                    .last_mut()
                    .ok_or_else(|| malformed("a next hop of no route", text))?;
                route.next_hops.extend(NextHop::parse(text));
            }
            ReplyCode::ROUTE_ROW => match table_name(text) {
                Some(name) => table = name,
                None => {
                    let before = routes.last().map(|route| route.prefix);
                    routes.push(row(text, table, before).ok_or_else(|| malformed("a route", text))?);
                }
            },
            ReplyCode::ROUTE_ATTRIBUTES => {
                let route = routes
                    .last_mut()
                    .ok_or_else(|| malformed("an attribute of no route", text))?;
                // A long set goes on in lines of its own, without a label and one tab deeper.
                if text.starts_with("\t\t") {
                    route.take(&label, text.trim());
                } else if let Some((found, value)) = labelled(text) {
                    found.clone_into(&mut label);
                    route.take(found, value);
                }
            }
            // "Type: BGP univ" and "Internal route handling values", and what had no room.
            _ => {}
        }
    }
    Ok(routes)
}

/// "Table master4:".
fn table_name(text: &str) -> Option<&str> {
    text.strip_prefix("Table ")?.strip_suffix(':')
}

/// "PREFIX DEST [PROTOCOL TIME from NEIGHBOUR] * (PREFERENCE/METRIC) [ORIGIN]"; the prefix is left
/// out where it is the one of the row before (nest/rt-show.c:rt_show_rte).
fn row(text: &str, table: &str, before: Option<IpNet>) -> Option<Route> {
    let (head, tail) = text.split_once('[')?;
    let (source, tail) = tail.split_once(']')?;
    let (prefix, dest) = if head.starts_with(' ') {
        (before?, head.trim())
    } else {
        let (prefix, dest) = head.split_once(' ')?;
        (prefix.parse().ok()?, dest.trim())
    };
    let mut mark = tail.trim_start().chars();
    let preference = tail.split_once('(').map(|(_, rest)| {
        let end = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(rest.len());
        &rest[..end]
    });
    Some(Route {
        table: table.to_owned(),
        prefix,
        dest: Dest::parse(dest),
        protocol: source.split_whitespace().next()?.to_owned(),
        from: source
            .rsplit_once(" from ")
            .and_then(|(_, from)| from.trim().parse().ok()),
        // An exclamation mark is a best route that the kernel did not take.
        primary: matches!(mark.next(), Some('*' | '!')),
        preference: preference.and_then(|digits| digits.parse().ok()),
        origin_as: tail.split_once("[AS").and_then(|(_, rest)| {
            rest.split(|letter: char| !letter.is_ascii_digit())
                .next()?
                .parse()
                .ok()
        }),
        next_hops: Vec::new(),
        as_path: None,
        bgp_next_hop: None,
        communities: Vec::new(),
        large_communities: Vec::new(),
    })
}

impl Dest {
    fn parse(word: &str) -> Self {
        match word {
            "unicast" => Self::Unicast,
            "blackhole" => Self::Blackhole,
            "unreachable" => Self::Unreachable,
            "prohibited" => Self::Prohibited,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl NextHop {
    /// "via ADDRESS on INTERFACE ..." or "dev INTERFACE ..."; `None` for what is neither.
    fn parse(text: &str) -> Option<Self> {
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["via", via, "on", interface, ..] => Some(Self {
                via: via.parse().ok(),
                interface: Some(interface.to_owned()),
            }),
            ["via", via, ..] => Some(Self {
                via: via.parse().ok(),
                interface: None,
            }),
            ["dev", interface, ..] => Some(Self {
                via: None,
                interface: Some(interface.to_owned()),
            }),
            _ => None,
        }
    }
}

impl Route {
    /// An attribute by its name in BIRD 2 or in BIRD 3.
    fn take(&mut self, label: &str, value: &str) {
        match label {
            "BGP.as_path" | "bgp_path" => self.as_path = Some(value.to_owned()),
            "BGP.next_hop" | "bgp_next_hop" => {
                self.bgp_next_hop = value.split(' ').next().and_then(|address| address.parse().ok());
            }
            "BGP.community" | "bgp_community" => {
                self.communities.extend(
                    tuples(value).filter_map(|[a, b]| Some((u16::try_from(a).ok()?, u16::try_from(b).ok()?))),
                );
            }
            "BGP.large_community" | "bgp_large_community" => {
                self.large_communities
                    .extend(tuples(value).map(|[a, b, c]| (a, b, c)));
            }
            _ => {}
        }
    }
}

/// "(64501, 1, 344) (64501, 2, 0)".
fn tuples<const N: usize>(text: &str) -> impl Iterator<Item = [u32; N]> {
    text.split('(').filter_map(|rest| {
        let (inside, _) = rest.split_once(')')?;
        let numbers: Option<Vec<u32>> = inside
            .split(',')
            .map(|number| number.trim().parse().ok())
            .collect();
        numbers?.try_into().ok()
    })
}

#[cfg(test)]
mod tests;
