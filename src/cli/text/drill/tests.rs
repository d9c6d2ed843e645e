//! What people read and file, as golden files, and what must not break it.

use super::*;
use crate::model::snapshot::StageTimes;

fn at(millis: i64) -> Timestamp {
    let began: Timestamp = "2026-11-22T20:45:00.500Z".parse().unwrap();
    began + jiff::SignedDuration::from_millis(millis)
}

fn passed() -> DrillReport {
    DrillReport {
        schema: crate::model::drill::SCHEMA,
        site: "hk1".to_owned(),
        service: "web".to_owned(),
        prefixes: vec![
            "198.51.100.0/24".parse().unwrap(),
            "2001:db8:5100::/48".parse().unwrap(),
        ],
        strength: Strength::Drain,
        dry_run: false,
        hold: "10s".to_owned(),
        actor: "ann".to_owned(),
        reason: Some("the first Monday of the quarter".to_owned()),
        bird: Some("2.0.12".to_owned()),
        started: at(0),
        ended: at(10_310),
        outcome: DrillOutcome::Passed,
        text: "announced at strength drain for 10s, carried, and silent again".to_owned(),
        stages: StageTimes {
            decided: Some(at(0)),
            enable_sent: Some(at(9)),
            enable_answered: Some(at(10)),
            up: Some(at(11)),
            exported: Some(at(14)),
            disable_sent: Some(at(10_030)),
            disable_answered: Some(at(10_031)),
            down: Some(at(10_033)),
            gone: Some(at(10_034)),
            ..StageTimes::default()
        },
        upstreams: vec!["isp_upstream".to_owned(), "isp_upstream6".to_owned()],
        exported_to: vec!["isp_upstream".to_owned(), "isp_upstream6".to_owned()],
        problems: Vec::new(),
    }
}

fn refused() -> DrillReport {
    let problems = ["this site is isolated", "its probe ping is in doubt"].map(str::to_owned);
    DrillReport {
        outcome: DrillOutcome::Refused,
        text: problems.join("; "),
        problems: problems.to_vec(),
        stages: StageTimes::default(),
        exported_to: Vec::new(),
        reason: None,
        ended: at(0),
        ..passed()
    }
}

#[test]
fn a_report_reads_as_its_golden_file_on_a_terminal() {
    insta::assert_snapshot!("passed_text", passed().text());
    insta::assert_snapshot!("refused_text", refused().text());
}

#[test]
fn a_report_reads_as_its_golden_file_in_markdown() {
    insta::assert_snapshot!("passed_markdown", passed().markdown());
    insta::assert_snapshot!("refused_markdown", refused().markdown());
}

#[test]
fn a_report_keeps_its_shape_in_json() {
    insta::assert_snapshot!("passed_json", serde_json::to_string_pretty(&passed()).unwrap());
    let again: DrillReport = serde_json::from_str(&serde_json::to_string(&passed()).unwrap()).unwrap();
    assert_eq!(again, passed());
}

#[test]
fn a_reason_can_neither_break_a_table_nor_steer_a_terminal() {
    let report = DrillReport {
        reason: Some("a | b\n<b>*c*</b> \u{1b}[31m".to_owned()),
        ..passed()
    };
    assert!(
        report
            .markdown()
            .contains("| Reason | a \\| b?\\<b>\\*c\\*\\</b> ?\\[31m |\n"),
        "{}",
        report.markdown()
    );
    assert!(!report.text().contains('\u{1b}'));
}
