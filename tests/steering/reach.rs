//! Announced means verified, in the right order, also two hundred times (A5, D8).

use crate::place::*;

#[tokio::test]
async fn d8_the_new_protocol_is_seen_to_carry_before_the_old_one_goes() {
    let (daemon, target) = both_families();
    let place = Place::new(daemon);
    let mut drive = place.brought_to(target, Strength::Full).await;
    drive.intent(0, Strength::Drain);
    drive.verified(Strength::Drain).await;
    let lines = place.bird.lines();
    let at = |start: &str| {
        lines
            .iter()
            .rposition(|line| line.starts_with(start))
            .expect(start)
    };
    for (full, drain, prefix) in [("web_v4", "web_v4_drain", V4), ("web_v6", "web_v6_drain", V6)] {
        let enabled = at(&format!("enable \"{drain}\""));
        let carried = at(&format!("show route {prefix} protocol {drain}"));
        let disabled = at(&format!("disable \"{full}\""));
        assert!(enabled < carried && carried < disabled, "{lines:#?}");
    }
}

#[tokio::test]
async fn a5_an_upstream_that_is_down_is_named_and_its_return_is_seen() {
    let place = Place::new(daemon());
    place
        .bird
        .with(|daemon| daemon.set_session("isp_upstream", "Active", "Socket: Connection refused"));
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.intent(0, Strength::Full);
    let seen = drive
        .seen("not exported", |service, _| {
            service.actual == Some(Strength::Full) && !service.problems.is_empty()
        })
        .await;
    let text = problem(&seen, AlarmCode::NotExported).expect("not exported");
    assert!(
        text.contains("isp_upstream is Active (Socket: Connection refused)"),
        "{text}"
    );
    assert!(!seen.services[0].verified && seen.services[0].exported_to.is_empty());
    assert_eq!(seen.upstreams[0].families, [Family::V4, Family::V6]);
    place
        .bird
        .with(|daemon| daemon.set_session("isp_upstream", "Established", ""));
    drive.stage(TransitionStage::Exported, "web_v4").await;
    drive.verified(Strength::Full).await;
}

#[tokio::test]
async fn a5_an_export_filter_in_the_way_is_named() {
    let place = Place::new(daemon());
    place
        .bird
        .with(|daemon| daemon.bgp("isp_upstream").exports = Some(Vec::new()));
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.intent(0, Strength::Full);
    let seen = drive
        .seen("not exported", |service, _| {
            service.actual == Some(Strength::Full) && !service.problems.is_empty()
        })
        .await;
    let text = problem(&seen, AlarmCode::NotExported).expect("not exported");
    assert!(text.contains("export filter") && text.contains(V4), "{text}");
}

#[tokio::test]
async fn a5_graceful_restart_recovery_is_said_to_hold_it_back() {
    let place = Place::new(daemon());
    place.bird.with(|daemon| {
        daemon.recovery = true;
        daemon.bgp("isp_upstream").exports = Some(Vec::new());
    });
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.intent(0, Strength::Full);
    let seen = drive
        .seen("not exported", |service, _| {
            service.actual == Some(Strength::Full) && !service.problems.is_empty()
        })
        .await;
    let text = problem(&seen, AlarmCode::NotExported).expect("not exported");
    assert!(text.contains("graceful-restart recovery"), "{text}");
    assert!(!seen.bird_running_normally);
}

#[tokio::test]
async fn two_hundred_services_are_announced_within_seconds_on_the_fake() {
    const SERVICES: usize = 200;
    let name = |n: usize| format!("s{n}_v4");
    let prefix = |n: usize| format!("10.{}.{}.0/24", n / 250, n % 250);
    let daemon = (0..SERVICES).fold(
        Daemon::new("2.0.12").with_bgp("isp_upstream", "203.0.113.1", &["ipv4"]),
        |daemon, n| daemon.with_static(&name(n), &[&prefix(n)]),
    );
    let place = Place::new(daemon);
    let targets = (0..SERVICES)
        .map(|n| ReconcileTarget {
            service: format!("s{n}"),
            full: vec![protocol(&name(n), Family::V4, &[&prefix(n)])],
            drain: Vec::new(),
            ..web()
        })
        .collect();
    let mut drive = Drive::start(place.setup(targets), PATIENCE);
    drive.seen("BIRD", |service, _| service.actual.is_some()).await;
    let decided = Instant::now();
    drive.wish_all(Strength::Full);
    let seen = drive
        .seen("all announced", |_, seen| {
            seen.services
                .iter()
                .all(|service| service.verified && service.actual == Some(Strength::Full))
        })
        .await;
    let enables: Vec<Instant> = place
        .bird
        .received()
        .iter()
        .filter(|received| received.line.starts_with("enable"))
        .map(|received| received.at)
        .collect();
    assert_eq!(enables.len(), SERVICES);
    let last = *enables.iter().max().expect("some") - decided;
    println!(
        "the last of {SERVICES} enables after {last:?}, all verified after {:?}",
        seen.at - decided
    );
    assert!(last < Duration::from_secs(3), "the last one after {last:?}");
    let exported = drive
        .stages()
        .iter()
        .filter(|(stage, _)| *stage == TransitionStage::Exported)
        .count();
    assert_eq!(exported, SERVICES);
}
