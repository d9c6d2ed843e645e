//! The states of an apply, how long each may take, and the ends that several of them come to.

use std::time::Duration;

use super::outcome::ApplyOutcome;
use crate::model::time::Moment;

/// Between two questions about the same thing.
pub(crate) const POLL: Duration = Duration::from_millis(500);
/// How long somebody else's reconfiguration is waited for.
pub(crate) const IDLE_WITHIN: Duration = Duration::from_secs(10);
/// How long BIRD may take for the file that it runs already, its answer included: with a million
/// routes of its own it is deaf for seconds, and an overloaded one for longer.
pub(crate) const RUNNING_WITHIN: Duration = Duration::from_secs(120);
/// All must be well for that long, since a session that is about to fall still looks established.
pub(crate) const WELL_FOR: Duration = Duration::from_secs(3);

/// What comes when BIRD has no reconfiguration in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The look before anything changes.
    LookBefore,
    /// The file that BIRD runs is configured.
    ConfigureRunning,
    /// The new file is put in place.
    PutNew,
    /// The new file is configured.
    ConfigureNew,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApplyState {
    /// Until BIRD is idle.
    Idle {
        next: Next,
        until: Moment,
        poll_at: Moment,
    },
    /// What is announced, and over which sessions, before anything changes.
    LookBefore,
    /// What BIRD runs is put in the place of a file that it has not read.
    PutRunning,
    /// BIRD is idle: is there a takeover or a failback? Then it is configured, unless `until` is over.
    CalmBeforeRunning { until: Moment },
    /// `configure` of what BIRD runs.
    ConfigureRunning { until: Moment },
    /// The same question, before the new file is put in place.
    CalmBeforeNew,
    /// The new file is put in place.
    PutNew,
    /// Would BIRD read it there?
    CheckPlace,
    /// `configure timeout` of the new file.
    ConfigureNew,
    /// Its answer was lost: did BIRD take the new file?
    Taken {
        undo_at: Moment,
        poll_at: Moment,
        why: String,
    },
    /// Until the reconfiguration is through, and then until all is well for some time.
    Watch(Watch),
    /// All is well: written down, before it is said.
    Note(Watch),
    /// `configure confirm`.
    Confirm(Watch),
    /// Its answer was lost: is it confirmed?
    Confirmed(Watch),
    /// Until BIRD is idle, so that the undo is never queued.
    UndoWhenIdle {
        until: Moment,
        poll_at: Moment,
        why: String,
    },
    /// `configure undo`.
    Undo { why: String },
    /// The old file is put back.
    PutBack(ApplyOutcome),
    /// The end.
    Done(ApplyOutcome),
}

/// The new file in BIRD, with its undo timer running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    /// When it was sent: BIRD's timer cannot run out before `confirm_within` from then.
    pub(crate) sent_at: Moment,
    pub(crate) poll_at: Moment,
    /// Whether the reconfiguration is through, so that the protocols are worth a look.
    pub(crate) through: bool,
    /// Since when nothing is missing.
    pub(crate) well_since: Option<Moment>,
}

/// The end before the new file was put in place.
pub(crate) fn not_started(why: &str) -> ApplyState {
    ApplyState::Done(ApplyOutcome::NotStarted { why: why.to_owned() })
}

/// The end before BIRD was told of the new file, which is in place already.
pub(crate) fn new_not_started(why: &str) -> ApplyState {
    ApplyState::PutBack(ApplyOutcome::NotStarted { why: why.to_owned() })
}

pub(crate) fn undone(why: String) -> ApplyState {
    ApplyState::PutBack(ApplyOutcome::Undone { why })
}

pub(crate) fn unclear(why: String) -> ApplyState {
    ApplyState::PutBack(ApplyOutcome::Unclear { why })
}
