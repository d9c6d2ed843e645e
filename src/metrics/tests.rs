//! The scrape, as scrapers read it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::*;
use crate::model::Snapshot;
use crate::model::history::{HistoryEntry, HistoryEvent};
use crate::model::readiness::Readiness;
use crate::model::situations;
use crate::model::snapshot;
use crate::model::snapshot::{
    AlarmCode, CheckOutcome, StageTimes, StandingSnapshot, StandingState, Strength,
};

fn facts(snapshot: Snapshot) -> Facts {
    Facts {
        snapshot: Arc::new(snapshot),
        ready: Arc::new(Readiness::not_yet(situations::now())),
        counts: Counts::default(),
        commands: BirdCommandCounts {
            connects: 1,
            ..BirdCommandCounts::default()
        },
        unwritten: 0,
        listeners: vec![
            ("socket", ListenerCounts::default()),
            ("tcp", ListenerCounts::default()),
        ],
        descriptors: DescriptorCounts {
            limit: 768,
            in_use: 3,
            refused: 1,
        },
        process: Process::default(),
        poll_interval: Duration::from_secs(1),
        now: situations::now(),
    }
}

fn entry(service: Option<&str>, what: HistoryEvent) -> HistoryEntry {
    HistoryEntry {
        seq: 1,
        at: situations::now(),
        service: service.map(str::to_owned),
        what,
    }
}

/// The value of one series.
fn value(text: &str, series: &str) -> Option<String> {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.map(str::to_owned)
}

#[test]
fn every_word_of_an_alarm_is_the_one_in_json() {
    for code in AlarmCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.word());
    }
}

/// A site of which every family has something to tell.
fn talkative() -> Facts {
    let mut snapshot = situations::overridden();
    snapshot.services[0].serving = Some(situations::serving());
    snapshot.services[0].latched = true;
    snapshot.services[0].standing = Some(StandingSnapshot {
        prefixes: vec!["198.51.100.0/23".parse().unwrap()],
        protocols: vec!["web_v4_standing".to_owned()],
        want: StandingState::On,
        actual: StandingState::On,
        exported_to: vec![],
    });
    snapshot.services[0].verified_at = Some(situations::now());
    snapshot.services[0].deadline = Some(situations::now());
    snapshot.services[0].last_good_drill = Some(situations::now());
    snapshot.services[0].followed = vec![snapshot::FollowedUpstream {
        upstream: "isp_a".to_owned(),
        state: snapshot::FollowedState::PrefersAnother,
        since: Some(situations::now()),
    }];
    let over = snapshot.services[0].overridden.as_mut().unwrap();
    over.until = Some(situations::now());
    let at = Some(situations::now());
    let stages = StageTimes {
        verdict: at,
        decided: at,
        enable_sent: at,
        ..StageTimes::default()
    };
    snapshot.services[0].transition = Some(snapshot::TransitionSnapshot {
        from: Some(Strength::Off),
        to: Some(Strength::Full),
        rule: "D4".into(),
        reason: String::new(),
        stages,
    });
    let mut facts = facts(snapshot);
    facts.counts.rules.insert(("D4".into(), Some(Strength::Full)), 1);
    facts.listeners[0].1.answers.insert(200, 1);
    facts.commands.answered("enable", Duration::from_millis(1));
    facts.counts.entry(&entry(None, HistoryEvent::Latched));
    facts.process = process();
    facts
}

fn process() -> Process {
    Process {
        cpu: Some(Duration::from_millis(1250)),
        resident: Some(24 << 20),
        open_fds: Some(17),
        max_fds: Some(1024),
        threads: Some(4),
    }
}

/// A row of docs/metrics.md for each family, as it has to be there.
static ROWS: LazyLock<Vec<String>> = LazyLock::new(rows);

fn rows() -> Vec<String> {
    let text = plain(&openmetrics(talkative()));
    let helps = text
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let types: std::collections::HashMap<_, _> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    let rows = helps.map(|(name, help)| {
        let kind = types[name];
        let suffix = if kind == "histogram" { "_bucket" } else { "" };
        let sample = text
            .lines()
            .find_map(|line| {
                line.strip_prefix(&format!("{name}{suffix}"))
                    .filter(|rest| rest.starts_with(['{', ' ']))
            })
            .unwrap_or_else(|| panic!("{name} has no sample"));
        let labels = regex::Regex::new(r#"(\w+)=""#).unwrap();
        let labels: Vec<_> = labels
            .captures_iter(sample)
            .map(|found| format!("`{}`", &found[1]))
            .filter(|label| label != "`le`")
            .collect();
        format!("| `{name}` | {kind} | {} | {help} |", labels.join(", "))
    });
    rows.collect()
}

fn document(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_metric_is_documented_and_every_documented_one_exists() {
    let document = document("metrics.md");
    let documented: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| `falconer_"))
        .collect();
    let rows = &*ROWS;
    let missing: Vec<_> = rows
        .iter()
        .filter(|row| !documented.contains(&row.as_str()))
        .collect();
    let gone: Vec<_> = documented
        .iter()
        .filter(|row| !rows.contains(&(**row).to_owned()))
        .collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "missing: {missing:#?}\nnot there any more: {gone:#?}"
    );
}

/// The names of the families that a query asks for, without the suffixes of a histogram's series.
fn asked_for(query: &str) -> Vec<String> {
    let names = regex::Regex::new(r"\bfalconer_\w+").unwrap();
    names
        .find_iter(query)
        .map(|name| {
            let name = name.as_str();
            let histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix));
            histogram.unwrap_or(name).to_owned()
        })
        .collect()
}

/// Whether a query asks only for what is served; labels included.
fn must_exist(query: &str) {
    let rows = &*ROWS;
    for name in asked_for(query) {
        assert!(
            rows.iter().any(|row| row.starts_with(&format!("| `{name}` |"))),
            "{name} of: {query}"
        );
    }
    let labels = regex::Regex::new(r"(falconer_\w+?)(?:_bucket|_sum|_count)?\{([^}]*)\}").unwrap();
    let label = regex::Regex::new(r#"(\w+)\s*(?:=~|!=|=|!~)\s*""#).unwrap();
    for selector in labels.captures_iter(query) {
        let row = rows
            .iter()
            .find(|row| row.starts_with(&format!("| `{}` |", &selector[1])))
            .unwrap();
        for name in label.captures_iter(&selector[2]) {
            let known = &name[1] == "instance" || row.contains(&format!("`{}`", &name[1]));
            assert!(known, "{} has no label {}: {query}", &selector[1], &name[1]);
        }
    }
}

#[test]
fn every_alert_asks_for_what_is_served() {
    let alerts = document("alerts.yml");
    assert!(alerts.matches("alert: ").count() >= 20);
    for line in alerts.lines().filter(|line| line.contains("falconer_")) {
        must_exist(line);
    }
}

#[test]
fn every_panel_of_the_dashboard_asks_for_what_is_served_and_has_its_place() {
    let dashboard: serde_json::Value = serde_json::from_str(&document("grafana-dashboard.json")).unwrap();
    assert!(dashboard["title"].is_string() && dashboard["schemaVersion"].is_u64());
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut ids, mut taken) = (std::collections::HashSet::new(), std::collections::HashSet::new());
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(
            !title.is_empty() && ids.insert(panel["id"].as_u64().unwrap()),
            "{title}"
        );
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{title}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{title} lies on another panel");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            let query = target["expr"].as_str().unwrap();
            assert!(!asked_for(query).is_empty(), "{title}: {query}");
            must_exist(query);
        }
    }
    let text = dashboard.to_string();
    for variable in ["datasource", "instance", "service"] {
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        assert!(
            variables.iter().any(|defined| defined["name"] == variable),
            "{variable}"
        );
        assert!(text.contains(&format!("${{{variable}}}")) || text.contains(&format!("${variable}")));
    }
    for query in ["annotations", "templating"] {
        must_exist(&dashboard[query].to_string().replace("\\\"", "\""));
    }
}

#[test]
fn a_site_that_announces_reads_as_its_golden_file() {
    let mut facts = facts(situations::announced());
    facts.counts.check(
        Some("web"),
        "ping",
        CheckOutcome::Pass,
        Some(Duration::from_millis(31)),
    );
    facts.counts.check(Some("web"), "ping", CheckOutcome::Fail, None);
    facts.counts.check(None, "root-k", CheckOutcome::Error, None);
    facts
        .commands
        .answered("show protocols", Duration::from_micros(700));
    facts.commands.failed("enable", "timeout");
    facts
        .counts
        .entry(&entry(None, HistoryEvent::Stalled { late_ms: 1500 }));
    facts
        .counts
        .entry(&entry(Some("web"), HistoryEvent::Drift { text: "gone".into() }));
    facts.process = process();
    let text = openmetrics(facts);
    insta::assert_snapshot!("openmetrics", text);
    insta::assert_snapshot!("plain", plain(&text));
}

#[test]
fn want_and_actual_that_differ_disagree_and_what_is_unknown_does_not() {
    let series = r#"falconer_service_disagrees{service="web"}"#;
    assert_eq!(
        value(&openmetrics(facts(situations::steady())), series).as_deref(),
        Some("0")
    );
    assert_eq!(
        value(&openmetrics(facts(situations::taking_over())), series).as_deref(),
        Some("1")
    );
    let mut unread = situations::taking_over();
    unread.services[0].actual = None;
    assert_eq!(value(&openmetrics(facts(unread)), series).as_deref(), Some("0"));
}

#[test]
fn a5_announced_ends_two_polls_after_it_was_last_verified() {
    let series = r#"falconer_service_announced{service="web"}"#;
    let mut facts = facts(situations::announced());
    assert_eq!(value(&openmetrics(facts.clone()), series).as_deref(), Some("1"));
    facts.now += jiff::SignedDuration::from_secs(3);
    assert_eq!(value(&openmetrics(facts), series).as_deref(), Some("0"));
}

#[test]
fn what_was_counted_of_a_probe_that_is_gone_is_not_shown() {
    let mut facts = facts(situations::steady());
    facts.counts.check(Some("web"), "gone", CheckOutcome::Pass, None);
    facts.counts.check(Some("gone"), "ping", CheckOutcome::Pass, None);
    assert!(!openmetrics(facts).contains("gone"));
}

#[test]
fn the_number_of_series_follows_the_configuration_alone() {
    let series = |snapshot: Snapshot| openmetrics(facts(snapshot)).lines().count();
    let steady = series(situations::steady());
    let mut talkative = situations::steady();
    talkative.upstreams[0].state = "OpenConfirm".to_owned().into();
    talkative.upstreams[0].error = Some("Socket: Connection refused".into());
    talkative.services[0].reason = "something else".into();
    talkative.services[0].rule = "D11".into();
    talkative.services[0].probes[0].last.as_mut().unwrap().detail = "no route".into();
    for seconds in 0..20 {
        talkative
            .alarms
            .push(situations::alarm(AlarmCode::Drift, None, &format!("{seconds}")));
    }
    assert_eq!(series(talkative), steady);
}

#[test]
fn a_name_cannot_break_out_of_its_label() {
    let mut snapshot = situations::steady();
    snapshot.site = "hk\"1\"\n# EOF\\".into();
    let text = openmetrics(facts(snapshot));
    assert!(
        text.contains(r#"falconer_site_info{site="hk\"1\"\n# EOF\\"} 1"#),
        "{text}"
    );
}
