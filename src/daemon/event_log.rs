//! Events of the core in the log: a change is one line with old, new, rule and cause.

use crate::core::drill::DrillEnd;
use crate::core::event::DrillStep;
use crate::core::isolation::Isolation;
use crate::core::persistent::Override;
use crate::core::{CoreEvent, ProbeId, Site};
use crate::model::snapshot::{DrillOutcome, ProbeState};

/// Logs one event.
pub(crate) fn tell(site: &Site, note: &CoreEvent) {
    let name = |service: &usize| {
        site.services()
            .get(*service)
            .map_or("?", |service| &service.policy().name)
    };
    match note {
        CoreEvent::Switched {
            service,
            from,
            to,
            rule,
            reason,
            verdict,
            ..
        } => {
            tracing::info!(service = name(service), %from, %to, %rule, verdict = verdict.word(), cause = %reason, "wanted strength changed");
        }
        CoreEvent::Verdict { service, from, to } => {
            let (from, to) = (from.word(), to.word());
            tracing::info!(service = name(service), from, to, rule = "D3", "verdict changed");
        }
        CoreEvent::Probe {
            probe,
            from,
            to,
            detail,
        } => tell_probe(site, *probe, *from, *to, detail),
        CoreEvent::Isolation {
            from,
            to: to @ (Isolation::Isolated | Isolation::CutOff),
        } => {
            let (from, to) = (from.word(), to.word());
            tracing::warn!(from, to, rule = "D5", "isolation changed");
        }
        CoreEvent::Isolation { from, to } => {
            let (from, to) = (from.word(), to.word());
            tracing::info!(from, to, rule = "D5", "isolation changed");
        }
        CoreEvent::Latched { service } => {
            tracing::warn!(
                service = name(service),
                rule = "D9",
                "service latched: falconer auto releases it"
            );
        }
        CoreEvent::Released { .. }
        | CoreEvent::Overridden { .. }
        | CoreEvent::OverrideEnded { .. }
        | CoreEvent::FailbackAllowed { .. }
        | CoreEvent::ConsentEnded { .. } => tell_operator(site, note),
        CoreEvent::Drill { service, step } => tell_drill(name(service), step),
        CoreEvent::ClockStepped { by } => {
            let by_ms = by.as_millis();
            tracing::warn!(by_ms, "the wall clock was stepped: overrides keep their length");
        }
        CoreEvent::Stalled { late } => {
            tracing::warn!(
                late_ms = late.as_millis(),
                rule = "D2",
                "process stalled: results under way are discarded"
            );
        }
    }
}

/// What an operator asked for, or what became of it.
fn tell_operator(site: &Site, note: &CoreEvent) {
    let name = |service: &usize| {
        site.services()
            .get(*service)
            .map_or("?", |service| &service.policy().name)
    };
    match note {
        CoreEvent::Released {
            service,
            actor,
            reason,
        } => {
            let reason = reason.as_deref().unwrap_or("");
            tracing::info!(service = name(service), actor, reason, "latch released");
        }
        CoreEvent::Overridden { service, over } => tell_override(name(service), over),
        CoreEvent::OverrideEnded {
            service,
            over,
            actor,
            reason,
        } => {
            let by = actor.as_deref().unwrap_or("its time");
            let reason = reason.as_deref().unwrap_or("");
            let action = over.action.word();
            tracing::info!(service = name(service), action, by, reason, "override ended");
        }
        CoreEvent::FailbackAllowed {
            service,
            actor,
            reason,
        } => {
            let reason = reason.as_deref().unwrap_or("");
            tracing::info!(service = name(service), actor, reason, "failback allowed");
        }
        CoreEvent::ConsentEnded {
            service,
            consent,
            why,
        } => {
            let (actor, cause) = (&consent.actor, why);
            tracing::info!(
                service = name(service),
                actor,
                cause,
                "failback has to be allowed again"
            );
        }
        CoreEvent::Switched { .. }
        | CoreEvent::Verdict { .. }
        | CoreEvent::Probe { .. }
        | CoreEvent::Isolation { .. }
        | CoreEvent::Latched { .. }
        | CoreEvent::Drill { .. }
        | CoreEvent::ClockStepped { .. }
        | CoreEvent::Stalled { .. } => {}
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

fn tell_override(service: &str, over: &Override) {
    let until = over.until.map(|until| format!("{until:.0}"));
    let until = until.as_deref().unwrap_or("the operator ends it");
    let (action, actor) = (over.action.word(), &over.actor);
    let reason = over.reason.as_deref().unwrap_or("");
    tracing::info!(service, action, until, actor, reason, "override began");
}

fn tell_probe(site: &Site, probe: ProbeId, from: ProbeState, to: ProbeState, detail: &str) {
    let policy = site.policy(probe).map_or("?", |policy| &policy.name);
    let (from, to) = (from.word(), to.word());
    match probe {
        ProbeId::Service(service, _) => {
            let service = site
                .services()
                .get(service)
                .map_or("?", |service| &service.policy().name);
            tracing::info!(
                service,
                probe = policy,
                from,
                to,
                rule = "D1",
                cause = detail,
                "probe state changed"
            );
        }
        ProbeId::Witness(_) => {
            tracing::info!(
                witness = policy,
                from,
                to,
                rule = "D1",
                cause = detail,
                "witness state changed"
            );
        }
    }
}
