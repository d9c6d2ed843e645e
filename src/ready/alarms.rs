//! The alarms: readiness is never better than those that stand. An alarm that another check speaks of is
//! not told twice.

use super::facts::ReadinessFacts;
use crate::model::message::coded;
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::{Alarm, AlarmCode};
use crate::ready::wording::text_of;

/// One check for each alarm of a service, of an upstream of one, or of the site, that none of `checks` is
/// the answer to.
pub(crate) fn check(facts: &ReadinessFacts<'_>, checks: &[ReadinessCheck]) -> Vec<ReadinessCheck> {
    let alarms = facts.snapshot.alarms.iter();
    let told = |alarm: &&Alarm| {
        let told = |check: &ReadinessCheck| {
            let same = alarm.service.is_none() || check.service.is_none() || check.service == alarm.service;
            check.level != ReadinessLevel::Ok && same && spoken_of_by(alarm.code).contains(&check.code)
        };
        checks.iter().any(told)
    };
    let mut standing: Vec<ReadinessCheck> = alarms
        .filter(|alarm| concerns_us(facts, alarm))
        .filter(|alarm| !told(alarm))
        .map(amiss)
        .collect();
    if standing.is_empty() {
        standing.push(ReadinessCheck::ok(
            ReadinessCode::Alarms,
            coded!("no_other_alarm", "no alarm besides those that other checks name"),
        ));
    }
    standing
}

/// An upstream that no service uses is nobody's, and so is a service that was configured until just now.
fn concerns_us(facts: &ReadinessFacts<'_>, alarm: &Alarm) -> bool {
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
fn spoken_of_by(alarm: AlarmCode) -> &'static [ReadinessCode] {
    match alarm {
        AlarmCode::Isolated | AlarmCode::CutOff => &[ReadinessCode::Witnesses],
        AlarmCode::Latched => &[ReadinessCode::Latch],
        AlarmCode::Override => &[ReadinessCode::Override],
        AlarmCode::BirdDown => &[ReadinessCode::Bird],
        AlarmCode::UpstreamDown => &[ReadinessCode::Upstreams],
        AlarmCode::StateDir => &[ReadinessCode::StateDir, ReadinessCode::StateFiles],
        AlarmCode::RenderDrift => &[ReadinessCode::RenderedFile],
        AlarmCode::ForeignRoutes => &[ReadinessCode::Protocols],
        AlarmCode::Probe => &[
            ReadinessCode::Probes,
            ReadinessCode::Witnesses,
            ReadinessCode::Serving,
        ],
        AlarmCode::NotServing => &[ReadinessCode::Serving],
        AlarmCode::Drill => &[ReadinessCode::State],
        AlarmCode::NotExported
        | AlarmCode::Drift
        | AlarmCode::ForeignAnnouncement
        | AlarmCode::Lease
        | AlarmCode::Tunnel
        | AlarmCode::Rival => &[],
    }
}

/// What is not carried now, or undone now, would not be carried in an outage either.
fn amiss(alarm: &Alarm) -> ReadinessCheck {
    let level = match alarm.code {
        AlarmCode::NotExported
        | AlarmCode::BirdDown
        | AlarmCode::Isolated
        | AlarmCode::CutOff
        | AlarmCode::NotServing
        | AlarmCode::ForeignRoutes => ReadinessLevel::No,
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
        | AlarmCode::Drill
        | AlarmCode::Rival => ReadinessLevel::Warning,
    };
    let (code, text) = (alarm.code.word(), text_of(alarm));
    let check = ReadinessCheck::amiss(
        ReadinessCode::Alarms,
        level,
        coded!("alarm_stands", "alarm {code}: {text}", code, text),
        coded!("status_shows_alarm", "`falconer status` shows when it is cleared"),
    );
    match &alarm.service {
        Some(service) => check.service(service),
        None => check,
    }
}
