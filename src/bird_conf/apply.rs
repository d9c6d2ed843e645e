//! How a new bird.conf gets into a running BIRD (rule A9), as a machine without a clock or a socket:
//! it says what to do next, and is told what came of it.
//!
//! The order is the rule's: only when BIRD has no reconfiguration in progress; first the file that BIRD
//! runs, once more, so that what an undo returns to holds the present state; then the new file with
//! BIRD's undo timer; a look at the protocols; the confirmation; and on any doubt BIRD's own undo and
//! the old file back. One command at a time: BIRD 3.3.2 dies of a reconfiguration that is queued
//! behind another.
//!
//! The first `configure` has no undo timer. With one, an answer that comes late or an end of ours
//! before the confirmation would have BIRD go back to a state that is no longer wanted.
//!
//! When an apply may start is not decided here: not during a takeover or a failback, which the
//! daemon knows.

mod outcome;
mod protocol_states;
mod step;
#[cfg(test)]
mod tests;
mod transitions;
mod waits;

use std::time::Duration;

pub use outcome::ApplyOutcome;
pub use protocol_states::{ProtocolStates, WantedProtocols};
pub use step::{ApplyEvent, ApplyStep, CommandFailure};

use self::transitions::{on_calm, on_place};
use crate::model::time::Moment;

/// Between two questions about the same thing.
const POLL: Duration = Duration::from_millis(500);
/// How long somebody else's reconfiguration is waited for.
const IDLE_WITHIN: Duration = Duration::from_secs(10);
/// How long BIRD may take for the file that it runs already, its answer included: with a million
/// routes of its own it is deaf for seconds, and an overloaded one for longer.
const RUNNING_WITHIN: Duration = Duration::from_secs(120);
/// All must be well for that long, since a session that is about to fall still looks established.
const WELL_FOR: Duration = Duration::from_secs(3);

/// One apply, from its start to its end.
#[derive(Clone, Debug)]
pub struct Apply {
    plan: WantedProtocols,
    /// Whether the file on disk is another than the one that BIRD runs.
    unread: bool,
    before: ProtocolStates,
    state: State,
}

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
pub(crate) enum State {
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
    sent_at: Moment,
    poll_at: Moment,
    /// Whether the reconfiguration is through, so that the protocols are worth a look.
    through: bool,
    /// Since when nothing is missing.
    well_since: Option<Moment>,
}

impl Apply {
    /// Begins an apply; `unread`: the file on disk is not the one that BIRD runs.
    pub fn new(plan: WantedProtocols, unread: bool, now: Moment) -> Self {
        Self {
            plan,
            unread,
            before: ProtocolStates::default(),
            state: State::Idle {
                next: Next::LookBefore,
                until: now + IDLE_WITHIN,
                poll_at: now,
            },
        }
    }

    /// What to do next. What comes of it goes to [`Apply::handle`]; after a [`ApplyStep::Wait`] this is
    /// asked again, and [`ApplyStep::Done`] is the end.
    pub fn step(&self, now: Moment) -> ApplyStep {
        let at = |poll_at: Moment, step: ApplyStep| {
            if poll_at > now {
                ApplyStep::Wait(poll_at)
            } else {
                step
            }
        };
        match &self.state {
            State::Idle { poll_at, .. }
            | State::Taken { poll_at, .. }
            | State::UndoWhenIdle { poll_at, .. } => at(*poll_at, ApplyStep::AskStatus),
            State::LookBefore => ApplyStep::Look,
            State::PutRunning => ApplyStep::PutRunning,
            State::CalmBeforeRunning { .. } | State::CalmBeforeNew => ApplyStep::AskCalm,
            State::ConfigureRunning { .. } => ApplyStep::ConfigureRunning,
            State::PutNew => ApplyStep::PutNew,
            State::CheckPlace => ApplyStep::CheckPlace,
            State::ConfigureNew => ApplyStep::ConfigureNew {
                within: self.plan.confirm_within,
            },
            State::Watch(watch) if watch.through => at(watch.poll_at, ApplyStep::Look),
            State::Watch(watch) | State::Confirmed(watch) => at(watch.poll_at, ApplyStep::AskStatus),
            State::Note(_) => ApplyStep::NoteConfirming,
            State::Confirm(_) => ApplyStep::Confirm,
            State::Undo { .. } => ApplyStep::Undo,
            State::PutBack(_) => ApplyStep::PutBack,
            State::Done(outcome) => ApplyStep::Done(outcome.clone()),
        }
    }

    /// What came of the last step. An event that does not belong to it changes nothing.
    pub fn handle(&mut self, now: Moment, event: ApplyEvent) {
        let state = std::mem::replace(&mut self.state, State::LookBefore);
        self.state = match event {
            ApplyEvent::Status(answer) => self.on_status(state, now, answer),
            ApplyEvent::Look(look) => self.on_look(state, now, look),
            ApplyEvent::Calm(calm) => on_calm(state, calm),
            ApplyEvent::Place(place) => on_place(state, now, place),
            ApplyEvent::Configured { sent_at, answer } => self.on_configured(state, now, sent_at, answer),
            ApplyEvent::Confirmed(answer) => self.on_confirmed(state, now, answer),
            ApplyEvent::Undone(answer) => self.on_undone(state, answer),
            ApplyEvent::File(done) => self.on_file(state, now, done),
        };
    }
}
