//! Whether this site itself can serve (D16): what its checks and the kernel say, as the snapshot shows it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::message::Message;

/// Whether this site serves a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServingState {
    /// Every check is up, and the kernel would deliver to each address.
    Yes,
    /// A check is down, or the kernel would not deliver to an address.
    No,
    /// Neither is known: at start, after errors, and for a check that never passed.
    Unknown,
}

/// What becomes of a takeover while this site does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnNotServing {
    /// It goes on.
    Announce,
    /// Nothing is taken over. What is announced is kept.
    Hold,
}

/// Where a packet to an address would go while the prefix is announced, by the kernel's routes of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingRoute {
    /// The address.
    pub address: IpAddr,
    /// In words.
    pub answer: String,
    /// The same as code and arguments.
    #[serde(default)]
    pub answer_message: Option<Message>,
    /// Whether it would be served here; null: the kernel could not be asked.
    pub serves: Option<bool>,
    /// What would still keep clients from being served, such as a strict rp_filter.
    #[serde(default)]
    pub warning: Option<String>,
    /// The same as code and arguments.
    #[serde(default)]
    pub warning_message: Option<Message>,
}

impl ServingState {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl OnNotServing {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Announce => "announce",
            Self::Hold => "hold",
        }
    }
}
