//! The history as people read it: `falconer history`. One line an entry, and the stages of a
//! takeover or failback as what each of them took.

use std::time::Duration;

use jiff::Timestamp;

use super::style::{NOTHING, TextStyle};
use super::table::{TableCell, TextTable, harmless};
use crate::config::duration;
use crate::model::history::{HistoryEntry, HistoryEvent};
use crate::model::readiness::ReadinessLevel;
use crate::model::serving::ServingState;
use crate::model::snapshot::{BirdState, FollowedState, Isolation, StageTimes, Strength};
use crate::model::strength;

/// The entries, in the order given, ending in a newline.
pub fn told(entries: &[HistoryEntry], style: &TextStyle) -> String {
    if entries.is_empty() {
        return "Nothing has happened yet.\n".to_owned();
    }
    let mut table = TextTable::new(&[("When", 23), ("Service", 10), ("Event", 10)], "Info");
    for entry in entries {
        let when = entry
            .at
            .to_zoned(style.zone.clone())
            .strftime("%Y-%m-%dT%H:%M:%S%.3f")
            .to_string();
        let (event, info) = words(&entry.what);
        let service = entry.service.as_deref().unwrap_or(NOTHING);
        table.row(
            vec![
                TableCell::new(when),
                TableCell::new(service),
                TableCell::new(event),
            ],
            TableCell::new(harmless(&info)),
        );
    }
    let mut out = String::new();
    table.write(&mut out, style.width, style.color);
    out
}

fn isolation(isolated: bool, state: Option<Isolation>) -> (&'static str, String) {
    match (isolated, state) {
        (true, _) | (false, Some(Isolation::Isolated)) => ("isolated", "too few witnesses answer".to_owned()),
        (false, None | Some(Isolation::Connected)) => ("connected", "enough witnesses answer".to_owned()),
        (false, Some(Isolation::CutOff)) => (
            "cut_off",
            "the near witnesses answer and the far ones do not".to_owned(),
        ),
        (false, Some(Isolation::Open)) => (
            "unknown",
            "too few witnesses are known to answer: nothing is taken over until they do".to_owned(),
        ),
    }
}

/// An operator's reason, where there is one.
fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// An apply of bird.conf.
fn apply(actor: Option<&str>, applied: bool, text: &str) -> (&'static str, String) {
    let word = if applied { "applied" } else { "not_applied" };
    let by = actor.unwrap_or("Falconer at its start");
    (word, format!("by {by}: {text}"))
}

fn reloaded(by: &str, text: Option<&str>, error: Option<&str>) -> String {
    match (error, text) {
        (None, None) => format!("by {by}: falconer.toml was read again"),
        (None, Some(text)) => format!("by {by}: {}", text.replace('\n', "; ")),
        (Some(error), _) => {
            let first = error.lines().next().unwrap_or_default();
            format!("by {by}: refused, the old one stays in force: {first}")
        }
    }
}

/// The kind of an entry, and the rest of it.
fn words(what: &HistoryEvent) -> (&'static str, String) {
    match what {
        HistoryEvent::Started { version } => ("started", format!("version {version}")),
        HistoryEvent::Stopped { why } => ("stopped", why.clone()),
        HistoryEvent::Reloaded { actor, text, error } => {
            let by = actor.as_deref().unwrap_or("SIGHUP");
            ("reloaded", reloaded(by, text.as_deref(), error.as_deref()))
        }
        HistoryEvent::Applied { actor, applied, text } => apply(actor.as_deref(), *applied, text),
        HistoryEvent::Transition(change) => {
            let (from, to) = (strength::word(change.from), strength::word(change.to));
            (
                "transition",
                format!("{from} -> {to} by {}: {}", change.rule, change.reason),
            )
        }
        HistoryEvent::Done { stages, .. } => ("done", took(stages)),
        HistoryEvent::Followed { .. } => ("followed", followed(what)),
        HistoryEvent::Verdict { from, to } => ("verdict", format!("{} -> {}", from.word(), to.word())),
        HistoryEvent::Probe {
            name,
            from,
            to,
            detail,
        } => (
            "probe",
            format!("{name} {} -> {}: {detail}", from.word(), to.word()),
        ),
        HistoryEvent::Isolated { isolated, state, .. } => isolation(*isolated, *state),
        HistoryEvent::Serving { from, to, text } => ("serving", serving(*from, *to, text)),
        HistoryEvent::Latched => (
            "latched",
            "flapped too often; falconer auto releases it".to_owned(),
        ),
        HistoryEvent::Released { .. }
        | HistoryEvent::Override { .. }
        | HistoryEvent::OverrideEnded { .. }
        | HistoryEvent::FailbackAllowed { .. }
        | HistoryEvent::ConsentEnded { .. } => operator(what),
        HistoryEvent::DrillStarted {
            strength,
            hold,
            reason,
            actor,
        } => ("drill", drilled(*strength, hold, reason.as_deref(), actor)),
        HistoryEvent::DrillEnded { report } => ("drill", format!("{}: {}", report.outcome, report.text)),
        HistoryEvent::Drift { text } => ("drift", text.clone()),
        HistoryEvent::Mended {
            protocol,
            enabled,
            times,
            next_wait_ms,
        } => ("mended", mended(protocol, *enabled, times.zip(*next_wait_ms))),
        HistoryEvent::Failed { text } => ("failed", text.clone()),
        HistoryEvent::Bird { from, to, error } => ("bird", bird(*from, *to, error.as_deref())),
        HistoryEvent::Alarm {
            code,
            text: Some(text),
            ..
        } => ("alarm", format!("{}: {text}", code.word())),
        HistoryEvent::Alarm { code, text: None, .. } => ("cleared", code.word().to_owned()),
        HistoryEvent::Readiness { from, to, problems } => ("readiness", readiness(*from, *to, problems)),
        HistoryEvent::ClockStepped { by_ms } => (
            "clock",
            format!("stepped by {by_ms} ms; overrides keep their length"),
        ),
        HistoryEvent::Stalled { late_ms } => {
            ("stalled", format!("woken {late_ms} ms late; results thrown away"))
        }
    }
}

/// What an operator asked for, or what became of it.
fn operator(what: &HistoryEvent) -> (&'static str, String) {
    match what {
        HistoryEvent::Released { actor, reason } => {
            ("released", format!("by {actor}{}", because(reason.as_deref())))
        }
        HistoryEvent::Override {
            action: wanted,
            until,
            reason,
            actor,
        } => (
            "override",
            overridden(wanted.word(), *until, reason.as_deref(), actor),
        ),
        HistoryEvent::OverrideEnded {
            action: wanted,
            actor,
            reason,
            ..
        } => {
            let by = actor.as_deref().unwrap_or("its time");
            let why = because(reason.as_deref());
            ("ended", format!("{}, ended by {by}{why}", wanted.word()))
        }
        HistoryEvent::FailbackAllowed { actor, reason } => {
            let why = because(reason.as_deref());
            ("failback", format!("allowed by {actor}{why}"))
        }
        HistoryEvent::ConsentEnded { actor, text } => {
            ("failback", format!("{actor} has to allow it again: {text}"))
        }
        HistoryEvent::Started { .. }
        | HistoryEvent::Stopped { .. }
        | HistoryEvent::Reloaded { .. }
        | HistoryEvent::Applied { .. }
        | HistoryEvent::Transition(_)
        | HistoryEvent::Done { .. }
        | HistoryEvent::Followed { .. }
        | HistoryEvent::Verdict { .. }
        | HistoryEvent::Probe { .. }
        | HistoryEvent::Isolated { .. }
        | HistoryEvent::Serving { .. }
        | HistoryEvent::Latched
        | HistoryEvent::DrillStarted { .. }
        | HistoryEvent::DrillEnded { .. }
        | HistoryEvent::Drift { .. }
        | HistoryEvent::Mended { .. }
        | HistoryEvent::Failed { .. }
        | HistoryEvent::Bird { .. }
        | HistoryEvent::Alarm { .. }
        | HistoryEvent::Readiness { .. }
        | HistoryEvent::ClockStepped { .. }
        | HistoryEvent::Stalled { .. } => (what.word(), String::new()),
    }
}

/// Which way an upstream prefers; with the last of them how long each stage took.
fn followed(what: &HistoryEvent) -> String {
    let HistoryEvent::Followed {
        upstream,
        state,
        stages,
        ..
    } = what
    else {
        return String::new();
    };
    let stages = stages.as_ref().map(|stages| format!("; {}", took(stages)));
    let stages = stages.unwrap_or_default();
    match state {
        FollowedState::Follows => format!("{upstream} prefers our route{stages}"),
        FollowedState::PrefersAnother => format!("{upstream} prefers another way than ours"),
        FollowedState::CannotBeHeard => {
            format!("{upstream} cannot be heard: which way it prefers is unknown")
        }
    }
}

/// What was put back, how often, and how long the next mend will wait.
fn mended(protocol: &str, enabled: bool, repeated: Option<(u64, u64)>) -> String {
    let done = if enabled { "enabled" } else { "disabled" };
    match repeated {
        Some((times, wait_ms)) => format!(
            "{protocol} {done} again, mend {times} within flap_window; the next one will wait {}",
            duration::format(Duration::from_millis(wait_ms))
        ),
        None => format!("{protocol} {done} again after BIRD was restarted"),
    }
}

/// Whether this site serves, and why not.
fn serving(from: ServingState, to: ServingState, text: &str) -> String {
    let why = match text.is_empty() {
        true => String::new(),
        false => format!(": {text}"),
    };
    format!("{} -> {}{why}", from.word(), to.word())
}

/// Whether we would take over, and why not.
fn readiness(from: Option<ReadinessLevel>, to: ReadinessLevel, problems: &[String]) -> String {
    let from = from.map_or(NOTHING, ReadinessLevel::word);
    let why = problems
        .first()
        .map(|worst| format!(": {worst}"))
        .unwrap_or_default();
    let more = match problems.len() {
        0 | 1 => String::new(),
        number => format!(" (and {} more)", number - 1),
    };
    format!("{from} -> {}{why}{more}", to.word())
}

fn drilled(wanted: Strength, hold: &str, reason: Option<&str>, actor: &str) -> String {
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("at strength {wanted} for {hold} by {actor}{reason}")
}

fn overridden(wanted: &str, until: Option<Timestamp>, reason: Option<&str>, actor: &str) -> String {
    let until = until
        .map(|until| format!(" until {until:.0}"))
        .unwrap_or_default();
    format!("{wanted} by {actor}{until}{}", because(reason))
}

/// What each stage took after the one before it, in the order in which they were reached.
fn took(stages: &StageTimes) -> String {
    let mut words = String::new();
    let mut before = None;
    for (at, stage) in stages.reached() {
        match before.replace(at) {
            None => words.push_str(stage),
            Some(earlier) => {
                let millis = at.duration_since(earlier).as_millis();
                words.push_str(&format!(", {stage} +{}.{:03} s", millis / 1000, millis % 1000));
            }
        }
    }
    words
}

fn bird(from: BirdState, to: BirdState, error: Option<&str>) -> String {
    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
    format!("{} -> {}{error}", from.word(), to.word())
}

#[cfg(test)]
mod tests;
