//! The state of an upstream's BGP session.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a BGP session (proto/bgp/bgp.c: `bgp_state_names`, `bgp_state_dsc`; RFC 4271 section 8.2.2).
/// On the wire it is BIRD's word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum BgpState {
    /// `Idle`.
    Idle,
    /// `Connect`.
    Connect,
    /// `Active`.
    Active,
    /// `OpenSent`.
    OpenSent,
    /// `OpenConfirm`.
    OpenConfirm,
    /// `Established`: the only one that carries routes.
    Established,
    /// `Close`.
    Close,
    /// `Passive`.
    Passive,
    /// `Down`: the protocol is disabled.
    Down,
    /// "missing": BIRD has no such protocol.
    Missing,
    /// "unknown": BIRD has not said it.
    #[default]
    Unknown,
    /// Another word, as of a protocol that is no BGP session.
    Other(String),
}

/// BIRD's words, without [`BgpState::Missing`] and [`BgpState::Unknown`], which are ours.
const BIRDS: [BgpState; 9] = [
    BgpState::Idle,
    BgpState::Connect,
    BgpState::Active,
    BgpState::OpenSent,
    BgpState::OpenConfirm,
    BgpState::Established,
    BgpState::Close,
    BgpState::Passive,
    BgpState::Down,
];

impl BgpState {
    /// The state that BIRD calls so; `None`: BIRD has no such word.
    pub fn of_bird(word: &str) -> Option<Self> {
        BIRDS.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether the session carries routes.
    pub fn is_established(&self) -> bool {
        *self == Self::Established
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Idle => "Idle",
            Self::Connect => "Connect",
            Self::Active => "Active",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
            Self::Close => "Close",
            Self::Passive => "Passive",
            Self::Down => "Down",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for BgpState {
    fn from(word: String) -> Self {
        match word.as_str() {
            "missing" => Self::Missing,
            "unknown" => Self::Unknown,
            _ => Self::of_bird(&word).unwrap_or(Self::Other(word)),
        }
    }
}

impl From<BgpState> for String {
    fn from(state: BgpState) -> Self {
        state.as_str().to_owned()
    }
}

impl fmt::Display for BgpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
