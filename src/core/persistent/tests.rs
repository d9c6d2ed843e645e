//! D9 and D11 on what is remembered: it comes back as it was written, and nothing else is believed.

use std::time::Duration;

use super::*;
use crate::model::snapshot::OverrideAction;

fn utc(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn remembered() -> PersistentService {
    PersistentService {
        overridden: Some(Override {
            action: OverrideAction::Withdraw,
            since: utc("2026-01-01T00:00:00.123Z"),
            until: Some(utc("2026-01-01T01:00:00Z")),
            reason: Some("maintenance \"until\" noon".to_owned()),
            drain: None,
            actor: "root".to_owned(),
        }),
        latched_since: Some(utc("2026-01-01T00:00:00.123456789Z")),
        switches: vec![
            utc("2025-12-31T23:59:59.5Z"),
            utc("2026-01-01T00:00:00.123456789Z"),
        ],
        consent: Some(Consent {
            since: utc("2026-01-01T00:00:00.250Z"),
            reason: Some("the ISP is well".to_owned()),
            actor: "ann".to_owned(),
        }),
        imposed: true,
        drill: None,
        last_drill: None,
        last_good_drill: None,
    }
}

fn there_and_back(memory: &PersistentState) -> PersistentState {
    let text = serde_json::to_string(memory).expect("it can be written");
    serde_json::from_str(&text).expect("it can be read")
}

#[test]
fn d11_what_is_remembered_comes_back_as_it_was() {
    let without_end = PersistentService {
        overridden: Some(Override {
            action: OverrideAction::Freeze,
            since: utc("2026-01-01T00:00:00Z"),
            until: None,
            reason: None,
            drain: None,
            actor: "uid 1000".to_owned(),
        }),
        ..PersistentService::default()
    };
    let through_drain = PersistentService {
        overridden: Some(Override {
            action: OverrideAction::Withdraw,
            since: utc("2026-01-01T00:00:00Z"),
            until: None,
            reason: None,
            drain: Some(Duration::from_millis(30_500)),
            actor: "root".to_owned(),
        }),
        ..PersistentService::default()
    };
    let services = [
        ("web".to_owned(), remembered()),
        ("shop".to_owned(), through_drain),
        ("mail".to_owned(), without_end),
        ("dns".to_owned(), PersistentService::default()),
    ];
    let memory = PersistentState {
        services: services.into_iter().collect(),
        passed: Passes([("0f".repeat(16), utc("2026-01-01T00:00:00Z"))].into()),
    };
    assert_eq!(there_and_back(&memory), memory);
    assert_eq!(
        there_and_back(&PersistentState::default()),
        PersistentState::default()
    );
}

#[test]
fn d11_its_form_on_disk() {
    let memory = PersistentState {
        services: [("web".to_owned(), remembered())].into_iter().collect(),
        passed: Passes::default(),
    };
    let text = serde_json::to_string(&memory).expect("it can be written");
    assert_eq!(
        text,
        r#"{"services":{"web":{"override":{"action":"withdraw","since":"2026-01-01T00:00:00.123Z","until":"2026-01-01T01:00:00.000Z","reason":"maintenance \"until\" noon","actor":"root"},"latched_since":"2026-01-01T00:00:00.123456789Z","switches":["2025-12-31T23:59:59.5Z","2026-01-01T00:00:00.123456789Z"],"consent":{"since":"2026-01-01T00:00:00.250Z","reason":"the ISP is well","actor":"ann"},"imposed":true}}}"#
    );
}

#[test]
fn d11_what_has_a_key_that_we_do_not_know_is_not_believed() {
    for text in [
        r#"{"services":{},"more":1}"#,
        r#"{"services":{"web":{"more":1}}}"#,
        r#"{"services":{"web":{"override":{"action":"announce","since":"2026-01-01T00:00:00Z","until":null,"reason":null,"actor":"root","more":1}}}}"#,
        r#"{"services":{"web":{"override":{"action":"explode","since":"2026-01-01T00:00:00Z","until":null,"reason":null,"actor":"root"}}}}"#,
        r#"{"services":{"web":{"latched_since":"yesterday"}}}"#,
        "{}",
        "",
    ] {
        assert!(serde_json::from_str::<PersistentState>(text).is_err(), "{text}");
    }
}

#[test]
fn d9_only_nothing_is_empty() {
    assert!(PersistentService::default().is_empty());
    assert!(!remembered().is_empty());
    let latched = PersistentService {
        overridden: None,
        switches: Vec::new(),
        ..remembered()
    };
    assert!(!latched.is_empty());
}

#[test]
fn d20_what_was_written_before_passes_were_remembered_is_still_read() {
    let before = r#"{"services":{"web":{"latched_since":"2026-01-01T00:00:00Z"}}}"#;
    let memory: PersistentState = serde_json::from_str(before).expect("it can be read");
    assert!(memory.passed.is_empty());
    assert!(memory.services["web"].latched_since.is_some());
}

#[test]
fn d20_a_full_memory_forgets_what_no_probe_asks_any_more_oldest_first() {
    let entry = |number: usize| {
        let at = utc("2026-01-01T00:00:00Z") + SignedDuration::from_secs(i64::try_from(number).unwrap());
        (format!("{number:032x}"), at)
    };
    let mut passes = Passes((0..PASSES_LIMIT).map(entry).collect());
    let check = CheckConfig::Exec(model::ExecConfig {
        command: vec!["/bin/true".to_owned()],
    });
    let in_use = [format!("{:032x}", 0)];
    passes.record(&check, utc("2026-02-01T00:00:00Z"), in_use.into_iter());
    assert!(passes.has(&check));
    assert_eq!(passes.0.len(), PASSES_LIMIT);
    assert!(
        passes.0.contains_key(&format!("{:032x}", 0)),
        "a probe still asks it"
    );
    assert!(!passes.0.contains_key(&format!("{:032x}", 1)));
}
