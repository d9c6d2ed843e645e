//! Only the difference, at once, one name at a time, and again where it failed (A1, A2).

use crate::place::*;

#[tokio::test]
async fn a1_a_decision_is_written_at_once_and_not_with_the_next_poll() {
    let place = Place::new(daemon());
    let slow = ReconcilerConfig {
        poll_interval: Duration::from_secs(60),
        ..place.setup(vec![web()])
    };
    let mut drive = Drive::start(slow, PATIENCE);
    drive.seen("BIRD", |service, _| service.actual.is_some()).await;
    drive.intent(0, Strength::Off);
    sleep(Duration::from_millis(50)).await;
    let decided = Instant::now();
    drive.intent(0, Strength::Full);
    let exported = drive.stage(TransitionStage::Exported, "web_v4").await;
    assert!(
        exported.at - decided < Duration::from_secs(1),
        "took {:?}",
        exported.at - decided
    );
    let seen = drive.verified(Strength::Full).await;
    assert!(
        seen.at - decided < Duration::from_secs(2),
        "and a full look follows"
    );
    assert_eq!(
        drive.stages(),
        [
            TransitionStage::EnableSent,
            TransitionStage::EnableAnswered,
            TransitionStage::Up,
            TransitionStage::Exported
        ]
        .map(|stage| (stage, "web_v4".into()))
    );
}

#[tokio::test]
async fn a2_failover_is_enable_and_disable_of_one_name_and_nothing_else() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    for strength in [Strength::Full, Strength::Drain, Strength::Off] {
        drive.intent(0, strength);
        drive.verified(strength).await;
    }
    assert_eq!(
        place.bird.writes(),
        [
            "enable \"web_v4\" \"test wants full\"",
            "enable \"web_v4_drain\" \"test wants drain\"",
            "disable \"web_v4\" \"test wants drain\"",
            "disable \"web_v4_drain\" \"test wants off\"",
        ]
    );
    let others = |line: &&String| !(line.starts_with("enable ") || line.starts_with("disable "));
    for line in place.bird.lines().iter().filter(others) {
        assert!(line.starts_with("show "), "{line}");
        assert!(
            !line.starts_with("show route") || line.contains(V4),
            "an unfiltered show route: {line}"
        );
    }
}

#[tokio::test]
async fn a1_where_nothing_differs_nothing_is_written() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Full).await;
    let before = place.bird.writes();
    for _ in 0..4 {
        drive.verified(Strength::Full).await;
    }
    assert_eq!(place.bird.writes(), before);
    assert_eq!(before.len(), 1);
}

#[tokio::test]
async fn a1_a_write_that_fails_is_retried_and_reported_once() {
    let place = Place::new(daemon());
    for _ in 0..2 {
        place.bird.plan("enable", Fault::Say("8000 Out of luck\n".into()));
    }
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.intent(0, Strength::Full);
    let text = drive.failure().await;
    assert!(
        text.contains("web_v4 could not be enabled") && text.contains("Out of luck"),
        "{text}"
    );
    drive.verified(Strength::Full).await;
    let enables: Vec<Instant> = place
        .bird
        .received()
        .iter()
        .filter(|received| received.line.starts_with("enable"))
        .map(|received| received.at)
        .collect();
    assert_eq!(enables.len(), 3);
    assert!(
        enables[1] - enables[0] >= Duration::from_millis(95),
        "{:?}",
        enables[1] - enables[0]
    );
    assert!(
        enables[2] - enables[1] >= Duration::from_millis(190),
        "{:?}",
        enables[2] - enables[1]
    );
}

#[tokio::test]
async fn a1_a_socket_that_only_reads_is_reported_and_shown() {
    let place = Place::new(daemon());
    for _ in 0..50 {
        place.bird.plan("enable", Fault::Deny);
    }
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.intent(0, Strength::Full);
    let text = drive.failure().await;
    assert!(text.contains("only read"), "{text}");
    let seen = drive
        .seen("the alarm", |service, _| !service.problems.is_empty())
        .await;
    assert!(problem(&seen, AlarmCode::NotExported).is_some_and(|text| text.contains("only read")));
}

#[tokio::test]
async fn a1_one_family_that_fails_does_not_keep_the_other() {
    let (daemon, target) = both_families();
    let place = Place::new(daemon);
    for _ in 0..50 {
        place
            .bird
            .plan("enable \"web_v6\"", Fault::Say("8000 Out of luck\n".into()));
    }
    let mut drive = Drive::start(place.setup(vec![target]), PATIENCE);
    drive.intent(0, Strength::Full);
    drive.stage(TransitionStage::Exported, "web_v4").await;
    let seen = drive
        .seen("the alarm", |service, _| !service.problems.is_empty())
        .await;
    assert!(place.is_up("web_v4") && !place.is_up("web_v6"));
    assert_eq!(
        seen.services[0].actual,
        Some(Strength::Off),
        "reported is the weakest"
    );
    assert!(problem(&seen, AlarmCode::NotExported).is_some_and(|text| text.contains("web_v6")));
}

#[tokio::test]
async fn a2_an_enable_that_is_lost_in_a_reconfiguration_is_repeated_soon() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    place.bird.with(|daemon| daemon.stuck.push("web_v4".into()));
    drive.intent(0, Strength::Full);
    // "already enabled", and it is down: the word was lost.
    drive.stage(TransitionStage::EnableAnswered, "web_v4").await;
    place.bird.with(|daemon| daemon.stuck.clear());
    let found = Instant::now();
    let up = drive.stage(TransitionStage::Up, "web_v4").await;
    assert!(
        up.at - found < Duration::from_millis(250),
        "took {:?}",
        up.at - found
    );
    drive.verified(Strength::Full).await;
    assert!(
        place.bird.writes().len() < 12,
        "and not in a tight loop: {:?}",
        place.bird.writes()
    );
}

#[tokio::test]
async fn a2_an_enable_that_is_accepted_and_does_nothing_is_repeated_with_backoff() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    place.bird.plan("enable", Fault::Forget);
    drive.intent(0, Strength::Full);
    drive.verified(Strength::Full).await;
    assert_eq!(place.bird.writes().len(), 2, "{:?}", place.bird.writes());
}
