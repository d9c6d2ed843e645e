//! The alarms: readiness is never better than those that stand. An alarm that another check speaks of is
//! not told twice.

use super::facts::Facts;
use super::{Check, Code, Level};
use crate::status::snapshot::{Alarm, AlarmCode};

/// One check for each alarm of a service, of an upstream of one, or of the site, that none of `checks` is
/// the answer to.
pub(super) fn check(facts: &Facts<'_>, checks: &[Check]) -> Vec<Check> {
    let alarms = facts.snapshot.alarms.iter();
    let told = |alarm: &&Alarm| {
        let told = |check: &Check| {
            let same = alarm.service.is_none() || check.service.is_none() || check.service == alarm.service;
            check.level != Level::Ok && same && spoken_of_by(alarm.code).contains(&check.code)
        };
        checks.iter().any(told)
    };
    let mut standing: Vec<Check> = alarms
        .filter(|alarm| concerns_us(facts, alarm))
        .filter(|alarm| !told(alarm))
        .map(amiss)
        .collect();
    if standing.is_empty() {
        standing.push(Check::ok(
            Code::Alarms,
            "none stands that no other check speaks of",
        ));
    }
    standing
}

/// An upstream that no service uses is nobody's, and so is a service that was configured until just now.
fn concerns_us(facts: &Facts<'_>, alarm: &Alarm) -> bool {
    if let Some(name) = &alarm.service {
        return facts.config.services.iter().any(|service| service.name == *name);
    }
    if alarm.code != AlarmCode::UpstreamDown {
        return true;
    }
    let upstreams = facts.config.upstreams.iter();
    let mut of = upstreams.filter(|upstream| {
        let rest = alarm.text.strip_prefix(upstream.name.as_str());
        rest.is_some_and(|rest| rest.starts_with([' ', ':']))
    });
    let used = |name: &String| {
        let mut services = facts.config.services.iter();
        services.any(|service| service.upstreams.contains(name))
    };
    of.next().is_none_or(|upstream| used(&upstream.name))
}

/// Which checks are decided from the same thing.
fn spoken_of_by(alarm: AlarmCode) -> &'static [Code] {
    match alarm {
        AlarmCode::Isolated | AlarmCode::CutOff => &[Code::Witnesses],
        AlarmCode::Latched => &[Code::Latch],
        AlarmCode::Override => &[Code::Override],
        AlarmCode::BirdDown => &[Code::Bird],
        AlarmCode::UpstreamDown => &[Code::Upstreams],
        AlarmCode::StateDir => &[Code::StateDir, Code::StateFiles],
        AlarmCode::RenderDrift => &[Code::RenderedFile],
        AlarmCode::ForeignRoutes => &[Code::Protocols],
        AlarmCode::Probe => &[Code::Probes, Code::Witnesses],
        AlarmCode::Drill => &[Code::State],
        AlarmCode::NotExported
        | AlarmCode::Drift
        | AlarmCode::ForeignAnnouncement
        | AlarmCode::Lease
        | AlarmCode::Tunnel => &[],
    }
}

/// What is not carried now, or undone now, would not be carried in an outage either.
fn amiss(alarm: &Alarm) -> Check {
    let level = match alarm.code {
        AlarmCode::NotExported
        | AlarmCode::BirdDown
        | AlarmCode::Isolated
        | AlarmCode::CutOff
        | AlarmCode::ForeignRoutes => Level::No,
        AlarmCode::Drift
        | AlarmCode::ForeignAnnouncement
        | AlarmCode::Latched
        | AlarmCode::Override
        | AlarmCode::UpstreamDown
        | AlarmCode::StateDir
        | AlarmCode::RenderDrift
        | AlarmCode::Lease
        | AlarmCode::Tunnel
        | AlarmCode::Probe
        | AlarmCode::Drill => Level::Warning,
    };
    let check = Check::amiss(
        Code::Alarms,
        level,
        format!("an alarm stands, {}: {}", alarm.code.word(), alarm.text),
        "`falconer status` shows when it is gone",
    );
    match &alarm.service {
        Some(service) => check.service(service),
        None => check,
    }
}
