//! What a status means while BIRD is waited for: to be idle, to tell whether it took a file, to be
//! ready for an undo.

use super::turns::{not_started, unclear, undone};
use super::{IDLE_WITHIN, Outcome, POLL, State, Trouble, Which};
use crate::bird::answer::ConfigureStatus;
use crate::time::Moment;

pub(super) fn idle(
    which: Which,
    until: Moment,
    now: Moment,
    answer: Result<ConfigureStatus, Trouble>,
) -> State {
    let why = match &answer {
        Ok(status) if is_idle(status) => {
            return match which {
                Which::Running => State::LookBefore,
                Which::New => State::Configure { which },
            };
        }
        Ok(status) if status.shutting_down => return not_started(which, "BIRD is shutting down"),
        Ok(_) => "another reconfiguration is in progress, or waits to be confirmed",
        Err(trouble) => trouble.why(),
    };
    if now >= until {
        return not_started(which, why);
    }
    State::Idle {
        which,
        until,
        poll_at: now + POLL,
    }
}

pub(super) fn taken(
    undo_at: Moment,
    why: String,
    now: Moment,
    answer: Result<ConfigureStatus, Trouble>,
) -> State {
    let again = |why| State::Taken {
        undo_at,
        poll_at: now + POLL,
        why,
    };
    match answer {
        Ok(status) if status.in_progress && now < undo_at + IDLE_WITHIN => again(why),
        Ok(status) if status.in_progress => State::PutBack(Outcome::Unclear { why }),
        Ok(status) if status.undo_in.is_some() => State::UndoWhenIdle {
            which: Which::New,
            until: undo_at + IDLE_WITHIN,
            poll_at: now,
            why,
        },
        Ok(_) => State::PutBack(Outcome::NotStarted { why }),
        Err(_) if now < undo_at => again(why),
        Err(_) => State::PutBack(Outcome::Unclear { why }),
    }
}

pub(super) fn undo_when_idle(
    which: Which,
    until: Moment,
    why: String,
    now: Moment,
    answer: Result<ConfigureStatus, Trouble>,
) -> State {
    match answer {
        Ok(status) if !status.in_progress && status.undo_in.is_some() => State::Undo { which, why },
        Ok(status) if !status.in_progress => undone(which, why),
        // BIRD's timer has long run out: it is not told anything any more.
        Ok(_) | Err(_) if now >= until => unclear(which, why),
        Ok(_) | Err(_) => State::UndoWhenIdle {
            which,
            until,
            poll_at: now + POLL,
            why,
        },
    }
}

fn is_idle(status: &ConfigureStatus) -> bool {
    !status.in_progress && !status.queued && !status.shutting_down && status.undo_in.is_none()
}
