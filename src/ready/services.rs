//! The services: can their probes be made and settle the verdict, and would anything stop what
//! follows from it?

use jiff::Timestamp;

use super::facts::ReadinessFacts;
use crate::config::model::{self, Role};
use crate::core::verdict::{ProbeVote, verdict};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::{
    CheckOutcome, OverrideAction, OverrideSnapshot, ProbeSnapshot, ProbeState, ServiceSnapshot, Strength,
    Verdict,
};
use crate::ready::wording::list;

/// Every service with its part of the configuration. Around a reload the two may differ for a moment.
pub(crate) fn pairs<'a>(
    facts: &ReadinessFacts<'a>,
) -> impl Iterator<Item = (&'a model::ServiceConfig, &'a ServiceSnapshot)> {
    let shown = &facts.snapshot.services;
    let policies = facts.config.services.iter();
    policies.filter_map(|policy| Some((policy, shown.iter().find(|shown| shown.name == policy.name)?)))
}

/// The probes, overrides and latches.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let now = facts.snapshot.at;
    let of_service = |(policy, service): (&model::ServiceConfig, &ServiceSnapshot)| {
        let checks = [
            probes(policy, service),
            override_check(service, now).into_iter().collect(),
            latch(policy, service).into_iter().collect(),
        ];
        checks.concat()
    };
    pairs(facts).flat_map(of_service).collect()
}

fn probes(policy: &model::ServiceConfig, service: &ServiceSnapshot) -> Vec<ReadinessCheck> {
    let name = &service.name;
    let blind: Vec<&ProbeSnapshot> = service.probes.iter().filter(|probe| is_blind(probe)).collect();
    let known = service.probes.iter().filter(|probe| !probe.never_passed);
    let unasked = known.filter(|probe| probe.last.is_none()).count();
    let level = without(policy, service);
    let mut checks: Vec<ReadinessCheck> = blind
        .iter()
        .map(|probe| blind_check(policy, probe, level))
        .collect();
    if unasked > 0 {
        let (text, advice) = (
            format!("{unasked} of {} probes were not asked yet", service.probes.len()),
            "ask again in a few seconds",
        );
        checks.push(ReadinessCheck::amiss(
            ReadinessCode::Probes,
            ReadinessLevel::Warning,
            text,
            advice,
        ));
    }
    if service.probes.is_empty() {
        let (text, advice) = ("it has no probe that is shown yet", "ask again in a few seconds");
        checks.push(ReadinessCheck::amiss(
            ReadinessCode::Probes,
            ReadinessLevel::Warning,
            text,
            advice,
        ));
    }
    if checks.is_empty() {
        let names: Vec<&String> = service.probes.iter().map(|probe| &probe.name).collect();
        checks.push(ReadinessCheck::ok(
            ReadinessCode::Probes,
            format!("{} can be made", list(&names)),
        ));
    }
    checks.into_iter().map(|check| check.service(name)).collect()
}

/// A probe that proves nothing at the moment.
fn blind_check(
    policy: &model::ServiceConfig,
    probe: &ProbeSnapshot,
    level: ReadinessLevel,
) -> ReadinessCheck {
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
    ReadinessCheck::amiss(ReadinessCode::Probes, level, text, advice).subject(&probe.name)
}

/// Whether it takes part in no verdict now: its checks cannot be made, or it was never seen to pass.
fn is_blind(probe: &ProbeSnapshot) -> bool {
    probe.never_passed || is_broken(probe)
}

/// Whether the last check could not be made, and its state is not known because of that or was never
/// known. One error among passes says nothing yet.
fn is_broken(probe: &ProbeSnapshot) -> bool {
    let error = |last: &crate::model::snapshot::ResultSnapshot| last.result == CheckOutcome::Error;
    probe.state == ProbeState::Unknown && probe.last.as_ref().is_some_and(error)
}

/// How bad it is that those probes prove nothing: whether the others can still settle a verdict.
fn without(policy: &model::ServiceConfig, service: &ServiceSnapshot) -> ReadinessLevel {
    let can_be = |state: ProbeState, wanted: Verdict| {
        let ballots = policy.probes.iter().zip(&service.probes);
        let ballots: Vec<ProbeVote> = ballots
            .map(|(policy, probe)| ProbeVote {
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
        (Role::Standby, true, _) | (Role::Primary, true, true) => ReadinessLevel::Warning,
        (Role::Standby, false, _) | (Role::Primary, _, _) => ReadinessLevel::No,
    }
}

fn advice(policy: &model::ServiceConfig, level: ReadinessLevel) -> String {
    let (what, name) = (without_it(policy, level), &policy.name);
    format!("{what}; mend what its error names, and see `falconer explain {name}`")
}

fn never_passed_advice(policy: &model::ServiceConfig, level: ReadinessLevel) -> String {
    let (what, name) = (without_it(policy, level), &policy.name);
    format!(
        "{what}; it counts from its first pass on: see that its target is right and answers, and see `falconer explain {name}`"
    )
}

fn without_it(policy: &model::ServiceConfig, level: ReadinessLevel) -> &'static str {
    match (level, policy.role) {
        (ReadinessLevel::No, Role::Standby) => {
            "without it the verdict cannot become down, and nothing is taken over"
        }
        (ReadinessLevel::No, Role::Primary) => "without it the verdict cannot be settled",
        (ReadinessLevel::Ok | ReadinessLevel::Warning, _) => {
            "the others can still settle the verdict without it"
        }
    }
}

fn override_check(service: &ServiceSnapshot, now: Timestamp) -> Option<ReadinessCheck> {
    let name = &service.name;
    let Some(over) = &service.overridden else {
        return Some(ReadinessCheck::ok(ReadinessCode::Override, "none").service(name));
    };
    // What is announced needs no takeover any more.
    let announced = service.actual == Strength::Full;
    let (level, what) = match over.action {
        OverrideAction::Announce => (ReadinessLevel::Warning, "announced, whatever its probes say,"),
        OverrideAction::Withdraw => (ReadinessLevel::No, "withdrawn, whatever its probes say,"),
        OverrideAction::Freeze if announced => (ReadinessLevel::Warning, "frozen while announced"),
        OverrideAction::Freeze => (ReadinessLevel::No, "frozen: nothing would be taken over;"),
    };
    let text = format!("{what} by {}{}", over.actor, ending(over, now));
    let advice = format!("`falconer auto {name}` ends it");
    Some(ReadinessCheck::amiss(ReadinessCode::Override, level, text, advice).service(name))
}

fn ending(over: &OverrideSnapshot, now: Timestamp) -> String {
    let until = match over.until {
        Some(until) if until > now => format!(" until {until:.0}"),
        Some(_) => ", just ending".to_owned(),
        None => String::new(),
    };
    let reason = over.reason.as_deref().map(|reason| format!(" ({reason})"));
    format!("{until}{}", reason.unwrap_or_default())
}

/// On a standby it keeps what is announced (D9); on a primary it keeps silent.
fn latch(policy: &model::ServiceConfig, service: &ServiceSnapshot) -> Option<ReadinessCheck> {
    let name = &service.name;
    if !service.latched {
        return Some(ReadinessCheck::ok(ReadinessCode::Latch, "open").service(name));
    }
    let (level, text) = match policy.role {
        Role::Standby => (
            ReadinessLevel::Warning,
            "flapped too often: it stays announced once it is, and does not fail back by itself (D9)",
        ),
        Role::Primary => (
            ReadinessLevel::No,
            "flapped too often: it stays withdrawn, and is not announced from here (D9)",
        ),
    };
    let advice = format!("find out why it flapped (`falconer history {name}`), then `falconer auto {name}`");
    Some(ReadinessCheck::amiss(ReadinessCode::Latch, level, text, advice).service(name))
}
