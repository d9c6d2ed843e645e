use super::*;

fn entry(seq: u64, what: HistoryEvent) -> HistoryEntry {
    HistoryEntry {
        seq,
        at: Timestamp::UNIX_EPOCH,
        service: Some("web".to_owned()),
        what,
    }
}

fn transition() -> HistoryEvent {
    HistoryEvent::Transition(Box::new(TransitionEvent {
        from: Some(Strength::Off),
        to: Some(Strength::Full),
        rule: "D4".to_owned(),
        reason: "ping down".to_owned(),
        reason_message: None,
        verdict: Verdict::Down,
        counted: true,
        stages: StageTimes {
            decided: Some(Timestamp::UNIX_EPOCH),
            ..StageTimes::default()
        },
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

/// What operators do, and what becomes of it.
fn of_operators() -> [HistoryEvent; 5] {
    [
        HistoryEvent::Released {
            actor: "ann".to_owned(),
            reason: Some("r".to_owned()),
        },
        HistoryEvent::Override {
            action: OverrideAction::Withdraw,
            until: None,
            reason: None,
            actor: "ann".to_owned(),
        },
        HistoryEvent::OverrideEnded {
            over: None,
            action: OverrideAction::Withdraw,
            actor: None,
            reason: None,
        },
        HistoryEvent::FailbackAllowed {
            actor: "ann".to_owned(),
            reason: None,
        },
        HistoryEvent::ConsentEnded {
            actor: "ann".to_owned(),
            text: "t".to_owned(),
        },
    ]
}

#[test]
fn every_kind_of_entry_comes_back_from_its_line() {
    let kinds = [
        HistoryEvent::Started {
            version: "1".to_owned(),
        },
        HistoryEvent::Stopped {
            why: "SIGTERM".to_owned(),
        },
        HistoryEvent::Reloaded {
            actor: Some("ann".to_owned()),
            text: Some("service web: rank".to_owned()),
            error: Some("e".to_owned()),
        },
        HistoryEvent::Applied {
            actor: Some("ann".to_owned()),
            applied: false,
            text: "undone".to_owned(),
        },
        transition(),
        HistoryEvent::Done {
            of: 3,
            stages: StageTimes::default(),
        },
        HistoryEvent::Verdict {
            from: Verdict::Up,
            to: Verdict::Down,
        },
        HistoryEvent::Probe {
            name: "p".into(),
            from: ProbeState::Up,
            to: ProbeState::Down,
            detail: "no answer".into(),
        },
        HistoryEvent::Isolated {
            from: None,
            isolated: false,
            state: Some(Isolation::Open),
        },
        HistoryEvent::Latched,
        HistoryEvent::Drift { text: "t".to_owned() },
        HistoryEvent::Mended {
            protocol: "web_v4".to_owned(),
            enabled: true,
            times: Some(3),
            next_wait_ms: Some(8000),
        },
        HistoryEvent::Failed { text: "t".to_owned() },
        HistoryEvent::Bird {
            from: BirdState::Up,
            to: BirdState::Busy,
            error: None,
        },
        HistoryEvent::Alarm {
            code: AlarmCode::Drift,
            text: None,
            message: None,
        },
        HistoryEvent::ClockStepped { by_ms: -4000 },
        HistoryEvent::Stalled { late_ms: 1500 },
    ];
    for (seq, what) in (1..).zip(kinds.into_iter().chain(of_operators())) {
        let entry = entry(seq, what);
        assert_eq!(entries(&line(&entry)), (vec![entry], 0));
    }
}

#[test]
fn a_torn_last_line_costs_that_line_and_no_other() {
    let whole = line(&entry(1, HistoryEvent::Latched));
    let torn = &line(&entry(2, transition()))[..40];
    let (found, damaged) = entries(&format!("{whole}{torn}"));
    assert_eq!((found.len(), damaged), (1, 1));
}

#[test]
fn an_entry_is_one_line_whatever_is_in_its_text() {
    let entry = entry(
        1,
        HistoryEvent::Drift {
            text: "a\nb\u{2028}\"".to_owned(),
        },
    );
    assert_eq!(line(&entry).matches('\n').count(), 1);
}
