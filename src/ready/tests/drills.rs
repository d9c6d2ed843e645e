//! The last good drill.

use super::*;
use crate::config::model::Role;
use crate::model::snapshot::{DrillOutcome, DrillPhase, DrillSnapshot, LastDrill, StageTimes, Strength};

const DAY: i64 = 86_400;

fn drilled(outcome: DrillOutcome, days_ago: i64) -> LastDrill {
    LastDrill {
        at: situations::ago(days_ago * DAY),
        outcome,
        strength: Strength::Drain,
        text: "isp_a did not carry it".to_owned(),
    }
}

#[test]
fn a_takeover_that_was_never_drilled_is_a_warning() {
    let mut site = Site::well();
    site.snapshot.services[0].last_good_drill = None;
    let said = "no drill of a takeover ever passed".to_owned();
    assert_eq!(
        site.said(),
        (ReadinessCode::LastDrill, ReadinessLevel::Warning, said)
    );
    assert!(site.problem().advice.unwrap().starts_with("`falconer drill web`"));
    site.config.services[0].role = Role::Primary;
    assert_eq!(site.decide().level, ReadinessLevel::Ok, "a primary has none");
}

#[test]
fn a_good_drill_counts_for_ninety_days() {
    for (days, level) in [
        (0, ReadinessLevel::Ok),
        (90, ReadinessLevel::Ok),
        (91, ReadinessLevel::Warning),
    ] {
        let mut site = Site::well();
        site.snapshot.services[0].last_good_drill = Some(situations::ago(days * DAY));
        assert_eq!(site.decide().level, level, "{days}");
    }
}

#[test]
fn a_drill_that_failed_since_is_told_and_one_that_something_else_ended_is_not() {
    for (outcome, days, level) in [
        (DrillOutcome::Failed, 1, ReadinessLevel::Warning),
        (DrillOutcome::Failed, 20, ReadinessLevel::Ok),
        (DrillOutcome::Aborted, 1, ReadinessLevel::Ok),
        (DrillOutcome::Passed, 10, ReadinessLevel::Ok),
    ] {
        let mut site = Site::well();
        site.snapshot.services[0].last_drill = Some(drilled(outcome, days));
        assert_eq!(site.decide().level, level, "{outcome:?} {days}");
    }
    let mut site = Site::well();
    site.snapshot.services[0].last_drill = Some(drilled(DrillOutcome::Failed, 1));
    assert!(
        site.problem()
            .text
            .ends_with("did not pass: isp_a did not carry it")
    );
}

#[test]
fn a_drill_under_way_is_no_disagreement() {
    let mut site = Site::well();
    let service = &mut site.snapshot.services[0];
    service.actual = Some(Strength::Drain);
    assert_eq!(site.problem().code, ReadinessCode::State);
    site.snapshot.services[0].drill = Some(drill(DrillPhase::Holding));
    assert_eq!(site.decide().level, ReadinessLevel::Ok);
    site.snapshot.services[0].drill = Some(drill(DrillPhase::Unverified));
    assert_eq!(site.problem().level, ReadinessLevel::Warning, "it does not end");
}

fn drill(phase: DrillPhase) -> DrillSnapshot {
    DrillSnapshot {
        strength: Strength::Drain,
        phase,
        since: situations::ago(5),
        until: None,
        actor: "alice".to_owned(),
        reason: None,
        stages: StageTimes::default(),
    }
}
