//! BIRD hangs, dies, shuts down or is busy with a poll (A4, A10).

use crate::place::*;

#[tokio::test]
async fn a4_a_bird_that_hangs_at_the_enable_is_read_anew_after_the_reconnect() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    // The enable is carried out, and the answer never comes.
    place.bird.plan("enable", Fault::Hang);
    drive.intent(0, Strength::Full);
    drive.verified(Strength::Full).await;
    assert_eq!(
        place.bird.writes().len(),
        1,
        "it was up already: {:?}",
        place.bird.writes()
    );
    assert_eq!(
        place.bird.connections(),
        2,
        "a connection is not used after a time-out"
    );
    assert!(place.is_up("web_v4"));
}

#[tokio::test]
async fn a4_one_protocol_that_breaks_the_connection_does_not_starve_the_others() {
    let daemon = daemon().with_static("mail_v4", &["192.0.2.0/24"]);
    let place = Place::new(daemon);
    let mail = ReconcileTarget {
        service: "mail".to_owned(),
        full: vec![protocol("mail_v4", Family::V4, &["192.0.2.0/24"])],
        drain: Vec::new(),
        ..web()
    };
    for _ in 0..200 {
        place.bird.plan("enable \"web_v4\"", Fault::CloseAfter(0));
    }
    // What closes the connection was carried out: it must stay down to be told again.
    place.bird.with(|daemon| daemon.stuck.push("web_v4".into()));
    let mut drive = Drive::start(place.setup(vec![web(), mail]), PATIENCE);
    drive.wish_all(Strength::Full);
    drive.stage(TransitionStage::Exported, "mail_v4").await;
    let connections = place.bird.connections();
    assert!(
        connections < 20,
        "{connections} connections, each broken by the same command"
    );
}

#[tokio::test]
async fn a4_bird_away_is_a_state_and_the_want_is_applied_when_it_comes_back() {
    let mut place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    place.bird.stop();
    let seen = drive.seen("no BIRD", |service, _| service.actual.is_none()).await;
    assert_eq!(seen.upstreams[0].state.as_str(), "unknown");
    assert!(!seen.bird_running_normally);
    drive.intent(0, Strength::Full);
    for _ in 0..2 {
        drive
            .seen("still no BIRD", |service, _| service.actual.is_none())
            .await;
    }
    place.bird.start_again();
    drive.verified(Strength::Full).await;
    assert!(place.is_up("web_v4"));
    assert_eq!(drive.drifts(), 0, "a decision, no drift");
}

#[tokio::test]
async fn a4_a_bird_that_shuts_down_is_told_nothing() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    place
        .bird
        .with(|daemon| daemon.sentence = "Shutdown in progress".into());
    drive
        .seen("the shutdown", |_, seen| !seen.bird_running_normally)
        .await;
    place.bird.with(|daemon| daemon.protocol("web_v4").enabled = true);
    drive
        .seen("a look", |service, _| service.actual == Some(Strength::Full))
        .await;
    assert_eq!(place.bird.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a10_a_decision_ends_a_poll_that_takes_long() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    place
        .bird
        .plan("show status", Fault::Delay(Duration::from_millis(200)));
    let before = place.bird.received().len();
    until("a poll", || {
        place.bird.received()[before..]
            .iter()
            .any(|received| received.line == "show status")
    })
    .await;
    drive.intent(0, Strength::Full);
    drive.stage(TransitionStage::EnableAnswered, "web_v4").await;
    let lines: Vec<String> = place.bird.received()[before..]
        .iter()
        .map(|received| received.line.clone())
        .collect();
    let status = lines
        .iter()
        .position(|line| line == "show status")
        .expect("just seen");
    let enable = lines
        .iter()
        .position(|line| line.starts_with("enable"))
        .expect("just sent");
    assert!(enable - status <= 5, "{lines:#?}");
}

#[tokio::test]
async fn a_steering_that_is_dropped_leaves_bird_as_it_is() {
    let place = Place::new(daemon());
    let drive = place.brought_to(web(), Strength::Full).await;
    drop(drive);
    let before = place.bird.lines().len();
    sleep(POLL * 3).await;
    assert!(place.bird.lines().len() <= before + 1, "it went on asking");
    assert!(place.is_up("web_v4"));
}

#[tokio::test]
async fn a10_a_decision_in_the_middle_of_another_does_not_end_the_watch_over_it() {
    let place = Place::new(daemon().with_static("mail_v4", &["192.0.2.0/24"]));
    let mail = ReconcileTarget {
        service: "mail".to_owned(),
        full: vec![protocol("mail_v4", Family::V4, &["192.0.2.0/24"])],
        drain: Vec::new(),
        ..web()
    };
    let slow = ReconcilerConfig {
        poll_interval: Duration::from_secs(60),
        ..place.setup(vec![web(), mail])
    };
    let mut drive = Drive::start(slow, PATIENCE);
    drive.seen("BIRD", |service, _| service.actual.is_some()).await;
    place
        .bird
        .with(|daemon| daemon.bgp("isp_upstream").exports = Some(Vec::new()));
    place
        .bird
        .plan("enable", Fault::Delay(Duration::from_millis(100)));
    drive.intent(0, Strength::Full);
    until("the enable", || place.is_up("web_v4")).await;
    // Nothing has to be written for it, and the export comes later than the look that it causes.
    drive.intent(1, Strength::Off);
    sleep(Duration::from_millis(200)).await;
    place
        .bird
        .with(|daemon| daemon.bgp("isp_upstream").exports = None);
    drive.stage(TransitionStage::Exported, "web_v4").await;
}
