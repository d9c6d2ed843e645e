//! A golden file with an entry of each kind.

use super::*;
use crate::status::situations::{ago, overridden};
use crate::status::snapshot::{Action, AlarmCode, ProbeState, Strength, Verdict};

/// A takeover, and what became of it.
fn takeover() -> (What, What) {
    let evidence = crate::history::Evidence {
        probes: overridden().services.remove(0).probes,
        witnesses: vec![],
        bird: BirdState::Up,
        actual: Strength::Off,
        exported_to: vec![],
        upstreams: vec![],
    };
    let stages = Stages {
        first_fail: Some(ago(100)),
        verdict: Some(ago(97)),
        decided: Some(ago(97)),
        enable_sent: Some(ago(97)),
        enable_answered: Some("2026-11-22T20:43:23.507Z".parse().unwrap()),
        up: Some("2026-11-22T20:43:23.512Z".parse().unwrap()),
        exported: Some("2026-11-22T20:43:24.515Z".parse().unwrap()),
        ..Stages::default()
    };
    let transition = crate::history::Transition {
        from: Strength::Off,
        to: Strength::Full,
        rule: "D4".to_owned(),
        reason: "the target is down".to_owned(),
        verdict: Verdict::Down,
        counted: true,
        stages: Stages::default(),
        evidence,
    };
    (
        What::Transition(Box::new(transition)),
        What::Done { of: 7, stages },
    )
}

/// What operators do, and what becomes of it.
fn of_operators() -> [What; 5] {
    let actor = || "alice".to_owned();
    [
        What::Released {
            actor: actor(),
            reason: Some("the ISP is well again".to_owned()),
        },
        What::Override {
            action: Action::Withdraw,
            until: Some(ago(-900)),
            reason: Some("scrubbing".to_owned()),
            actor: actor(),
        },
        What::OverrideEnded {
            action: Action::Withdraw,
            actor: None,
            reason: None,
        },
        What::FailbackAllowed {
            actor: actor(),
            reason: None,
        },
        What::ConsentEnded {
            actor: actor(),
            text: "its target went down again".to_owned(),
        },
    ]
}

/// One entry of each kind.
fn history() -> Vec<Entry> {
    let (transition, done) = takeover();
    let web = |what| (Some("web"), what);
    let site = |what| (None, what);
    let mut what = vec![
        site(What::Started {
            version: "0.1.0".to_owned(),
        }),
        site(What::Bird {
            from: BirdState::Down,
            to: BirdState::Up,
            error: None,
        }),
        site(isolated(true, None)),
        site(isolated(false, Some("open"))),
        site(isolated(false, Some("connected"))),
        web(What::Probe {
            name: "ping".to_owned(),
            from: ProbeState::Up,
            to: ProbeState::Down,
            detail: "no reply \u{1b}[31mwithin 2 s".to_owned(),
        }),
        web(What::Verdict {
            from: Verdict::Unclear,
            to: Verdict::Down,
        }),
        web(transition),
        web(done),
        web(What::Drift {
            text: "web_v4 was disabled by hand".to_owned(),
        }),
        web(mended(Some((3, 8000)))),
        web(mended(None)),
        web(What::Failed {
            text: "enable \"web_v4\": time-out".to_owned(),
        }),
        web(What::Latched),
    ];
    what.extend(of_operators().map(web));
    what.extend([
        web(What::Alarm {
            code: AlarmCode::NotExported,
            text: Some("enabled, not exported".to_owned()),
        }),
        web(What::Alarm {
            code: AlarmCode::NotExported,
            text: None,
        }),
        site(What::ClockStepped { by_ms: -90_000 }),
        site(What::Stalled { late_ms: 4711 }),
        site(What::Stopped {
            why: "SIGTERM".to_owned(),
        }),
    ]);
    what.into_iter()
        .zip(1..)
        .map(|((service, what), seq)| Entry {
            seq,
            at: ago(100),
            service: service.map(str::to_owned),
            what,
        })
        .collect()
}

fn mended(repeated: Option<(u64, u64)>) -> What {
    What::Mended {
        protocol: "web_v4".to_owned(),
        enabled: true,
        times: repeated.map(|(times, _)| times),
        next_wait_ms: repeated.map(|(_, wait)| wait),
    }
}

fn isolated(isolated: bool, state: Option<&str>) -> What {
    What::Isolated {
        isolated,
        state: state.map(str::to_owned),
    }
}

#[test]
fn every_kind_of_entry_reads_as_its_golden_file() {
    let piped = Style {
        color: false,
        width: None,
        zone: jiff::tz::TimeZone::UTC,
    };
    insta::assert_snapshot!("told", told(&history(), &piped));
    insta::assert_snapshot!(
        "told_on_a_terminal",
        told(
            &history(),
            &Style {
                width: Some(80),
                ..piped
            }
        )
    );
}

#[test]
fn nothing_happened_is_said() {
    let style = Style {
        color: false,
        width: None,
        zone: jiff::tz::TimeZone::UTC,
    };
    assert_eq!(told(&[], &style), "Nothing has happened yet.\n");
}
