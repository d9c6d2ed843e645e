//! This site's own isolation: what it voids when it ends, and the witnesses that a takeover will need
//! (D5). What isolation means for a service is the judgement's.

use super::Site;
use crate::config::model::{self, OnCutOff, Role};
use crate::core::event::{CoreEvent, ProbeId};
use crate::core::isolation::{
    IsolationEpisode, connected_until, isolation, needed_for_takeover, witness_states,
};
use crate::model::history::HistoryEvent;
use crate::model::snapshot::{Isolation, ProbeState};
use crate::model::time::Moment;

impl Site {
    fn connected_until(&self) -> Option<Moment> {
        let witnesses = self.witness_policies.iter().zip(self.witnesses.iter());
        let passes = witnesses.map(|(policy, witness)| (policy.group, witness.rows().latest_pass()));
        let isolation = model::IsolationConfig {
            min_up: self.min_up,
            on_cut_off: self.on_cut_off,
        };
        connected_until(passes, needed_for_takeover(&isolation))
    }

    pub(crate) fn settle_isolation(&mut self, now: Moment) {
        let to = isolation(
            witness_states(&self.witness_policies, &self.witnesses),
            self.min_up,
        );
        let from = std::mem::replace(&mut self.isolation, to);
        if from == to {
            return;
        }
        self.notes.push(CoreEvent::History(
            None,
            HistoryEvent::Isolated {
                from: Some(from),
                isolated: to == Isolation::Isolated,
                state: Some(to),
            },
        ));
        self.services.mark_all();
        match to {
            to if self.may_act(to) => {
                if let Some(cut_off) = self.cut_off.take() {
                    self.void_fails(cut_off.connected_until, now);
                }
            }
            // Nothing was known yet, and nothing is: this is the start, and no cut.
            Isolation::Open if !self.may_act(from) => {}
            Isolation::Open | Isolation::Isolated | Isolation::CutOff | Isolation::Connected => {
                // One that goes on in another way goes on: it began when it began.
                let connected_until = self.connected_until();
                self.cut_off.get_or_insert(IsolationEpisode { connected_until });
            }
        }
    }

    /// Whether this site's view is good for a takeover.
    pub(crate) fn may_act(&self, isolation: Isolation) -> bool {
        match isolation {
            Isolation::Connected => true,
            Isolation::CutOff => self.on_cut_off == OnCutOff::Takeover,
            Isolation::Open | Isolation::Isolated => false,
        }
    }

    /// What was measured while we were cut off ourselves says nothing of the others (D5).
    fn void_fails(&mut self, since: Option<Moment>, until: Moment) {
        let mut turned = Vec::new();
        let standbys = self.services.iter_mut().enumerate();
        for (index, service) in standbys.filter(|(_, service)| service.policy().role == Role::Standby) {
            for (at, probe) in service.probes.iter_mut().enumerate() {
                let from = probe.state();
                probe.void_fails(since, until);
                let to = probe.state();
                if from != to {
                    turned.push((ProbeId::Service(index, at), from, to));
                }
            }
        }
        for (probe, from, to) in turned {
            let detail = "its fails were gathered while this site was isolated";
            self.note_turned(probe, from, to, detail);
        }
    }

    /// A takeover will need a pass of enough witnesses, begun when the first fail of each row should
    /// have been answered, and another begun when it had failed (D5): they are asked at those very
    /// moments. And it needs a fail that follows the one: a probe that is down already is asked again
    /// until there is one.
    pub(crate) fn seek_proof(&mut self, now: Moment) {
        for index in self.services.to_settle().clone() {
            self.seek_proof_of(index, now);
        }
        // While nothing is later than usual, nothing has to be proven: slow answers ask no witness.
        if self.timers.sought.earliest().is_none_or(|settled| settled > now) {
            return;
        }
        for index in 0..self.witnesses.len() {
            let passed = self.witnesses[index].rows().latest_pass();
            if let Some(from) = self.timers.sought.best_after(passed)
                && let Some(witness) = self.witnesses.get_mut(index)
            {
                witness.seek_pass(now, from);
            }
        }
    }

    fn seek_proof_of(&mut self, index: usize, now: Moment) {
        let may_act = self.may_act(self.isolation);
        let Some(service) = self.services.settling(index) else {
            return;
        };
        let (failing, unproven) = match service.policy().role {
            Role::Standby => (service.is_failing(now), service.unproven(now, &self.sightings)),
            Role::Primary => (false, Vec::new()),
        };
        let rows = unproven.into_iter().flat_map(|(at, fails)| {
            let probe = &mut service.probes[at];
            if may_act && probe.state() == ProbeState::Down {
                probe.ask_again(now);
            }
            let policy = &service.policy().probes[at];
            let last_fail = fails.first + policy.retry_interval * policy.fall.saturating_sub(1);
            // A single fail is proven by what follows its end: a pass sought too shortly before that
            // would be in its way.
            let amid =
                policy.fall > 1 || fails.settled + policy.retry_interval <= fails.first + policy.timeout;
            let amid = amid.then_some((fails.settled, last_fail));
            let after = fails.ended.map(|ended| (ended, ended));
            amid.into_iter().chain(after)
        });
        let rows = rows.collect();
        self.timers.sought.set(index, rows);
        self.timers.set_failing(index, failing);
    }
}
