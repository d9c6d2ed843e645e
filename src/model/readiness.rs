//! Readiness: would this site take over if the primary died now? Its checks, and its summary in the snapshot.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::message::{CodedText, Message, coded};
use super::millis;

/// The version of [`Readiness`]'s shape.
pub const SCHEMA: u32 = 1;

/// How old a readiness may be and still tell how it stands. It is decided every second or so, and
/// gathered every ten.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// How many problems a summary holds: what fits a screen. All of them are in the readiness itself.
const SUMMARY: usize = 10;

/// Whether we would take over, and what speaks against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When it was decided.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// The worst level of its checks.
    pub level: ReadinessLevel,
    /// The checks, the worst first.
    pub checks: Vec<ReadinessCheck>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessCheck {
    /// What is checked.
    pub code: ReadinessCode,
    /// Which service, where it is one's.
    pub service: Option<String>,
    /// What of it: an upstream, a protocol, a probe, a file.
    pub subject: Option<String>,
    /// What came of it.
    pub level: ReadinessLevel,
    /// What was found.
    pub text: String,
    /// The same as code and arguments.
    #[serde(default)]
    pub message: Option<Message>,
    /// What to do about it; always there unless the level is ok.
    pub advice: Option<String>,
    /// The same as code and arguments.
    #[serde(default)]
    pub advice_message: Option<Message>,
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadinessCode {
    /// BIRD answers, runs normally, and is of a version that is known.
    Bird,
    /// The service's static protocols are in BIRD, with the right routes and channels (A7).
    Protocols,
    /// They are in the state that is wanted.
    State,
    /// The sessions are established, with a channel of each family.
    Upstreams,
    /// The prefixes would pass each export filter.
    ExportFilter,
    /// What is announced all the time is, and each upstream lets it out (D14).
    Standing,
    /// The real routes would stand, be the best, and reach the sessions.
    Route,
    /// No export limit would block them.
    ExportLimit,
    /// The probes can run, and settle the verdict.
    Probes,
    /// The witnesses answer, and this site is not isolated.
    Witnesses,
    /// No override would stop a takeover.
    Override,
    /// No latch is closed.
    Latch,
    /// `state_dir` can be written.
    StateDir,
    /// BIRD reads the static protocols' state files (A6).
    StateFiles,
    /// bird.conf is what would be rendered.
    RenderedFile,
    /// At a primary: how long an upstream would keep our routes if this site lost power (D14).
    Ghost,
    /// At a standby: whether our route would win where the primary's stays after its death (D14).
    Winner,
    /// This site itself can serve (D16).
    Serving,
    /// The last drill that went well.
    LastDrill,
    /// No alarm stands that no other check speaks of.
    Alarms,
}

impl Readiness {
    /// Of these checks.
    pub fn of(at: Timestamp, mut checks: Vec<ReadinessCheck>) -> Self {
        // Stable: within a level they stay in the order in which a takeover needs them.
        checks.sort_by_key(|check| std::cmp::Reverse(check.level));
        Self {
            schema: SCHEMA,
            at,
            level: checks.first().map_or(ReadinessLevel::Ok, |check| check.level),
            checks,
        }
    }

    /// What is said before anything was looked at.
    pub fn not_yet(at: Timestamp) -> Self {
        let check = ReadinessCheck::amiss(
            ReadinessCode::Bird,
            ReadinessLevel::No,
            coded!("not_checked_yet", "readiness has not been checked yet"),
            ask_again(),
        );
        Self::of(at, vec![check])
    }

    /// What it is worth at a time: one that is too old says no, whatever was found then.
    pub fn as_of(&self, now: Timestamp) -> Cow<'_, Self> {
        if now.duration_since(self.at) <= FRESH {
            return Cow::Borrowed(self);
        }
        let since = format!("{:.0}", self.at);
        let old = ReadinessCheck::amiss(
            ReadinessCode::Bird,
            ReadinessLevel::No,
            coded!(
                "not_checked_since",
                "readiness was not checked since {since}: the present state is unknown",
                since
            ),
            coded!(
                "find_what_blocks",
                "see `falconer status` and `journalctl -u falconer` for what blocks it; if it does not continue, \
                 `systemctl restart falconer`"
            ),
        );
        let checks = std::iter::once(old).chain(self.checks.iter().cloned());
        Cow::Owned(Self::of(self.at, checks.collect()))
    }

    /// The checks that are not ok, the worst first.
    pub fn problems(&self) -> impl Iterator<Item = &ReadinessCheck> {
        self.checks
            .iter()
            .filter(|check| check.level != ReadinessLevel::Ok)
    }

    /// In short.
    pub fn summary(&self) -> ReadinessSummary {
        let problems = self.problems().take(SUMMARY).map(|check| match &check.service {
            Some(service) => format!("{service}: {}", check.text),
            None => check.text.clone(),
        });
        ReadinessSummary {
            level: self.level,
            at: self.at,
            problems: problems.collect(),
        }
    }
}

impl ReadinessCheck {
    pub(crate) fn ok(code: ReadinessCode, text: impl Into<CodedText>) -> Self {
        let CodedText { text, message } = text.into();
        Self {
            code,
            service: None,
            subject: None,
            level: ReadinessLevel::Ok,
            text,
            message,
            advice: None,
            advice_message: None,
        }
    }

    pub(crate) fn amiss(
        code: ReadinessCode,
        level: ReadinessLevel,
        text: impl Into<CodedText>,
        advice: impl Into<CodedText>,
    ) -> Self {
        let advice = advice.into();
        Self {
            level,
            advice: Some(advice.text),
            advice_message: advice.message,
            ..Self::ok(code, text)
        }
    }

    pub(crate) fn service(self, name: &str) -> Self {
        Self {
            service: Some(name.to_owned()),
            ..self
        }
    }

    pub(crate) fn subject(self, subject: &str) -> Self {
        Self {
            subject: Some(subject.to_owned()),
            ..self
        }
    }
}

/// The advice where the next look will tell.
pub(crate) fn ask_again() -> CodedText {
    coded!("ask_again", "ask again in a few seconds")
}

impl ReadinessLevel {
    /// The word for people, as in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::No => "no",
        }
    }
}

impl ReadinessCode {
    /// All of them, in the order in which a takeover needs what they look at.
    pub const ALL: [Self; 20] = [
        Self::Bird,
        Self::Probes,
        Self::Witnesses,
        Self::Override,
        Self::Latch,
        Self::Protocols,
        Self::State,
        Self::Upstreams,
        Self::Route,
        Self::ExportFilter,
        Self::Standing,
        Self::ExportLimit,
        Self::Serving,
        Self::StateDir,
        Self::StateFiles,
        Self::RenderedFile,
        Self::Ghost,
        Self::Winner,
        Self::LastDrill,
        Self::Alarms,
    ];

    /// The word for people, as in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bird => "bird",
            Self::Protocols => "protocols",
            Self::State => "state",
            Self::Upstreams => "upstreams",
            Self::Route => "route",
            Self::ExportFilter => "export_filter",
            Self::ExportLimit => "export_limit",
            Self::Probes => "probes",
            Self::Witnesses => "witnesses",
            Self::Override => "override",
            Self::Latch => "latch",
            Self::StateDir => "state_dir",
            Self::StateFiles => "state_files",
            Self::RenderedFile => "rendered_file",
            Self::Ghost => "ghost",
            Self::Winner => "winner",
            Self::Serving => "serving",
            Self::LastDrill => "last_drill",
            Self::Standing => "standing",
            Self::Alarms => "alarms",
        }
    }
}

/// How much a check speaks against a takeover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadinessLevel {
    /// Not at all.
    Ok,
    /// We would take over, but something is amiss or cannot be proved.
    Warning,
    /// A takeover would fail, or would not be tried.
    No,
}

/// What `falconer status` shows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessSummary {
    /// The worst level.
    pub level: ReadinessLevel,
    /// When it was decided.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// The worst problems in words, at most ten.
    pub problems: Vec<String>,
}
