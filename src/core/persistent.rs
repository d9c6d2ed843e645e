//! What must survive a restart and a reboot: overrides, latches, the switches that a latch counts
//! (D9, D11), drills, and which probes were seen to work (D20). How it is kept on disk is the store's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::drill::DrillRecord;
use crate::config::identity;
use crate::config::model::{self, CheckConfig, Config, ServiceConfig};
use crate::model::command::Override;
use crate::model::millis;
use crate::model::snapshot::LastDrill;

/// Switches that are remembered for one service: more than any `flap_limit` can ask for.
pub const SWITCHES_LIMIT: usize = 1024;

/// Passes that are remembered: more than the probes of the largest site, with room for those that are
/// not in the configuration at the moment.
pub const PASSES_LIMIT: usize = 20_000;

/// What is remembered, by the service's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersistentState {
    /// By the service's name; a service of which there is nothing to remember is left out.
    pub services: BTreeMap<String, PersistentService>,
    /// The probes and witnesses that were seen to pass, by what they ask ([`identity`]), and when
    /// first (D20).
    #[serde(default, skip_serializing_if = "Passes::is_empty")]
    pub passed: Passes,
}

/// When probes were first seen to pass, by their [`identity`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Passes(BTreeMap<String, Timestamp>);

impl Passes {
    /// None is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a probe that asks this was seen to pass.
    pub fn has(&self, check: &CheckConfig) -> bool {
        self.0.contains_key(&identity(check))
    }

    /// A probe was seen to pass. What no probe of `config` asks any more is kept, as far as there is
    /// room: a probe that is taken out for a while was seen to work all the same.
    pub fn record(&mut self, check: &CheckConfig, at: Timestamp, in_use: impl Iterator<Item = String>) {
        if self.0.len() >= PASSES_LIMIT {
            let in_use: BTreeSet<String> = in_use.collect();
            let unused = self.0.iter().filter(|(of, _)| !in_use.contains(*of));
            if let Some((oldest, _)) = unused.min_by_key(|(_, at)| **at) {
                let oldest = oldest.clone();
                self.0.remove(&oldest);
            }
        }
        self.0.entry(identity(check)).or_insert(at);
    }
}

impl PersistentState {
    /// The memory of a site at which every probe of this configuration was seen to pass before.
    pub fn of_proven(config: &Config, at: Timestamp) -> Self {
        let mut memory = Self::default();
        memory.prove(config, at);
        memory
    }

    /// Remembers that every probe of this configuration was seen to pass.
    pub fn prove(&mut self, config: &Config, at: Timestamp) {
        for probe in every_probe(config) {
            self.passed.record(&probe.check, at, std::iter::empty());
        }
    }
}

/// The probes of every service, its checks of whether this site serves it, and the witnesses.
pub(crate) fn every_probe(config: &Config) -> impl Iterator<Item = &model::ProbeConfig> {
    let services = config.services.iter();
    let of_services = services.flat_map(|service| service.probes.iter().chain(&service.serves));
    of_services.chain(&config.witnesses)
}

/// A drill that an earlier configuration's service was left in: nothing in this one would end it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrayDrill {
    /// The service's name.
    pub service: String,
    /// Whether the configuration names it no more.
    pub absent: bool,
    /// The static protocols that no service names any more.
    pub protocols: Vec<String>,
    /// What was written down of it.
    pub record: DrillRecord,
}

impl PersistentState {
    /// The drills that were left behind in protocols which no service of this configuration names.
    pub fn stray_drills(&self, config: &Config) -> Vec<StrayDrill> {
        let named = |name: &String| {
            let mut all = config
                .services
                .iter()
                .flat_map(|service| service.full.iter().chain(&service.drain));
            all.any(|protocol| protocol.name == *name)
        };
        let strays = self.services.iter().filter_map(|(service, remembered)| {
            let record = remembered.drill.clone()?;
            let protocols = record.protocols_of(service).into_iter();
            Some(StrayDrill {
                service: service.clone(),
                absent: !config.services.iter().any(|known| known.name == *service),
                protocols: protocols.filter(|name| !named(name)).collect(),
                record,
            })
        });
        strays.filter(|stray| !stray.protocols.is_empty()).collect()
    }

    /// The drill that a service has to end first: its own, or that of an absent one whose protocol it
    /// has now.
    pub(crate) fn drill_of(&self, service: &ServiceConfig, config: &Config) -> Option<DrillRecord> {
        let own = self.services.get(&service.name).and_then(|own| own.drill.clone());
        let inherited = || {
            let absent = |name: &String| !config.services.iter().any(|known| known.name == *name);
            let has = |name: &String, record: &DrillRecord| {
                let theirs = record.protocols_of(name);
                let mut ours = service.full.iter().chain(&service.drain);
                ours.any(|protocol| theirs.contains(&protocol.name))
            };
            let mut drills = self
                .services
                .iter()
                .filter_map(|(name, remembered)| Some((name, remembered.drill.as_ref()?)));
            let (_, record) = drills.find(|(name, record)| absent(name) && has(name, record))?;
            Some(record.clone())
        };
        own.or_else(inherited)
    }
}

/// What is remembered of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersistentService {
    /// The operator's word.
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
    /// Since when it is latched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latched_since: Option<Timestamp>,
    /// When it switched, of those switches that count (D9), oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub switches: Vec<Timestamp>,
    /// An operator's word that the next failback may go ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// It stands where it stands because of an override or of isolation, and the verdict has not said
    /// the same since: what leads back from there is not counted (D9).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub imposed: bool,
    /// A drill under way: whoever starts next ends it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillRecord>,
    /// The last drill that came to an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_drill: Option<LastDrill>,
    /// When a drill passed last.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub last_good_drill: Option<Timestamp>,
}

impl PersistentService {
    /// What it means at the time given, at a start. What lies in the future was written by a clock that
    /// ran ahead and has been put right since: it counts as of now, and lasts as long as it was to.
    pub fn as_of(mut self, now: Timestamp) -> Self {
        let ahead = |at: Timestamp| at.duration_since(now).max(SignedDuration::ZERO);
        if let Some(over) = &mut self.overridden {
            move_override(over, -ahead(over.since));
        }
        let newest = self
            .switches
            .iter()
            .max()
            .map_or(SignedDuration::ZERO, |&at| ahead(at));
        for at in &mut self.switches {
            *at = moved(*at, -newest);
        }
        let not_after_now = |at: &mut Timestamp| *at = (*at).min(now);
        self.latched_since.iter_mut().for_each(not_after_now);
        self.consent
            .iter_mut()
            .for_each(|consent| not_after_now(&mut consent.since));
        self.drill
            .iter_mut()
            .for_each(|drill| not_after_now(&mut drill.since));
        self.last_drill
            .iter_mut()
            .for_each(|last| not_after_now(&mut last.at));
        self.last_good_drill.iter_mut().for_each(not_after_now);
        self
    }

    /// The wall clock was stepped by so much.
    pub(crate) fn move_by(&mut self, by: SignedDuration) {
        let step = |at: &mut Timestamp| *at = moved(*at, by);
        self.overridden
            .iter_mut()
            .for_each(|over| move_override(over, by));
        self.switches.iter_mut().for_each(step);
        self.latched_since.iter_mut().for_each(step);
        self.consent
            .iter_mut()
            .for_each(|consent| step(&mut consent.since));
        self.drill.iter_mut().for_each(|drill| step(&mut drill.since));
        self.last_drill.iter_mut().for_each(|last| step(&mut last.at));
        self.last_good_drill.iter_mut().for_each(step);
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn move_override(over: &mut Override, by: SignedDuration) {
    over.since = moved(over.since, by);
    over.until = over.until.map(|until| moved(until, by));
}

/// A time by a clock that was stepped; as it is where that lies beyond all time.
pub(crate) fn moved(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

/// An operator's word that one failback may go ahead, which waits for it or for a window (D6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Since when.
    #[serde(with = "millis")]
    pub since: Timestamp,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Who: a user's name or "uid N".
    pub actor: String,
}

#[cfg(test)]
mod tests;
