//! From one state to the next. An event that does not belong to a state leaves it as it is.

use super::waits::{idle, taken, undo_when_idle};
use super::{Apply, IDLE_WITHIN, Look, Outcome, POLL, State, Trouble, WELL_FOR, Watch, Which};
use crate::bird::answer::{ConfigureStatus, Configured};
use crate::time::Moment;

/// We were kept from confirming: suspended, or starved.
const TOO_LATE: &str = "BIRD's undo timer ran out before all was well";
/// What somebody else's hand in the middle of an apply looks like.
const SOMEBODY_ELSE: &str = "somebody else reconfigured BIRD in the meantime";

impl Apply {
    /// `configure status` was answered.
    pub(super) fn on_status(
        &self,
        state: State,
        now: Moment,
        answer: Result<ConfigureStatus, Trouble>,
    ) -> State {
        match state {
            State::Idle { which, until, .. } => idle(which, until, now, answer),
            State::Taken { undo_at, why, .. } => taken(undo_at, why, now, answer),
            State::Watch(watch) => self.watched(watch, now, answer),
            State::Confirmed(watch) => self.confirmed(watch, now, answer),
            State::UndoWhenIdle {
                which, until, why, ..
            } => undo_when_idle(which, until, why, now, answer),
            other @ (State::LookBefore
            | State::Configure { .. }
            | State::Note(_)
            | State::Confirm(_)
            | State::PutNew
            | State::Undo { .. }
            | State::PutBack(_)
            | State::Done(_)) => other,
        }
    }

    /// The protocols were looked at.
    pub(super) fn on_look(&mut self, state: State, now: Moment, look: Result<Look, Trouble>) -> State {
        match (state, look) {
            (State::LookBefore, Ok(look)) => {
                self.before = look;
                State::Configure {
                    which: Which::Running,
                }
            }
            (State::LookBefore, Err(trouble)) => not_started(Which::Running, trouble.why()),
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

    /// `configure timeout` was answered.
    pub(super) fn on_configured(
        &self,
        state: State,
        now: Moment,
        sent_at: Moment,
        answer: Result<Configured, Trouble>,
    ) -> State {
        let State::Configure { which } = state else {
            return state;
        };
        let unknown = |why: String| match which {
            Which::Running => not_started(which, &why),
            Which::New => State::Taken {
                undo_at: sent_at + self.plan.confirm_within,
                poll_at: now + POLL,
                why,
            },
        };
        match answer {
            Ok(Configured::Done | Configured::InProgress | Configured::Queued) => State::Watch(Watch {
                which,
                sent_at,
                poll_at: now,
                through: false,
                well_since: None,
            }),
            Ok(Configured::ShuttingDown) => not_started(which, "BIRD is shutting down"),
            Ok(
                odd @ (Configured::CheckedOk
                | Configured::QueueEmptied
                | Configured::Confirmed
                | Configured::NothingToDo),
            ) => unknown(format!(
                "BIRD's answer to `configure timeout` makes no sense: {odd:?}"
            )),
            Err(Trouble::NotDone(why)) => match which {
                Which::Running => {
                    not_started(which, &format!("BIRD does not take even the file it runs: {why}"))
                }
                Which::New => State::PutBack(Outcome::Refused { why }),
            },
            Err(Trouble::Unknown(why)) => unknown(why),
        }
    }

    /// `configure confirm` was answered.
    pub(super) fn on_confirmed(
        &self,
        state: State,
        now: Moment,
        answer: Result<Configured, Trouble>,
    ) -> State {
        let State::Confirm(watch) = state else {
            return state;
        };
        match answer {
            Ok(Configured::Confirmed) => next_after_confirmation(watch.which),
            Ok(Configured::NothingToDo) => meddled(watch.which),
            Err(Trouble::NotDone(why)) => self.undo(&watch, now, why),
            Ok(
                Configured::CheckedOk
                | Configured::Done
                | Configured::InProgress
                | Configured::Queued
                | Configured::ShuttingDown
                | Configured::QueueEmptied,
            )
            | Err(Trouble::Unknown(_)) => State::Confirmed(Watch {
                poll_at: now + POLL,
                ..watch
            }),
        }
    }

    /// `configure undo` was answered. Whatever the answer, BIRD's own timer does the same.
    pub(super) fn on_undone(&self, state: State, _answer: Result<Configured, Trouble>) -> State {
        if let State::Undo { which, why } = state {
            undone(which, why)
        } else {
            state
        }
    }

    /// A file was put in place, or back, or a note was made.
    pub(super) fn on_file(&self, state: State, now: Moment, done: Result<(), String>) -> State {
        match (state, done) {
            (State::PutNew, Ok(())) => State::Idle {
                which: Which::New,
                until: now + IDLE_WITHIN,
                poll_at: now,
            },
            (State::PutNew, Err(why)) => State::Done(Outcome::NotStarted { why }),
            // Without the note, an interruption just now would put the old file back: that is safe.
            (State::Note(watch), Ok(()) | Err(_)) => State::Confirm(watch),
            (State::PutBack(outcome), Ok(())) => State::Done(outcome),
            (State::PutBack(outcome), Err(why)) => State::Done(Outcome::FileStays {
                outcome: Box::new(outcome),
                why,
            }),
            (other, _) => other,
        }
    }

    /// The status, with the undo timer running.
    fn watched(&self, watch: Watch, now: Moment, answer: Result<ConfigureStatus, Trouble>) -> State {
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
            Ok(_) if now >= watch.sent_at + self.plan.confirm_within => undone(
                watch.which,
                "BIRD's undo timer ran out before all was well".to_owned(),
            ),
            Ok(_) => meddled(watch.which),
            Err(trouble) => {
                let lost = vec![format!("BIRD does not answer: {}", trouble.why())];
                self.looked(watch, now, lost)
            }
        }
    }

    /// The protocols, with the undo timer running. Half of its time is theirs to come back: then the
    /// undo is ours, and not the timer's.
    fn looked(&self, watch: Watch, now: Moment, lost: Vec<String>) -> State {
        let enough = match watch.which {
            Which::Running => std::time::Duration::ZERO,
            Which::New => WELL_FOR.min(self.plan.confirm_within / 4),
        };
        if now >= self.undo_at(&watch) {
            return self.undo(&watch, now, TOO_LATE.to_owned());
        }
        if lost.is_empty() {
            let well_since = watch.well_since.unwrap_or(now);
            if now.since(well_since) >= enough {
                return match watch.which {
                    Which::Running => State::Confirm(watch),
                    Which::New => State::Note(watch),
                };
            }
            return again(watch, now, Some(well_since));
        }
        if now >= watch.sent_at + self.plan.confirm_within / 2 {
            return self.undo(&watch, now, lost.join("; "));
        }
        again(watch, now, None)
    }

    /// Whether a confirmation without an answer took effect.
    fn confirmed(&self, watch: Watch, now: Moment, answer: Result<ConfigureStatus, Trouble>) -> State {
        let undo_at = self.undo_at(&watch);
        match answer {
            Ok(status) if status.undo_in.is_some() && now + POLL < undo_at => State::Confirm(watch),
            Ok(status) if status.undo_in.is_some() => {
                self.undo(&watch, now, "BIRD does not take the confirmation".to_owned())
            }
            Ok(_) if now < undo_at => next_after_confirmation(watch.which),
            Err(_) if now < undo_at => State::Confirmed(Watch {
                poll_at: now + POLL,
                ..watch
            }),
            Ok(_) | Err(_) => unclear(watch.which, "the confirmation was not answered".to_owned()),
        }
    }

    fn undo(&self, watch: &Watch, now: Moment, why: String) -> State {
        State::UndoWhenIdle {
            which: watch.which,
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

fn next_after_confirmation(which: Which) -> State {
    match which {
        Which::Running => State::PutNew,
        Which::New => State::Done(Outcome::Applied),
    }
}

/// The timer is gone, and it was not us. An undo of ours would undo what somebody else did.
fn meddled(which: Which) -> State {
    unclear(which, SOMEBODY_ELSE.to_owned())
}

pub(super) fn not_started(which: Which, why: &str) -> State {
    let outcome = Outcome::NotStarted { why: why.to_owned() };
    match which {
        Which::Running => State::Done(outcome),
        Which::New => State::PutBack(outcome),
    }
}

pub(super) fn undone(which: Which, why: String) -> State {
    match which {
        Which::Running => State::Done(Outcome::NotStarted { why }),
        Which::New => State::PutBack(Outcome::Undone { why }),
    }
}

pub(super) fn unclear(which: Which, why: String) -> State {
    match which {
        Which::Running => State::Done(Outcome::NotStarted { why }),
        Which::New => State::PutBack(Outcome::Unclear { why }),
    }
}
