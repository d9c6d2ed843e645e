//! The checks: started when they are due, taken in when they have ended, and given up when they never
//! report (D1, D2). What a result means for a probe is the probe's own.

use std::time::Duration;

use super::{LastCheck, Site};
use crate::config::identity;
use crate::core::event::{CheckStart, CoreEvent, ProbeId};
use crate::core::health::{CheckId, ResultEffect};
use crate::core::service::{ServiceState, could_count_down};
use crate::model::history::HistoryEvent;
use crate::model::snapshot::{CheckOutcome, ProbeState};
use crate::model::time::{Moment, Now};

/// From one round in which doubt asks the probes of all services to the next, at least: a probe that
/// falls into doubt again and again costs no more than an interval of five seconds.
const SPREAD_PAUSE: Duration = Duration::from_secs(5);

/// Between two checks that such a round asks for: a thousand begin in a second.
const SPREAD_STEP: Duration = Duration::from_millis(1);

/// What is told of a check whose result never came.
const NEVER_REPORTED: &str = "the check never reported what came of it";

impl Site {
    pub(crate) fn checked(
        &mut self,
        now: Now,
        id: CheckId,
        outcome: CheckOutcome,
        detail: &str,
        rtt: Option<Duration>,
    ) {
        let Some(of) = self.under_way.remove(&id) else {
            return;
        };
        let Some(probe) = self.probe_mut(of) else { return };
        let from = probe.state();
        let Some(effect) = probe.finish(now.mono, id, outcome) else {
            return;
        };
        let to = probe.state();
        let start = probe.last_start();
        let (passed, missed) = (probe.rows().latest_pass(), probe.latest_miss(now.mono));
        if effect.counted {
            let last = LastCheck {
                at: now.wall,
                outcome,
                detail: detail.to_owned(),
                rtt,
            };
            self.last.insert(of, last);
        }
        if from != to {
            self.note_turned(of, from, to, detail);
        }
        if let (ProbeId::Witness(witness), Some(pass)) = (of, passed) {
            self.sightings.record(witness, pass);
            self.sightings.record_miss(witness, missed);
        }
        if effect.first_pass {
            self.record_first_pass(now, of);
        }
        if let Some(start) = start {
            self.spread_doubt(now.mono, of, start, outcome, effect);
        }
    }

    /// A probe's state changed.
    pub(crate) fn note_turned(&mut self, of: ProbeId, from: ProbeState, to: ProbeState, detail: &str) {
        let service = match of {
            ProbeId::Service(service, _) | ProbeId::Serves(service, _) => Some(service),
            ProbeId::Witness(_) => None,
        };
        let name = self.policy(of).map(|policy| policy.name.clone());
        let what = HistoryEvent::Probe {
            name: name.unwrap_or_default(),
            from,
            to,
            detail: detail.to_owned(),
        };
        self.notes.push(CoreEvent::History(service, what));
    }

    /// From here on it counts, and that it passed survives a restart (D20).
    fn record_first_pass(&mut self, now: Now, of: ProbeId) {
        let Some(policy) = self.policy(of) else { return };
        let check = policy.check.clone();
        let services = self.services.iter().map(ServiceState::policy);
        let policies = services.flat_map(|policy| policy.probes.iter().chain(&policy.serves));
        let in_use = policies.chain(&self.witness_policies);
        let in_use = in_use.map(|policy| identity(&policy.check));
        self.passed.record(&check, now.wall, in_use);
        self.memory_changed = true;
    }

    /// Doubt asks the service's other probes, and those of the other services; a probe that has turned
    /// down, or stays down, asks those that could make the verdict down with it (D1).
    fn spread_doubt(
        &mut self,
        now: Moment,
        of: ProbeId,
        since: Moment,
        outcome: CheckOutcome,
        effect: ResultEffect,
    ) {
        let failed = outcome == CheckOutcome::Fail;
        if effect.fell_into_doubt || (effect.failed_down && self.could_count_down(of)) {
            self.ask_others(now, of, since, failed);
        }
        if effect.fell_into_doubt && failed {
            self.ask_other_services_in_doubt(now, of, since);
        }
    }

    fn could_count_down(&self, of: ProbeId) -> bool {
        self.policy(of).is_some_and(could_count_down)
    }

    /// The service's other probes are asked at once (D1). Those that are down are asked at their
    /// interval while one more is down; the witnesses when their word is needed (D5).
    fn ask_others(&mut self, now: Moment, doubted: ProbeId, since: Moment, failing: bool) {
        let ProbeId::Service(service, doubted) = doubted else {
            return;
        };
        let Some(service) = self.services.get_mut(service) else {
            return;
        };
        for (index, probe) in service.probes.iter_mut().enumerate() {
            if index != doubted && !(failing && probe.state() == ProbeState::Down) {
                probe.ask_at(now, since);
            }
        }
    }

    /// What the services share is this site: the probes of the others are asked once, too, so that
    /// services that die together are found dead together (D1).
    fn ask_other_services_in_doubt(&mut self, now: Moment, doubted: ProbeId, since: Moment) {
        if !matches!(doubted, ProbeId::Service(..)) {
            return;
        }
        let pause = self
            .policy(doubted)
            .map_or(SPREAD_PAUSE, |policy| policy.retry_interval.max(SPREAD_PAUSE));
        if begins_round(&mut self.next_spread, now, pause) {
            self.ask_other_services(now, doubted, since);
        }
    }

    /// A check that is late puts nothing into doubt. But where services die together the others begin
    /// their rows a `retry_interval` sooner when they are asked now. It has a pause of its own: a late
    /// answer must not hold up the round of a death that follows.
    pub(crate) fn ask_because_of_late(&mut self, now: Moment, of: ProbeId) {
        let late = self.probe(of).and_then(|probe| probe.late_check(now));
        if let (ProbeId::Service(..), Some(since)) = (of, late)
            && begins_round(&mut self.next_early_spread, now, SPREAD_PAUSE)
        {
            self.ask_other_services(now, of, since);
        }
    }

    /// Spread over `retry_interval` at most. Those whose turn is last anyway go first: so the last of
    /// them is asked soonest.
    fn ask_other_services(&mut self, now: Moment, doubted: ProbeId, since: Moment) {
        let ProbeId::Service(doubted_service, _) = doubted else {
            return;
        };
        let Some(within) = self.policy(doubted).map(|policy| policy.retry_interval) else {
            return;
        };
        let others = self.services.iter_mut().enumerate();
        let others = others.filter(|(index, _)| *index != doubted_service);
        let probes = others.flat_map(|(_, service)| &mut service.probes);
        let mut probes: Vec<_> = probes.filter(|probe| probe.state() != ProbeState::Down).collect();
        probes.sort_by_key(|probe| std::cmp::Reverse(probe.due()));
        let count = u32::try_from(probes.len()).unwrap_or(u32::MAX).max(1);
        let step = SPREAD_STEP.min(within / count);
        for (place, probe) in (0_u32..).zip(probes) {
            probe.hurry(now + step * place, since);
        }
    }

    /// A check that never reports says as little as one that cannot be made (D1); measured in a
    /// stall, it is thrown away like any other (D2).
    pub(crate) fn give_up_overdue(&mut self, now: Now) {
        let probes = self.timers.take_overdue(now.mono).into_iter();
        let overdue = probes.filter_map(|of| Some(self.probe(of)?.overdue(now.mono)));
        let overdue: Vec<_> = overdue.flatten().collect();
        for id in overdue {
            self.checked(now, id, CheckOutcome::Error, NEVER_REPORTED, None);
        }
    }

    pub(crate) fn start_due(&mut self, now: Now) -> Vec<CheckStart> {
        let mut starts = Vec::new();
        self.set_timers(&now);
        // A start can put its probe into doubt, which makes others due: each at most once, because
        // a probe that has just begun a check is not due again.
        while let Some(of) = self.timers.ready.pop_first() {
            let id = CheckId(self.next_id);
            self.next_id += 1;
            let Some(probe) = self.probe_mut(of) else { break };
            let (before, forgotten) = (probe.last_start(), probe.crowded_out());
            let fell = probe.start(now.mono, id);
            self.under_way.insert(id, of);
            if let Some(forgotten) = forgotten {
                self.under_way.remove(&forgotten);
            }
            starts.push(CheckStart { id, probe: of });
            if let (true, Some(before)) = (fell, before) {
                self.ask_others(now.mono, of, before, true);
                self.ask_other_services_in_doubt(now.mono, of, before);
            }
            self.set_timers(&now);
        }
        starts
    }
}

/// Whether a round may begin now; then the next may after `pause`.
fn begins_round(next: &mut Option<Moment>, now: Moment, pause: Duration) -> bool {
    let may = next.is_none_or(|next| now >= next);
    if may {
        *next = Some(now + pause);
    }
    may
}
