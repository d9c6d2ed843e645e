//! What a status means while BIRD is waited for: to be idle, to tell whether it took a file, to be
//! ready for an undo.

use super::outcome::ApplyOutcome;
use super::state::{ApplyState, IDLE_WITHIN, Next, POLL, new_not_started, not_started, unclear, undone};
use super::step::CommandFailure;
use crate::bird::parse::ConfigureStatus;
use crate::model::time::Moment;

pub(crate) fn idle(
    next: Next,
    until: Moment,
    now: Moment,
    answer: Result<ConfigureStatus, CommandFailure>,
) -> ApplyState {
    let why = match &answer {
        Ok(status) if is_idle(status) => {
            return match next {
                Next::LookBefore => ApplyState::LookBefore,
                Next::ConfigureRunning => ApplyState::CalmBeforeRunning { until },
                Next::PutNew => ApplyState::CalmBeforeNew,
                Next::ConfigureNew => ApplyState::ConfigureNew,
            };
        }
        Ok(status) if status.shutting_down => return not_idle(next, "BIRD is shutting down"),
        Ok(_) => "another reconfiguration is in progress, or waits to be confirmed",
        Err(trouble) => trouble.why(),
    };
    if now >= until {
        return not_idle(next, why);
    }
    ApplyState::Idle {
        next,
        until,
        poll_at: now + POLL,
    }
}

/// The end where BIRD does not become idle.
fn not_idle(next: Next, why: &str) -> ApplyState {
    match next {
        Next::LookBefore | Next::ConfigureRunning | Next::PutNew => not_started(why),
        Next::ConfigureNew => new_not_started(why),
    }
}

pub(crate) fn taken(
    undo_at: Moment,
    why: String,
    now: Moment,
    answer: Result<ConfigureStatus, CommandFailure>,
) -> ApplyState {
    let again = |why| ApplyState::Taken {
        undo_at,
        poll_at: now + POLL,
        why,
    };
    match answer {
        Ok(status) if status.in_progress && now < undo_at + IDLE_WITHIN => again(why),
        Ok(status) if status.in_progress => ApplyState::PutBack(ApplyOutcome::Unclear { why }),
        Ok(status) if status.undo_in.is_some() => ApplyState::UndoWhenIdle {
            until: undo_at + IDLE_WITHIN,
            poll_at: now,
            why,
        },
        Ok(_) => ApplyState::PutBack(ApplyOutcome::NotStarted { why }),
        Err(_) if now < undo_at => again(why),
        Err(_) => ApplyState::PutBack(ApplyOutcome::Unclear { why }),
    }
}

pub(crate) fn undo_when_idle(
    until: Moment,
    why: String,
    now: Moment,
    answer: Result<ConfigureStatus, CommandFailure>,
) -> ApplyState {
    match answer {
        Ok(status) if !status.in_progress && status.undo_in.is_some() => ApplyState::Undo { why },
        Ok(status) if !status.in_progress => undone(why),
        // BIRD's timer has long run out: it is not told anything any more.
        Ok(_) | Err(_) if now >= until => unclear(why),
        Ok(_) | Err(_) => ApplyState::UndoWhenIdle {
            until,
            poll_at: now + POLL,
            why,
        },
    }
}

fn is_idle(status: &ConfigureStatus) -> bool {
    !status.in_progress && !status.queued && !status.shutting_down && status.undo_in.is_none()
}
