//! How strongly a service is announced.

use serde::{Deserialize, Serialize};

/// How strongly a service is announced, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Not announced.
    Off,
    /// As a last resort: low preference, GRACEFUL_SHUTDOWN (RFC 8326), prepends.
    Drain,
    /// Announced.
    Full,
}

impl std::fmt::Display for Strength {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Drain => "drain",
            Self::Full => "full",
        })
    }
}
