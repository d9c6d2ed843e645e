//! The scrape, as scrapers read it.

use super::*;
use crate::history::{Entry, What};
use crate::status::situations;
use crate::status::snapshot::{AlarmCode, Outcome};

fn facts(snapshot: Snapshot) -> Facts {
    Facts {
        snapshot: Arc::new(snapshot),
        ready: Arc::new(Readiness::not_yet(situations::now())),
        counts: Counts::default(),
        commands: Commands {
            connects: 1,
            ..Commands::default()
        },
        unwritten: 0,
        listeners: vec![("socket", Listener::default()), ("tcp", Listener::default())],
        process: Process::default(),
        poll_interval: Duration::from_secs(1),
        now: situations::now(),
    }
}

fn entry(service: Option<&str>, what: What) -> Entry {
    Entry {
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

#[test]
fn a_site_that_announces_reads_as_its_golden_file() {
    let mut facts = facts(situations::announced());
    facts.counts.check(
        Some("web"),
        "ping",
        Outcome::Pass,
        Some(Duration::from_millis(31)),
    );
    facts.counts.check(Some("web"), "ping", Outcome::Fail, None);
    facts.counts.check(None, "root-k", Outcome::Error, None);
    facts
        .commands
        .answered("show protocols", Duration::from_micros(700));
    facts.commands.failed("enable", "timeout");
    facts.counts.entry(&entry(None, What::Stalled { late_ms: 1500 }));
    facts
        .counts
        .entry(&entry(Some("web"), What::Drift { text: "gone".into() }));
    facts.process = Process {
        cpu: Some(Duration::from_millis(1250)),
        resident: Some(24 << 20),
        open_fds: Some(17),
        max_fds: Some(1024),
        threads: Some(4),
    };
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
    unread.services[0].actual = crate::status::snapshot::Strength::Unknown;
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
    facts.counts.check(Some("web"), "gone", Outcome::Pass, None);
    facts.counts.check(Some("gone"), "ping", Outcome::Pass, None);
    assert!(!openmetrics(facts).contains("gone"));
}

#[test]
fn the_number_of_series_follows_the_configuration_alone() {
    let series = |snapshot: Snapshot| openmetrics(facts(snapshot)).lines().count();
    let steady = series(situations::steady());
    let mut talkative = situations::steady();
    talkative.upstreams[0].state = "OpenConfirm".into();
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
