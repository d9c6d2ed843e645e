//! Probes, witnesses, overrides and latches.

use super::*;
use crate::config::model::{Decides, Quorum, Role};
use crate::model::snapshot::{CheckOutcome, OverrideAction, OverrideSnapshot, ProbeState, Strength, Verdict};

impl Site {
    /// The checks of this probe cannot be made.
    fn broken(mut self, probe: usize) -> Self {
        self.snapshot.services[0].probes[probe] =
            situations::probe("broken", "icmp", ProbeState::Unknown, "no permission");
        self
    }
}

#[test]
fn a_probe_that_cannot_be_made_is_a_no_where_the_verdict_needs_it() {
    let site = Site::well().broken(0);
    let said = "probe broken cannot be checked: no permission".to_owned();
    assert_eq!(site.said(), (ReadinessCode::Probes, ReadinessLevel::No, said));
    assert!(site.problem().advice.unwrap().contains("cannot become down"));
}

#[test]
fn a_probe_that_cannot_be_made_is_a_warning_where_the_others_settle_it() {
    let mut site = Site::well().broken(0);
    site.config.services[0].down_when = Quorum::Any;
    assert_eq!(site.problem().level, ReadinessLevel::Warning);
    let mut site = Site::well().broken(0);
    site.config.services[0].probes[1].decides = Some(Decides::Down);
    assert_eq!(site.problem().level, ReadinessLevel::Warning);
}

#[test]
fn d20_a_probe_that_never_passed_is_a_no_where_the_verdict_needs_it() {
    let mut site = Site::well();
    let probe = &mut site.snapshot.services[0].probes[0];
    (probe.never_passed, probe.state) = (true, ProbeState::Unknown);
    let said = "probe ping never passed (D20): reply from 198.18.0.1".to_owned();
    assert_eq!(site.said(), (ReadinessCode::Probes, ReadinessLevel::No, said));
    let advice = site.problem().advice.unwrap();
    assert!(
        advice.contains("cannot become down") && advice.contains("first pass"),
        "{advice}"
    );
    site.config.services[0].down_when = Quorum::Any;
    assert_eq!(
        site.problem().level,
        ReadinessLevel::Warning,
        "the other one is enough"
    );
    site.snapshot.services[0].probes[1].never_passed = true;
    assert_eq!(site.decide().level, ReadinessLevel::No, "neither is not");
}

#[test]
fn a_primary_needs_both_verdicts() {
    let mut site = Site::well().broken(0);
    site.config.services[0].role = Role::Primary;
    site.config.services[0].down_when = Quorum::Any;
    assert_eq!(
        site.problem().level,
        ReadinessLevel::No,
        "it could not be up again"
    );
    site.config.services[0].up_when = Quorum::Any;
    assert_eq!(site.problem().level, ReadinessLevel::Warning);
}

#[test]
fn d1_one_error_in_a_row_of_passes_is_no_problem() {
    let mut site = Site::well();
    site.snapshot.services[0].probes[0].last.as_mut().unwrap().result = CheckOutcome::Error;
    assert_eq!(site.decide().level, ReadinessLevel::Ok);
}

#[test]
fn probes_that_were_not_asked_yet_are_a_warning() {
    let mut site = Site::well();
    site.snapshot.services[0].probes[1].last = None;
    let said = "1 of 2 probes have no result yet".to_owned();
    assert_eq!(
        site.said(),
        (ReadinessCode::Probes, ReadinessLevel::Warning, said)
    );
}

#[test]
fn d5_an_isolated_site_takes_nothing_over() {
    let mut site = Site::well();
    site.config.isolation.min_up = crate::config::model::MinUp::of_all(2);
    site.snapshot.isolated = true;
    site.snapshot.witnesses[0].state = ProbeState::Down;
    let said = "this site is isolated, and takes nothing over: witnesses up: 1 of 2, 2 needed; \
                hk-resolver: reply from 192.0.2.53"
        .to_owned();
    assert_eq!(site.said(), (ReadinessCode::Witnesses, ReadinessLevel::No, said));
    site.snapshot.isolated = false;
    site.snapshot.witnesses[0].state = ProbeState::Unknown;
    assert!(
        site.problem()
            .text
            .starts_with("it is unknown whether this site is connected")
    );
    site.config.services[0].role = Role::Primary;
    assert_eq!(
        site.problem().level,
        ReadinessLevel::Warning,
        "of a primary they only inform"
    );
}

#[test]
fn a_witness_that_is_down_is_a_warning_while_enough_others_are_up() {
    let mut site = Site::well();
    site.snapshot.witnesses[0].state = ProbeState::Down;
    let problem = site.problem();
    assert_eq!(
        (problem.code, problem.level),
        (ReadinessCode::Witnesses, ReadinessLevel::Warning)
    );
    assert!(
        problem
            .text
            .starts_with("witnesses up: 1 of 2, 1 needed; hk-resolver")
    );
}

#[test]
fn d11_an_override_that_would_stop_a_takeover_is_a_no_and_any_other_a_warning() {
    let cases = [
        (OverrideAction::Withdraw, Strength::Off, ReadinessLevel::No),
        (OverrideAction::Freeze, Strength::Off, ReadinessLevel::No),
        (OverrideAction::Freeze, Strength::Full, ReadinessLevel::Warning),
        (OverrideAction::Announce, Strength::Full, ReadinessLevel::Warning),
    ];
    for (action, strength, level) in cases {
        let mut site = Site::well();
        let service = &mut site.snapshot.services[0];
        (service.want, service.actual) = (Some(strength), Some(strength));
        service.overridden = Some(OverrideSnapshot {
            action,
            until: Some(situations::ago(-60)),
            reason: Some("maintenance".to_owned()),
            actor: "alice".to_owned(),
        });
        let problem = site.problem();
        assert_eq!(
            (problem.code, problem.level),
            (ReadinessCode::Override, level),
            "{action:?}"
        );
        assert!(
            problem
                .text
                .ends_with(", until 2026-11-22T20:46:00Z (maintenance)"),
            "{problem:?}"
        );
        assert_eq!(problem.advice.as_deref(), Some("`falconer auto web` ends it"));
    }
}

#[test]
fn d9_a_latch_keeps_a_standby_announced_and_a_primary_silent() {
    let mut site = Site::well();
    site.snapshot.services[0].latched = true;
    assert_eq!(site.problem().level, ReadinessLevel::Warning);
    site.config.services[0].role = Role::Primary;
    let problem = site.problem();
    assert_eq!(
        (problem.code, problem.level),
        (ReadinessCode::Latch, ReadinessLevel::No)
    );
}

#[test]
fn a_takeover_that_is_due_and_does_not_come_is_told() {
    let mut site = Site::well();
    let service = &mut site.snapshot.services[0];
    service.verdict = Verdict::Down;
    service.rule = "D5".to_owned();
    service.reason = "a witness is awaited".to_owned();
    let said = "the target is down, but not taken over (D5: a witness is awaited)".to_owned();
    assert_eq!(site.said(), (ReadinessCode::State, ReadinessLevel::No, said));
    site.snapshot.services[0].deadline = Some(situations::ago(-30));
    assert_eq!(
        site.problem().level,
        ReadinessLevel::Warning,
        "a delay of the operator's own ends by itself"
    );
}

#[test]
fn d10_a_service_that_is_not_settled_is_a_warning() {
    let mut site = Site::well();
    site.snapshot.services[0].want = None;
    assert_eq!(
        (site.problem().code, site.problem().level),
        (ReadinessCode::State, ReadinessLevel::Warning)
    );
}

#[test]
fn probes_that_are_not_shown_are_not_said_to_be_possible() {
    let mut site = Site::well();
    site.snapshot.services[0].probes.clear();
    let readiness = site.decide();
    let probes = readiness
        .checks
        .iter()
        .filter(|check| check.code == ReadinessCode::Probes);
    let levels: Vec<ReadinessLevel> = probes.map(|check| check.level).collect();
    assert_eq!(levels, [ReadinessLevel::Warning], "{readiness:#?}");
}
