//! The checks: started when they are due, taken in when they have ended, and given up when they never
//! report (D1, D2). What a result means for a probe is the probe's own.

use std::time::Duration;

use super::{Last, Site};
use crate::config::identity;
use crate::config::model::Role;
use crate::failover::event::{Note, ProbeId, Start};
use crate::health::{CheckId, Effect};
use crate::status::snapshot::Outcome;
use crate::time::{Moment, Now};

/// What is told of a check whose result never came.
const NEVER_REPORTED: &str = "the check never reported what came of it";

impl Site {
    pub(super) fn checked(
        &mut self,
        now: Now,
        id: CheckId,
        outcome: Outcome,
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
        let passed = probe.rows().latest_pass();
        if effect.counted {
            let last = Last {
                at: now.wall,
                outcome,
                detail: detail.to_owned(),
                rtt,
            };
            self.last.insert(of, last);
        }
        if from != to {
            self.notes.push(Note::Probe {
                probe: of,
                from,
                to,
                detail: detail.to_owned(),
            });
        }
        if let (ProbeId::Witness(witness), Some(pass)) = (of, passed) {
            self.sightings.record(witness, pass);
        }
        if effect.first_pass {
            self.record_first_pass(now, of);
        }
        let Effect { fell_into_doubt, .. } = effect;
        if let (true, Some(start)) = (fell_into_doubt, start) {
            self.ask_others(now.mono, of, start);
        }
    }

    /// From here on it counts, and that it passed survives a restart (D20).
    fn record_first_pass(&mut self, now: Now, of: ProbeId) {
        let Some(policy) = self.policy(of) else { return };
        let check = policy.check.clone();
        let policies = self.services.iter().flat_map(|service| &service.policy().probes);
        let in_use = policies.chain(&self.witness_policies);
        let in_use = in_use.map(|policy| identity(&policy.check));
        self.passed.record(&check, now.wall, in_use);
        self.memory_changed = true;
    }

    /// The service's other probes are asked at once, and the witnesses with them (D1, D5).
    fn ask_others(&mut self, now: Moment, doubted: ProbeId, since: Moment) {
        let ProbeId::Service(service, doubted) = doubted else {
            return;
        };
        let Some(service) = self.services.get_mut(service) else {
            return;
        };
        for (index, probe) in service.probes.iter_mut().enumerate() {
            if index != doubted {
                probe.ask(now, since);
            }
        }
        if service.policy().role == Role::Standby {
            for witness in &mut self.witnesses {
                witness.ask(now, since);
            }
        }
    }

    /// A check that never reports says as little as one that cannot be made (D1); measured in a
    /// stall, it is thrown away like any other (D2).
    pub(super) fn give_up_overdue(&mut self, now: Now) {
        let probes = self.timers.take_overdue(now.mono).into_iter();
        let overdue = probes.filter_map(|of| Some(self.probe(of)?.overdue(now.mono)));
        let overdue: Vec<_> = overdue.flatten().collect();
        for id in overdue {
            self.checked(now, id, Outcome::Error, NEVER_REPORTED, None);
        }
    }

    pub(super) fn start_due(&mut self, now: Now) -> Vec<Start> {
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
            starts.push(Start { id, probe: of });
            if let (true, Some(before)) = (fell, before) {
                self.ask_others(now.mono, of, before);
            }
            self.set_timers(&now);
        }
        starts
    }
}
