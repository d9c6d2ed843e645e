//! `[[service]]`: what is announced and withdrawn together, and what decides it.

use std::time::Duration;

use ipnet::IpNet;

use super::ProbeConfig;
use crate::config::model::family::Family;
pub use crate::model::serving::OnNotServing;
pub use crate::model::snapshot::Role;

use crate::model::snapshot::PrefixPattern;

/// `[[service]]`: prefixes announced and withdrawn together, and what decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceConfig {
    /// `[a-z][a-z0-9_]*`.
    pub name: String,
    /// What its verdict means for the announcement.
    pub role: Role,
    /// Never empty, no host bits, no duplicates.
    pub prefixes: Vec<IpNet>,
    /// What the primary announces, which contains all of `prefixes`; empty: the same as `prefixes`.
    pub primary_prefixes: Vec<IpNet>,
    /// What is announced all the time as a last resort (D14); empty: nothing.
    pub standing_prefixes: Vec<IpNet>,
    /// Names of upstreams, never empty.
    pub upstreams: Vec<String>,
    /// Fewer upstreams carrying it: alarmed.
    pub min_upstreams: usize,
    /// How many of the probes that vote down must be down.
    pub down_when: Quorum,
    /// How many of the probes that vote up must be up.
    pub up_when: Quorum,
    /// The verdict must stay down that long.
    pub takeover_delay: Duration,
    /// Whether failback needs an operator.
    pub failback: FailbackMode,
    /// The verdict must stay up that long.
    pub failback_delay: Duration,
    /// Fail back only then.
    pub failback_window: Option<DailyWindow>,
    /// Stay announced at strength drain for that long before falling silent; zero: no drain.
    pub failback_drain: Duration,
    /// How long drain waits for the probes that vote for failback (D8).
    pub failback_confirm: Duration,
    /// The takeover that is this many within `flap_window` latches (D9).
    pub flap_limit: u32,
    /// See `flap_limit`.
    pub flap_window: Duration,
    /// What to do with what is announced while isolated (D5).
    pub on_isolated: OnLoss,
    /// Among several standbys: 1 is best.
    pub rank: u32,
    /// The static protocols of strength full, one a family.
    pub full: Vec<StaticProtocolConfig>,
    /// The static protocols of strength drain, one a family; empty in attach mode without them.
    pub drain: Vec<StaticProtocolConfig>,
    /// The static protocols of `standing_prefixes`, one a family of theirs.
    pub standing: Vec<StaticProtocolConfig>,
    /// Never empty.
    pub probes: Vec<ProbeConfig>,
    /// Whether this site itself can serve (D16). They vote in no verdict, and look inside the prefixes.
    pub serves: Vec<ProbeConfig>,
    /// What becomes of a takeover while this site does not serve (D16).
    pub on_not_serving: OnNotServing,
}

impl ServiceConfig {
    /// All static protocols of the service: of strength full, of strength drain, and standing.
    pub fn statics(&self) -> impl Iterator<Item = &StaticProtocolConfig> {
        self.full.iter().chain(&self.drain).chain(&self.standing)
    }

    /// What this site announces of the service at some time: its prefixes and the standing ones, each
    /// once.
    pub fn announced_prefixes(&self) -> impl Iterator<Item = IpNet> {
        let standing = self.standing_prefixes.iter();
        let new = standing.filter(|prefix| !self.prefixes.contains(prefix));
        self.prefixes.iter().chain(new).copied()
    }

    /// What `import = "services"` lets in for this service, each once: what this site announces at some
    /// time, and what the primary does.
    pub fn importable_prefixes(&self) -> impl Iterator<Item = IpNet> {
        let primary = self.primary_prefixes.iter().copied();
        let new = primary.filter(|prefix| self.announced_prefixes().all(|known| known != *prefix));
        self.announced_prefixes().chain(new)
    }

    /// What the primary announces.
    pub fn primary_prefixes(&self) -> &[IpNet] {
        match self.primary_prefixes.as_slice() {
            [] => &self.prefixes,
            prefixes => prefixes,
        }
    }

    /// How the prefixes relate to the primary's (D14).
    pub fn pattern(&self) -> PrefixPattern {
        let is_inside = |prefix: &IpNet| {
            let mut primary = self.primary_prefixes.iter();
            primary.any(|outer| outer != prefix && outer.contains(prefix))
        };
        match self.prefixes.iter().any(is_inside) {
            true => PrefixPattern::MoreSpecific,
            false => PrefixPattern::Equal,
        }
    }
}

/// A static protocol of BIRD that is one service's alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticProtocolConfig {
    /// Its name in BIRD.
    pub name: String,
    /// Its channel.
    pub family: Family,
    /// The routes it must have, exactly (A7).
    pub prefixes: Vec<IpNet>,
}

/// How many of the voting probes it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// One.
    Any,
    /// All of them, and at least one.
    All,
    /// This many.
    AtLeast(usize),
}

/// Whether failback needs an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailbackMode {
    /// By itself.
    Auto,
    /// After `falconer failback SERVICE`.
    Manual,
}

/// A daily window in a time zone, start inclusive, end exclusive; may cross midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyWindow {
    /// Local time of its start.
    pub start: jiff::civil::Time,
    /// Local time of its end; never equal to the start.
    pub end: jiff::civil::Time,
    /// The zone of both.
    pub zone: jiff::tz::TimeZone,
}

/// What to do with an announcement when something we lean on is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLoss {
    /// Leave it as it is.
    Keep,
    /// Withdraw it.
    Withdraw,
}
