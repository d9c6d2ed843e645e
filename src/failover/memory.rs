//! What must survive a restart and a reboot: overrides, latches, the switches that a latch counts
//! (D9, D11), drills, and which probes were seen to work (D20). How it is kept on disk is the store's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::drill::Record;
use crate::config::identity;
use crate::config::model::{self, Check, Config};
use crate::status::snapshot::{Action, LastDrill, millis};

/// Switches that are remembered for one service: more than any `flap_limit` can ask for.
pub const SWITCHES_LIMIT: usize = 1024;

/// Passes that are remembered: more than the probes of the largest site, with room for those that are
/// not in the configuration at the moment.
pub const PASSES_LIMIT: usize = 20_000;

/// What is remembered, by the service's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// By the service's name; a service of which there is nothing to remember is left out.
    pub services: BTreeMap<String, Remembered>,
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
    pub fn has(&self, check: &Check) -> bool {
        self.0.contains_key(&identity(check))
    }

    /// A probe was seen to pass. What no probe of `config` asks any more is kept, as far as there is
    /// room: a probe that is taken out for a while was seen to work all the same.
    pub fn record(&mut self, check: &Check, at: Timestamp, in_use: impl Iterator<Item = String>) {
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

impl Memory {
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

/// The probes of every service, and the witnesses.
pub(super) fn every_probe(config: &Config) -> impl Iterator<Item = &model::Probe> {
    let of_services = config.services.iter().flat_map(|service| &service.probes);
    of_services.chain(&config.witnesses)
}

/// What is remembered of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
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
    pub drill: Option<Record>,
    /// The last drill that came to an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_drill: Option<LastDrill>,
    /// When a drill passed last.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub last_good_drill: Option<Timestamp>,
}

impl Remembered {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An operator's word against the automatic decision (D11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// What the operator wants.
    pub action: Action,
    /// Since when.
    #[serde(with = "millis")]
    pub since: Timestamp,
    /// When it ends by itself; `None`: when the operator says so.
    #[serde(with = "millis::option")]
    pub until: Option<Timestamp>,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Who: a user's name or "uid N".
    pub actor: String,
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
