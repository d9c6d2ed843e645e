//! The history: what happened, with its evidence, one entry each.
//!
//! The entries and their one text form, a line of JSON. Where they are kept is the store's; who is
//! shown them, the API's.

pub mod query;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::command::Override;
use crate::model::drill::DrillReport;
use crate::model::message::Message;
use crate::model::millis;
use crate::model::readiness::ReadinessLevel;
use crate::model::serving::ServingState;
use crate::model::snapshot::{
    AlarmCode, BirdState, FollowedState, Isolation, OverrideAction, ProbeSnapshot, ProbeState, StageTimes,
    Strength, UpstreamSnapshot, Verdict,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Counts the entries of a state directory, from 1, over restarts.
    pub seq: u64,
    /// When.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// Which service, where it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What.
    #[serde(flatten)]
    pub what: HistoryEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum HistoryEvent {
    /// The daemon started.
    Started {
        /// Its version.
        version: String,
    },
    /// The daemon stopped as it was asked to.
    Stopped {
        /// By what, such as "SIGTERM".
        why: String,
    },
    /// falconer.toml was read again.
    Reloaded {
        /// Who asked; null: SIGHUP.
        #[serde(default)]
        actor: Option<String>,
        /// What changed; null where nothing was gone over to.
        #[serde(default)]
        text: Option<String>,
        /// Why the old one stays in force; null where it does not.
        error: Option<String>,
    },
    /// bird.conf was brought into BIRD, or was tried to be (A9).
    Applied {
        /// Who asked; null: Falconer, at its start.
        actor: Option<String>,
        /// Whether BIRD runs it now.
        applied: bool,
        /// What came of it.
        text: String,
    },
    /// What we want of BIRD changed.
    Transition(Box<TransitionEvent>),
    /// BIRD has done what a transition wanted.
    Done {
        /// The transition's [`HistoryEntry::seq`].
        of: u64,
        /// The time of each stage.
        stages: StageTimes,
    },
    /// An upstream that carries our route began or ceased to prefer it (A11).
    Followed {
        /// The transition's [`HistoryEntry::seq`].
        of: u64,
        /// The upstream.
        upstream: String,
        /// Which way it prefers now.
        state: FollowedState,
        /// The time of each stage, where with this the last upstream that can be heard prefers our route.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stages: Option<Box<StageTimes>>,
    },
    /// The verdict changed.
    Verdict {
        /// From.
        from: Verdict,
        /// To.
        to: Verdict,
    },
    /// A probe's or witness's state changed.
    Probe {
        /// Its name.
        name: String,
        /// From.
        from: ProbeState,
        /// To.
        to: ProbeState,
        /// The last result in words.
        detail: String,
    },
    /// What the witnesses say of this site changed (D5).
    Isolated {
        /// What they said before; the entry before this one tells it.
        #[serde(skip)]
        from: Option<Isolation>,
        /// Whether it is isolated.
        isolated: bool,
        /// The same more exactly: not isolated is either `connected` or `open`, when unknown witnesses
        /// leave it open. Missing in entries of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<Isolation>,
    },
    /// Whether this site serves the service changed (D16).
    Serving {
        /// From.
        from: ServingState,
        /// To.
        to: ServingState,
        /// What speaks against it; empty: nothing.
        #[serde(default)]
        text: String,
    },
    /// The service flapped too often, and stays as it is (D9).
    Latched,
    /// An operator released the latch.
    Released {
        /// Who.
        actor: String,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// An operator's override began (D11).
    Override {
        /// What is wanted.
        action: OverrideAction,
        /// When it ends by itself.
        #[serde(with = "millis::option")]
        until: Option<Timestamp>,
        /// Why.
        reason: Option<String>,
        /// Who.
        actor: String,
    },
    /// An override ended.
    OverrideEnded {
        /// The override; the entry of its beginning tells it.
        #[serde(skip)]
        over: Option<Override>,
        /// What was wanted.
        action: OverrideAction,
        /// Who ended it; null: it ran out.
        actor: Option<String>,
        /// Why it was ended.
        #[serde(default)]
        reason: Option<String>,
    },
    /// An operator let a failback go ahead.
    FailbackAllowed {
        /// Who.
        actor: String,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// A failback that an operator had allowed has to be allowed again.
    ConsentEnded {
        /// Who had allowed it.
        actor: String,
        /// What ended that.
        text: String,
    },
    /// A drill began.
    DrillStarted {
        /// How strongly it announces.
        strength: Strength,
        /// How long it stays announced, as people write it.
        #[serde(rename = "for")]
        hold: String,
        /// Why.
        reason: Option<String>,
        /// Who.
        actor: String,
    },
    /// A drill ended, or was refused.
    DrillEnded {
        /// What it came to.
        report: Box<DrillReport>,
    },
    /// BIRD was not what we want it to be, and it was not us.
    Drift {
        /// What was seen, and what would have stuck.
        text: String,
    },
    /// What was not as we want it was put back.
    Mended {
        /// The static protocol.
        protocol: String,
        /// Whether it was enabled; else it was disabled.
        enabled: bool,
        /// How often it was within `flap_window`, this time included; null: after a restart of BIRD, which
        /// does not count.
        times: Option<u64>,
        /// How long the next mend will wait after the protocol is seen undone again, in milliseconds; null
        /// as `times` is.
        next_wait_ms: Option<u64>,
    },
    /// BIRD did not do what it was asked.
    Failed {
        /// What and why.
        text: String,
    },
    /// BIRD's socket.
    Bird {
        /// From.
        from: BirdState,
        /// To.
        to: BirdState,
        /// What is wrong with it.
        error: Option<String>,
    },
    /// An alarm was raised, or cleared.
    Alarm {
        /// What kind of thing.
        code: AlarmCode,
        /// In words; null where it was cleared.
        text: Option<String>,
        /// The same as code and arguments, where the text has a code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<Message>,
    },
    /// Whether we would take over changed.
    Readiness {
        /// From; null: it was looked at for the first time since the daemon started.
        from: Option<ReadinessLevel>,
        /// To.
        to: ReadinessLevel,
        /// The worst problems in words, at most ten.
        problems: Vec<String>,
    },
    /// The wall clock was stepped; overrides and latches keep their length.
    ClockStepped {
        /// By how much, in milliseconds; forward is positive.
        by_ms: i64,
    },
    /// Falconer itself was stalled, and threw results away (D2).
    Stalled {
        /// How late it was woken, in milliseconds.
        late_ms: u64,
    },
}

impl HistoryEvent {
    /// The word that stands for it in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stopped { .. } => "stopped",
            Self::Reloaded { .. } => "reloaded",
            Self::Applied { .. } => "applied",
            Self::Transition(_) => "transition",
            Self::Done { .. } => "done",
            Self::Followed { .. } => "followed",
            Self::Verdict { .. } => "verdict",
            Self::Probe { .. } => "probe",
            Self::Isolated { .. } => "isolated",
            Self::Serving { .. } => "serving",
            Self::Latched => "latched",
            Self::Released { .. } => "released",
            Self::Override { .. } => "override",
            Self::OverrideEnded { .. } => "override_ended",
            Self::FailbackAllowed { .. } => "failback_allowed",
            Self::ConsentEnded { .. } => "consent_ended",
            Self::DrillStarted { .. } => "drill_started",
            Self::DrillEnded { .. } => "drill_ended",
            Self::Drift { .. } => "drift",
            Self::Mended { .. } => "mended",
            Self::Failed { .. } => "failed",
            Self::Readiness { .. } => "readiness",
            Self::Bird { .. } => "bird",
            Self::Alarm { .. } => "alarm",
            Self::ClockStepped { .. } => "clock_stepped",
            Self::Stalled { .. } => "stalled",
        }
    }
}

/// A change of what we want of BIRD, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransitionEvent {
    /// From; `unknown` where nothing was settled.
    #[serde(with = "crate::model::strength::or_unknown")]
    pub from: Option<Strength>,
    /// To.
    #[serde(with = "crate::model::strength::or_unknown")]
    pub to: Option<Strength>,
    /// The rule that decided.
    pub rule: String,
    /// The same in words.
    pub reason: String,
    /// The same as code and arguments, where the text has a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_message: Option<Message>,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it counts towards the latch (D9).
    pub counted: bool,
    /// The stages reached when it was decided.
    pub stages: StageTimes,
    /// What it was decided on.
    pub evidence: TransitionEvidence,
}

/// What a transition was decided on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TransitionEvidence {
    /// The service's probes, with their last results.
    pub probes: Vec<ProbeSnapshot>,
    /// The witnesses, with their last results.
    pub witnesses: Vec<ProbeSnapshot>,
    /// Whether BIRD answered.
    pub bird: BirdState,
    /// What BIRD did for the service.
    #[serde(with = "crate::model::strength::or_unknown")]
    pub actual: Option<Strength>,
    /// The upstreams that carried it.
    pub exported_to: Vec<String>,
    /// The upstreams' sessions.
    pub upstreams: Vec<UpstreamSnapshot>,
}

/// An entry as a line, with its newline.
pub fn line(entry: &HistoryEntry) -> String {
    // Every field is a number, a string or a list of such: there is nothing that could fail.
    let mut line = serde_json::to_string(entry).unwrap_or_default();
    line.push('\n');
    line
}

/// The entries of a text, oldest first, and how many lines were none: a torn last line, or damage.
pub fn entries(text: &str) -> (Vec<HistoryEntry>, usize) {
    let mut damaged = 0;
    let parsed = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .filter_map(|line| {
            let entry = serde_json::from_str(line).ok();
            damaged += usize::from(entry.is_none());
            entry
        });
    let parsed = parsed.collect();
    (parsed, damaged)
}

#[cfg(test)]
mod tests;
