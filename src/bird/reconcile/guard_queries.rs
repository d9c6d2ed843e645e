//! The guard's questions (A7): before an enable, and in a round over all protocols.

use super::backoff::RetryCause;
use super::family::StaticProtocol;
use super::io::{PassAbort, ReconcilerIo, only_this_command};
use super::routes::RouteFacts;
use super::service::ServiceReconciler;
use super::view::ProtocolView;
use crate::bird::client::BirdError;
use crate::bird::guard;
use crate::bird::guard_query;
use crate::bird::parse::ProtocolState;
use crate::model::snapshot::AlarmCode;

/// How many protocols the guard looks at in one poll, besides all of them after a connection and
/// each before it is enabled. Their routes change only with BIRD's configuration, and a thousand
/// questions a second would be a load.
const GUARDED_PER_POLL: usize = 16;

impl StaticProtocol {
    /// Whether it may be enabled, by what BIRD says now; the inner error: why not.
    pub(crate) async fn ask_guard(&mut self, io: &ReconcilerIo) -> Result<Result<(), RetryCause>, BirdError> {
        let facts = guard_query::ask(&io.urgent, &self.config.name).await?;
        self.remember_guard(facts);
        Ok(match &self.guard {
            Some(Err(refusal)) => Err(RetryCause {
                code: AlarmCode::ForeignRoutes,
                text: format!("{refusal}. It is not enabled until bird.conf is put right"),
            }),
            Some(Ok(())) | None => Ok(()),
        })
    }

    /// Whether all its prefixes stand in BIRD's tables, from this protocol (D8).
    pub(crate) async fn has_all_routes(&self, io: &ReconcilerIo) -> Result<bool, PassAbort> {
        for prefix in &self.config.prefixes {
            match io.urgent.show_route(*prefix, Some(&self.config.name)).await {
                Ok(routes) if routes.is_empty() => return Ok(false),
                Ok(_) => {}
                Err(error) => return only_this_command(error).map(|_| false),
            }
        }
        Ok(true)
    }

    fn remember_guard(&mut self, answer: guard_query::GuardAnswer) {
        let verdict = guard::check(&self.config, &answer.facts());
        self.guard = Some(verdict.map_err(|refusal| refusal.to_string()));
        let channel = answer.detail.channels.first();
        self.routes = channel.map(|channel| RouteFacts {
            table: channel.table.clone(),
            preference: channel.preference,
            input_filter: channel.input_filter.clone(),
            targets: answer
                .routes
                .iter()
                .map(|route| (route.prefix, route.dest.clone()))
                .collect(),
        });
    }
}

/// The guard's round, from where the last one ended: what is found wrong is alarmed, and nothing is
/// withdrawn because of it.
pub(crate) async fn guard_some(
    services: &mut [ServiceReconciler],
    cursor: &mut usize,
    view: &ProtocolView,
    io: &ReconcilerIo,
) -> Result<(), PassAbort> {
    let families = services.iter_mut().flat_map(|service| &mut service.families);
    let mut protocols: Vec<&mut StaticProtocol> =
        families.flat_map(|family| family.protocols_mut()).collect();
    let first_round = *cursor < protocols.len();
    let count = if first_round {
        protocols.len() - *cursor
    } else {
        GUARDED_PER_POLL.min(protocols.len())
    };
    for _ in 0..count {
        io.yield_to_intents()?;
        let at = *cursor % protocols.len();
        let protocol = &mut protocols[at];
        if view.state(&protocol.config.name) != ProtocolState::Missing {
            let asking = async { Ok(guard_query::ask(&io.patient, &protocol.config.name).await) };
            match io.unless_new_intent(asking).await? {
                Ok(answer) => protocol.remember_guard(answer),
                Err(error) => drop(only_this_command(error)?),
            }
        }
        *cursor += 1;
    }
    Ok(())
}
