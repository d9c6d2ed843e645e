//! The bird-route and bird-protocol probes: which routes the local BIRD has, and whether one of its
//! sessions is up.
//!
//! BIRD's socket belongs to another edge; the daemon passes in a [`BirdView`] of it. If BIRD does not
//! answer, the check is an error: it proves nothing about a route.

mod warm_up;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ipnet::IpNet;

use self::warm_up::WarmUp;
use super::deadline::CheckDeadline;
use super::report::{CheckError, CheckReport};
use crate::bird::parse::{BfdSession, BfdState, ProtocolRow, ProtocolState, Route};
use crate::config::model::{BirdProtocolConfig, BirdRouteConfig};

#[cfg(test)]
mod tests;

/// What BIRD answers, or why it does not, in words.
pub type BirdAnswer<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// The questions that probes have for BIRD. Who answers them puts them behind a decision's commands
/// and asks identical ones once (A10).
pub trait BirdView: Send + Sync {
    /// Counts the connections to BIRD: another number may be another BIRD, which has seen nothing yet.
    fn connection(&self) -> u64;

    /// `show route PREFIX [protocol P] all`: every route of exactly that prefix; empty without one.
    fn routes<'a>(&'a self, prefix: IpNet, protocol: Option<&'a str>) -> BirdAnswer<'a, Vec<Route>>;

    /// `show protocols`.
    fn protocols(&self) -> BirdAnswer<'_, Vec<ProtocolRow>>;

    /// `show bfd sessions`.
    fn bfd_sessions(&self) -> BirdAnswer<'_, Vec<BfdSession>>;
}

/// A bird-route probe, ready to be asked.
pub(crate) struct RouteProbe {
    wanted: BirdRouteConfig,
    bird: Arc<dyn BirdView>,
    own: Arc<[String]>,
    no_import: Arc<[String]>,
    footing: WarmUp,
}

impl RouteProbe {
    /// From its configuration; `own` are the protocols whose routes never count, `deaf` the sessions
    /// that could not carry the route.
    pub(crate) fn new(
        wanted: BirdRouteConfig,
        bird: Arc<dyn BirdView>,
        own: Arc<[String]>,
        no_import: Arc<[String]>,
    ) -> Self {
        Self {
            wanted,
            bird,
            own,
            no_import,
            footing: WarmUp::default(),
        }
    }

    /// One check.
    pub(crate) async fn check(&self, limit: CheckDeadline) -> CheckReport {
        self.look(limit).await.unwrap_or_else(CheckReport::from)
    }

    async fn look(&self, limit: CheckDeadline) -> Result<CheckReport, CheckError> {
        let connection = self.bird.connection();
        let wanted = &self.wanted;
        let protocol = wanted.protocol.as_deref();
        let routes = ask(limit, self.bird.routes(wanted.prefix, protocol)).await?;
        let other_routes = self.other_routes(&routes, protocol);
        if let Some(route) = other_routes.iter().find(|route| fits(wanted, route)) {
            self.footing.seen_through(connection, &route.protocol);
            return Ok(CheckReport::pass(&describe(route), None));
        }
        // Absence is evidence only while the session stands through which the route was last seen
        // (D3, D20).
        let protocols = ask(limit, self.bird.protocols()).await?;
        let through = self.footing.through();
        let session = protocol.or(through.as_deref());
        let carrier = carrier(&protocols, session, &self.no_import).map_err(|why| {
            self.footing.lost(connection);
            CheckError::NotMade(why)
        })?;
        if let (None, Some(session)) = (protocol, session) {
            // Without a protocol BIRD looks into its default tables; the session's own may be another.
            let there = ask(limit, self.bird.routes(wanted.prefix, Some(session))).await?;
            if let Some(route) = self
                .other_routes(&there, Some(session))
                .into_iter()
                .find(|route| fits(wanted, route))
            {
                return Ok(CheckReport::pass(&describe(route), None));
            }
        }
        let prefix = wanted.prefix;
        if !self.footing.proves_absence(connection) {
            let young = format!("{prefix} is not there yet, and {carrier} may not have told everything yet");
            return Err(CheckError::NotMade(young));
        }
        Ok(CheckReport::fail(
            &match other_routes.as_slice() {
                [] => format!("{prefix} is not there, and {carrier} is established"),
                [route, ..] => format!("{prefix} is there, but not as wanted: {}", describe(route)),
            },
            None,
        ))
    }
}

impl RouteProbe {
    /// The routes of others to the wanted prefix.
    fn other_routes<'a>(&self, routes: &'a [Route], protocol: Option<&str>) -> Vec<&'a Route> {
        routes
            .iter()
            .filter(|route| !self.own.contains(&route.protocol) && route.prefix == self.wanted.prefix)
            .filter(|route| protocol.is_none_or(|name| name == route.protocol))
            .collect()
    }
}

impl fmt::Debug for RouteProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wanted.fmt(f)
    }
}

/// Whether a route is what the probe looks for.
fn fits(wanted: &BirdRouteConfig, route: &Route) -> bool {
    wanted
        .origin_as
        .is_none_or(|origin| route.origin_as == Some(origin))
        && wanted
            .community
            .is_none_or(|community| route.communities.contains(&community))
        && wanted
            .large_community
            .is_none_or(|community| route.large_communities.contains(&community))
        && wanted.next_hop.is_none_or(|hop| goes_by(route, hop))
}

/// Whether that is the route's next hop: the one its packets take, or for a recursive route the one
/// that the neighbour named.
fn goes_by(route: &Route, hop: std::net::IpAddr) -> bool {
    route.bgp_next_hop == Some(hop) || route.next_hops.iter().any(|next| next.via == Some(hop))
}

/// The name of the established session that would carry the route; without one, why there is none.
/// Where it is not known which (`name`), because the route was not seen since the start, every session
/// that could carry it must be established.
fn carrier<'a>(
    protocols: &'a [ProtocolRow],
    name: Option<&str>,
    no_import: &[String],
) -> Result<&'a str, String> {
    let could = |protocol: &&ProtocolRow| protocol.proto == "BGP" && !no_import.contains(&protocol.name);
    match name {
        Some(name) if no_import.iter().any(|session| session == name) => {
            Err(format!("{name} takes in no such route (`import`)"))
        }
        Some(name) => match protocols.iter().find(|protocol| protocol.name == name) {
            Some(protocol) if is_established(protocol) => Ok(&protocol.name),
            Some(protocol) => Err(format!("the route is not there, but {}", state_text(protocol))),
            None => Err(format!("BIRD has no protocol {name}")),
        },
        None => {
            let mut sessions = protocols.iter().filter(could);
            if let Some(session) = sessions.clone().find(|session| !is_established(session)) {
                let state = state_text(session);
                return Err(format!("the route is not there, but it may come through {state}"));
            }
            let first = sessions.next().map(|session| session.name.as_str());
            first.ok_or_else(|| {
                "the route is not there, and BIRD has no BGP session that could carry it".to_owned()
            })
        }
    }
}

fn describe(route: &Route) -> String {
    let mut text = format!("{} from {}", route.prefix, route.protocol);
    if let Some(via) = route.next_hops.iter().find_map(|hop| hop.via) {
        text.push_str(&format!(" via {via}"));
    }
    if let Some(origin) = route.origin_as {
        text.push_str(&format!(", AS{origin}"));
    }
    text
}

/// A bird-protocol probe, ready to be asked.
pub(crate) struct ProtocolProbe {
    wanted: BirdProtocolConfig,
    bird: Arc<dyn BirdView>,
    footing: WarmUp,
}

impl ProtocolProbe {
    /// From its configuration.
    pub(crate) fn new(wanted: BirdProtocolConfig, bird: Arc<dyn BirdView>) -> Self {
        Self {
            wanted,
            bird,
            footing: WarmUp::default(),
        }
    }

    /// One check.
    pub(crate) async fn check(&self, limit: CheckDeadline) -> CheckReport {
        match &self.wanted {
            BirdProtocolConfig::Bgp(name) => self.bgp(name, limit).await,
            BirdProtocolConfig::Bfd(neighbor) => self.bfd(*neighbor, limit).await,
        }
        .unwrap_or_else(CheckReport::from)
    }

    async fn bgp(&self, name: &str, limit: CheckDeadline) -> Result<CheckReport, CheckError> {
        let connection = self.bird.connection();
        let protocols = ask(limit, self.bird.protocols()).await?;
        Ok(match protocols.iter().find(|protocol| protocol.name == name) {
            None => CheckReport::error(&format!("BIRD has no protocol {name}")),
            Some(other) if other.proto != "BGP" => {
                CheckReport::error(&format!("{name} is no BGP protocol, but {}", other.proto))
            }
            Some(session) if is_established(session) => self.up(connection, &state_text(session)),
            Some(session) => self.not_up(connection, &state_text(session)),
        })
    }

    fn up(&self, connection: u64, words: &str) -> CheckReport {
        self.footing.seen(connection);
        CheckReport::pass(words, None)
    }

    fn not_up(&self, connection: u64, words: &str) -> CheckReport {
        if self.footing.proves_absence(connection) {
            return CheckReport::fail(words, None);
        }
        CheckReport::error(&format!("{words}, and has not been up since BIRD was reached"))
    }

    async fn bfd(&self, neighbor: std::net::IpAddr, limit: CheckDeadline) -> Result<CheckReport, CheckError> {
        let connection = self.bird.connection();
        let sessions = ask(limit, self.bird.bfd_sessions()).await?;
        let mut with = sessions
            .iter()
            .filter(|session| session.address == neighbor)
            .peekable();
        if with.peek().is_none() {
            return Ok(CheckReport::error(&format!(
                "BIRD has no BFD session with {neighbor}"
            )));
        }
        Ok(match with.find(|session| session.state == BfdState::Up) {
            Some(_) => self.up(connection, &format!("the BFD session with {neighbor} is up")),
            None => self.not_up(connection, &format!("the BFD session with {neighbor} is not up")),
        })
    }
}

impl fmt::Debug for ProtocolProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wanted.fmt(f)
    }
}

/// BIRD's answer; a late one and none are errors both.
async fn ask<T>(limit: CheckDeadline, question: BirdAnswer<'_, T>) -> Result<T, CheckError> {
    match limit.within("asking BIRD", question).await {
        Ok(answer) => answer.map_err(CheckError::NotMade),
        Err(late) => Err(CheckError::NotMade(late.words().to_owned())),
    }
}

fn is_established(protocol: &ProtocolRow) -> bool {
    protocol.state == ProtocolState::Up && protocol.is_established()
}

fn state_text(protocol: &ProtocolRow) -> String {
    match (protocol.info.as_str(), protocol.state) {
        ("", ProtocolState::Down) => format!("{} is down", protocol.name),
        (
            "",
            ProtocolState::Unknown
            | ProtocolState::Missing
            | ProtocolState::Starting
            | ProtocolState::Up
            | ProtocolState::Stopping,
        ) => {
            format!("{} is not established", protocol.name)
        }
        (info, _) => format!("{} is {info}", protocol.name),
    }
}
