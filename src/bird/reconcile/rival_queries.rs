//! The questions about rivals: what neighbours tell of the services' prefixes, around and inside them.
//!
//! At rest that is asked every ten seconds, and at each poll of the services that are being taken over or that an
//! upstream does not follow. BIRD walks a whole table for it. So tables are counted first, and in a large one only the
//! prefixes themselves are looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use super::io::{PassAbort, ReconcilerIo, only_this_command};
use super::observation::ObservedUpstream;
use super::rivals::{Hearing, HearingSessions};
use super::route_queries::upstream;
use super::service::ServiceReconciler;
use super::target::SessionImport;
use crate::bird::client::BirdError;
use crate::bird::parse::Route;
use crate::config::model::Family;

/// How often everything is asked while nothing is announced that is not followed.
const REST: Duration = Duration::from_secs(10);

/// How long it counts how large a table is.
const COUNT_VALID: Duration = Duration::from_secs(600);

/// BIRD walks a table of that many routes in about a millisecond, and no command of a decision comes in between.
const SMALL_TABLE: u64 = 5_000;

/// How many prefixes one question names: of IPv6 they fill most of the thousand bytes that BIRD reads safely.
const PREFIXES_PER_QUESTION: usize = 14;

/// About how many prefixes are asked for in one look, and so how many questions: sixteen.
const PREFIXES_PER_LOOK: usize = 16 * PREFIXES_PER_QUESTION;

/// The same where a table is large, with a question for each prefix.
const LOOKUPS_PER_LOOK: usize = 32;

/// Where the rounds of questions about rivals stand.
#[derive(Debug)]
pub(crate) struct RivalRounds {
    /// The sessions of peers, as they were when they were asked last.
    peers: Vec<ObservedUpstream>,
    /// Since when each session stands: in BIRD's words, and by our clock.
    standing: BTreeMap<String, (Option<String>, Instant)>,
    /// How many routes each table had, and when it was counted.
    counted: BTreeMap<String, (u64, Instant)>,
    /// The next service of the round at rest, and when that goes on.
    at_rest: (usize, Instant),
    /// The next of the services that are asked at each poll.
    watched: usize,
}

/// Which services are asked for, and where they are looked for.
struct RivalLook {
    services: BTreeSet<usize>,
    /// Tables, and the family of each.
    tables: BTreeMap<String, Family>,
    sessions: HearingSessions,
}

impl RivalRounds {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            peers: Vec::new(),
            standing: BTreeMap::new(),
            counted: BTreeMap::new(),
            at_rest: (0, now),
            watched: 0,
        }
    }

    /// BIRD may be another one.
    pub(crate) fn reconnected(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// A look, as far as one is due; the sessions that can tell of other routes.
    pub(crate) async fn ask(
        &mut self,
        services: &mut [ServiceReconciler],
        policies: &[SessionImport],
        io: &ReconcilerIo,
    ) -> Result<HearingSessions, PassAbort> {
        let now = Instant::now();
        let asked = self.due(services, now);
        if !asked.is_empty() {
            self.ask_peers(policies, io).await?;
        }
        let sessions = self.hearing(policies, &io.upstreams, now);
        let tables = sessions.values().flat_map(|session| &session.tables);
        let look = RivalLook {
            services: asked,
            tables: tables.map(|(family, table)| (table.clone(), *family)).collect(),
            sessions,
        };
        let mut found: BTreeMap<Family, Option<Vec<Route>>> = BTreeMap::new();
        for (table, family) in &look.tables {
            let routes = self.ask_table(table, *family, &look, services, io).await?;
            let of_family = found.entry(*family).or_insert_with(|| Some(Vec::new()));
            *of_family = of_family.take().zip(routes).map(|(mut all, more)| {
                all.extend(more);
                all
            });
        }
        for index in &look.services {
            if let Some(service) = services.get_mut(*index) {
                service.take_rivals(&found, &look.sessions, now);
            }
        }
        Ok(look.sessions)
    }

    /// The services that are asked for now.
    fn due(&mut self, services: &[ServiceReconciler], now: Instant) -> BTreeSet<usize> {
        let large = self.counted.values().any(|(routes, _)| *routes > SMALL_TABLE);
        let limit = if large {
            LOOKUPS_PER_LOOK
        } else {
            PREFIXES_PER_LOOK
        };
        let watched = services.iter().enumerate();
        let watched: Vec<usize> = watched
            .filter(|(_, service)| service.watches_rivals(now))
            .map(|(index, _)| index)
            .collect();
        let from = self.watched.checked_rem(watched.len()).unwrap_or(0);
        let turn = watched
            .iter()
            .skip(from)
            .chain(watched.iter().take(from))
            .copied();
        let mut asked = within(turn, services, limit);
        self.watched = from + asked.len();
        let (next, at) = self.at_rest;
        if at <= now {
            let more = within(next..services.len(), services, limit);
            let next = next + more.len();
            self.at_rest = if next < services.len() {
                (next, now)
            } else {
                (0, now + REST)
            };
            asked.extend(more);
        }
        asked.into_iter().collect()
    }

    /// The sessions of the peers; those of the upstreams are known.
    async fn ask_peers(&mut self, policies: &[SessionImport], io: &ReconcilerIo) -> Result<(), PassAbort> {
        let is_peer = |policy: &&SessionImport| !io.upstreams.iter().any(|seen| seen.name == policy.name);
        let mut peers = Vec::new();
        for policy in policies
            .iter()
            .filter(is_peer)
            .filter(|peer| peer.takes_in != Some(false))
        {
            match io.poll_protocol(&policy.name).await? {
                Ok(detail) => peers.push(upstream(detail)),
                Err(error) => drop(only_this_command(error)?),
            }
        }
        self.peers = peers;
        Ok(())
    }

    fn hearing(
        &mut self,
        policies: &[SessionImport],
        upstreams: &[ObservedUpstream],
        now: Instant,
    ) -> HearingSessions {
        let mut hearing = HearingSessions::new();
        for seen in upstreams.iter().chain(&self.peers) {
            let known = self.standing.get(&seen.name);
            let since = known.filter(|(said, _)| *said == seen.since);
            let since = since.map_or(now, |(_, since)| *since);
            self.standing
                .insert(seen.name.clone(), (seen.since.clone(), since));
            let policy = policies.iter().find(|policy| policy.name == seen.name);
            let session = policy.and_then(|policy| Hearing::of(policy, seen, since));
            hearing.extend(session.map(|session| (seen.name.clone(), session)));
        }
        hearing
    }

    /// What neighbours tell in one table; `None`: BIRD does not say.
    async fn ask_table(
        &mut self,
        table: &str,
        family: Family,
        look: &RivalLook,
        services: &[ServiceReconciler],
        io: &ReconcilerIo,
    ) -> Result<Option<Vec<Route>>, PassAbort> {
        let services = look.services.iter().filter_map(|index| services.get(*index));
        let services: Vec<_> = services.collect();
        let own = services.iter().flat_map(|service| service.rival_prefixes());
        let own: Vec<IpNet> = own.filter(|prefix| Family::of(prefix) == family).collect();
        if own.is_empty() {
            return Ok(Some(Vec::new()));
        }
        match self.count(table, io).await? {
            None => Ok(None),
            Some(routes) if routes <= SMALL_TABLE => ask_around(table, &own, io).await,
            Some(_) => {
                let primary = services
                    .iter()
                    .flat_map(|service| &service.target.primary_prefixes);
                let primary = primary.copied();
                let primary = primary.filter(|prefix| Family::of(prefix) == family);
                let prefixes: BTreeSet<IpNet> = own.into_iter().chain(primary).collect();
                look_up(table, &prefixes, &look.sessions, io).await
            }
        }
    }

    /// How many routes a table has; `None`: BIRD does not say.
    async fn count(&mut self, table: &str, io: &ReconcilerIo) -> Result<Option<u64>, PassAbort> {
        let now = Instant::now();
        let known = self.counted.get(table);
        if let Some((routes, _)) = known.filter(|(_, at)| now < *at + COUNT_VALID) {
            return Ok(Some(*routes));
        }
        let asking = async { Ok(io.patient.show_route_count(table).await) };
        let routes = match io.unless_new_intent(asking).await? {
            Ok(count) => count.map(|count| count.routes),
            Err(error) => only_this_command(error).map(|_| None)?,
        };
        if let Some(routes) = routes {
            self.counted.insert(table.to_owned(), (routes, now));
        }
        Ok(routes)
    }
}

/// As many services as have that many prefixes together, and at least one.
fn within(turn: impl Iterator<Item = usize>, services: &[ServiceReconciler], limit: usize) -> Vec<usize> {
    let mut prefixes = 0;
    turn.take_while(|index| {
        let room = prefixes == 0 || prefixes < limit;
        prefixes += services
            .get(*index)
            .map_or(0, |service| service.rival_prefixes().count());
        room
    })
    .collect()
}

/// Of all prefixes, around and inside them. Only for a table that is small.
async fn ask_around(
    table: &str,
    prefixes: &[IpNet],
    io: &ReconcilerIo,
) -> Result<Option<Vec<Route>>, PassAbort> {
    let mut routes = Vec::new();
    for some in prefixes.chunks(PREFIXES_PER_QUESTION) {
        match patiently(io, io.patient.show_routes_around(table, some)).await? {
            Some(found) => routes.extend(found),
            None => return Ok(None),
        }
    }
    Ok(Some(routes))
}

/// Of the prefixes themselves, as the sessions tell them.
async fn look_up(
    table: &str,
    prefixes: &BTreeSet<IpNet>,
    sessions: &HearingSessions,
    io: &ReconcilerIo,
) -> Result<Option<Vec<Route>>, PassAbort> {
    let mut routes = Vec::new();
    for prefix in prefixes {
        let Some(found) = patiently(io, io.patient.show_route_in_table(*prefix, table)).await? else {
            return Ok(None);
        };
        routes.extend(
            found
                .into_iter()
                .filter(|route| sessions.contains_key(&route.protocol)),
        );
    }
    Ok(Some(routes))
}

/// What a question of a poll comes to, behind every decision (A10); `None`: BIRD does not say.
async fn patiently<T>(
    io: &ReconcilerIo,
    asking: impl Future<Output = Result<T, BirdError>>,
) -> Result<Option<T>, PassAbort> {
    io.yield_to_intents()?;
    match io.unless_new_intent(async { Ok(asking.await) }).await? {
        Ok(found) => Ok(Some(found)),
        Err(error) => only_this_command(error).map(|_| None),
    }
}
