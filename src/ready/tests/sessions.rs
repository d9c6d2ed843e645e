//! BIRD, its protocols and its sessions.

use super::*;
use crate::bird::guard::GuardFacts;
use crate::model::BgpState;
use crate::model::snapshot::{AlarmCode, BirdState, Strength};

#[test]
fn a_bird_that_does_not_answer_is_a_no_and_nothing_else_is_said_of_what_it_would_say() {
    let mut site = Site::well();
    site.bird = BirdFactsSeen::default();
    site.snapshot.bird.state = BirdState::Down;
    site.snapshot.bird.error = Some("there is no socket".to_owned());
    let said = "BIRD does not answer on /run/bird/bird.ctl: there is no socket".to_owned();
    assert_eq!(site.said(), (ReadinessCode::Bird, ReadinessLevel::No, said));
    site.snapshot.bird.state = BirdState::Busy;
    assert_eq!(site.problem().level, ReadinessLevel::No);
}

#[test]
fn what_a_round_that_broke_off_did_not_see_is_not_taken_for_well() {
    let mut site = Site::well();
    site.bird.protocols = None;
    site.bird.sessions.clear();
    let said = "BIRD 2.0.12 did not answer every command".to_owned();
    assert_eq!(site.said(), (ReadinessCode::Bird, ReadinessLevel::No, said));
    let mut site = Site::well();
    let (name, row) = row("isp_a");
    site.bird.protocols.as_mut().unwrap().insert(name, row);
    site.bird.sessions.remove("isp_a");
    assert!(site.problem().text.starts_with("BIRD did not answer about isp_a"));
}

#[test]
fn a_version_that_is_not_known_is_a_warning() {
    for (version, known) in [
        ("2.0.7", false),
        ("2.0.8", true),
        ("2.19.2+git", true),
        ("3.3.2", true),
        ("4.0", false),
    ] {
        let mut site = Site::well();
        site.snapshot.bird.version = Some(version.to_owned());
        let level = if known {
            ReadinessLevel::Ok
        } else {
            ReadinessLevel::Warning
        };
        assert_eq!(site.decide().level, level, "{version}");
    }
}

#[test]
fn a_recovery_or_a_shutdown_of_bird_is_a_no() {
    let mut site = Site::well();
    site.bird.status.as_mut().unwrap().graceful_restart_recovery = true;
    assert!(site.problem().text.contains("graceful-restart recovery"));
    let mut site = Site::well();
    site.bird.status.as_mut().unwrap().daemon = DaemonState::ShuttingDown;
    assert_eq!(site.problem().level, ReadinessLevel::No);
    let mut site = Site::well();
    site.bird.status.as_mut().unwrap().daemon = DaemonState::Reconfiguring;
    assert_eq!(site.decide().level, ReadinessLevel::Ok, "it is over in a moment");
}

#[test]
fn a_missing_protocol_is_a_no_and_a_missing_drain_protocol_a_warning() {
    for (name, level) in [
        ("web_v4", ReadinessLevel::No),
        ("web_v4_drain", ReadinessLevel::Warning),
    ] {
        let mut site = Site::well();
        site.bird.protocols.as_mut().unwrap().remove(name);
        let said = format!("BIRD has no protocol {name}");
        assert_eq!(site.said(), (ReadinessCode::Protocols, level, said));
    }
}

#[test]
fn a7_a_protocol_with_another_channel_or_other_routes_is_named_with_both() {
    let mut site = Site::well();
    let found = GuardFacts {
        kind: "Static".to_owned(),
        channels: vec!["ipv6".to_owned()],
        routes: vec!["0.0.0.0/0".parse().unwrap(), PREFIX.parse().unwrap()],
    };
    site.bird.found.insert("web_v4".to_owned(), found);
    let problem = site.problem();
    assert_eq!(
        (problem.code, problem.level),
        (ReadinessCode::Protocols, ReadinessLevel::No)
    );
    assert_eq!(
        problem.text,
        "web_v4 in BIRD is not what is configured: its channel is ipv6, expected ipv4; not ours to announce: 0.0.0.0/0"
    );
    assert!(
        problem
            .advice
            .unwrap()
            .contains("one ipv4 channel and exactly these routes: 198.51.100.0/24")
    );
}

#[test]
fn a7_what_steering_found_counts_even_where_the_guard_was_not_asked_again() {
    let mut site = Site::well();
    let alarm = situations::alarm(
        AlarmCode::ForeignRoutes,
        Some("web"),
        "web_v4 in BIRD is not what is configured",
    );
    site.snapshot.alarms.push(alarm);
    assert_eq!(site.problem().code, ReadinessCode::Protocols);
    // Another service's is another's.
    site.snapshot.alarms[0].service = Some("mail".to_owned());
    assert_eq!(site.decide().level, ReadinessLevel::Ok);
}

#[test]
fn a_service_that_is_not_where_it_is_wanted_is_told_once_that_takes_too_long() {
    let mut site = Site::well();
    site.snapshot.services[0].want = Some(Strength::Full);
    site.snapshot.services[0].since = Some(situations::ago(2));
    assert_eq!(site.decide().level, ReadinessLevel::Ok, "on its way");
    site.snapshot.services[0].since = Some(situations::ago(11));
    let said = "wanted full, but BIRD is at off".to_owned();
    assert_eq!(site.said(), (ReadinessCode::State, ReadinessLevel::No, said));
}

#[test]
fn a_session_that_is_down_is_a_warning_as_long_as_enough_others_carry() {
    let mut site = Site::well();
    let bgp = site.bird.sessions.get_mut("isp_a").unwrap().bgp.as_mut().unwrap();
    bgp.state = BgpState::Active;
    bgp.last_error = Some("Socket: Connection refused".to_owned());
    let said =
        "isp_a is Active (Socket: Connection refused); enough other upstreams carry its prefixes".to_owned();
    assert_eq!(
        site.said(),
        (ReadinessCode::Upstreams, ReadinessLevel::Warning, said)
    );
    site.config.services[0].min_upstreams = 2;
    let problem = site.problem();
    assert_eq!(
        (problem.level, problem.subject.as_deref()),
        (ReadinessLevel::No, Some("isp_a"))
    );
    assert!(
        problem.text.ends_with("too few upstreams would carry web"),
        "{problem:?}"
    );
}

#[test]
fn a_missing_session_and_a_channel_that_is_down_carry_nothing() {
    let mut site = Site::well();
    site.config.services[0].min_upstreams = 2;
    site.channel("isp_b").state = "DOWN".to_owned();
    assert!(site.problem().text.contains("its channel ipv4 is DOWN"));
    site.bird.sessions.remove("isp_b");
    let problem = site.problem();
    assert!(
        problem.text.starts_with("BIRD has no protocol isp_b"),
        "{problem:?}"
    );
    assert!(problem.advice.unwrap().contains("birdc show protocols"));
}

#[test]
fn a_family_that_no_upstream_has_a_channel_of_is_a_no() {
    let mut site = Site::well();
    for name in ["isp_a", "isp_b"] {
        site.channel(name).name = "ipv6".to_owned();
    }
    let readiness = site.decide();
    let nowhere = readiness
        .problems()
        .find(|check| check.service.as_deref() == Some("web"))
        .unwrap();
    assert_eq!(
        (nowhere.code, nowhere.level),
        (ReadinessCode::Upstreams, ReadinessLevel::No)
    );
    assert_eq!(nowhere.text, "none of isp_a, isp_b has an ipv4 channel");
}

#[test]
fn the_protocols_that_are_right_are_named() {
    let config = CONFIG.replace("drain_protocols = [\"web_v4_drain\"]", "");
    let mut site = Site::with(&config);
    let state_files = site.disk.bird_conf.state_files.as_mut().unwrap();
    state_files.retain(|name, _| name == "web_v4");
    let texts: Vec<String> = site.decide().checks.into_iter().map(|check| check.text).collect();
    for said in [
        "in BIRD with exactly the configured prefixes: web_v4",
        "`disabled` comes from the state files of web_v4",
    ] {
        assert!(texts.iter().any(|text| text == said), "{texts:#?}");
    }
}
