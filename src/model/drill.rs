//! What a drill came to: its report, as JSON and as people print and file it.
//!
//! The drill itself is [`crate::core`]'s; nothing is decided here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::millis;
use crate::model::snapshot::{DrillOutcome, StageTimes, Strength};

/// The version of a report's shape.
pub const SCHEMA: u32 = 1;

/// What a drill came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The site's name.
    pub site: String,
    /// The service's name.
    pub service: String,
    /// Its prefixes.
    pub prefixes: Vec<ipnet::IpNet>,
    /// How strongly it was announced, or would have been.
    pub strength: Strength,
    /// Whether it stopped short of BIRD.
    pub dry_run: bool,
    /// How long it was to stay announced, as people write it.
    #[serde(rename = "for")]
    pub hold: String,
    /// Who: a user's name or "uid N".
    pub actor: String,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// BIRD's version, such as "2.0.12".
    pub bird: Option<String>,
    /// When it began.
    #[serde(with = "millis")]
    pub started: Timestamp,
    /// When it ended.
    #[serde(with = "millis")]
    pub ended: Timestamp,
    /// How it ended.
    pub outcome: DrillOutcome,
    /// The same in words.
    pub text: String,
    /// When each stage was reached.
    pub stages: StageTimes,
    /// The upstreams that are to carry it, in the configuration's order.
    pub upstreams: Vec<String>,
    /// Those that were seen to carry every prefix of their families.
    pub exported_to: Vec<String>,
    /// What was found amiss.
    pub problems: Vec<String>,
}

impl std::fmt::Display for DrillOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Aborted => "aborted",
        })
    }
}
