//! Traces: what they say, what is wrong with broken ones, and what comes of good ones.

use crate::core::site::tests::support::*;

use super::*;
use crate::core::{OperatorCommand, PersistentState, Strength};
use crate::model::command::{Override, OverrideOptions};
use crate::model::history::HistoryEvent;
use crate::model::snapshot::{Isolation, OverrideAction, ProbeState, Verdict};
use crate::model::time::Now;

mod cases;

fn played(config: &Config, text: &str) -> Vec<String> {
    let trace = Trace::parse(text, config).expect("a good trace");
    let notes = simulate(config, &trace);
    let told = notes
        .iter()
        .map(|(at, note)| format!("{:>7.3} {}", at.since_start().as_secs_f64(), tell(config, note)));
    told.collect()
}

fn errors(text: &str) -> Vec<String> {
    let errors = Trace::parse(text, &article()).expect_err("a broken trace");
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_written_trace_plays_through_the_real_rules() {
    let text = r#"
# The primary dies, an operator holds us silent for a while, and it comes back.
{"start": "2026-03-01T12:00:00Z"}
{"at": "10s", "probe": "web/ping", "result": "fail"}
{"at": "10s", "probe": "web/site", "result": "fail", "after": "1ms"}

{"at": "30s", "service": "web", "ask": "withdraw", "for": "20s", "reason": "test"}
{"at": "1m40s", "probe": "web/ping", "result": "pass"}
{"at": "1m40s", "probe": "web/site", "result": "pass", "after": "20ms"}
"#;
    let told = [
        "  0.501 web/ping: unknown -> up: nothing else is written",
        "  0.502 web/site: unknown -> up: nothing else is written",
        "  0.502 web: verdict unclear -> up",
        "  1.001 witness/resolver: unknown -> up: nothing else is written",
        "  1.001 site: unknown -> connected",
        " 11.501 web/site: up -> down: as written in line 5",
        " 11.501 web: verdict up -> unclear",
        " 13.000 web/ping: up -> down: as written in line 4",
        " 13.000 web: verdict unclear -> down",
        " 13.000 web: off -> full by D4: ping down, site down",
        " 30.000 web: override begins: withdraw by trace until 2026-03-01T12:00:50Z (test)",
        " 30.000 web: full -> off by D11: withdraw by trace: test",
        " 50.000 web: override ran out: withdraw by trace until 2026-03-01T12:00:50Z (test)",
        " 50.000 web: off -> full by D4: ping down, site down",
        "100.501 web/ping: down -> up: as written in line 8",
        "100.501 web: verdict down -> unclear",
        "100.521 web/site: down -> up: as written in line 9",
        "100.521 web: verdict unclear -> up",
        "130.521 web: full -> off by D4: ping up, site up",
    ];
    assert_eq!(played(&article(), text), told);
}

#[test]
fn what_a_written_trace_does_not_say_passes_and_bird_is_silent() {
    let told = played(&simple(), r#"{"at": "60s", "end": true}"#);
    assert_eq!(
        told.len(),
        4,
        "two probes, the verdict and the isolation: {told:?}"
    );
    assert!(!told.iter().any(|line| line.contains(" by ")));
}

#[test]
fn a_written_trace_says_what_bird_announces_at_the_start() {
    let told = played(&simple(), r#"{"at": "0s", "bird": "web", "is": "full"}"#);
    assert!(
        told.iter()
            .any(|line| line.ends_with("web: full -> off by D4: ping up")),
        "{told:?}"
    );
}

#[test]
fn a_recorded_trace_plays_to_the_same_notes() {
    let config = article();
    let mut bench = Bench::new(&config);
    let header = TraceHeader::new(&config, &PersistentState::default(), bench.play.now());
    bench.play = bench.play.clone().recording();
    let mut bench = bench.adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.from(at_s(20), SITE, Target::Refusing);
    bench.run(at_s(60));
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("allowed");
    bench.run(at_s(90));
    let mut text = serde_json::to_string(&header).expect("it can be written");
    for input in bench.play.inputs() {
        text.push('\n');
        text.push_str(&serde_json::to_string(input).expect("it can be written"));
    }
    let trace = Trace::parse(&text, &config).expect("a good trace");
    assert_eq!(simulate(&config, &trace), bench.play.notes());
    assert!(bench.switches().len() == 2);

    let other = simple();
    let refused = Trace::parse(&text, &other).expect_err("recorded with other probes");
    assert_eq!(
        refused[0].to_string(),
        "line 1, column 1: it was recorded with the probes web/ping, web/site, witness/resolver; \
         this configuration has web/ping, witness/resolver"
    );
    let twice = format!("{text}\n{text}");
    assert!(Trace::parse(&twice, &config).is_err(), "two recordings in one");
    let newer = text.replacen("\"schema\":1", "\"schema\":2", 1);
    let refused = Trace::parse(&newer, &config).expect_err("of the future");
    assert_eq!(
        refused[0].to_string(),
        "line 1, column 1: it has schema 2; this Falconer reads schema 1"
    );
    let last = text.lines().count();
    let torn = &text[..text.len() - 10];
    let refused = Trace::parse(torn, &config).expect_err("torn");
    assert_eq!((refused.len(), refused[0].line), (1, last));
}

#[test]
fn an_empty_trace_is_a_story_without_events() {
    assert!(Trace::parse("", &article()).is_ok());
    assert!(Trace::parse("\n# nothing\n", &article()).is_ok());
}

#[test]
fn every_broken_line_is_named_with_its_place_and_what_would_be_right() {
    let says = "a line says \"at\" and one of: \"probe\" and \"result\" (and \"after\"); \"service\" and \"ask\" (and \"for\", \"reason\"); \"bird\" and \"is\"; \"end\"";
    let table = [
        (r#"{"at": "10s", "probe": "web/pong", "result": "fail"}"#, "line 1, column 24: there is no probe `web/pong`; there are: web/ping, web/site, witness/resolver".to_owned()),
        (r#"{"at": "10s", "probe": "pong", "result": "fail"}"#, "line 1, column 24: there is no probe `pong`; there are: web/ping, web/site, witness/resolver".to_owned()),
        (r#"{"at": "ten", "probe": "web/ping", "result": "fail"}"#, "line 1, column 8: `ten` is not a duration such as \"500ms\", \"10s\" or \"1m30s\": `ten` does not begin with a number".to_owned()),
        (r#"{"at": "10s", "service": "mail", "ask": "auto"}"#, "line 1, column 26: there is no service `mail`; there are: web".to_owned()),
        (r#"{"at": "10s", "service": "web", "ask": "explode"}"#, "line 1, column 40: `explode` cannot be asked; announce, withdraw, freeze, auto and failback can".to_owned()),
        (r#"{"at": "10s", "service": "web", "ask": "auto", "for": "1s"}"#, "line 1, column 40: `auto` takes no \"for\"".to_owned()),
        (r#"{"at": "10s", "bird": "web", "is": "gone"}"#, "line 1, column 36: BIRD is never `gone`; it is off, drain, full or mixed".to_owned()),
        (r#"{"probe": "web/ping", "result": "fail"}"#, format!("line 1, column 1: \"at\" is missing: {says}")),
        (r#"  {"at": "1s"}"#, format!("line 1, column 3: {says}")),
        (r#"{"at": "1s", "end": false}"#, format!("line 1, column 1: {says}")),
        (r#"{"at": "1s", "end": true, "is": "off"}"#, format!("line 1, column 1: {says}")),
        (r#"{"at": "1s", "probe": "web/ping"}"#, format!("line 1, column 1: {says}")),
        (r#"{"at": "1s", "start": "2026-01-01T00:00:00Z"}"#, "line 1, column 1: \"start\" and \"never_passed\" stand alone, and in the first line".to_owned()),
    ];
    for (text, expected) in table {
        assert_eq!(errors(text), [expected], "{text}");
    }
    let late = "{\"at\": \"1s\", \"end\": true}\n{\"start\": \"2026-01-01T00:00:00Z\"}";
    assert_eq!(
        errors(late),
        ["line 2, column 1: \"start\" and \"never_passed\" stand alone, and in the first line"]
    );
}

#[test]
fn what_is_no_json_is_named_with_its_column() {
    assert_eq!(
        errors(r#"{"at": "10s", "probe": web}"#),
        ["line 1, column 24: expected value"]
    );
    let unknown = errors(r#"{"at": "10s", "prob": "web/ping", "result": "fail"}"#);
    assert!(
        unknown[0].starts_with("line 1, column 20: unknown field `prob`"),
        "{unknown:?}"
    );
    let result = errors("\n\n{\"at\": \"10s\", \"probe\": \"web/ping\", \"result\": \"failed\"}");
    assert!(
        result[0].starts_with("line 3, column ") && result[0].contains("unknown variant `failed`"),
        "{result:?}"
    );
}

#[test]
fn all_broken_lines_are_named_at_once() {
    let text = "{\"at\": \"1s\"}\n{\"at\": \"2s\", \"end\": true}\nnonsense\n";
    let lines: Vec<_> = Trace::parse(text, &article())
        .expect_err("broken")
        .iter()
        .map(|error| error.line)
        .collect();
    assert_eq!(lines, [1, 3]);
}

fn told(table: impl IntoIterator<Item = (CoreEvent, &'static str)>) {
    for (note, expected) in table {
        assert_eq!(tell(&article(), &note), expected);
    }
}

#[test]
fn what_is_seen_is_told_with_names_and_what_has_none_with_a_question_mark() {
    let turned = |service, name: &str, from, to| {
        let (name, detail) = (name.to_owned(), "said".to_owned());
        CoreEvent::History(
            service,
            HistoryEvent::Probe {
                name,
                from,
                to,
                detail,
            },
        )
    };
    let isolated = |from, to| {
        let isolated = to == Isolation::Isolated;
        let (from, state) = (Some(from), Some(to));
        CoreEvent::History(
            None,
            HistoryEvent::Isolated {
                from,
                isolated,
                state,
            },
        )
    };
    let (up, down, unknown) = (ProbeState::Up, ProbeState::Down, ProbeState::Unknown);
    let (from, to) = (Verdict::Down, Verdict::Unclear);
    told([
        (
            CoreEvent::History(Some(1), HistoryEvent::Verdict { from, to }),
            "?: verdict down -> unclear",
        ),
        (
            turned(Some(0), "site", unknown, up),
            "web/site: unknown -> up: said",
        ),
        (
            turned(None, "resolver", up, down),
            "witness/resolver: up -> down: said",
        ),
        (turned(Some(1), "ping", up, down), "?/ping: up -> down: said"),
        (
            isolated(Isolation::Connected, Isolation::Isolated),
            "site: connected -> isolated",
        ),
        (
            isolated(Isolation::Isolated, Isolation::Open),
            "site: isolated -> unknown: too few witnesses are known to be up",
        ),
    ]);
}

#[test]
fn what_operators_and_the_latch_do_is_told_with_who_and_until_when() {
    let over = Override {
        action: OverrideAction::Freeze,
        since: "2026-03-01T12:00:00Z".parse().expect("a time"),
        until: None,
        reason: None,
        drain: None,
        actor: "root".to_owned(),
    };
    let ended = |actor: Option<&str>| HistoryEvent::OverrideEnded {
        action: over.action,
        over: Some(over.clone()),
        actor: actor.map(str::to_owned),
        reason: actor.map(|_| "done".to_owned()),
    };
    let actor = || "ann".to_owned();
    let table = [
        (
            HistoryEvent::Latched,
            "latched after too many switches, until auto",
        ),
        (
            HistoryEvent::Released {
                actor: actor(),
                reason: Some("the ISP is well".to_owned()),
            },
            "latch released by ann (the ISP is well)",
        ),
        (
            HistoryEvent::Override {
                action: OverrideAction::Announce,
                until: None,
                reason: None,
                actor: "root".to_owned(),
            },
            "override begins: announce by root",
        ),
        (ended(Some("ann")), "override ended by ann (done): freeze by root"),
        (ended(None), "override ran out: freeze by root"),
        (
            HistoryEvent::FailbackAllowed {
                actor: actor(),
                reason: None,
            },
            "failback allowed by ann",
        ),
        (
            HistoryEvent::ConsentEnded {
                actor: actor(),
                text: "its target went down again".to_owned(),
            },
            "the failback that ann allowed has to be allowed again: its target went down again",
        ),
    ];
    for (what, expected) in table {
        let note = CoreEvent::History(Some(0), what);
        assert_eq!(tell(&article(), &note), format!("web: {expected}"));
    }
    told([(
        CoreEvent::History(None, HistoryEvent::Stalled { late_ms: 1_500 }),
        "site: stalled for 1s500ms: results thrown away",
    )]);
}

#[test]
fn inputs_of_one_moment_are_no_two_recordings() {
    let config = simple();
    let header = TraceHeader::new(&config, &PersistentState::default(), start());
    let line = |millis| {
        let now = Now {
            mono: at_ms(millis),
            wall: start().wall_at(at_ms(millis)),
        };
        serde_json::to_string(&Input { now, event: None }).expect("it can be written")
    };
    let header = serde_json::to_string(&header).expect("it can be written");
    let same = format!("{header}\n{}\n{}", line(5), line(5));
    assert!(Trace::parse(&same, &config).is_ok());
    let back = format!("{header}\n{}\n  {}\n{}", line(5), line(4), line(5));
    let errors = Trace::parse(&back, &config).expect_err("time goes back");
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["line 3, column 3: its time lies before that of the line above: two recordings in one?"]
    );
}
