//! The services: can their probes be made and settle the verdict, and would anything stop what
//! follows from it?

use jiff::Timestamp;

use super::facts::Facts;
use super::{Check, Code, Level, list};
use crate::config::model::{self, Role};
use crate::failover::verdict::{Ballot, verdict};
use crate::status::snapshot::{Action, Outcome, Override, Probe, ProbeState, Service, Strength, Verdict};

/// Every service with its part of the configuration. Around a reload the two may differ for a moment.
pub(super) fn pairs<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a model::Service, &'a Service)> {
    let shown = &facts.snapshot.services;
    let policies = facts.config.services.iter();
    policies.filter_map(|policy| Some((policy, shown.iter().find(|shown| shown.name == policy.name)?)))
}

/// The probes, overrides and latches.
pub(super) fn check(facts: &Facts<'_>) -> Vec<Check> {
    let now = facts.snapshot.at;
    let of_service = |(policy, service): (&model::Service, &Service)| {
        let checks = [
            probes(policy, service),
            override_check(service, now).into_iter().collect(),
            latch(policy, service).into_iter().collect(),
        ];
        checks.concat()
    };
    pairs(facts).flat_map(of_service).collect()
}

fn probes(policy: &model::Service, service: &Service) -> Vec<Check> {
    let name = &service.name;
    let blind: Vec<&Probe> = service.probes.iter().filter(|probe| is_blind(probe)).collect();
    let known = service.probes.iter().filter(|probe| !probe.never_passed);
    let unasked = known.filter(|probe| probe.last.is_none()).count();
    let level = without(policy, service);
    let mut checks: Vec<Check> = blind
        .iter()
        .map(|probe| blind_check(policy, probe, level))
        .collect();
    if unasked > 0 {
        let (text, advice) = (
            format!("{unasked} of {} probes were not asked yet", service.probes.len()),
            "ask again in a few seconds",
        );
        checks.push(Check::amiss(Code::Probes, Level::Warning, text, advice));
    }
    if service.probes.is_empty() {
        let (text, advice) = ("it has no probe that is shown yet", "ask again in a few seconds");
        checks.push(Check::amiss(Code::Probes, Level::Warning, text, advice));
    }
    if checks.is_empty() {
        let names: Vec<&String> = service.probes.iter().map(|probe| &probe.name).collect();
        checks.push(Check::ok(Code::Probes, format!("{} can be made", list(&names))));
    }
    checks.into_iter().map(|check| check.service(name)).collect()
}

/// A probe that proves nothing at the moment.
fn blind_check(policy: &model::Service, probe: &Probe, level: Level) -> Check {
    let said = probe
        .last
        .as_ref()
        .map_or("not asked yet", |last| last.detail.as_str());
    let (text, advice) = match probe.never_passed {
        true => (
            format!("probe {} never passed (D20): {said}", probe.name),
            never_passed_advice(policy, level),
        ),
        false => (
            format!("probe {} cannot be made: {said}", probe.name),
            advice(policy, level),
        ),
    };
    Check::amiss(Code::Probes, level, text, advice).subject(&probe.name)
}

/// Whether it takes part in no verdict now: its checks cannot be made, or it was never seen to pass.
fn is_blind(probe: &Probe) -> bool {
    probe.never_passed || is_broken(probe)
}

/// Whether the last check could not be made, and its state is not known because of that or was never
/// known. One error among passes says nothing yet.
fn is_broken(probe: &Probe) -> bool {
    let error = |last: &crate::status::snapshot::LastResult| last.result == Outcome::Error;
    probe.state == ProbeState::Unknown && probe.last.as_ref().is_some_and(error)
}

/// How bad it is that those probes prove nothing: whether the others can still settle a verdict.
fn without(policy: &model::Service, service: &Service) -> Level {
    let can_be = |state: ProbeState, wanted: Verdict| {
        let ballots = policy.probes.iter().zip(&service.probes);
        let ballots: Vec<Ballot> = ballots
            .map(|(policy, probe)| Ballot {
                state: if is_blind(probe) {
                    ProbeState::Unknown
                } else {
                    state
                },
                votes: policy.votes,
                decides: policy.decides,
            })
            .collect();
        verdict(&ballots, policy.down_when, policy.up_when) == wanted
    };
    let (down, up) = (
        can_be(ProbeState::Down, Verdict::Down),
        can_be(ProbeState::Up, Verdict::Up),
    );
    match (policy.role, down, up) {
        (Role::Standby, true, _) | (Role::Primary, true, true) => Level::Warning,
        (Role::Standby, false, _) | (Role::Primary, _, _) => Level::No,
    }
}

fn advice(policy: &model::Service, level: Level) -> String {
    let (what, name) = (without_it(policy, level), &policy.name);
    format!("{what}; mend what its error names, and see `falconer explain {name}`")
}

fn never_passed_advice(policy: &model::Service, level: Level) -> String {
    let (what, name) = (without_it(policy, level), &policy.name);
    format!(
        "{what}; it counts from its first pass on: see that its target is right and answers, and see `falconer explain {name}`"
    )
}

fn without_it(policy: &model::Service, level: Level) -> &'static str {
    match (level, policy.role) {
        (Level::No, Role::Standby) => "without it the verdict cannot become down, and nothing is taken over",
        (Level::No, Role::Primary) => "without it the verdict cannot be settled",
        (Level::Ok | Level::Warning, _) => "the others can still settle the verdict without it",
    }
}

fn override_check(service: &Service, now: Timestamp) -> Option<Check> {
    let name = &service.name;
    let Some(over) = &service.overridden else {
        return Some(Check::ok(Code::Override, "none").service(name));
    };
    // What is announced needs no takeover any more.
    let announced = service.actual == Strength::Full;
    let (level, what) = match over.action {
        Action::Announce => (Level::Warning, "announced, whatever its probes say,"),
        Action::Withdraw => (Level::No, "withdrawn, whatever its probes say,"),
        Action::Freeze if announced => (Level::Warning, "frozen while announced"),
        Action::Freeze => (Level::No, "frozen: nothing would be taken over;"),
    };
    let text = format!("{what} by {}{}", over.actor, ending(over, now));
    let advice = format!("`falconer auto {name}` ends it");
    Some(Check::amiss(Code::Override, level, text, advice).service(name))
}

fn ending(over: &Override, now: Timestamp) -> String {
    let until = match over.until {
        Some(until) if until > now => format!(" until {until:.0}"),
        Some(_) => ", just ending".to_owned(),
        None => String::new(),
    };
    let reason = over.reason.as_deref().map(|reason| format!(" ({reason})"));
    format!("{until}{}", reason.unwrap_or_default())
}

/// On a standby it keeps what is announced (D9); on a primary it keeps silent.
fn latch(policy: &model::Service, service: &Service) -> Option<Check> {
    let name = &service.name;
    if !service.latched {
        return Some(Check::ok(Code::Latch, "open").service(name));
    }
    let (level, text) = match policy.role {
        Role::Standby => (
            Level::Warning,
            "flapped too often: it stays announced once it is, and does not fail back by itself (D9)",
        ),
        Role::Primary => (
            Level::No,
            "flapped too often: it stays withdrawn, and is not announced from here (D9)",
        ),
    };
    let advice = format!("find out why it flapped (`falconer history {name}`), then `falconer auto {name}`");
    Some(Check::amiss(Code::Latch, level, text, advice).service(name))
}
