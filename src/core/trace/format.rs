//! A note in words, one line each: for `falconer simulate`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::duration;
use crate::config::model::Config;
use crate::core::decide::stance_word;
use crate::core::event::{CoreEvent, DrillStep};
use crate::model::history::HistoryEvent;
use crate::model::serving::ServingState;
use crate::model::snapshot::{Isolation, OverrideAction};

/// A note in words: what, from and to, the rule, and the cause.
pub fn tell(config: &Config, note: &CoreEvent) -> String {
    let name = |service: usize| {
        let service = config.services.get(service);
        service.map_or("?", |service| service.name.as_str())
    };
    match note {
        CoreEvent::History(
            service,
            HistoryEvent::Probe {
                name: probe,
                from,
                to,
                detail,
            },
        ) => {
            let of = service.map_or("witness", name);
            format!("{of}/{probe}: {} -> {}: {detail}", from.word(), to.word())
        }
        CoreEvent::History(service, what) => {
            format!("{}: {}", service.map_or("site", name), history_words(what))
        }
        CoreEvent::Drill(service, step) => format!("{}: drill {}", name(*service), drill_words(step)),
    }
}

fn history_words(what: &HistoryEvent) -> String {
    match what {
        HistoryEvent::Transition(change) => {
            let (from, to) = (stance_word(change.from), stance_word(change.to));
            format!("{from} -> {to} by {}: {}", change.rule, change.reason)
        }
        HistoryEvent::Verdict { from, to } => format!("verdict {} -> {}", from.word(), to.word()),
        HistoryEvent::Isolated { from, state, .. } => {
            let why = match state {
                Some(Isolation::Open) => ": too few witnesses are known to be up",
                Some(Isolation::Connected | Isolation::Isolated | Isolation::CutOff) | None => "",
            };
            format!("{} -> {}{why}", isolation_words(*from), isolation_words(*state))
        }
        HistoryEvent::Serving { from, to, text } => serving_words(*from, *to, text),
        HistoryEvent::Latched => "latched after too many switches, until auto".to_owned(),
        HistoryEvent::Released { actor, reason } => format!("latch released by {actor}{}", because(reason)),
        HistoryEvent::Override {
            action,
            until,
            reason,
            actor,
        } => {
            format!(
                "override begins: {}",
                override_words(*action, *until, reason, actor)
            )
        }
        HistoryEvent::OverrideEnded {
            over, actor, reason, ..
        } => {
            let over = over.as_ref();
            let over = over.map(|over| override_words(over.action, over.until, &over.reason, &over.actor));
            let over = over.unwrap_or_default();
            match actor {
                Some(actor) => format!("override ended by {actor}{}: {over}", because(reason)),
                None => format!("override ran out: {over}"),
            }
        }
        HistoryEvent::FailbackAllowed { actor, reason } => {
            format!("failback allowed by {actor}{}", because(reason))
        }
        HistoryEvent::ConsentEnded { actor, text } => {
            format!("the failback that {actor} allowed has to be allowed again: {text}")
        }
        HistoryEvent::ClockStepped { by_ms } => {
            format!(
                "the wall clock was stepped by {:#}",
                SignedDuration::from_millis(*by_ms)
            )
        }
        HistoryEvent::Stalled { late_ms } => {
            let late = duration::format(Duration::from_millis(*late_ms));
            format!("stalled for {late}: results thrown away")
        }
        // The first is told above; the others are not the core's.
        HistoryEvent::Probe { .. }
        | HistoryEvent::Started { .. }
        | HistoryEvent::Stopped { .. }
        | HistoryEvent::Reloaded { .. }
        | HistoryEvent::Applied { .. }
        | HistoryEvent::Done { .. }
        | HistoryEvent::Followed { .. }
        | HistoryEvent::DrillStarted { .. }
        | HistoryEvent::DrillEnded { .. }
        | HistoryEvent::Drift { .. }
        | HistoryEvent::Mended { .. }
        | HistoryEvent::Failed { .. }
        | HistoryEvent::Bird { .. }
        | HistoryEvent::Alarm { .. }
        | HistoryEvent::Readiness { .. } => what.word().to_owned(),
    }
}

fn drill_words(step: &DrillStep) -> String {
    match step {
        DrillStep::Began { plan, actor } => format!("at strength {} begins, by {actor}", plan.strength),
        DrillStep::Carried => "is carried by enough upstreams".to_owned(),
        DrillStep::Watching => "is watched until it has ended".to_owned(),
        DrillStep::Ending(end) => format!("ends, {}: {}", end.outcome, end.text),
        DrillStep::Ended { end, .. } => format!("{}: {}", end.outcome, end.text),
        DrillStep::Unverified => "is not seen to be over".to_owned(),
        DrillStep::Verified => "is seen to be over".to_owned(),
    }
}

fn override_words(
    action: OverrideAction,
    until: Option<Timestamp>,
    reason: &Option<String>,
    actor: &str,
) -> String {
    let until = until.map_or_else(String::new, |until| format!(" until {until:.0}"));
    format!("{} by {actor}{until}{}", action.word(), because(reason))
}

fn because(reason: &Option<String>) -> String {
    reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(" ({reason})"))
}

fn serving_words(from: ServingState, to: ServingState, text: &str) -> String {
    let why = match text.is_empty() {
        true => String::new(),
        false => format!(": {text}"),
    };
    format!("serving {} -> {}{why}", from.word(), to.word())
}

fn isolation_words(isolation: Option<Isolation>) -> &'static str {
    match isolation {
        Some(Isolation::Connected) => "connected",
        Some(Isolation::Open) | None => "unknown",
        Some(Isolation::Isolated) => "isolated",
        Some(Isolation::CutOff) => "cut off from where the primary is",
    }
}
