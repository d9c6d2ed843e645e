//! After a takeover: which upstreams prefer our route, in the history and the log (A11). It informs, and decides
//! nothing (D15).

use super::state::Driver;
use crate::daemon::rivals;
use crate::model::history::HistoryEvent;
use crate::model::snapshot::{FollowedUpstream, StageTimes};

impl Driver {
    /// What BIRD was just seen to hear from the upstreams.
    pub(crate) fn follow_upstreams(&mut self) {
        for index in 0..self.following.len() {
            let ways = self.seen.as_ref().and_then(|(seen, at)| {
                let service = seen.services.get(index)?;
                Some(rivals::shown_ways(seen, service, *at))
            });
            let Some(following) = self.following.get_mut(index).and_then(Option::as_mut) else {
                continue;
            };
            let before = following.shown().stages.followed;
            let new = following.follow(&ways.unwrap_or_default());
            let stages = &following.shown().stages;
            let reached = (stages.followed != before).then(|| Box::new(stages.clone()));
            let of = following.recorded();
            self.tell_ways(index, of, new, reached);
        }
    }

    /// What `falconer explain` adds to the judgement.
    pub(crate) fn explain_rivals(&self, index: usize) -> String {
        let seen = self.seen.as_ref().map(|(seen, _)| seen);
        let service = seen.and_then(|seen| Some((seen, seen.services.get(index)?)));
        let lines = service.map(|(seen, service)| rivals::explained(seen, service));
        let lines = lines
            .unwrap_or_default()
            .into_iter()
            .map(|line| format!("  {line}\n"));
        format!("what neighbours tell:\n{}", lines.collect::<String>())
    }

    fn tell_ways(
        &mut self,
        index: usize,
        of: u64,
        new: Vec<FollowedUpstream>,
        mut reached: Option<Box<StageTimes>>,
    ) {
        let last = new.len().saturating_sub(1);
        for (at, way) in new.into_iter().enumerate() {
            let (service, upstream) = (self.name(index), &way.upstream);
            tracing::info!(
                service,
                upstream,
                state = way.state.word(),
                rule = "A11",
                "upstream's preference changed"
            );
            let stages = if at == last { reached.take() } else { None };
            let what = HistoryEvent::Followed {
                of,
                upstream: way.upstream,
                state: way.state,
                stages,
            };
            self.record(Some(index), what);
        }
    }
}
