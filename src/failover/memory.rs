//! What must survive a restart and a reboot: overrides, latches, the switches that a latch counts
//! (D9, D11), and drills. How it is kept on disk is the store's.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::drill::Record;
use crate::status::snapshot::{Action, LastDrill, millis};

/// Switches that are remembered for one service: more than any `flap_limit` can ask for.
pub const SWITCHES_LIMIT: usize = 1024;

/// What is remembered, by the service's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// By the service's name; a service of which there is nothing to remember is left out.
    pub services: BTreeMap<String, Remembered>,
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
