//! From one state to the next. An event that does not belong to a state leaves it as it is.

use super::outcome::ApplyOutcome;
use super::protocol_states::{ProtocolStates, WantedProtocols};
use super::state::{
    ApplyState, IDLE_WITHIN, Next, POLL, RUNNING_WITHIN, WELL_FOR, Watch, new_not_started, not_started,
    unclear, undone,
};
use super::step::CommandFailure;
use super::waits::{idle, taken, undo_when_idle};
use crate::bird::parse::{ConfigureReply, ConfigureStatus};
use crate::model::time::Moment;

/// We were kept from confirming: suspended, or starved.
const TOO_LATE: &str = "BIRD's undo timer ran out before all was well";
/// What somebody else's hand in the middle of an apply looks like.
const SOMEBODY_ELSE: &str = "somebody else reconfigured BIRD in the meantime";

/// One apply, from its start to its end.
#[derive(Clone, Debug)]
pub struct Apply {
    pub(crate) plan: WantedProtocols,
    /// Whether the file on disk is another than the one that BIRD runs.
    pub(crate) unread: bool,
    pub(crate) before: ProtocolStates,
    pub(crate) state: ApplyState,
}

impl Apply {
    /// `configure status` was answered.
    pub(crate) fn on_status(
        &self,
        state: ApplyState,
        now: Moment,
        answer: Result<ConfigureStatus, CommandFailure>,
    ) -> ApplyState {
        match state {
            ApplyState::Idle { next, until, .. } => idle(next, until, now, answer),
            ApplyState::Taken { undo_at, why, .. } => taken(undo_at, why, now, answer),
            ApplyState::Watch(watch) => self.watched(watch, now, answer),
            ApplyState::Confirmed(watch) => self.confirmed(watch, now, answer),
            ApplyState::UndoWhenIdle { until, why, .. } => undo_when_idle(until, why, now, answer),
            other @ (ApplyState::LookBefore
            | ApplyState::PutRunning
            | ApplyState::CalmBeforeRunning { .. }
            | ApplyState::ConfigureRunning { .. }
            | ApplyState::CalmBeforeNew
            | ApplyState::PutNew
            | ApplyState::CheckPlace
            | ApplyState::ConfigureNew
            | ApplyState::Note(_)
            | ApplyState::Confirm(_)
            | ApplyState::Undo { .. }
            | ApplyState::PutBack(_)
            | ApplyState::Done(_)) => other,
        }
    }

    /// The protocols were looked at.
    pub(crate) fn on_look(
        &mut self,
        state: ApplyState,
        now: Moment,
        look: Result<ProtocolStates, CommandFailure>,
    ) -> ApplyState {
        match (state, look) {
            (ApplyState::LookBefore, Ok(look)) => {
                self.before = look;
                if self.unread {
                    ApplyState::PutRunning
                } else {
                    configure_running(now)
                }
            }
            (ApplyState::LookBefore, Err(trouble)) => not_started(trouble.why()),
            (ApplyState::Watch(watch), Ok(look)) => {
                let lost = self.plan.lost(&self.before, &look);
                self.looked(watch, now, lost)
            }
            (ApplyState::Watch(watch), Err(trouble)) => {
                let lost = vec![format!("the protocols cannot be looked at: {}", trouble.why())];
                self.looked(watch, now, lost)
            }
            (other, _) => other,
        }
    }

    /// A `configure` was answered.
    pub(crate) fn on_configured(
        &self,
        state: ApplyState,
        now: Moment,
        sent_at: Moment,
        answer: Result<ConfigureReply, CommandFailure>,
    ) -> ApplyState {
        if let ApplyState::ConfigureRunning { until } = state {
            running_configured(until, now, answer)
        } else if state == ApplyState::ConfigureNew {
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
    ) -> ApplyState {
        let taken = |why: String| ApplyState::Taken {
            undo_at: sent_at + self.plan.confirm_within,
            poll_at: now + POLL,
            why,
        };
        match answer {
            Ok(ConfigureReply::Done | ConfigureReply::InProgress | ConfigureReply::Queued) => {
                ApplyState::Watch(Watch {
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
            ) => taken(unexpected_reply("configure timeout", odd)),
            Err(CommandFailure::NotDone(why)) => ApplyState::PutBack(ApplyOutcome::Refused { why }),
            Err(CommandFailure::Unknown(why)) => taken(why),
        }
    }

    /// `configure confirm` was answered.
    pub(crate) fn on_confirmed(
        &self,
        state: ApplyState,
        now: Moment,
        answer: Result<ConfigureReply, CommandFailure>,
    ) -> ApplyState {
        let ApplyState::Confirm(watch) = state else {
            return state;
        };
        match answer {
            Ok(ConfigureReply::Confirmed) => ApplyState::Done(ApplyOutcome::Applied),
            Ok(ConfigureReply::NothingToDo) => changed_by_others(),
            Err(CommandFailure::NotDone(why)) => self.undo(&watch, now, why),
            Ok(
                ConfigureReply::CheckedOk
                | ConfigureReply::Done
                | ConfigureReply::InProgress
                | ConfigureReply::Queued
                | ConfigureReply::ShuttingDown
                | ConfigureReply::QueueEmptied,
            )
            | Err(CommandFailure::Unknown(_)) => ApplyState::Confirmed(Watch {
                poll_at: now + POLL,
                ..watch
            }),
        }
    }

    /// `configure undo` was answered. Whatever the answer, BIRD's own timer does the same.
    pub(crate) fn on_undone(
        &self,
        state: ApplyState,
        _answer: Result<ConfigureReply, CommandFailure>,
    ) -> ApplyState {
        if let ApplyState::Undo { why } = state {
            undone(why)
        } else {
            state
        }
    }

    /// A file was put in place, or back, or a note was made.
    pub(crate) fn on_file(&self, state: ApplyState, now: Moment, done: Result<(), String>) -> ApplyState {
        match (state, done) {
            (ApplyState::PutRunning, Ok(())) => configure_running(now),
            (ApplyState::PutRunning | ApplyState::PutNew, Err(why)) => not_started(&why),
            (ApplyState::PutNew, Ok(())) => ApplyState::CheckPlace,
            // Without the note, an interruption just now would put the old file back: that is safe.
            (ApplyState::Note(watch), Ok(()) | Err(_)) => ApplyState::Confirm(watch),
            (ApplyState::PutBack(outcome), Ok(())) => ApplyState::Done(outcome),
            (ApplyState::PutBack(outcome), Err(why)) => ApplyState::Done(ApplyOutcome::FileStays {
                outcome: Box::new(outcome),
                why,
            }),
            (other, _) => other,
        }
    }

    /// The status, with the undo timer running.
    fn watched(
        &self,
        watch: Watch,
        now: Moment,
        answer: Result<ConfigureStatus, CommandFailure>,
    ) -> ApplyState {
        match answer {
            Ok(status) if status.in_progress => {
                let lost = vec!["BIRD does not come to an end with the reconfiguration".to_owned()];
                self.looked(watch, now, lost)
            }
            Ok(status) if status.undo_in.is_some() => ApplyState::Watch(Watch {
                through: true,
                poll_at: now,
                ..watch
            }),
            Ok(_) if now >= watch.sent_at + self.plan.confirm_within => undone(TOO_LATE.to_owned()),
            Ok(_) => changed_by_others(),
            Err(trouble) => {
                let lost = vec![format!("BIRD does not answer: {}", trouble.why())];
                self.looked(watch, now, lost)
            }
        }
    }

    /// The protocols, with the undo timer running. Half of its time is theirs to come back: then the
    /// undo is ours, and not the timer's.
    fn looked(&self, watch: Watch, now: Moment, lost: Vec<String>) -> ApplyState {
        let enough = WELL_FOR.min(self.plan.confirm_within / 4);
        if now >= self.undo_at(&watch) {
            return self.undo(&watch, now, TOO_LATE.to_owned());
        }
        if lost.is_empty() {
            let well_since = watch.well_since.unwrap_or(now);
            if now.since(well_since) >= enough {
                return ApplyState::Note(watch);
            }
            return again(watch, now, Some(well_since));
        }
        if now >= watch.sent_at + self.plan.confirm_within / 2 {
            return self.undo(&watch, now, lost.join("; "));
        }
        again(watch, now, None)
    }

    /// Whether a confirmation without an answer took effect.
    fn confirmed(
        &self,
        watch: Watch,
        now: Moment,
        answer: Result<ConfigureStatus, CommandFailure>,
    ) -> ApplyState {
        let undo_at = self.undo_at(&watch);
        match answer {
            Ok(status) if status.undo_in.is_some() && now + POLL < undo_at => ApplyState::Confirm(watch),
            Ok(status) if status.undo_in.is_some() => {
                self.undo(&watch, now, "BIRD does not take the confirmation".to_owned())
            }
            Ok(_) if now < undo_at => ApplyState::Done(ApplyOutcome::Applied),
            Err(_) if now < undo_at => ApplyState::Confirmed(Watch {
                poll_at: now + POLL,
                ..watch
            }),
            Ok(_) | Err(_) => unclear("the confirmation was not answered".to_owned()),
        }
    }

    fn undo(&self, watch: &Watch, now: Moment, why: String) -> ApplyState {
        ApplyState::UndoWhenIdle {
            until: self.undo_at(watch).max(now) + IDLE_WITHIN,
            poll_at: now,
            why,
        }
    }

    fn undo_at(&self, watch: &Watch) -> Moment {
        watch.sent_at + self.plan.confirm_within
    }
}

fn again(watch: Watch, now: Moment, well_since: Option<Moment>) -> ApplyState {
    ApplyState::Watch(Watch {
        poll_at: now + POLL,
        through: false,
        well_since,
        ..watch
    })
}

/// Whether a takeover or a failback is under way.
pub(crate) fn on_transition_checked(state: ApplyState, calm: Result<(), String>) -> ApplyState {
    match (state, calm) {
        (ApplyState::CalmBeforeRunning { until }, Ok(())) => ApplyState::ConfigureRunning { until },
        (ApplyState::CalmBeforeNew, Ok(())) => ApplyState::PutNew,
        (ApplyState::CalmBeforeRunning { .. } | ApplyState::CalmBeforeNew, Err(why)) => not_started(&why),
        (other, _) => other,
    }
}

/// Whether BIRD would read the file that was just put in place.
pub(crate) fn on_place(state: ApplyState, now: Moment, place: Result<(), String>) -> ApplyState {
    match (state, place) {
        (ApplyState::CheckPlace, Ok(())) => ApplyState::Idle {
            next: Next::ConfigureNew,
            until: now + IDLE_WITHIN,
            poll_at: now,
        },
        (ApplyState::CheckPlace, Err(why)) => new_not_started(&why),
        (other, _) => other,
    }
}

/// BIRD is waited for, and then told to read once more what it runs.
fn configure_running(now: Moment) -> ApplyState {
    ApplyState::Idle {
        next: Next::ConfigureRunning,
        until: now + RUNNING_WITHIN,
        poll_at: now,
    }
}

/// `configure` of what BIRD runs was answered. Without an answer it is sent once more: it changes
/// nothing, and only when it was taken does an undo return to the present state.
fn running_configured(
    until: Moment,
    now: Moment,
    answer: Result<ConfigureReply, CommandFailure>,
) -> ApplyState {
    match answer {
        Ok(ConfigureReply::Done | ConfigureReply::InProgress | ConfigureReply::Queued) => ApplyState::Idle {
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
        ) => not_started(&unexpected_reply("configure", odd)),
        Err(CommandFailure::NotDone(why)) => {
            not_started(&format!("BIRD does not take even the file it runs: {why}"))
        }
        Err(CommandFailure::Unknown(why)) if now >= until => not_started(&why),
        Err(CommandFailure::Unknown(_)) => ApplyState::Idle {
            next: Next::ConfigureRunning,
            until,
            poll_at: now + POLL,
        },
    }
}

fn unexpected_reply(command: &str, odd: ConfigureReply) -> String {
    format!("BIRD's answer to `{command}` makes no sense: {odd:?}")
}

/// The timer is gone, and it was not us. An undo of ours would undo what somebody else did.
fn changed_by_others() -> ApplyState {
    unclear(SOMEBODY_ELSE.to_owned())
}
