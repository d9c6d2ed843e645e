//! A new configuration for a site at work: what did not change keeps its counters, its stance and
//! its checks under way.

use std::collections::HashMap;

use super::Site;
use crate::config::model::{self, Config};
use crate::core::event::ProbeId;
use crate::core::health::ProbeTracker;
use crate::model::time::Now;

impl Site {
    /// Goes over to a new configuration. A service of the same name and role keeps where it stands;
    /// a probe of the same name that checks the same keeps its rows, and, with nothing else changed
    /// either, its place on the clock. Nothing is announced or withdrawn by this alone.
    pub fn reconfigure(&mut self, config: &Config, now: Now) {
        let fresh = Self::new(config, &self.memory(), now);
        let mut before = std::mem::replace(self, fresh);
        let mut moved = HashMap::new();
        for (index, service) in self.services.iter_mut().enumerate() {
            let same = |old: &super::ServiceState| {
                old.policy().name == service.policy().name && old.policy().role == service.policy().role
            };
            let Some(at) = before.services.iter().position(same) else {
                continue;
            };
            for (from, to) in carry(service, &before.services[at], (at, index)) {
                moved.insert(from, to);
            }
            service.carry_over(&before.services[at]);
        }
        self.carry_witnesses(&mut before, &mut moved);
        self.isolation = before.isolation;
        self.cut_off = before.cut_off;
        self.next_spread = before.next_spread;
        self.next_early_spread = before.next_early_spread;
        self.next_id = before.next_id;
        self.memory_changed = true;
        (self.exhaustive, self.work) = (before.exhaustive, before.work);
        self.notes = before.notes;
        self.last = rename(before.last, &moved);
        let under_way = before.under_way.into_iter();
        self.under_way = under_way
            .filter_map(|(id, of)| Some((id, *moved.get(&of)?)))
            .collect();
    }

    fn carry_witnesses(&mut self, before: &mut Self, moved: &mut HashMap<ProbeId, ProbeId>) {
        let old = before.witness_policies.iter().zip(before.witnesses.iter());
        let old: Vec<_> = old.collect();
        for (to, from) in carry_each(&self.witness_policies, self.witnesses.all_mut(), &old) {
            moved.insert(ProbeId::Witness(from), ProbeId::Witness(to));
            self.sightings.carry(to, &before.sightings, from);
        }
    }
}

/// Carries over a service's probes, and its checks of whether this site serves it; the old and the new
/// place of each. `(from, to)`: the service's own.
fn carry(
    service: &mut super::ServiceState,
    before: &super::ServiceState,
    (from, to): (usize, usize),
) -> Vec<(ProbeId, ProbeId)> {
    let old: Vec<_> = before.policy().probes.iter().zip(&before.probes).collect();
    let policies = service.policy().probes.clone();
    let probes = carry_each(&policies, &mut service.probes, &old).into_iter();
    let old = before.policy().serves.iter().zip(before.serving_checks());
    let policies = service.policy().serves.clone();
    let serves = carry_each(&policies, &mut service.serving.checks, &old.collect::<Vec<_>>()).into_iter();
    let probes = probes.map(|(new, old)| (ProbeId::Service(from, old), ProbeId::Service(to, new)));
    let serves = serves.map(|(new, old)| (ProbeId::Serves(from, old), ProbeId::Serves(to, new)));
    probes.chain(serves).collect()
}

/// Carries over what checks the same under the same name; the indexes, new and old.
fn carry_each(
    policies: &[model::ProbeConfig],
    probes: &mut [ProbeTracker],
    before: &[(&model::ProbeConfig, &ProbeTracker)],
) -> Vec<(usize, usize)> {
    let mut carried = Vec::new();
    for (to, (policy, probe)) in policies.iter().zip(probes).enumerate() {
        let same = |(old, _): &(&model::ProbeConfig, &ProbeTracker)| {
            old.name == policy.name && old.check == policy.check
        };
        let Some(from) = before.iter().position(same) else {
            continue;
        };
        let (old, health) = before[from];
        if *old == *policy {
            *probe = health.clone();
        } else {
            probe.carry_over(health, policy.fall, policy.rise);
        }
        carried.push((to, from));
    }
    carried
}

fn rename<T>(of: HashMap<ProbeId, T>, moved: &HashMap<ProbeId, ProbeId>) -> HashMap<ProbeId, T> {
    of.into_iter()
        .filter_map(|(id, value)| Some((*moved.get(&id)?, value)))
        .collect()
}

#[cfg(test)]
mod tests;
