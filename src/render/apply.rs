//! How a new bird.conf gets into a running BIRD (rule A9), as a machine without a clock or a socket:
//! it says what to do next, and is told what came of it.
//!
//! The order is the rule's: only when BIRD has no reconfiguration in progress; first the unchanged
//! running file, so that what an undo returns to holds the present state; then the new file with
//! BIRD's undo timer; a look at the protocols; the confirmation; and on any doubt BIRD's own undo and
//! the old file back. One command at a time: BIRD 3.3.2 dies of a reconfiguration that is queued
//! behind another.
//!
//! When an apply may start is not decided here: not during a takeover or a failback, which the
//! daemon knows.

mod look;
mod outcome;
mod step;
#[cfg(test)]
mod tests;
mod turns;
mod waits;

use std::time::Duration;

pub use look::{Look, Plan};
pub use outcome::Outcome;
pub use step::{Event, Step, Trouble, Which};

use crate::time::Moment;

/// Between two questions about the same thing.
const POLL: Duration = Duration::from_millis(500);
/// How long somebody else's reconfiguration is waited for.
const IDLE_WITHIN: Duration = Duration::from_secs(10);
/// All must be well for that long, since a session that is about to fall still looks established.
const WELL_FOR: Duration = Duration::from_secs(3);

/// One apply, from its start to its end.
#[derive(Clone, Debug)]
pub struct Apply {
    plan: Plan,
    before: Look,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Until BIRD is idle; then the file is configured.
    Idle {
        which: Which,
        until: Moment,
        poll_at: Moment,
    },
    /// What is announced, and over which sessions, before anything changes.
    LookBefore,
    /// `configure timeout`.
    Configure { which: Which },
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
    /// The new file is put in place.
    PutNew,
    /// Until BIRD is idle, so that the undo is never queued.
    UndoWhenIdle {
        which: Which,
        until: Moment,
        poll_at: Moment,
        why: String,
    },
    /// `configure undo`.
    Undo { which: Which, why: String },
    /// The old file is put back.
    PutBack(Outcome),
    /// The end.
    Done(Outcome),
}

/// A reconfiguration with its undo timer running.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Watch {
    which: Which,
    /// When it was sent: BIRD's timer cannot run out before `confirm_within` from then.
    sent_at: Moment,
    poll_at: Moment,
    /// Whether the reconfiguration is through, so that the protocols are worth a look.
    through: bool,
    /// Since when nothing is missing.
    well_since: Option<Moment>,
}

impl Apply {
    /// Begins an apply.
    pub fn new(plan: Plan, now: Moment) -> Self {
        Self {
            plan,
            before: Look::default(),
            state: State::Idle {
                which: Which::Running,
                until: now + IDLE_WITHIN,
                poll_at: now,
            },
        }
    }

    /// What to do next. What comes of it goes to [`Apply::handle`]; after a [`Step::Wait`] this is
    /// asked again, and [`Step::Done`] is the end.
    pub fn step(&self, now: Moment) -> Step {
        let at = |poll_at: Moment, step: Step| if poll_at > now { Step::Wait(poll_at) } else { step };
        match &self.state {
            State::Idle { poll_at, .. }
            | State::Taken { poll_at, .. }
            | State::UndoWhenIdle { poll_at, .. } => at(*poll_at, Step::AskStatus),
            State::LookBefore => Step::Look,
            State::Configure { which } => Step::Configure {
                which: *which,
                within: self.plan.confirm_within,
            },
            State::Watch(watch) if watch.through => at(watch.poll_at, Step::Look),
            State::Watch(watch) | State::Confirmed(watch) => at(watch.poll_at, Step::AskStatus),
            State::Note(_) => Step::NoteConfirming,
            State::Confirm(watch) => Step::Confirm(watch.which),
            State::PutNew => Step::PutNew,
            State::Undo { which, .. } => Step::Undo(*which),
            State::PutBack(_) => Step::PutBack,
            State::Done(outcome) => Step::Done(outcome.clone()),
        }
    }

    /// What came of the last step. An event that does not belong to it changes nothing.
    pub fn handle(&mut self, now: Moment, event: Event) {
        let state = std::mem::replace(&mut self.state, State::LookBefore);
        self.state = match event {
            Event::Status(answer) => self.on_status(state, now, answer),
            Event::Look(look) => self.on_look(state, now, look),
            Event::Configured { sent_at, answer } => self.on_configured(state, now, sent_at, answer),
            Event::Confirmed(answer) => self.on_confirmed(state, now, answer),
            Event::Undone(answer) => self.on_undone(state, answer),
            Event::File(done) => self.on_file(state, now, done),
        };
    }
}
