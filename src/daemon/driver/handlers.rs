//! What comes in from the edges and from operators.

use std::time::Duration;

use super::state::Driver;
use crate::bird::reconcile::{Observed, ObservedService, ReconcilerReport, Repeated, StageReport};
use crate::core::{Event, InitialStrength, ProbeId};
use crate::daemon::checks::FinishedCheck;
use crate::daemon::rivals;
use crate::model::history::HistoryEvent;
use crate::model::snapshot::{AlarmCode, CheckOutcome};
use crate::model::strength;
use crate::store::PersistResult;

impl Driver {
    /// A check has ended: the judgement takes it in, and what counted there is kept for the plots.
    pub(crate) fn take_checked(&mut self, checked: FinishedCheck) {
        let FinishedCheck { id, report } = checked;
        let Some(of) = self.site.probe_of(id) else { return };
        let before = self.site.last(of).map(|last| last.at);
        let (outcome, rtt) = (report.outcome, report.rtt);
        self.count_check(of, outcome, rtt);
        self.take_routes(of);
        self.feed(Some(Event::Checked {
            id,
            outcome,
            detail: report.detail,
            rtt,
        }));
        if let Some(last) = self.site.last(of).filter(|last| Some(last.at) != before) {
            let (service, probe) = match of {
                ProbeId::Service(service, probe) => (Some(service), probe),
                ProbeId::Witness(probe) => (None, probe),
                ProbeId::Serves(service, check) => (Some(service), self.probes_of(service) + check),
            };
            self.latency.borrow().push(service, probe, last.at, outcome, rtt);
        }
    }

    /// What the kernel said at a check of whether this site serves, where that is something else than before.
    fn take_routes(&mut self, of: ProbeId) {
        let service = match of {
            ProbeId::Serves(service, _) => service,
            ProbeId::Service(..) | ProbeId::Witness(_) => return,
        };
        let routes = self.edges.probe_set.routes(service);
        let known = self.site.services().get(service);
        if known.is_some_and(|known| known.serving_routes() != routes) {
            self.feed(Some(Event::Routes { service, routes }));
        }
    }

    fn probes_of(&self, service: usize) -> usize {
        self.config
            .services
            .get(service)
            .map_or(0, |service| service.probes.len())
    }

    fn count_check(&self, of: ProbeId, outcome: CheckOutcome, rtt: Option<Duration>) {
        let service = match of {
            ProbeId::Service(service, _) | ProbeId::Serves(service, _) => Some(self.name(service)),
            ProbeId::Witness(_) => None,
        };
        if let Some(policy) = self.site.policy(of) {
            self.counts
                .count(|counts| counts.check(service, &policy.name, outcome, rtt));
        }
    }

    pub(crate) fn take_report(&mut self, report: ReconcilerReport) {
        match report {
            ReconcilerReport::Seen(seen) => self.take_seen(seen),
            ReconcilerReport::Stage(stage) => self.take_stage(&stage),
            ReconcilerReport::Drift { service, text } => {
                tracing::warn!(service = self.name(service), rule = "A6", text, "drift found");
                self.record(Some(service), HistoryEvent::Drift { text });
            }
            ReconcilerReport::Mended {
                service,
                protocol,
                enabled,
                repeated,
            } => self.take_mended(service, protocol, enabled, repeated),
            ReconcilerReport::Failed {
                service,
                standing,
                text,
            } => {
                self.counts.count(|counts| counts.failure(self.name(service)));
                tracing::error!(service = self.name(service), text, "command to BIRD failed");
                // A drill leaves the standing prefixes alone.
                if !standing {
                    self.tell_drill_of_failure(service, &text);
                }
            }
        }
    }

    fn take_mended(&mut self, service: usize, protocol: String, enabled: bool, repeated: Option<Repeated>) {
        let times = repeated.map(|repeated| u64::try_from(repeated.times).unwrap_or(u64::MAX));
        let next_wait_ms =
            repeated.map(|repeated| u64::try_from(repeated.wait.as_millis()).unwrap_or(u64::MAX));
        tracing::info!(
            service = self.name(service),
            rule = "A1",
            protocol,
            enabled,
            times,
            next_wait_ms,
            "drift repaired"
        );
        self.record(
            Some(service),
            HistoryEvent::Mended {
                protocol,
                enabled,
                times,
                next_wait_ms,
            },
        );
    }

    pub(crate) fn take_seen(&mut self, seen: Observed) {
        let at = self.clock.now().wall_at(self.clock.moment(seen.at));
        let before = self.seen.as_ref().map(|(seen, _)| &seen.upstreams);
        for (index, upstream) in seen.upstreams.iter().enumerate() {
            let was = before
                .and_then(|before| before.get(index))
                .map(|before| &before.state);
            if was == Some(&upstream.state) {
                continue;
            }
            let error = upstream.error.as_deref().unwrap_or("");
            tracing::info!(
                upstream = upstream.name,
                from = was.map_or("", |state| state.as_str()),
                to = upstream.state.as_str(),
                error,
                "upstream session changed"
            );
            if let Some(since) = self.upstreams_since.get_mut(index) {
                *since = Some(at);
            }
        }
        let adoptions = self.adoptions(&seen);
        let troubled = self.troubled_anew(&seen);
        self.alarms.mark(troubled);
        self.seen = Some((seen, at));
        self.follow_upstreams();
        self.publication.stale();
        self.tell_drills_of_bird();
        for (service, adoption) in adoptions {
            tracing::info!(
                service = self.name(service),
                ?adoption,
                rule = "D10",
                "BIRD's state adopted"
            );
            self.feed(Some(Event::Bird { service, adoption }));
        }
    }

    /// The services of which BIRD's part has other problems than at the last look.
    fn troubled_anew(&self, seen: &Observed) -> Vec<usize> {
        let before = self.seen.as_ref().map(|(seen, _)| seen);
        let differs = |index: usize| {
            let was = before.and_then(|before| before.services.get(index));
            let now = Some(&seen.services[index]);
            let late_before = before.map(|before| rivals::unfollowed_too_long(before, index));
            problems(was) != problems(now)
                || problems(standing(was)) != problems(standing(now))
                || late_before.unwrap_or_default() != rivals::unfollowed_too_long(seen, index)
        };
        (0..seen.services.len()).filter(|&index| differs(index)).collect()
    }

    /// What services that wait for BIRD can adopt (D10).
    fn adoptions(&self, seen: &Observed) -> Vec<(usize, InitialStrength)> {
        if !seen.bird_running_normally {
            return Vec::new();
        }
        let services = self.site.services().iter().zip(&seen.services).enumerate();
        let waiting = services.filter(|(_, (service, _))| service.awaits_bird());
        let read = waiting.filter_map(|(index, (_, seen))| match (seen.actual, seen.adopt) {
            (None, _) => None,
            (Some(_), Some(strength)) => Some((index, InitialStrength::Is(strength))),
            (Some(_), None) => Some((index, InitialStrength::Mixed)),
        });
        read.collect()
    }

    pub(crate) fn take_stage(&mut self, report: &StageReport) {
        let at = self.clock.now().wall_at(self.clock.moment(report.at));
        let name = self.name(report.service).to_owned();
        tracing::debug!(service = name, protocol = report.protocol, stage = ?report.stage, "stage");
        if self.take_drill_stage(report) {
            self.publication.changed();
            return;
        }
        let Some(following) = self.following.get_mut(report.service).and_then(Option::as_mut) else {
            return;
        };
        if following.reach(report, at) {
            let shown = following.shown().clone();
            let took = shown
                .stages
                .decided
                .map(|decided| at.duration_since(decided).as_millis());
            tracing::info!(
                service = name,
                from = strength::word(shown.from),
                to = strength::word(shown.to),
                rule = shown.rule,
                decision_to_done_ms = i64::try_from(took.unwrap_or(0)).unwrap_or(i64::MAX),
                "transition completed"
            );
            let of = following.recorded();
            self.record(
                Some(report.service),
                HistoryEvent::Done {
                    of,
                    stages: shown.stages,
                },
            );
        }
        self.publication.changed();
    }

    pub(crate) fn take_kept(&mut self, kept: &PersistResult) {
        if let Err(problem) = &kept.result {
            tracing::error!(problem, "cannot write the state file");
            self.counts.count(|counts| counts.state_failures += 1);
        }
        self.memory_trouble = kept.result.clone().err();
        self.waiting.kept(kept);
        self.tell_drills_of(kept);
        self.publication.stale();
    }

    pub(crate) fn take_written(&mut self, written: Result<(), String>) {
        if let Err(problem) = &written {
            tracing::error!(problem, "cannot write the history");
        }
        self.history_trouble = written.err();
        self.publication.stale();
    }

    pub(crate) fn take_link(&mut self) {
        let link = self.edges.link.borrow_and_update().clone();
        let was = self.link.0.state;
        if was != link.state {
            let (from, to, error) = (was, link.state, link.error.as_deref().unwrap_or(""));
            let version = link.version.as_ref().map(ToString::to_string).unwrap_or_default();
            tracing::info!(
                from = from.word(),
                to = to.word(),
                version,
                error,
                "connection to BIRD changed"
            );
            self.record(
                None,
                HistoryEvent::Bird {
                    from,
                    to,
                    error: link.error.clone(),
                },
            );
        }
        let since = if was == link.state {
            self.link.1
        } else {
            self.clock.now().wall
        };
        self.link = (link, since);
        self.publication.stale();
    }
}

fn problems(of: Option<&ObservedService>) -> &[(AlarmCode, String)] {
    of.map_or(&[], |of| &of.problems)
}

fn standing(of: Option<&ObservedService>) -> Option<&ObservedService> {
    of.and_then(|of| of.standing.as_deref())
}
