//! The alert rules and the dashboard, as Prometheus itself judges them.

use std::fmt::Write;
use std::process::Command;

use crate::tools::{judged_well, root};

#[test]
fn prometheus_takes_the_alert_rules() {
    judged_well(
        Command::new("promtool")
            .args(["check", "rules"])
            .arg(root().join("docs/alerts.yml")),
    );
}

#[test]
fn every_alert_is_raised_by_its_situation_and_by_no_other() {
    let cases = root().join("tests/observing/alerts.yml");
    judged_well(Command::new("promtool").args(["test", "rules"]).arg(&cases));
    let alerts = std::fs::read_to_string(root().join("docs/alerts.yml")).unwrap();
    let cases = std::fs::read_to_string(cases).unwrap();
    for alert in alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        let asked = cases.matches(&format!("alertname: {alert}\n")).count();
        assert!(
            asked >= 2,
            "{alert} is to be tried where it is raised, and where it is not"
        );
    }
}

#[test]
fn prometheus_understands_every_query_of_the_dashboard() {
    let text = std::fs::read_to_string(root().join("docs/grafana-dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard, &mut queries);
    assert!(queries.len() > 20, "{queries:?}");
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (number, query) in queries.iter().enumerate() {
        let query = query
            .replace("$__rate_interval", "5m")
            .replace("$instance", ".*")
            .replace("$service", ".*");
        writeln!(rules, "      - record: query{number}\n        expr: {query:?}").unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.yml");
    std::fs::write(&file, rules).unwrap();
    judged_well(
        Command::new("promtool")
            .args(["check", "rules", "--lint=none"])
            .arg(file),
    );
}

/// Every `expr` of the dashboard.
fn collect(value: &serde_json::Value, queries: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(query) if name == "expr" => queries.push(query.to_owned()),
                    Some(_) | None => collect(value, queries),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, queries)),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}
