//! What is not exactly ours is never enabled, and never withdrawn because of that (A7).

use crate::place::*;

#[tokio::test]
async fn a7_a_foreign_route_forbids_the_enable_and_not_the_disable() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    add_route(&place, "web_v4", "0.0.0.0/0");
    drive.intent(0, Strength::Full);
    let text = drive.failure().await;
    assert!(text.contains("not ours to announce: 0.0.0.0/0"), "{text}");
    let seen = drive
        .seen("the alarm", |service, _| !service.problems.is_empty())
        .await;
    assert!(
        problem(&seen, AlarmCode::ForeignRoutes).is_some(),
        "{:?}",
        seen.services[0].problems
    );
    assert_eq!(place.bird.writes(), Vec::<String>::new());
    assert_eq!(
        place.says("web_v4").as_deref(),
        Some("disabled;\n"),
        "nor may a restart of BIRD announce it"
    );
    place.bird.with(|daemon| daemon.protocol("web_v4").enabled = true);
    drive.intent(0, Strength::Off);
    drive.verified(Strength::Off).await;
    assert!(!place.is_up("web_v4"));
}

#[tokio::test]
async fn a7_found_wrong_while_announced_nothing_is_withdrawn() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Full).await;
    let before = place.bird.writes();
    add_route(&place, "web_v4", "203.0.113.0/24");
    let seen = drive
        .seen("the alarm", |service, _| !service.problems.is_empty())
        .await;
    let text = problem(&seen, AlarmCode::ForeignRoutes).expect("foreign routes");
    assert!(
        text.contains("It is announced, and nothing is withdrawn"),
        "{text}"
    );
    drive.verified(Strength::Full).await;
    assert_eq!(place.bird.writes(), before);
    assert_eq!(place.says("web_v4").as_deref(), Some("disabled no;\n"));
}

#[tokio::test]
async fn a7_a_drain_protocol_that_is_refused_leaves_the_full_one_announced() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Full).await;
    add_route(&place, "web_v4_drain", "203.0.113.0/24");
    drive.intent(0, Strength::Drain);
    drive.failure().await;
    drive
        .seen("the alarm", |service, _| !service.problems.is_empty())
        .await;
    assert!(place.is_up("web_v4") && !place.is_up("web_v4_drain"));
}

#[tokio::test]
async fn a5_an_announcement_that_the_guard_refuses_is_alarmed_as_not_exported_too() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    add_route(&place, "web_v4", "203.0.113.0/24");
    drive.intent(0, Strength::Full);
    let seen = drive
        .seen("both alarms", |service, _| service.problems.len() > 1)
        .await;
    assert!(problem(&seen, AlarmCode::ForeignRoutes).is_some(), "{seen:?}");
    let text = problem(&seen, AlarmCode::NotExported).expect("not exported");
    assert!(
        text.contains("wanted at strength full, not there yet: web_v4 is down"),
        "{text}"
    );
    assert!(!place.is_up("web_v4"));
}

#[tokio::test]
async fn a7_a_protocol_that_bird_does_not_have_is_alarmed() {
    let place = Place::new(Daemon::new("2.0.12").with_bgp("isp_upstream", "203.0.113.1", &["ipv4"]));
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.intent(0, Strength::Full);
    let seen = drive
        .seen("the alarm", |service, _| !service.problems.is_empty())
        .await;
    let text = problem(&seen, AlarmCode::Drift).expect("an alarm");
    assert!(text.contains("BIRD has no protocol web_v4"), "{text}");
    let text = problem(&seen, AlarmCode::NotExported).expect("who watches for silence is told too");
    assert!(text.contains("web_v4 is missing"), "{text}");
    assert_eq!(seen.services[0].adopt, None);
    assert_eq!(place.bird.writes(), Vec::<String>::new());
}
