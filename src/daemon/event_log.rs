//! Events of the core in the log: a change is one line with old, new, rule and cause.

use jiff::Timestamp;

use crate::core::drill::DrillEnd;
use crate::core::event::DrillStep;
use crate::core::{CoreEvent, Site, stance_word};
use crate::model::history::HistoryEvent;
use crate::model::serving::ServingState;
use crate::model::snapshot::{DrillOutcome, Isolation, OverrideAction, ProbeState};

/// Logs one event.
pub(crate) fn tell(site: &Site, note: &CoreEvent) {
    let name = |service: usize| {
        let service = site.services().get(service);
        service.map_or("?", |service| service.policy().name.as_str())
    };
    match note {
        CoreEvent::History(service, what) => tell_history(service.map(name), what),
        CoreEvent::Drill(service, step) => tell_drill(name(*service), step),
    }
}

/// What the history keeps of the core.
fn tell_history(service: Option<&str>, what: &HistoryEvent) {
    match what {
        HistoryEvent::Transition(change) => {
            let (from, to) = (stance_word(change.from), stance_word(change.to));
            let (rule, verdict, cause) = (&change.rule, change.verdict.word(), &change.reason);
            tracing::info!(service, %from, %to, %rule, verdict, %cause, "wanted strength changed");
        }
        HistoryEvent::Verdict { from, to } => {
            let (from, to) = (from.word(), to.word());
            tracing::info!(service, from, to, rule = "D3", "verdict changed");
        }
        HistoryEvent::Probe {
            name,
            from,
            to,
            detail,
        } => tell_probe(service, name, *from, *to, detail),
        HistoryEvent::Isolated { from, state, .. } => tell_isolation(*from, *state),
        HistoryEvent::Serving { from, to, text } => tell_serving(service, *from, *to, text),
        HistoryEvent::Latched => {
            tracing::warn!(service, rule = "D9", "service latched: falconer auto releases it");
        }
        HistoryEvent::Released { actor, reason } => {
            let reason = reason.as_deref().unwrap_or("");
            tracing::info!(service, actor, reason, "latch released");
        }
        HistoryEvent::Override {
            action,
            until,
            reason,
            actor,
        } => tell_override(service, *action, *until, reason.as_deref(), actor),
        HistoryEvent::OverrideEnded {
            action,
            actor,
            reason,
            ..
        } => tell_override_ended(service, *action, actor.as_deref(), reason.as_deref()),
        HistoryEvent::FailbackAllowed { actor, reason } => {
            let reason = reason.as_deref().unwrap_or("");
            tracing::info!(service, actor, reason, "failback allowed");
        }
        HistoryEvent::ConsentEnded { actor, text: cause } => {
            tracing::info!(service, actor, cause, "failback has to be allowed again");
        }
        HistoryEvent::ClockStepped { by_ms } => {
            tracing::warn!(by_ms, "the wall clock was stepped: overrides keep their length");
        }
        HistoryEvent::Stalled { late_ms } => tell_stall(*late_ms),
        // These are not the core's: they are logged where they happen.
        HistoryEvent::Started { .. }
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
        | HistoryEvent::Readiness { .. } => {}
    }
}

fn tell_override(
    service: Option<&str>,
    action: OverrideAction,
    until: Option<Timestamp>,
    reason: Option<&str>,
    actor: &str,
) {
    let until = until.map(|until| format!("{until:.0}"));
    let until = until.as_deref().unwrap_or("the operator ends it");
    let (action, reason) = (action.word(), reason.unwrap_or(""));
    tracing::info!(service, action, until, actor, reason, "override began");
}

fn tell_override_ended(
    service: Option<&str>,
    action: OverrideAction,
    actor: Option<&str>,
    reason: Option<&str>,
) {
    let by = actor.unwrap_or("its time");
    let (action, reason) = (action.word(), reason.unwrap_or(""));
    tracing::info!(service, action, by, reason, "override ended");
}

fn tell_stall(late_ms: u64) {
    tracing::warn!(
        late_ms,
        rule = "D2",
        "process stalled: results under way are discarded"
    );
}

fn tell_serving(service: Option<&str>, from: ServingState, to: ServingState, cause: &str) {
    let from = from.word();
    match to {
        ServingState::No => {
            tracing::warn!(
                service,
                from,
                to = to.word(),
                rule = "D16",
                cause,
                "serving changed"
            );
        }
        ServingState::Yes | ServingState::Unknown => {
            tracing::info!(
                service,
                from,
                to = to.word(),
                rule = "D16",
                cause,
                "serving changed"
            );
        }
    }
}

fn tell_isolation(from: Option<Isolation>, state: Option<Isolation>) {
    let (from, to) = (from.map(Isolation::word), state.map(Isolation::word));
    match state {
        Some(Isolation::Isolated | Isolation::CutOff) => {
            tracing::warn!(from, to, rule = "D5", "isolation changed");
        }
        Some(Isolation::Connected | Isolation::Open) | None => {
            tracing::info!(from, to, rule = "D5", "isolation changed");
        }
    }
}

fn tell_drill(service: &str, step: &DrillStep) {
    match step {
        DrillStep::Began { plan, actor } => {
            let (strength, reason) = (plan.strength, plan.reason.as_deref().unwrap_or(""));
            let hold_ms = plan.hold.as_millis();
            tracing::info!(service, %strength, hold_ms, actor, reason, "drill began");
        }
        DrillStep::Carried => tracing::info!(service, "drill: enough upstreams carry the prefixes"),
        DrillStep::Watching => tracing::info!(service, "drill: withdrawn, watching the sessions"),
        DrillStep::Ending(DrillEnd { outcome, text }) => {
            tracing::info!(service, %outcome, text, "drill: withdrawing");
        }
        DrillStep::Ended { drill, end } if drill.plan().dry_run => {
            tracing::info!(
                service,
                text = end.text,
                "dry run of a drill ended: nothing was sent to BIRD"
            );
        }
        DrillStep::Ended { end, .. } if end.outcome == DrillOutcome::Failed => {
            tracing::error!(service, text = end.text, "drill failed");
        }
        DrillStep::Ended { end, .. } => {
            tracing::info!(service, outcome = %end.outcome, text = end.text, "drill ended");
        }
        DrillStep::Unverified => tracing::error!(service, "drill: its end was not seen"),
        DrillStep::Verified => tracing::info!(service, "drill: its end was seen"),
    }
}

fn tell_probe(service: Option<&str>, name: &str, from: ProbeState, to: ProbeState, cause: &str) {
    let (from, to) = (from.word(), to.word());
    match service {
        Some(service) => {
            tracing::info!(
                service,
                probe = name,
                from,
                to,
                rule = "D1",
                cause,
                "probe state changed"
            );
        }
        None => tracing::info!(
            witness = name,
            from,
            to,
            rule = "D1",
            cause,
            "witness state changed"
        ),
    }
}
