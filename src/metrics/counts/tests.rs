//! Counting, in plain numbers.

use super::*;
use crate::model::history::{TransitionEvent, TransitionEvidence};
use crate::model::snapshot::{BirdState, Verdict};

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

/// A takeover that took 2 s to be sure of, 3 ms to be told, and 40 ms to be seen.
fn takeover() -> StageTimes {
    StageTimes {
        first_fail: at("2026-11-22T20:45:00.000Z"),
        verdict: at("2026-11-22T20:45:02.000Z"),
        decided: at("2026-11-22T20:45:02.000Z"),
        enable_sent: at("2026-11-22T20:45:02.003Z"),
        exported: at("2026-11-22T20:45:02.043Z"),
        ..StageTimes::default()
    }
}

fn happened(service: &str, what: HistoryEvent) -> HistoryEntry {
    HistoryEntry {
        seq: 7,
        at: takeover().verdict.unwrap(),
        service: Some(service.to_owned()),
        what,
    }
}

fn transition(rule: &str, to: Strength) -> HistoryEvent {
    let to = Some(to);
    HistoryEvent::Transition(Box::new(TransitionEvent {
        from: Some(Strength::Off),
        to,
        rule: rule.to_owned(),
        reason: String::new(),
        reason_message: None,
        verdict: Verdict::Down,
        counted: true,
        stages: StageTimes::default(),
        evidence: TransitionEvidence {
            probes: vec![],
            witnesses: vec![],
            bird: BirdState::Up,
            actual: Some(Strength::Off),
            exported_to: vec![],
            upstreams: vec![],
        },
    }))
}

#[test]
fn a_value_falls_into_the_bucket_whose_bound_it_does_not_exceed() {
    let mut histogram = Histogram::new(&[0.1, 1.0]);
    for value in [0.05, 0.1, 0.5, 7.0] {
        histogram.observe(value);
    }
    let buckets: Vec<_> = histogram.buckets().collect();
    assert_eq!(buckets, [(0.1, 2), (1.0, 1), (f64::INFINITY, 1)]);
    assert_eq!(histogram.count(), 4);
    assert!((histogram.sum() - 7.65).abs() < 1e-9);
}

#[test]
fn the_stages_of_a_takeover_are_measured_from_one_to_the_next() {
    let took = |span: StageSpan| span.of(&takeover()).map(|took| (took * 1e3).round());
    assert_eq!(took(StageSpan::FirstFailToVerdict), Some(2000.0));
    assert_eq!(took(StageSpan::VerdictToEnable), Some(3.0));
    assert_eq!(took(StageSpan::EnableToExported), Some(40.0));
    assert_eq!(took(StageSpan::VerdictToDisable), None);
    assert_eq!(took(StageSpan::DisableToDown), None);
}

#[test]
fn a_clock_that_was_set_back_meanwhile_measures_nothing() {
    let mut stages = takeover();
    stages.exported = at("2026-11-22T20:44:00.000Z");
    assert_eq!(StageSpan::EnableToExported.of(&stages), None);
}

#[test]
fn transitions_are_counted_by_service_and_by_rule() {
    let mut counts = Counts::default();
    counts.entry(&happened("web", transition("D4", Strength::Full)));
    counts.entry(&happened("web", transition("D4", Strength::Off)));
    counts.entry(&happened("mail", transition("D4", Strength::Full)));
    counts.entry(&happened("mail", transition("D11", Strength::Full)));
    assert_eq!(
        counts.services["web"].transitions,
        [(Some(Strength::Off), 1), (Some(Strength::Full), 1)].into()
    );
    assert_eq!(
        counts.services["mail"].transitions,
        [(Some(Strength::Full), 2)].into()
    );
    assert_eq!(counts.rules[&("D4".to_owned(), Some(Strength::Full))], 2);
    assert_eq!(counts.rules[&("D11".to_owned(), Some(Strength::Full))], 1);
    assert_eq!(counts.events["transition"], 4);
}

#[test]
fn a_transition_that_is_done_fills_the_histograms_of_the_stages_it_had() {
    let mut counts = Counts::default();
    let stages = takeover();
    counts.entry(&happened("web", HistoryEvent::Done { of: 6, stages }));
    assert_eq!(counts.stages[&StageSpan::EnableToExported].count(), 1);
    assert_eq!(counts.stages[&StageSpan::DisableToDown].count(), 0);
}

#[test]
fn the_word_of_an_event_is_the_one_in_json() {
    let all = [
        HistoryEvent::Latched,
        HistoryEvent::Isolated {
            from: None,
            isolated: true,
            state: None,
        },
        HistoryEvent::Stalled { late_ms: 1 },
        HistoryEvent::Drift { text: String::new() },
        HistoryEvent::Mended {
            protocol: String::new(),
            enabled: false,
            times: None,
            next_wait_ms: None,
        },
        transition("D4", Strength::Full),
    ];
    for what in all {
        let json = serde_json::to_value(&what).unwrap();
        assert_eq!(json["event"], what.word());
    }
}
