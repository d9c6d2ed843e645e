//! This site's own isolation: what it voids when it ends, and the witnesses that a takeover will need
//! (D5). What isolation means for a service is the judgement's.

use super::Site;
use crate::config::model::Role;
use crate::failover::event::{Note, ProbeId};
use crate::failover::isolation::{Isolation, connected_until, isolation};
use crate::failover::service::Service;
use crate::health::Probe;
use crate::time::Moment;

/// This site was isolated, and is not known to be connected since.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutOff {
    /// Until when it was known to be connected.
    connected_until: Option<Moment>,
}

impl Site {
    fn connected_until(&self) -> Option<Moment> {
        connected_until(
            self.witnesses.iter().map(|witness| witness.rows().latest_pass()),
            self.min_up,
        )
    }

    pub(super) fn settle_isolation(&mut self, now: Moment) {
        let to = isolation(self.witnesses.iter().map(Probe::state), self.min_up);
        let from = std::mem::replace(&mut self.isolation, to);
        if from == to {
            return;
        }
        self.notes.push(Note::Isolation { from, to });
        self.services.mark_all();
        match to {
            Isolation::Isolated if self.cut_off.is_none() => {
                let connected_until = self.connected_until();
                self.cut_off = Some(CutOff { connected_until });
            }
            // Witnesses that are merely unknown do not say that the cut is over.
            Isolation::Isolated | Isolation::Open => {}
            Isolation::Connected => {
                if let Some(cut_off) = self.cut_off.take() {
                    self.void_fails(cut_off.connected_until, now);
                }
            }
        }
    }

    /// What was measured while we were cut off ourselves says nothing of the others (D5).
    fn void_fails(&mut self, since: Option<Moment>, until: Moment) {
        let standbys = self.services.iter_mut().enumerate();
        for (index, service) in standbys.filter(|(_, service)| service.policy().role == Role::Standby) {
            for (at, probe) in service.probes.iter_mut().enumerate() {
                let from = probe.state();
                probe.void_fails(since, until);
                let to = probe.state();
                if from != to {
                    let detail = "its fails were gathered while this site was isolated".to_owned();
                    self.notes.push(Note::Probe {
                        probe: ProbeId::Service(index, at),
                        from,
                        to,
                        detail,
                    });
                }
            }
        }
    }

    /// A takeover will need a pass of enough witnesses, begun after the first fail of each row.
    pub(super) fn seek_witnesses(&mut self, now: Moment) {
        for &index in self.services.to_settle() {
            let standby = |service: &&Service| service.policy().role == Role::Standby;
            let service = self.services.get(index).filter(standby);
            let failing = service.and_then(|service| service.failing_since(now));
            self.timers.failing.set(index, failing);
        }
        let Some(since) = self.timers.failing.latest() else {
            return;
        };
        for index in 0..self.witnesses.len() {
            if self.witnesses[index].lacks_pass(since)
                && let Some(witness) = self.witnesses.get_mut(index)
            {
                witness.seek_pass(now, since);
            }
        }
    }
}
