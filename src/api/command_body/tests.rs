use super::*;

fn of_web(command: OperatorCommand) -> DaemonCommand {
    DaemonCommand::Service {
        service: "web".to_owned(),
        command,
    }
}

fn path_of(verb: ServiceVerb) -> CommandPath<'static> {
    CommandPath::Service("web", verb)
}

fn withdraw(lasting: Option<u64>, reason: Option<&str>) -> DaemonCommand {
    of_web(OperatorCommand::Withdraw(OverrideOptions {
        lasting: lasting.map(Duration::from_secs),
        reason: reason.map(str::to_owned),
        drain: None,
    }))
}

fn drill(strength: Strength, hold: u64, dry_run: bool, reason: Option<&str>) -> DaemonCommand {
    of_web(OperatorCommand::Drill(DrillPlan {
        strength,
        hold: Duration::from_secs(hold),
        dry_run,
        reason: reason.map(str::to_owned),
    }))
}

#[test]
fn an_empty_body_asks_for_the_verb_alone() {
    for body in [
        "",
        " \n",
        "{}",
        r#"{"reason": null, "for": null}"#,
        r#"{"reason": "  "}"#,
    ] {
        let read = read(path_of(ServiceVerb::Withdraw), body.as_bytes());
        assert_eq!(read, Ok(withdraw(None, None)), "{body:?}");
    }
    let auto = of_web(OperatorCommand::Auto { reason: None });
    assert_eq!(read(path_of(ServiceVerb::Auto), b""), Ok(auto));
    let usual = drill(Strength::Drain, 10, false, None);
    assert_eq!(read(path_of(ServiceVerb::Drill), b""), Ok(usual.clone()));
    assert_eq!(read(path_of(ServiceVerb::Drill), b"{}"), Ok(usual));
}

#[test]
fn duration_and_reason_are_read() {
    let body = r#"{"for": "20s", "reason": "机房检修"}"#;
    let read_it = read(path_of(ServiceVerb::Withdraw), body.as_bytes());
    assert_eq!(read_it, Ok(withdraw(Some(20), Some("机房检修"))));
    let body = br#"{"full": true, "dry_run": true, "for": "1m30s", "reason": "quarterly"}"#;
    let asked = drill(Strength::Full, 90, true, Some("quarterly"));
    assert_eq!(read(path_of(ServiceVerb::Drill), body), Ok(asked));
}

#[test]
fn what_is_written_is_read_back() {
    use crate::api::endpoint::{Endpoint, route};
    let reason = || Some("a test".to_owned());
    let options = |lasting| OverrideOptions {
        lasting,
        reason: reason(),
        drain: None,
    };
    let commands = [
        of_web(OperatorCommand::Announce(options(Some(Duration::from_millis(
            90_500,
        ))))),
        withdraw(None, None),
        of_web(OperatorCommand::Withdraw(OverrideOptions {
            drain: Some(Duration::from_secs(30)),
            ..options(Some(Duration::from_mins(15)))
        })),
        of_web(OperatorCommand::Freeze(options(None))),
        of_web(OperatorCommand::Auto { reason: reason() }),
        of_web(OperatorCommand::Failback { reason: reason() }),
        drill(Strength::Full, 600, false, Some("a test")),
        drill(Strength::Drain, 5, true, None),
        DaemonCommand::Explain {
            service: "web".to_owned(),
        },
        DaemonCommand::Files(FilesCommand::Reload),
        DaemonCommand::Files(FilesCommand::Apply { force: true }),
    ];
    for command in commands {
        let (path, body) = (path(&command), body(&command).unwrap());
        let Ok(Endpoint::Command(path)) = route(&hyper::Method::POST, &path) else {
            panic!("{path}");
        };
        assert_eq!(read(path, &body), Ok(command));
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_would_be_right() {
    use ServiceVerb::{Announce, Auto, Drill, Failback, Freeze, Withdraw};
    let long = format!(r#"{{"reason": "{}"}}"#, "x".repeat(256));
    let cases = [
        (Withdraw, "{", "the body is not what it should be"),
        (Withdraw, "[]", "the body is not what it should be"),
        (Withdraw, "[null, null]", "the body is not what it should be"),
        (Withdraw, r#"{"until": "20s"}"#, "unknown field `until`"),
        (Withdraw, r#"{"for": 20}"#, "the body is not what it should be"),
        (Withdraw, r#"{"for": "20"}"#, "has no unit; write it"),
        (Withdraw, r#"{"for": "-5s"}"#, "does not begin with a number"),
        (Withdraw, r#"{"for": "0s"}"#, "would end at once"),
        (Withdraw, r#"{"for": "99999999h"}"#, "more than a year"),
        (Withdraw, r#"{"for": "1h 30m"}"#, "as in falconer.toml"),
        (
            Withdraw,
            r#"{"reason": "a\u001b[31m"}"#,
            "one line without control characters",
        ),
        (Withdraw, &long, "256 bytes"),
        (Withdraw, r#"{"drain": "30"}"#, "has no unit; write it"),
        (Withdraw, r#"{"drain": "0s"}"#, "would end at once"),
        (Announce, r#"{"drain": "30s"}"#, "for withdraw only"),
        (Freeze, r#"{"drain": "30s"}"#, "for withdraw only"),
        (Auto, r#"{"drain": "30s"}"#, "for withdraw only"),
        (Auto, r#"{"for": "20s"}"#, "only"),
        (Failback, r#"{"for": "20s"}"#, "only"),
        (Drill, "[1]", "the body is not what it should be"),
        (Drill, r#"{"full": "yes"}"#, "the body is not what it should be"),
        (Drill, r#"{"until": "20s"}"#, "unknown field `until`"),
        (Drill, r#"{"for": "0s"}"#, "would end at once"),
        (Drill, r#"{"for": "11m"}"#, "more than ten minutes"),
        (Drill, r#"{"for": "soon"}"#, "write it like"),
        (Drill, r#"{"reason": "a\nb"}"#, "one line"),
    ];
    for (verb, body, expected) in cases {
        let said = read(path_of(verb), body.as_bytes()).unwrap_err();
        assert!(said.contains(expected), "{body}: {said}");
    }
}
