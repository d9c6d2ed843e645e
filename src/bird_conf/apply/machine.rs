//! The machine: which step each state asks for, and which transition answers an event.

use super::protocol_states::{ProtocolStates, WantedProtocols};
use super::state::{ApplyState, IDLE_WITHIN, Next};
use super::step::{ApplyEvent, ApplyStep};
use super::transitions::{Apply, on_place, on_transition_checked};
use crate::model::time::Moment;

impl Apply {
    /// Begins an apply; `unread`: the file on disk is not the one that BIRD runs.
    pub fn new(plan: WantedProtocols, unread: bool, now: Moment) -> Self {
        Self {
            plan,
            unread,
            before: ProtocolStates::default(),
            state: ApplyState::Idle {
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
            ApplyState::Idle { poll_at, .. }
            | ApplyState::Taken { poll_at, .. }
            | ApplyState::UndoWhenIdle { poll_at, .. } => at(*poll_at, ApplyStep::AskStatus),
            ApplyState::LookBefore => ApplyStep::Look,
            ApplyState::PutRunning => ApplyStep::PutRunning,
            ApplyState::CalmBeforeRunning { .. } | ApplyState::CalmBeforeNew => ApplyStep::AskCalm,
            ApplyState::ConfigureRunning { .. } => ApplyStep::ConfigureRunning,
            ApplyState::PutNew => ApplyStep::PutNew,
            ApplyState::CheckPlace => ApplyStep::CheckPlace,
            ApplyState::ConfigureNew => ApplyStep::ConfigureNew {
                within: self.plan.confirm_within,
            },
            ApplyState::Watch(watch) if watch.through => at(watch.poll_at, ApplyStep::Look),
            ApplyState::Watch(watch) | ApplyState::Confirmed(watch) => {
                at(watch.poll_at, ApplyStep::AskStatus)
            }
            ApplyState::Note(_) => ApplyStep::NoteConfirming,
            ApplyState::Confirm(_) => ApplyStep::Confirm,
            ApplyState::Undo { .. } => ApplyStep::Undo,
            ApplyState::PutBack(_) => ApplyStep::PutBack,
            ApplyState::Done(outcome) => ApplyStep::Done(outcome.clone()),
        }
    }

    /// What came of the last step. An event that does not belong to it changes nothing.
    pub fn handle(&mut self, now: Moment, event: ApplyEvent) {
        let state = std::mem::replace(&mut self.state, ApplyState::LookBefore);
        self.state = match event {
            ApplyEvent::Status(answer) => self.on_status(state, now, answer),
            ApplyEvent::Look(look) => self.on_look(state, now, look),
            ApplyEvent::Calm(calm) => on_transition_checked(state, calm),
            ApplyEvent::Place(place) => on_place(state, now, place),
            ApplyEvent::Configured { sent_at, answer } => self.on_configured(state, now, sent_at, answer),
            ApplyEvent::Confirmed(answer) => self.on_confirmed(state, now, answer),
            ApplyEvent::Undone(answer) => self.on_undone(state, answer),
            ApplyEvent::File(done) => self.on_file(state, now, done),
        };
    }
}
