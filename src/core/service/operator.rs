//! What operators ask of a service: overrides (D11), the release of a latch (D9), a failback that
//! waits for them, and the end of a drill. Only what is remembered changes here; what follows from it is the judgement's.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::ServiceState;
use crate::config::model::{FailbackMode, Role};
use crate::core::decide::Stance;
use crate::core::drill::DrillEvent;
use crate::core::event::{CommandRefused, CoreEvent};
use crate::core::persistent::Consent;
use crate::model::command::{OperatorCommand, Override, OverrideOptions};
use crate::model::history::HistoryEvent;
use crate::model::snapshot::{Isolation, OverrideAction, Verdict};
use crate::model::time::Now;

impl ServiceState {
    /// An operator asks for something.
    pub(crate) fn ask(
        &mut self,
        now: Now,
        ask: &OperatorCommand,
        actor: &str,
        isolation: Isolation,
        notes: &mut Vec<CoreEvent>,
    ) -> Result<(), CommandRefused> {
        match ask {
            OperatorCommand::Announce(terms) => {
                self.override_with(now, OverrideAction::Announce, terms, actor, notes)
            }
            OperatorCommand::Withdraw(terms) => {
                self.override_with(now, OverrideAction::Withdraw, terms, actor, notes)
            }
            OperatorCommand::Freeze(terms) => {
                self.override_with(now, OverrideAction::Freeze, terms, actor, notes)
            }
            OperatorCommand::Auto { reason } => self.release(now, actor, reason.as_deref(), notes),
            OperatorCommand::Failback { reason } => self.allow_failback(now, actor, reason.as_deref(), notes),
            OperatorCommand::Drill(plan) => self.begin_drill(now, plan, actor, isolation, notes),
        }
    }

    fn override_with(
        &mut self,
        now: Now,
        action: OverrideAction,
        terms: &OverrideOptions,
        actor: &str,
        notes: &mut Vec<CoreEvent>,
    ) -> Result<(), CommandRefused> {
        let until = terms.lasting.map(|lasting| end_of(now, lasting)).transpose()?;
        self.end_override(Some(actor), terms.reason.as_deref(), notes);
        // From here on the new word says where it stands.
        self.thawing = false;
        self.end_consent("an override came in between", notes);
        let over = Override {
            action,
            since: now.wall,
            until,
            reason: terms.reason.clone(),
            drain: terms.drain.filter(|_| action == OverrideAction::Withdraw),
            actor: actor.to_owned(),
        };
        notes.push(self.history(HistoryEvent::Override {
            action: over.action,
            until: over.until,
            reason: over.reason.clone(),
            actor: over.actor.clone(),
        }));
        self.remembered.overridden = Some(over);
        Ok(())
    }

    /// Nothing to end is no fault: what was asked for is so.
    fn release(
        &mut self,
        now: Now,
        actor: &str,
        reason: Option<&str>,
        notes: &mut Vec<CoreEvent>,
    ) -> Result<(), CommandRefused> {
        self.end_override(Some(actor), reason, notes);
        if self.remembered.latched_since.take().is_some() {
            self.remembered.switches.clear();
            notes.push(self.history(HistoryEvent::Released {
                actor: actor.to_owned(),
                reason: reason.map(str::to_owned),
            }));
        }
        let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        self.drill_news(now, &DrillEvent::Stop(format!("ended by {actor}{why}")), notes);
        Ok(())
    }

    /// Where a freeze ends, BIRD has to be read anew: somebody else may have changed it (D10).
    pub(crate) fn end_override(
        &mut self,
        actor: Option<&str>,
        reason: Option<&str>,
        notes: &mut Vec<CoreEvent>,
    ) {
        if let Some(over) = self.remembered.overridden.take() {
            self.thawing |= over.action == OverrideAction::Freeze && self.stance != Stance::Unsettled;
            notes.push(self.history(HistoryEvent::OverrideEnded {
                action: over.action,
                over: Some(over),
                actor: actor.map(str::to_owned),
                reason: reason.map(str::to_owned),
            }));
        }
    }

    /// What an operator allowed has to be allowed anew, and the operator is told.
    pub(crate) fn end_consent(&mut self, why: &str, notes: &mut Vec<CoreEvent>) {
        if let Some(consent) = self.remembered.consent.take() {
            notes.push(self.history(HistoryEvent::ConsentEnded {
                actor: consent.actor,
                text: why.to_owned(),
            }));
        }
    }

    fn allow_failback(
        &mut self,
        now: Now,
        actor: &str,
        reason: Option<&str>,
        notes: &mut Vec<CoreEvent>,
    ) -> Result<(), CommandRefused> {
        let name = &self.policy.name;
        let refuse = |why: &str| {
            Err(CommandRefused(format!(
                "no failback of {name} to let go ahead: {why}"
            )))
        };
        let waits = self.policy.failback == FailbackMode::Manual
            || self.policy.failback_window.is_some()
            || self.failback.retry.is_some();
        match (self.policy.role, self.stance) {
            (Role::Primary, _) => refuse("it has role primary"),
            (Role::Standby, Stance::Off) => refuse("it is not announced here"),
            (Role::Standby, Stance::Unsettled) if !self.contacted => refuse("BIRD has not been read yet"),
            (Role::Standby, Stance::Draining { .. }) => refuse("it is on its way"),
            (Role::Standby, Stance::Full | Stance::Unsettled) if self.overridden().is_some() => {
                refuse("an override is in force; `falconer auto` ends it")
            }
            (Role::Standby, Stance::Full | Stance::Unsettled) if self.latched_since().is_some() => {
                refuse("it is latched; `falconer auto` releases it")
            }
            (Role::Standby, Stance::Full | Stance::Unsettled) if !waits => {
                refuse("it waits for neither an operator nor a window")
            }
            (Role::Standby, Stance::Full | Stance::Unsettled) if self.verdict != Verdict::Up => {
                refuse("its target is not up")
            }
            (Role::Standby, Stance::Full | Stance::Unsettled) => {
                if let Some(retry) = &mut self.failback.retry {
                    retry.at = now.mono;
                }
                self.remembered.consent = Some(Consent {
                    since: now.wall,
                    reason: reason.map(str::to_owned),
                    actor: actor.to_owned(),
                });
                notes.push(self.history(HistoryEvent::FailbackAllowed {
                    actor: actor.to_owned(),
                    reason: reason.map(str::to_owned),
                }));
                Ok(())
            }
        }
    }
}

/// The end of an override that lasts so long.
fn end_of(now: Now, lasting: Duration) -> Result<Timestamp, CommandRefused> {
    SignedDuration::try_from(lasting)
        .ok()
        .and_then(|lasting| now.wall.checked_add(lasting).ok())
        .ok_or_else(|| {
            CommandRefused("that end is too far away; leave it out for an override without end".to_owned())
        })
}
