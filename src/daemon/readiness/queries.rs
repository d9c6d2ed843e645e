//! What BIRD is asked for readiness' sake: a dozen questions a round, however many services there are.
//! Those of steering are not asked again; what they found stands in the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use crate::bird::client::{BirdClient, BirdError};
use crate::bird::error::ErrorScope;
use crate::bird::guard_query;
use crate::bird::parse::Route;
use crate::config::Config;
use crate::config::model::{Family, Role, ServiceConfig, StaticProtocolConfig};
use crate::config::names::rehearsal_table;
use crate::model::Snapshot;
use crate::model::snapshot::AlarmCode;
use crate::ready::{BirdFactsSeen, FilterTest, TestRoute, filter_name};

/// Static protocols that the guard is asked about in a round: those that steering found wrong, so that
/// each can be named. More than that are wrong for one reason.
const GUARDED: usize = 16;

/// How many routes more than ours a rehearsal table may hold and still be asked. A table that something
/// else feeds may hold a million, and BIRD 3 would put them all into one answer.
const FOREIGN_ROUTES: u64 = 1000;

/// BIRD cannot be asked any more in this round.
struct QueryAbort;

/// One round. What it could not learn is missing in the answer.
pub(crate) async fn ask(client: &BirdClient, config: &Config, snapshot: &Snapshot) -> BirdFactsSeen {
    let mut of_bird = BirdFactsSeen::default();
    let round = QueryRound {
        client,
        config,
        snapshot,
    };
    // A round that breaks off leaves what it learnt.
    let _ = round.go(&mut of_bird).await;
    of_bird
}

struct QueryRound<'a> {
    client: &'a BirdClient,
    config: &'a Config,
    snapshot: &'a Snapshot,
}

impl QueryRound<'_> {
    async fn go(&self, of_bird: &mut BirdFactsSeen) -> Result<(), QueryAbort> {
        of_bird.status = only_this(self.client.show_status().await)?.ok();
        let Ok(protocols) = only_this(self.client.show_protocols().await)? else {
            return Ok(());
        };
        for upstream in &self.config.upstreams {
            if let Ok(detail) = only_this(self.client.show_protocol(&upstream.name).await)? {
                of_bird.sessions.insert(upstream.name.clone(), detail);
            }
        }
        if self
            .config
            .services
            .iter()
            .any(|service| service.role == Role::Primary)
        {
            of_bird.bfd = only_this(self.client.show_bfd_sessions().await)?.unwrap_or_default();
        }
        for family in self.families() {
            let rehearsal = self.rehearse(family, of_bird).await?;
            of_bird.rehearsals.insert(family, rehearsal);
        }
        for line in self.suspicious() {
            if let Ok(found) = only_this(guard_query::ask(self.client, &line.name).await)? {
                of_bird.found.insert(line.name.clone(), found.facts());
            }
        }
        // The last, so that a round that broke off is not taken for one that found nothing.
        let by_name = protocols
            .into_iter()
            .map(|protocol| (protocol.name.clone(), protocol));
        of_bird.protocols = Some(by_name.collect());
        Ok(())
    }

    fn lines(&self) -> impl Iterator<Item = &StaticProtocolConfig> {
        let services = self.config.services.iter();
        services.flat_map(|service| service.full.iter().chain(&service.standing))
    }

    fn families(&self) -> BTreeSet<Family> {
        self.lines().map(|line| line.family).collect()
    }

    /// One table, counted first, and each filter that the sessions export through.
    async fn rehearse(&self, family: Family, of_bird: &BirdFactsSeen) -> Result<FilterTest, QueryAbort> {
        let table = rehearsal_table(family);
        let count = match only_this(self.client.show_route_count(table).await)? {
            Ok(Some(count)) => count,
            Ok(None) => return Ok(FilterTest::NoTable),
            Err(why) => return Ok(FilterTest::Failed(why)),
        };
        let ours: usize = self
            .lines()
            .filter(|line| line.family == family)
            .map(|line| line.prefixes.len())
            .sum();
        if count.routes > FOREIGN_ROUTES.saturating_add(u64::try_from(ours).unwrap_or(u64::MAX)) {
            return Ok(FilterTest::Crowded(count.routes));
        }
        let routes = match only_this(self.client.show_rehearsal(table).await)? {
            Ok(Some(routes)) => shadows(routes),
            Ok(None) => return Ok(FilterTest::NoTable),
            Err(why) => return Ok(FilterTest::Failed(why)),
        };
        let channels = of_bird.sessions.values().flat_map(|session| &session.channels);
        let filters = channels
            .filter(|channel| channel.name == family.channel())
            .filter_map(filter_name);
        let filters: BTreeSet<&str> = filters.collect();
        let mut passes = BTreeMap::new();
        for filter in filters {
            let passing = match only_this(self.client.show_rehearsed(table, filter).await)? {
                Ok(Some(routes)) => Ok(shadows(routes)),
                Ok(None) => Err("BIRD has no filter of that name any more".to_owned()),
                Err(why) => Err(why),
            };
            passes.insert(filter.to_owned(), passing);
        }
        Ok(FilterTest::Held { routes, passes })
    }

    /// The static protocols of those services of which steering found that some are not ours to enable.
    fn suspicious(&self) -> impl Iterator<Item = &StaticProtocolConfig> {
        let alarms = self.snapshot.alarms.iter();
        let foreign = alarms.filter(|alarm| alarm.code == AlarmCode::ForeignRoutes);
        let named: BTreeSet<&str> = foreign.filter_map(|alarm| alarm.service.as_deref()).collect();
        let services = self.config.services.iter();
        let wrong = services.filter(move |service| named.contains(service.name.as_str()));
        wrong.flat_map(ServiceConfig::statics).take(GUARDED)
    }
}

fn shadows(routes: Vec<Route>) -> Vec<TestRoute> {
    routes
        .into_iter()
        .map(|route| (route.prefix, route.protocol))
        .collect()
}

/// An error of this one question, in words; or the end of the round.
fn only_this<T>(answer: Result<T, BirdError>) -> Result<Result<T, String>, QueryAbort> {
    answer.map(Ok).or_else(|error| match error.scope() {
        ErrorScope::Connection | ErrorScope::Queue => Err(QueryAbort),
        ErrorScope::Command => Ok(Err(error.to_string())),
    })
}

#[cfg(test)]
mod tests;
