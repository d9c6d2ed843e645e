//! What neighbours tell of one service's prefixes, and which way each upstream prefers that carries them (A11).
//!
//! BGP tells a neighbour the best route alone. So an upstream that tells us another route to what we announce does
//! not use ours, and one that told it before and does not any more follows us. One that never told it says nothing.
//! All of it informs, and decides nothing (D15). Pure: it is handed what was seen, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use super::observation::{ObservedRival, ObservedUpstream, PreferredWay};
use super::target::SessionImport;
use crate::bird::parse::Route;
use crate::config::model::Family;
use crate::model::snapshot::FollowedState;

/// How many rivals of a service are kept: inside of a large block there may be thousands.
pub const RIVALS_SHOWN: usize = 32;

/// How long a session must stand before it counts that it does not tell a route: until then its neighbour may not
/// have told everything.
const SETTLED: Duration = Duration::from_secs(10);

/// What is known of one service's rivals.
#[derive(Debug, Default)]
pub(crate) struct Rivals {
    /// By prefix and session; `None` while nobody could tell.
    told: Option<Vec<ObservedRival>>,
    /// The sessions that tell a route that ours does not win against by being more specific.
    matching: BTreeSet<String>,
    /// The sessions that ever told another route, of which family, and when last.
    heard: BTreeMap<(String, Family), Instant>,
    ways: BTreeMap<String, PreferredWay>,
}

/// A session as far as it can tell of other routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hearing {
    /// The families that it takes routes of, with the table where they end up.
    pub(crate) tables: Vec<(Family, String)>,
    /// What the configuration says of its import.
    takes_in: Option<bool>,
    /// Since when it stands, as far as that was watched.
    since: Instant,
}

/// The sessions that can tell of other routes, by their names.
pub(crate) type HearingSessions = BTreeMap<String, Hearing>;

impl Hearing {
    /// What a session can tell; `None` where it can tell nothing. It stands since then.
    pub(crate) fn of(policy: &SessionImport, seen: &ObservedUpstream, since: Instant) -> Option<Self> {
        if policy.takes_in == Some(false) || !seen.is_established() {
            return None;
        }
        let open = seen.channels.iter().filter(|channel| channel.takes_in);
        let tables: Vec<(Family, String)> = open
            .map(|channel| (channel.family, channel.table.clone()))
            .collect();
        (!tables.is_empty()).then_some(Self {
            tables,
            takes_in: policy.takes_in,
            since,
        })
    }

    fn has(&self, family: Family) -> bool {
        self.tables.iter().any(|(own, _)| *own == family)
    }
}

impl Rivals {
    /// BIRD was asked what neighbours tell of `prefixes`, around them and inside them.
    pub(crate) fn update(
        &mut self,
        prefixes: &[IpNet],
        routes: &[Route],
        sessions: &HearingSessions,
        now: Instant,
    ) {
        let known = self.told.take().unwrap_or_default();
        let mut told: Vec<ObservedRival> = Vec::new();
        self.matching.clear();
        for route in routes.iter().filter(|route| is_rival(route, prefixes)) {
            let session = &route.protocol;
            self.heard
                .insert((session.clone(), Family::of(&route.prefix)), now);
            if prefixes.iter().any(|ours| ours.contains(&route.prefix)) {
                self.matching.insert(session.clone());
            }
            let is_same = |other: &&ObservedRival| (other.prefix, &other.session) == (route.prefix, session);
            // A table may have several routes of one session (ADD-PATH), and a pipe shows one twice.
            if told.len() >= RIVALS_SHOWN || told.iter().any(|other| is_same(&other)) {
                continue;
            }
            told.push(ObservedRival {
                prefix: route.prefix,
                session: session.clone(),
                as_path: route.as_path.clone(),
                origin_as: route.origin_as,
                since: known.iter().find(is_same).map_or(now, |known| known.since),
            });
        }
        told.sort_by(|one, other| (one.prefix, &one.session).cmp(&(other.prefix, &other.session)));
        let could_tell = |(name, session): (&String, &Hearing)| {
            let heard = || self.heard.keys().any(|(heard, _)| heard == name);
            session.takes_in.unwrap_or_else(heard)
        };
        // Without a session that takes such routes in, "none" would be a guess.
        self.told = (!told.is_empty() || sessions.iter().any(could_tell)).then_some(told);
    }

    /// Which way each upstream prefers that carries `prefixes`.
    pub(crate) fn follow(
        &mut self,
        carriers: &[String],
        prefixes: &[IpNet],
        sessions: &HearingSessions,
        now: Instant,
    ) {
        let mut ways = BTreeMap::new();
        for upstream in carriers {
            let state = self.way_of(upstream, prefixes, sessions, now);
            let before = self.ways.remove(upstream).filter(|before| before.state == state);
            let way = before.unwrap_or_else(|| PreferredWay {
                upstream: upstream.clone(),
                state,
                since: now,
            });
            ways.insert(upstream.clone(), way);
        }
        self.ways = ways;
    }

    fn way_of(
        &self,
        upstream: &str,
        prefixes: &[IpNet],
        sessions: &HearingSessions,
        now: Instant,
    ) -> FollowedState {
        let Some(session) = sessions.get(upstream).filter(|_| self.told.is_some()) else {
            return FollowedState::CannotBeHeard;
        };
        if self.matching.contains(upstream) {
            return FollowedState::PrefersAnother;
        }
        let families: BTreeSet<Family> = prefixes.iter().map(Family::of).collect();
        let mut families = families.into_iter().filter(|family| session.has(*family));
        // What was told and is not told any more was withdrawn, unless the session is another one since then.
        let withdrawn = |family: Family| {
            let told = self.heard.get(&(upstream.to_owned(), family));
            told.is_some_and(|told| *told >= session.since || session.since + SETTLED <= now)
        };
        if families.all(withdrawn) {
            FollowedState::Follows
        } else {
            FollowedState::CannotBeHeard
        }
    }

    /// BIRD cannot be seen.
    pub(crate) fn lose_sight(&mut self) {
        self.told = None;
        self.matching.clear();
        self.ways.clear();
    }

    /// Whether an upstream prefers another way.
    pub(crate) fn is_unfollowed(&self) -> bool {
        let mut ways = self.ways.values();
        ways.any(|way| way.state == FollowedState::PrefersAnother)
    }

    /// The rivals; `None` while nobody could tell.
    pub(crate) fn told(&self) -> Option<Vec<ObservedRival>> {
        self.told.clone()
    }

    /// Which way each upstream prefers.
    pub(crate) fn ways(&self) -> Vec<PreferredWay> {
        self.ways.values().cloned().collect()
    }
}

/// Whether it is a route to one of the prefixes, around or inside one, other than the default route.
fn is_rival(route: &Route, prefixes: &[IpNet]) -> bool {
    let around = |ours: &IpNet| ours.contains(&route.prefix) || route.prefix.contains(ours);
    route.prefix.prefix_len() > 0 && prefixes.iter().any(around)
}

#[cfg(test)]
mod tests;
