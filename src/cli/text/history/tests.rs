//! A golden file with an entry of each kind.

use super::*;
use crate::model::situations::{ago, overridden};
use crate::model::snapshot::{AlarmCode, OverrideAction, ProbeState, Strength, Verdict};

/// A takeover, and what became of it.
fn takeover() -> (HistoryEvent, HistoryEvent) {
    let evidence = crate::model::history::TransitionEvidence {
        probes: overridden().services.remove(0).probes,
        witnesses: vec![],
        bird: BirdState::Up,
        actual: Some(Strength::Off),
        exported_to: vec![],
        upstreams: vec![],
    };
    let stages = StageTimes {
        first_fail: Some(ago(100)),
        verdict: Some(ago(97)),
        decided: Some(ago(97)),
        enable_sent: Some(ago(97)),
        enable_answered: Some("2026-11-22T20:43:23.507Z".parse().unwrap()),
        up: Some("2026-11-22T20:43:23.512Z".parse().unwrap()),
        exported: Some("2026-11-22T20:43:24.515Z".parse().unwrap()),
        ..StageTimes::default()
    };
    let transition = crate::model::history::TransitionEvent {
        from: Some(Strength::Off),
        to: Some(Strength::Full),
        rule: "D4".to_owned(),
        reason: "the target is down".to_owned(),
        reason_message: None,
        verdict: Verdict::Down,
        counted: true,
        stages: StageTimes::default(),
        evidence,
    };
    (
        HistoryEvent::Transition(Box::new(transition)),
        HistoryEvent::Done { of: 7, stages },
    )
}

/// What operators do, and what becomes of it.
fn of_operators() -> [HistoryEvent; 5] {
    let actor = || "alice".to_owned();
    [
        HistoryEvent::Released {
            actor: actor(),
            reason: Some("the ISP is well again".to_owned()),
        },
        HistoryEvent::Override {
            action: OverrideAction::Withdraw,
            until: Some(ago(-900)),
            reason: Some("scrubbing".to_owned()),
            actor: actor(),
        },
        HistoryEvent::OverrideEnded {
            over: None,
            action: OverrideAction::Withdraw,
            actor: None,
            reason: None,
        },
        HistoryEvent::FailbackAllowed {
            actor: actor(),
            reason: None,
        },
        HistoryEvent::ConsentEnded {
            actor: actor(),
            text: "its target went down again".to_owned(),
        },
    ]
}

/// One entry of each kind.
fn history() -> Vec<HistoryEntry> {
    let (transition, done) = takeover();
    let web = |what| (Some("web"), what);
    let site = |what| (None, what);
    let mut what = vec![
        site(HistoryEvent::Started {
            version: "0.1.0".to_owned(),
        }),
        site(HistoryEvent::Bird {
            from: BirdState::Down,
            to: BirdState::Up,
            error: None,
        }),
        site(isolated(true, None)),
        site(isolated(false, Some(Isolation::Open))),
        site(isolated(false, Some(Isolation::Connected))),
        web(HistoryEvent::Probe {
            name: "ping".to_owned(),
            from: ProbeState::Up,
            to: ProbeState::Down,
            detail: "no reply \u{1b}[31mwithin 2 s".to_owned(),
        }),
        web(HistoryEvent::Verdict {
            from: Verdict::Unclear,
            to: Verdict::Down,
        }),
        web(transition),
        web(done),
        web(HistoryEvent::Drift {
            text: "web_v4 was disabled by hand".to_owned(),
        }),
        web(mended(Some((3, 8000)))),
        web(mended(None)),
        web(HistoryEvent::Failed {
            text: "enable \"web_v4\": time-out".to_owned(),
        }),
        web(HistoryEvent::Latched),
    ];
    what.extend(of_operators().map(web));
    what.extend([
        web(HistoryEvent::Alarm {
            code: AlarmCode::NotExported,
            text: Some("enabled, not exported".to_owned()),
            message: None,
        }),
        web(HistoryEvent::Alarm {
            code: AlarmCode::NotExported,
            text: None,
            message: None,
        }),
        site(HistoryEvent::ClockStepped { by_ms: -90_000 }),
        site(HistoryEvent::Stalled { late_ms: 4711 }),
        site(HistoryEvent::Stopped {
            why: "SIGTERM".to_owned(),
        }),
    ]);
    what.into_iter()
        .zip(1..)
        .map(|((service, what), seq)| HistoryEntry {
            seq,
            at: ago(100),
            service: service.map(str::to_owned),
            what,
        })
        .collect()
}

fn mended(repeated: Option<(u64, u64)>) -> HistoryEvent {
    HistoryEvent::Mended {
        protocol: "web_v4".to_owned(),
        enabled: true,
        times: repeated.map(|(times, _)| times),
        next_wait_ms: repeated.map(|(_, wait)| wait),
    }
}

fn isolated(isolated: bool, state: Option<Isolation>) -> HistoryEvent {
    HistoryEvent::Isolated {
        from: None,
        isolated,
        state,
    }
}

#[test]
fn every_kind_of_entry_reads_as_its_golden_file() {
    let piped = TextStyle {
        color: false,
        width: None,
        zone: jiff::tz::TimeZone::UTC,
    };
    insta::assert_snapshot!("told", told(&history(), &piped));
    insta::assert_snapshot!(
        "told_on_a_terminal",
        told(
            &history(),
            &TextStyle {
                width: Some(80),
                ..piped
            }
        )
    );
}

#[test]
fn nothing_happened_is_said() {
    let style = TextStyle {
        color: false,
        width: None,
        zone: jiff::tz::TimeZone::UTC,
    };
    assert_eq!(told(&[], &style), "Nothing has happened yet.\n");
}
