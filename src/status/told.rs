//! The history as people read it: `falconer history`. One line an entry, and the stages of a
//! takeover or failback as what each of them took.

use std::time::Duration;

use jiff::Timestamp;

use super::table::{Cell, Table, harmless};
use super::text::{NOTHING, Style, action, alarm_word, probe_state, strength, verdict_word};
use crate::config::duration;
use crate::history::{Entry, What};
use crate::ready::Level;
use crate::status::snapshot::{BirdState, Stages, Strength};

/// The entries, in the order given, ending in a newline.
pub fn told(entries: &[Entry], style: &Style) -> String {
    if entries.is_empty() {
        return "Nothing has happened yet.\n".to_owned();
    }
    let mut table = Table::new(&[("When", 23), ("Service", 10), ("Event", 10)], "Info");
    for entry in entries {
        let when = entry
            .at
            .to_zoned(style.zone.clone())
            .strftime("%Y-%m-%dT%H:%M:%S%.3f")
            .to_string();
        let (event, info) = words(&entry.what);
        let service = entry.service.as_deref().unwrap_or(NOTHING);
        table.row(
            vec![Cell::new(when), Cell::new(service), Cell::new(event)],
            Cell::new(harmless(&info)),
        );
    }
    let mut out = String::new();
    table.write(&mut out, style.width, style.color);
    out
}

fn isolation(isolated: bool, state: Option<&str>) -> (&'static str, String) {
    match (isolated, state) {
        (true, _) => ("isolated", "too few witnesses answer".to_owned()),
        (false, None | Some("connected")) => ("connected", "enough witnesses answer".to_owned()),
        (false, Some("cut_off")) => (
            "cut_off",
            "the near witnesses answer and the far ones do not".to_owned(),
        ),
        (false, Some("open")) => (
            "unknown",
            "too few witnesses are known to answer: nothing is taken over until they do".to_owned(),
        ),
        (false, Some(state)) => ("witnesses", state.to_owned()),
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
fn words(what: &What) -> (&'static str, String) {
    match what {
        What::Started { version } => ("started", format!("version {version}")),
        What::Stopped { why } => ("stopped", why.clone()),
        What::Reloaded { actor, text, error } => {
            let by = actor.as_deref().unwrap_or("SIGHUP");
            ("reloaded", reloaded(by, text.as_deref(), error.as_deref()))
        }
        What::Applied { actor, applied, text } => apply(actor.as_deref(), *applied, text),
        What::Transition(change) => {
            let (from, to) = (strength(change.from), strength(change.to));
            (
                "transition",
                format!("{from} -> {to} by {}: {}", change.rule, change.reason),
            )
        }
        What::Done { stages, .. } => ("done", took(stages)),
        What::Verdict { from, to } => (
            "verdict",
            format!("{} -> {}", verdict_word(*from), verdict_word(*to)),
        ),
        What::Probe {
            name,
            from,
            to,
            detail,
        } => (
            "probe",
            format!("{name} {} -> {}: {detail}", probe_state(*from), probe_state(*to)),
        ),
        What::Isolated { isolated, state } => isolation(*isolated, state.as_deref()),
        What::Latched => (
            "latched",
            "flapped too often; falconer auto releases it".to_owned(),
        ),
        What::Released { .. }
        | What::Override { .. }
        | What::OverrideEnded { .. }
        | What::FailbackAllowed { .. }
        | What::ConsentEnded { .. } => operator(what),
        What::DrillStarted {
            strength,
            hold,
            reason,
            actor,
        } => ("drill", drilled(*strength, hold, reason.as_deref(), actor)),
        What::DrillEnded { report } => ("drill", format!("{}: {}", report.outcome, report.text)),
        What::Drift { text } => ("drift", text.clone()),
        What::Mended {
            protocol,
            enabled,
            times,
            next_wait_ms,
        } => ("mended", mended(protocol, *enabled, times.zip(*next_wait_ms))),
        What::Failed { text } => ("failed", text.clone()),
        What::Bird { from, to, error } => ("bird", bird(*from, *to, error.as_deref())),
        What::Alarm {
            code,
            text: Some(text),
        } => ("alarm", format!("{}: {text}", alarm_word(*code))),
        What::Alarm { code, text: None } => ("cleared", alarm_word(*code).to_owned()),
        What::Readiness { from, to, problems } => ("readiness", readiness(*from, *to, problems)),
        What::ClockStepped { by_ms } => (
            "clock",
            format!("stepped by {by_ms} ms; overrides keep their length"),
        ),
        What::Stalled { late_ms } => ("stalled", format!("woken {late_ms} ms late; results thrown away")),
    }
}

/// What an operator asked for, or what became of it.
fn operator(what: &What) -> (&'static str, String) {
    match what {
        What::Released { actor, reason } => ("released", format!("by {actor}{}", because(reason.as_deref()))),
        What::Override {
            action: wanted,
            until,
            reason,
            actor,
        } => (
            "override",
            overridden(action(*wanted), *until, reason.as_deref(), actor),
        ),
        What::OverrideEnded {
            action: wanted,
            actor,
            reason,
        } => {
            let by = actor.as_deref().unwrap_or("its time");
            let why = because(reason.as_deref());
            ("ended", format!("{}, ended by {by}{why}", action(*wanted)))
        }
        What::FailbackAllowed { actor, reason } => {
            let why = because(reason.as_deref());
            ("failback", format!("allowed by {actor}{why}"))
        }
        What::ConsentEnded { actor, text } => ("failback", format!("{actor} has to allow it again: {text}")),
        What::Started { .. }
        | What::Stopped { .. }
        | What::Reloaded { .. }
        | What::Applied { .. }
        | What::Transition(_)
        | What::Done { .. }
        | What::Verdict { .. }
        | What::Probe { .. }
        | What::Isolated { .. }
        | What::Latched
        | What::DrillStarted { .. }
        | What::DrillEnded { .. }
        | What::Drift { .. }
        | What::Mended { .. }
        | What::Failed { .. }
        | What::Bird { .. }
        | What::Alarm { .. }
        | What::Readiness { .. }
        | What::ClockStepped { .. }
        | What::Stalled { .. } => (what.word(), String::new()),
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

/// Whether we would take over, and why not.
fn readiness(from: Option<Level>, to: Level, problems: &[String]) -> String {
    let from = from.map_or(NOTHING, Level::word);
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
    format!("at strength {} for {hold} by {actor}{reason}", strength(wanted))
}

fn overridden(wanted: &str, until: Option<Timestamp>, reason: Option<&str>, actor: &str) -> String {
    let until = until
        .map(|until| format!(" until {until:.0}"))
        .unwrap_or_default();
    format!("{wanted} by {actor}{until}{}", because(reason))
}

/// What each stage took after the one before it, in the order in which they were reached.
fn took(stages: &Stages) -> String {
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
    format!("{} -> {}{error}", bird_state(from), bird_state(to))
}

fn bird_state(state: BirdState) -> &'static str {
    match state {
        BirdState::Up => "up",
        BirdState::Busy => "busy",
        BirdState::Down => "down",
    }
}

#[cfg(test)]
mod tests;
