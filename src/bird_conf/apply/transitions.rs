//! From one state to the next. An event that does not belong to a state leaves it as it is.

use super::waits::{idle, taken, undo_when_idle};
use super::{
    Apply, ApplyOutcome, CommandFailure, IDLE_WITHIN, Next, POLL, ProtocolStates, RUNNING_WITHIN, State,
    WELL_FOR, Watch,
};
use crate::bird::parse::{ConfigureReply, ConfigureStatus};
use crate::model::time::Moment;

/// We were kept from confirming: suspended, or starved.
const TOO_LATE: &str = "BIRD's undo timer ran out before all was well";
/// What somebody else's hand in the middle of an apply looks like.
const SOMEBODY_ELSE: &str = "somebody else reconfigured BIRD in the meantime";

impl Apply {
    /// `configure status` was answered.
    pub(crate) fn on_status(
        &self,
        state: State,
        now: Moment,
        answer: Result<ConfigureStatus, CommandFailure>,
    ) -> State {
        match state {
            State::Idle { next, until, .. } => idle(next, until, now, answer),
            State::Taken { undo_at, why, .. } => taken(undo_at, why, now, answer),
            State::Watch(watch) => self.watched(watch, now, answer),
            State::Confirmed(watch) => self.confirmed(watch, now, answer),
            State::UndoWhenIdle { until, why, .. } => undo_when_idle(until, why, now, answer),
            other @ (State::LookBefore
            | State::PutRunning
            | State::CalmBeforeRunning { .. }
            | State::ConfigureRunning { .. }
            | State::CalmBeforeNew
            | State::PutNew
            | State::CheckPlace
            | State::ConfigureNew
            | State::Note(_)
            | State::Confirm(_)
            | State::Undo { .. }
            | State::PutBack(_)
            | State::Done(_)) => other,
        }
    }

    /// The protocols were looked at.
    pub(crate) fn on_look(
        &mut self,
        state: State,
        now: Moment,
        look: Result<ProtocolStates, CommandFailure>,
    ) -> State {
        match (state, look) {
            (State::LookBefore, Ok(look)) => {
                self.before = look;
                if self.unread {
                    State::PutRunning
                } else {
                    configure_running(now)
                }
            }
            (State::LookBefore, Err(trouble)) => not_started(trouble.why()),
            (State::Watch(watch), Ok(look)) => {
                let lost = self.plan.lost(&self.before, &look);
                self.looked(watch, now, lost)
            }
            (State::Watch(watch), Err(trouble)) => {
                let lost = vec![format!("the protocols cannot be looked at: {}", trouble.why())];
                self.looked(watch, now, lost)
            }
            (other, _) => other,
        }
    }

    /// A `configure` was answered.
    pub(crate) fn on_configured(
        &self,
        state: State,
        now: Moment,
        sent_at: Moment,
        answer: Result<ConfigureReply, CommandFailure>,
    ) -> State {
        if let State::ConfigureRunning { until } = state {
            running_configured(until, now, answer)
        } else if state == State::ConfigureNew {
            self.new_configured(now, sent_at, answer)
        } else {
            state
        }
    }

    fn new_configured(
        &self,
        now: Moment,
        sent_at: Moment,
        answer: Result<ConfigureReply, CommandFailure>,
    ) -> State {
        let taken = |why: String| State::Taken {
            undo_at: sent_at + self.plan.confirm_within,
            poll_at: now + POLL,
            why,
        };
        match answer {
            Ok(ConfigureReply::Done | ConfigureReply::InProgress | ConfigureReply::Queued) => {
                State::Watch(Watch {
                    sent_at,
                    poll_at: now,
                    through: false,
                    well_since: None,
                })
            }
            Ok(ConfigureReply::ShuttingDown) => new_not_started("BIRD is shutting down"),
            Ok(
                odd @ (ConfigureReply::CheckedOk
                | ConfigureReply::QueueEmptied
                | ConfigureReply::Confirmed
                | ConfigureReply::NothingToDo),
            ) => taken(odd_answer("configure timeout", odd)),
            Err(CommandFailure::NotDone(why)) => State::PutBack(ApplyOutcome::Refused { why }),
            Err(CommandFailure::Unknown(why)) => taken(why),
        }
    }

    /// `configure confirm` was answered.
    pub(crate) fn on_confirmed(
        &self,
        state: State,
        now: Moment,
        answer: Result<ConfigureReply, CommandFailure>,
    ) -> State {
        let State::Confirm(watch) = state else {
            return state;
        };
        match answer {
            Ok(ConfigureReply::Confirmed) => State::Done(ApplyOutcome::Applied),
            Ok(ConfigureReply::NothingToDo) => meddled(),
            Err(CommandFailure::NotDone(why)) => self.undo(&watch, now, why),
            Ok(
                ConfigureReply::CheckedOk
                | ConfigureReply::Done
                | ConfigureReply::InProgress
                | ConfigureReply::Queued
                | ConfigureReply::ShuttingDown
                | ConfigureReply::QueueEmptied,
            )
            | Err(CommandFailure::Unknown(_)) => State::Confirmed(Watch {
                poll_at: now + POLL,
                ..watch
            }),
        }
    }

    /// `configure undo` was answered. Whatever the answer, BIRD's own timer does the same.
    pub(crate) fn on_undone(&self, state: State, _answer: Result<ConfigureReply, CommandFailure>) -> State {
        if let State::Undo { why } = state {
            undone(why)
        } else {
            state
        }
    }

    /// A file was put in place, or back, or a note was made.
    pub(crate) fn on_file(&self, state: State, now: Moment, done: Result<(), String>) -> State {
        match (state, done) {
            (State::PutRunning, Ok(())) => configure_running(now),
            (State::PutRunning | State::PutNew, Err(why)) => not_started(&why),
            (State::PutNew, Ok(())) => State::CheckPlace,
            // Without the note, an interruption just now would put the old file back: that is safe.
            (State::Note(watch), Ok(()) | Err(_)) => State::Confirm(watch),
            (State::PutBack(outcome), Ok(())) => State::Done(outcome),
            (State::PutBack(outcome), Err(why)) => State::Done(ApplyOutcome::FileStays {
                outcome: Box::new(outcome),
                why,
            }),
            (other, _) => other,
        }
    }

    /// The status, with the undo timer running.
    fn watched(&self, watch: Watch, now: Moment, answer: Result<ConfigureStatus, CommandFailure>) -> State {
        match answer {
            Ok(status) if status.in_progress => {
                let lost = vec!["BIRD does not come to an end with the reconfiguration".to_owned()];
                self.looked(watch, now, lost)
            }
            Ok(status) if status.undo_in.is_some() => State::Watch(Watch {
                through: true,
                poll_at: now,
                ..watch
            }),
            Ok(_) if now >= watch.sent_at + self.plan.confirm_within => undone(TOO_LATE.to_owned()),
            Ok(_) => meddled(),
            Err(trouble) => {
                let lost = vec![format!("BIRD does not answer: {}", trouble.why())];
                self.looked(watch, now, lost)
            }
        }
    }

    /// The protocols, with the undo timer running. Half of its time is theirs to come back: then the
    /// undo is ours, and not the timer's.
    fn looked(&self, watch: Watch, now: Moment, lost: Vec<String>) -> State {
        let enough = WELL_FOR.min(self.plan.confirm_within / 4);
        if now >= self.undo_at(&watch) {
            return self.undo(&watch, now, TOO_LATE.to_owned());
        }
        if lost.is_empty() {
            let well_since = watch.well_since.unwrap_or(now);
            if now.since(well_since) >= enough {
                return State::Note(watch);
            }
            return again(watch, now, Some(well_since));
        }
        if now >= watch.sent_at + self.plan.confirm_within / 2 {
            return self.undo(&watch, now, lost.join("; "));
        }
        again(watch, now, None)
    }

    /// Whether a confirmation without an answer took effect.
    fn confirmed(&self, watch: Watch, now: Moment, answer: Result<ConfigureStatus, CommandFailure>) -> State {
        let undo_at = self.undo_at(&watch);
        match answer {
            Ok(status) if status.undo_in.is_some() && now + POLL < undo_at => State::Confirm(watch),
            Ok(status) if status.undo_in.is_some() => {
                self.undo(&watch, now, "BIRD does not take the confirmation".to_owned())
            }
            Ok(_) if now < undo_at => State::Done(ApplyOutcome::Applied),
            Err(_) if now < undo_at => State::Confirmed(Watch {
                poll_at: now + POLL,
                ..watch
            }),
            Ok(_) | Err(_) => unclear("the confirmation was not answered".to_owned()),
        }
    }

    fn undo(&self, watch: &Watch, now: Moment, why: String) -> State {
        State::UndoWhenIdle {
            until: self.undo_at(watch).max(now) + IDLE_WITHIN,
            poll_at: now,
            why,
        }
    }

    fn undo_at(&self, watch: &Watch) -> Moment {
        watch.sent_at + self.plan.confirm_within
    }
}

fn again(watch: Watch, now: Moment, well_since: Option<Moment>) -> State {
    State::Watch(Watch {
        poll_at: now + POLL,
        through: false,
        well_since,
        ..watch
    })
}

/// Whether a takeover or a failback is under way.
pub(crate) fn on_calm(state: State, calm: Result<(), String>) -> State {
    match (state, calm) {
        (State::CalmBeforeRunning { until }, Ok(())) => State::ConfigureRunning { until },
        (State::CalmBeforeNew, Ok(())) => State::PutNew,
        (State::CalmBeforeRunning { .. } | State::CalmBeforeNew, Err(why)) => not_started(&why),
        (other, _) => other,
    }
}

/// Whether BIRD would read the file that was just put in place.
pub(crate) fn on_place(state: State, now: Moment, place: Result<(), String>) -> State {
    match (state, place) {
        (State::CheckPlace, Ok(())) => State::Idle {
            next: Next::ConfigureNew,
            until: now + IDLE_WITHIN,
            poll_at: now,
        },
        (State::CheckPlace, Err(why)) => new_not_started(&why),
        (other, _) => other,
    }
}

/// BIRD is waited for, and then told to read once more what it runs.
fn configure_running(now: Moment) -> State {
    State::Idle {
        next: Next::ConfigureRunning,
        until: now + RUNNING_WITHIN,
        poll_at: now,
    }
}

/// `configure` of what BIRD runs was answered. Without an answer it is sent once more: it changes
/// nothing, and only when it was taken does an undo return to the present state.
fn running_configured(until: Moment, now: Moment, answer: Result<ConfigureReply, CommandFailure>) -> State {
    match answer {
        Ok(ConfigureReply::Done | ConfigureReply::InProgress | ConfigureReply::Queued) => State::Idle {
            next: Next::PutNew,
            until: until.max(now + IDLE_WITHIN),
            poll_at: now,
        },
        Ok(ConfigureReply::ShuttingDown) => not_started("BIRD is shutting down"),
        Ok(
            odd @ (ConfigureReply::CheckedOk
            | ConfigureReply::QueueEmptied
            | ConfigureReply::Confirmed
            | ConfigureReply::NothingToDo),
        ) => not_started(&odd_answer("configure", odd)),
        Err(CommandFailure::NotDone(why)) => {
            not_started(&format!("BIRD does not take even the file it runs: {why}"))
        }
        Err(CommandFailure::Unknown(why)) if now >= until => not_started(&why),
        Err(CommandFailure::Unknown(_)) => State::Idle {
            next: Next::ConfigureRunning,
            until,
            poll_at: now + POLL,
        },
    }
}

fn odd_answer(command: &str, odd: ConfigureReply) -> String {
    format!("BIRD's answer to `{command}` makes no sense: {odd:?}")
}

/// The timer is gone, and it was not us. An undo of ours would undo what somebody else did.
fn meddled() -> State {
    unclear(SOMEBODY_ELSE.to_owned())
}

/// The end before the new file was put in place.
pub(crate) fn not_started(why: &str) -> State {
    State::Done(ApplyOutcome::NotStarted { why: why.to_owned() })
}

/// The end before BIRD was told of the new file, which is in place already.
pub(crate) fn new_not_started(why: &str) -> State {
    State::PutBack(ApplyOutcome::NotStarted { why: why.to_owned() })
}

pub(crate) fn undone(why: String) -> State {
    State::PutBack(ApplyOutcome::Undone { why })
}

pub(crate) fn unclear(why: String) -> State {
    State::PutBack(ApplyOutcome::Unclear { why })
}
