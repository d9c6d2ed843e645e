//! Written traces from within: what a line becomes, and how long a story lasts.

use super::*;
use crate::config::model::DailyWindow;
use crate::core::site::tests::support::*;
use crate::core::trace::Trace;

fn story(config: &Config, text: &str) -> TraceScript {
    match Trace::parse(text, config).expect("a good trace") {
        Trace::Written(story) => *story,
        Trace::Recorded(..) => panic!("it was written"),
    }
}

fn end(config: &Config, text: &str) -> Duration {
    story(config, text).end.since_start()
}

#[test]
fn every_word_of_an_operator_and_of_bird_is_understood() {
    let terms = |lasting: Option<u64>, reason: Option<&str>| OverrideOptions {
        lasting: lasting.map(secs),
        reason: reason.map(str::to_owned),
        drain: None,
    };
    let asks = [
        (r#""announce""#, OperatorCommand::Announce(terms(None, None))),
        (
            r#""announce", "reason": "r""#,
            OperatorCommand::Announce(terms(None, Some("r"))),
        ),
        (
            r#""withdraw", "for": "20s""#,
            OperatorCommand::Withdraw(terms(Some(20), None)),
        ),
        (
            r#""freeze", "for": "1m", "reason": "r""#,
            OperatorCommand::Freeze(terms(Some(60), Some("r"))),
        ),
        (r#""auto""#, OperatorCommand::Auto { reason: None }),
        (
            r#""failback", "reason": "r""#,
            OperatorCommand::Failback {
                reason: Some("r".to_owned()),
            },
        ),
    ];
    for (said, ask) in asks {
        let text = format!(r#"{{"at": "7s", "service": "web", "ask": {said}}}"#);
        let asked = Event::Asked {
            service: 0,
            ask,
            actor: "trace".to_owned(),
        };
        let events = story(&simple(), &text).events;
        assert!(events.contains(&(at_s(7), asked)), "{text}: {events:?}");
        assert_eq!(events.len(), 2, "BIRD is off at the start, and what is asked");
    }
    for refused in ["auto", "failback"] {
        let text = format!(r#"{{"at": "7s", "service": "web", "ask": "{refused}", "for": "1s"}}"#);
        assert!(Trace::parse(&text, &simple()).is_err(), "{text}");
    }
    let birds = [
        ("off", InitialStrength::Is(Strength::Off)),
        ("drain", InitialStrength::Is(Strength::Drain)),
        ("full", InitialStrength::Is(Strength::Full)),
        ("mixed", InitialStrength::Mixed),
    ];
    for (is, adoption) in birds {
        let text = format!(r#"{{"at": "7s", "bird": "web", "is": "{is}"}}"#);
        let told = Event::Bird { service: 0, adoption };
        assert_eq!(story(&simple(), &text).events, [(at_s(7), told)], "{text}");
    }
}

#[test]
fn of_two_services_bird_is_silent_where_it_is_not_said() {
    let config = config(
        vec![
            standby("web", vec![probe("ping")]),
            standby("api", vec![probe("ping")]),
        ],
        Vec::new(),
        0,
    );
    let text = r#"{"at": "7s", "bird": "web", "is": "full"}"#;
    let said = |service, strength| Event::Bird {
        service,
        adoption: InitialStrength::Is(strength),
    };
    let expected = [
        (Moment::START, said(1, Strength::Off)),
        (at_s(7), said(0, Strength::Full)),
    ];
    assert_eq!(story(&config, text).events, expected, "in the order of time");
}

#[test]
fn a_check_comes_out_as_the_latest_line_before_it_says() {
    let text = r#"
{"at": "10s", "probe": "web/ping", "result": "fail"}
{"at": "20s", "probe": "web/ping", "result": "error"}
{"at": "30s", "probe": "web/ping", "result": "pass", "after": "20ms"}
"#;
    let config = simple();
    let written = story(&config, text);
    let mut world = &written;
    let mut answer = |at, of| {
        let policy = &config.services[0].probes[0];
        let answer = world.answer(at, of, policy).expect("an answer");
        (answer.outcome, answer.after)
    };
    assert_eq!(answer(at_ms(9_999), PING), (CheckOutcome::Pass, SOON));
    assert_eq!(
        answer(at_s(10), PING),
        (CheckOutcome::Fail, secs(2)),
        "at its time-out"
    );
    assert_eq!(answer(at_s(20), PING), (CheckOutcome::Error, SOON));
    assert_eq!(answer(at_s(999), PING), (CheckOutcome::Pass, ms(20)));
    assert_eq!(answer(at_s(999), WITNESS), (CheckOutcome::Pass, SOON));
}

#[test]
fn a_story_ends_when_everything_that_the_last_line_began_could_have_come_of_it() {
    // A probe takes an interval of 5 s and (3 + 2) x 2 s to turn twice, then failback_delay's 30 s.
    let settled = secs(60 + 5 + 10 + 30);
    let line = r#"{"at": "100s", "probe": "web/ping", "result": "fail"}"#;
    assert_eq!(end(&simple(), line), secs(100) + settled);
    let earlier = format!("{line}\n{}", r#"{"at": "40s", "bird": "web", "is": "off"}"#);
    assert_eq!(end(&simple(), &earlier), secs(100) + settled, "the latest counts");

    let mut slow = simple();
    let service = &mut slow.services[0];
    (service.takeover_delay, service.failback_drain) = (secs(1_000), secs(200));
    service.probes.push(model::ProbeConfig {
        interval: secs(50),
        ..probe("slow")
    });
    assert_eq!(
        end(&slow, line),
        secs(100) + settled + secs(1_000 + 200 + 45),
        "all delays, and the slowest probe"
    );
    slow.services.insert(0, standby("api", vec![probe("ping")]));
    assert_eq!(
        end(&slow, line),
        secs(100) + settled + secs(1_245),
        "the slowest service"
    );

    let mut daily = simple();
    daily.services[0].failback_window = Some(DailyWindow {
        start: jiff::civil::time(2, 0, 0, 0),
        end: jiff::civil::time(5, 0, 0, 0),
        zone: jiff::tz::TimeZone::UTC,
    });
    assert_eq!(
        end(&daily, line),
        secs(100 + 25 * 3_600) + settled,
        "the longest day"
    );

    let told = r#"{"at": "100s", "service": "web", "ask": "freeze", "for": "1h"}"#;
    let twice = format!("{told}\n{}", told.replace("1h", "1m"));
    assert_eq!(
        end(&simple(), &twice),
        secs(100 + 3_600) + settled,
        "the longest override"
    );
}

#[test]
fn a_story_ends_where_it_says_and_never_after_a_month() {
    let line = r#"{"at": "100s", "probe": "web/ping", "result": "fail"}"#;
    let said = format!("{line}\n{}", r#"{"at": "110s", "end": true}"#);
    assert_eq!(end(&simple(), &said), secs(110));
    let before = format!("{line}\n{}", r#"{"at": "90s", "end": true}"#);
    assert_eq!(end(&simple(), &before), secs(90), "and looks no further");
    let month = secs(31 * 24 * 3_600);
    assert_eq!(end(&simple(), r#"{"at": "365d", "end": true}"#), month);
    assert_eq!(
        end(&simple(), r#"{"at": "365d", "bird": "web", "is": "off"}"#),
        month
    );
}

#[test]
fn the_wall_clock_begins_where_the_first_line_says() {
    let start = |text| story(&simple(), text).start.to_string();
    assert_eq!(
        start(r#"{"start": "2026-03-01T12:00:00Z"}"#),
        "2026-03-01T12:00:00Z"
    );
    assert_eq!(start(r#"{"at": "1s", "end": true}"#), "2026-01-01T00:00:00Z");
    let with_time = r#"{"start": "2026-03-01T12:00:00Z", "at": "0s"}"#;
    assert!(Trace::parse(with_time, &simple()).is_err(), "it stands alone");
}

#[test]
fn a_line_says_one_thing() {
    let complete = [
        r#""probe": "web/ping", "result": "fail""#,
        r#""service": "web", "ask": "auto""#,
        r#""bird": "web", "is": "off""#,
        r#""end": true"#,
    ];
    let keys = [
        r#""probe": "web/ping""#,
        r#""result": "fail""#,
        r#""after": "1ms""#,
        r#""service": "web""#,
        r#""ask": "auto""#,
        r#""for": "1s""#,
        r#""reason": "r""#,
        r#""bird": "web""#,
        r#""is": "off""#,
        r#""end": true"#,
    ];
    for (says, own) in complete
        .iter()
        .zip([&keys[..3], &keys[3..7], &keys[7..9], &keys[9..]])
    {
        let alone = format!(r#"{{"at": "1s", {says}}}"#);
        assert!(Trace::parse(&alone, &simple()).is_ok(), "{alone}");
        for key in keys.iter().filter(|key| !own.contains(key)) {
            let mixed = format!(r#"{{"at": "1s", {says}, {key}}}"#);
            let errors = Trace::parse(&mixed, &simple()).expect_err(&mixed);
            assert_eq!(errors[0].text, WHAT_A_LINE_SAYS, "{mixed}");
        }
    }
}

#[test]
fn probes_are_named_with_their_service_or_as_a_witness() {
    let mut config = simple();
    config
        .services
        .push(standby("api", vec![probe("ping"), probe("site")]));
    config.witnesses.push(probe("other"));
    let found = |name| find_probe(&config, name).map(|(id, policy)| (id, policy.name.clone()));
    let named = |id, name: &str| Some((id, name.to_owned()));
    assert_eq!(found("web/ping"), named(PING, "ping"));
    assert_eq!(found("api/site"), named(ProbeId::Service(1, 1), "site"));
    assert_eq!(found("witness/other"), named(ProbeId::Witness(1), "other"));
    for nobody in ["ping", "web/site", "witness/ping", "mail/ping", "mail/other", ""] {
        assert_eq!(found(nobody), None, "{nobody}");
    }
}
