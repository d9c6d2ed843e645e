//! The services: can their probes be checked and reach a verdict, and would anything keep
//! Falconer from acting on it?

use jiff::Timestamp;

use super::facts::ReadinessFacts;
use crate::config::model::{self, Role};
use crate::core::verdict::{ProbeVote, verdict};
use crate::model::message::{CodedText, coded, list};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel, ask_again};
use crate::model::snapshot::{
    CheckOutcome, OverrideAction, OverrideSnapshot, ProbeSnapshot, ProbeState, ServiceSnapshot, Strength,
    Verdict,
};
use crate::ready::wording::last_result;

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
        let all = service.probes.len();
        checks.push(ReadinessCheck::amiss(
            ReadinessCode::Probes,
            ReadinessLevel::Warning,
            coded!(
                "probes_without_result",
                "{unasked} of {all} probes have no result yet",
                unasked,
                all
            ),
            ask_again(),
        ));
    }
    if service.probes.is_empty() {
        checks.push(ReadinessCheck::amiss(
            ReadinessCode::Probes,
            ReadinessLevel::Warning,
            coded!("no_probe_shown_yet", "its probes are not shown yet"),
            ask_again(),
        ));
    }
    if checks.is_empty() {
        let names: Vec<&String> = service.probes.iter().map(|probe| &probe.name).collect();
        let names = list(&names);
        checks.push(ReadinessCheck::ok(
            ReadinessCode::Probes,
            coded!("probes_can_run", "{names} can be checked", names),
        ));
    }
    checks.into_iter().map(|check| check.service(name)).collect()
}

/// A probe that has no vote at the moment.
fn blind_check(
    policy: &model::ServiceConfig,
    probe: &ProbeSnapshot,
    level: ReadinessLevel,
) -> ReadinessCheck {
    let (name, said) = (&probe.name, last_result(probe));
    let (text, advice) = match probe.never_passed {
        true => (
            coded!(
                "probe_never_passed_yet",
                "probe {name} never passed (D20): {said}",
                name,
                said
            ),
            never_passed_advice(policy, level),
        ),
        false => (
            coded!(
                "probe_cannot_run",
                "probe {name} cannot be checked: {said}",
                name,
                said
            ),
            advice(policy, level),
        ),
    };
    ReadinessCheck::amiss(ReadinessCode::Probes, level, text, advice).subject(&probe.name)
}

/// Whether it has no vote now: its checks cannot run, or it never passed.
fn is_blind(probe: &ProbeSnapshot) -> bool {
    probe.never_passed || is_broken(probe)
}

/// Whether the last check could not run and the state is unknown. One error among passes is not enough.
fn is_broken(probe: &ProbeSnapshot) -> bool {
    let error = |last: &crate::model::snapshot::ResultSnapshot| last.result == CheckOutcome::Error;
    probe.state == ProbeState::Unknown && probe.last.as_ref().is_some_and(error)
}

/// How bad it is that those probes have no vote: whether the others can still reach a verdict.
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

fn advice(policy: &model::ServiceConfig, level: ReadinessLevel) -> CodedText {
    let (what, name) = (without_it(policy, level), &policy.name);
    coded!(
        "fix_probe_error",
        "{what}; fix what its error names, and see `falconer explain {name}`",
        what,
        name
    )
}

fn never_passed_advice(policy: &model::ServiceConfig, level: ReadinessLevel) -> CodedText {
    let (what, name) = (without_it(policy, level), &policy.name);
    coded!(
        "check_probe_target",
        "{what}; it counts from its first pass on: check that its target is right and answers, and see `falconer explain {name}`",
        what,
        name
    )
}

fn without_it(policy: &model::ServiceConfig, level: ReadinessLevel) -> CodedText {
    match (level, policy.role) {
        (ReadinessLevel::No, Role::Standby) => coded!(
            "no_down_without_it",
            "without it the verdict cannot become down, and nothing is taken over"
        ),
        (ReadinessLevel::No, Role::Primary) => {
            coded!(
                "no_verdict_without_it",
                "without it there can be no clear verdict"
            )
        }
        (ReadinessLevel::Ok | ReadinessLevel::Warning, _) => coded!(
            "verdict_without_it",
            "the other probes can still reach a verdict without it"
        ),
    }
}

fn override_check(service: &ServiceSnapshot, now: Timestamp) -> Option<ReadinessCheck> {
    let name = &service.name;
    let Some(over) = &service.overridden else {
        return Some(
            ReadinessCheck::ok(ReadinessCode::Override, coded!("no_override", "no override")).service(name),
        );
    };
    // What is announced needs no takeover any more.
    let announced = service.actual == Strength::Full;
    let (actor, ending) = (&over.actor, ending(over, now));
    let (level, text) = match over.action {
        OverrideAction::Announce => (
            ReadinessLevel::Warning,
            coded!(
                "announced_by_override",
                "announced by {actor}, whatever its probes say{ending}",
                actor,
                ending
            ),
        ),
        OverrideAction::Withdraw => (
            ReadinessLevel::No,
            coded!(
                "withdrawn_by_override",
                "withdrawn by {actor}, whatever its probes say{ending}",
                actor,
                ending
            ),
        ),
        OverrideAction::Freeze if announced => (
            ReadinessLevel::Warning,
            coded!(
                "frozen_announced",
                "frozen by {actor} while announced{ending}",
                actor,
                ending
            ),
        ),
        OverrideAction::Freeze => (
            ReadinessLevel::No,
            coded!(
                "frozen_silent",
                "frozen by {actor}, so nothing would be taken over{ending}",
                actor,
                ending
            ),
        ),
    };
    let advice = coded!("auto_ends_override", "`falconer auto {name}` ends it", name);
    Some(ReadinessCheck::amiss(ReadinessCode::Override, level, text, advice).service(name))
}

/// When it ends, and why it was asked for: what follows the sentence.
fn ending(over: &OverrideSnapshot, now: Timestamp) -> CodedText {
    let until = match over.until {
        Some(until) if until > now => {
            let until = format!("{until:.0}");
            coded!("override_until", ", until {until}", until)
        }
        Some(_) => coded!("override_ending", ", about to end"),
        None => CodedText::default(),
    };
    match &over.reason {
        Some(reason) => coded!("override_because", "{until} ({reason})", until, reason),
        None => until,
    }
}

/// On a standby it keeps what is announced (D9); on a primary it keeps silent.
fn latch(policy: &model::ServiceConfig, service: &ServiceSnapshot) -> Option<ReadinessCheck> {
    let name = &service.name;
    if !service.latched {
        return Some(
            ReadinessCheck::ok(ReadinessCode::Latch, coded!("not_latched", "not latched")).service(name),
        );
    }
    let (level, text) = match policy.role {
        Role::Standby => (
            ReadinessLevel::Warning,
            coded!(
                "latched_no_failback",
                "flapped too often: once announced it stays announced, and does not fail back by itself (D9)"
            ),
        ),
        Role::Primary => (
            ReadinessLevel::No,
            coded!(
                "latched_not_announced",
                "flapped too often: it stays withdrawn, and is not announced from here (D9)"
            ),
        ),
    };
    let advice = coded!(
        "find_why_it_flapped",
        "find out why it flapped (`falconer history {name}`), then `falconer auto {name}`",
        name
    );
    Some(ReadinessCheck::amiss(ReadinessCode::Latch, level, text, advice).service(name))
}
