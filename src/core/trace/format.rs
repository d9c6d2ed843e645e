//! A note in words, one line each: for `falconer simulate`.

use crate::config::duration;
use crate::config::model::Config;
use crate::core::event::{CoreEvent, DrillStep, ProbeId};
use crate::core::isolation::Isolation;
use crate::core::persistent::Override;

/// A note in words: what, from and to, the rule, and the cause.
pub fn tell(config: &Config, note: &CoreEvent) -> String {
    let service = |index: &usize| {
        config
            .services
            .get(*index)
            .map_or("?", |service| service.name.as_str())
    };
    match note {
        CoreEvent::Switched {
            service: of,
            from,
            to,
            rule,
            reason,
            ..
        } => format!("{}: {from} -> {to} by {rule}: {reason}", service(of)),
        CoreEvent::Verdict {
            service: of,
            from,
            to,
        } => {
            format!("{}: verdict {} -> {}", service(of), from.word(), to.word())
        }
        CoreEvent::Probe {
            probe,
            from,
            to,
            detail,
        } => format!(
            "{}: {} -> {}: {detail}",
            probe_name(config, *probe),
            from.word(),
            to.word()
        ),
        CoreEvent::Isolation { from, to } => {
            let why = match to {
                Isolation::Open => ": too few witnesses are known to be up",
                Isolation::Connected | Isolation::Isolated | Isolation::CutOff => "",
            };
            format!("site: {} -> {}{why}", isolation(*from), isolation(*to))
        }
        CoreEvent::Latched { service: of } => {
            format!("{}: latched after too many switches, until auto", service(of))
        }
        CoreEvent::Released { .. }
        | CoreEvent::Overridden { .. }
        | CoreEvent::OverrideEnded { .. }
        | CoreEvent::FailbackAllowed { .. }
        | CoreEvent::ConsentEnded { .. } => operator_words(config, note),
        CoreEvent::Drill { service: of, step } => format!("{}: drill {}", service(of), drill_words(step)),
        CoreEvent::ClockStepped { by } => format!("site: the wall clock was stepped by {by:#}"),
        CoreEvent::Stalled { late } => format!(
            "site: stalled for {}: results thrown away",
            duration::format(*late)
        ),
    }
}

/// What an operator asked for, or what became of it.
fn operator_words(config: &Config, note: &CoreEvent) -> String {
    let service = |index: &usize| {
        config
            .services
            .get(*index)
            .map_or("?", |service| service.name.as_str())
    };
    match note {
        CoreEvent::Released {
            service: of,
            actor,
            reason,
        } => format!("{}: latch released by {actor}{}", service(of), because(reason)),
        CoreEvent::Overridden { service: of, over } => {
            format!("{}: override begins: {}", service(of), override_words(over))
        }
        CoreEvent::OverrideEnded {
            service: of,
            over,
            actor,
            reason,
        } => match actor {
            Some(actor) => format!(
                "{}: override ended by {actor}{}: {}",
                service(of),
                because(reason),
                override_words(over)
            ),
            None => format!("{}: override ran out: {}", service(of), override_words(over)),
        },
        CoreEvent::FailbackAllowed {
            service: of,
            actor,
            reason,
        } => {
            format!("{}: failback allowed by {actor}{}", service(of), because(reason))
        }
        CoreEvent::ConsentEnded {
            service: of,
            consent,
            why,
        } => format!(
            "{}: the failback that {} allowed has to be allowed again: {why}",
            service(of),
            consent.actor
        ),
        CoreEvent::Switched { .. }
        | CoreEvent::Verdict { .. }
        | CoreEvent::Probe { .. }
        | CoreEvent::Isolation { .. }
        | CoreEvent::Latched { .. }
        | CoreEvent::Drill { .. }
        | CoreEvent::ClockStepped { .. }
        | CoreEvent::Stalled { .. } => String::new(),
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

fn override_words(over: &Override) -> String {
    let action = over.action.word();
    let until = over
        .until
        .map_or_else(String::new, |until| format!(" until {until:.0}"));
    format!("{action} by {}{until}{}", over.actor, because(&over.reason))
}

fn because(reason: &Option<String>) -> String {
    reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(" ({reason})"))
}

fn probe_name(config: &Config, probe: ProbeId) -> String {
    let name = match probe {
        ProbeId::Service(service, probe) => config.services.get(service).and_then(|service| {
            let probe = service.probes.get(probe)?;
            Some(format!("{}/{}", service.name, probe.name))
        }),
        ProbeId::Witness(witness) => config
            .witnesses
            .get(witness)
            .map(|probe| format!("witness/{}", probe.name)),
    };
    name.unwrap_or_else(|| "?".to_owned())
}

fn isolation(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Connected => "connected",
        Isolation::Open => "unknown",
        Isolation::Isolated => "isolated",
        Isolation::CutOff => "cut off from where the primary is",
    }
}
