use super::*;

fn entry(seq: u64, what: What) -> Entry {
    Entry {
        seq,
        at: Timestamp::UNIX_EPOCH,
        service: Some("web".to_owned()),
        what,
    }
}

fn transition() -> What {
    What::Transition(Box::new(Transition {
        from: Strength::Off,
        to: Strength::Full,
        rule: "D4".to_owned(),
        reason: "ping down".to_owned(),
        verdict: Verdict::Down,
        counted: true,
        stages: Stages {
            decided: Some(Timestamp::UNIX_EPOCH),
            ..Stages::default()
        },
        evidence: Evidence {
            probes: vec![],
            witnesses: vec![],
            bird: BirdState::Up,
            actual: Strength::Off,
            exported_to: vec![],
            upstreams: vec![],
        },
    }))
}

/// What operators do, and what becomes of it.
fn of_operators() -> [What; 5] {
    [
        What::Released {
            actor: "ann".to_owned(),
            reason: Some("r".to_owned()),
        },
        What::Override {
            action: Action::Withdraw,
            until: None,
            reason: None,
            actor: "ann".to_owned(),
        },
        What::OverrideEnded {
            action: Action::Withdraw,
            actor: None,
            reason: None,
        },
        What::FailbackAllowed {
            actor: "ann".to_owned(),
            reason: None,
        },
        What::ConsentEnded {
            actor: "ann".to_owned(),
            text: "t".to_owned(),
        },
    ]
}

#[test]
fn every_kind_of_entry_comes_back_from_its_line() {
    let kinds = [
        What::Started {
            version: "1".to_owned(),
        },
        What::Stopped {
            why: "SIGTERM".to_owned(),
        },
        What::Reloaded {
            actor: Some("ann".to_owned()),
            text: Some("service web: rank".to_owned()),
            error: Some("e".to_owned()),
        },
        What::Applied {
            actor: Some("ann".to_owned()),
            applied: false,
            text: "undone".to_owned(),
        },
        transition(),
        What::Done {
            of: 3,
            stages: Stages::default(),
        },
        What::Verdict {
            from: Verdict::Up,
            to: Verdict::Down,
        },
        What::Probe {
            name: "p".into(),
            from: ProbeState::Up,
            to: ProbeState::Down,
            detail: "no answer".into(),
        },
        What::Isolated {
            isolated: false,
            state: Some("open".to_owned()),
        },
        What::Latched,
        What::Drift { text: "t".to_owned() },
        What::Mended {
            protocol: "web_v4".to_owned(),
            enabled: true,
            times: Some(3),
            next_wait_ms: Some(8000),
        },
        What::Failed { text: "t".to_owned() },
        What::Bird {
            from: BirdState::Up,
            to: BirdState::Busy,
            error: None,
        },
        What::Alarm {
            code: AlarmCode::Drift,
            text: None,
        },
        What::ClockStepped { by_ms: -4000 },
        What::Stalled { late_ms: 1500 },
    ];
    for (seq, what) in (1..).zip(kinds.into_iter().chain(of_operators())) {
        let entry = entry(seq, what);
        assert_eq!(entries(&line(&entry)), (vec![entry], 0));
    }
}

#[test]
fn a_torn_last_line_costs_that_line_and_no_other() {
    let whole = line(&entry(1, What::Latched));
    let torn = &line(&entry(2, transition()))[..40];
    let (found, damaged) = entries(&format!("{whole}{torn}"));
    assert_eq!((found.len(), damaged), (1, 1));
}

#[test]
fn an_entry_is_one_line_whatever_is_in_its_text() {
    let entry = entry(
        1,
        What::Drift {
            text: "a\nb\u{2028}\"".to_owned(),
        },
    );
    assert_eq!(line(&entry).matches('\n').count(), 1);
}
