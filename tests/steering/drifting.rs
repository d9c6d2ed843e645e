//! Somebody else changed BIRD: told, mended, or left alone where it is frozen (A1, A6, D11).

use crate::place::*;

#[tokio::test]
async fn a1_drift_is_mended_within_a_poll_and_told_with_the_command_that_would_have_stuck() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Full).await;
    place.bird.with(Daemon::reconfigure);
    let start = Instant::now();
    let text = drive.drift().await;
    assert!(
        text.contains("web_v4 is down") && text.contains("`falconer withdraw web`"),
        "{text}"
    );
    until("the mend", || place.is_up("web_v4")).await;
    assert!(
        start.elapsed() < POLL + Duration::from_millis(700),
        "took {:?}",
        start.elapsed()
    );
    drive.verified(Strength::Full).await;
    assert_eq!(drive.drifts(), 1);
}

#[tokio::test]
async fn a1_every_mend_is_told_with_how_often_it_was_and_how_long_the_next_one_will_wait() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Full).await;
    assert_eq!(drive.mends(), [], "a decision mends nothing");
    for times in 1..=2 {
        place
            .bird
            .with(|daemon| daemon.protocol("web_v4").enabled = false);
        drive.drift().await;
        drive.verified(Strength::Full).await;
        assert_eq!(drive.mends().len(), times);
    }
    place
        .bird
        .with(|daemon| daemon.protocol("web_v4_drain").enabled = true);
    until("the drain's mend", || !place.is_up("web_v4_drain")).await;
    drive.verified(Strength::Full).await;
    let mend = |protocol: &str, enabled, times, wait| {
        let wait = Duration::from_secs(wait);
        (protocol.to_owned(), enabled, Some(Repeated { times, wait }))
    };
    assert_eq!(
        drive.mends(),
        [
            mend("web_v4", true, 1, 2),
            mend("web_v4", true, 2, 4),
            mend("web_v4_drain", false, 1, 2),
        ]
    );
}

#[tokio::test]
async fn a1_somebody_who_disables_it_all_the_time_is_not_answered_in_a_tight_loop() {
    let place = Place::new(daemon());
    let drive = place.brought_to(web(), Strength::Full).await;
    let before = place.bird.writes().len();
    for _ in 0..500 {
        place
            .bird
            .with(|daemon| daemon.protocol("web_v4").enabled = false);
        sleep(Duration::from_millis(2)).await;
    }
    let writes = place.bird.writes().len() - before;
    assert!((1..=15).contains(&writes), "{writes} writes in a second");
    drop(drive);
}

#[tokio::test]
async fn a6_a_restart_that_comes_up_silent_is_told_as_such_and_mended() {
    let mut place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Full).await;
    place.bird.die();
    drive.seen("no BIRD", |service, _| service.actual.is_none()).await;
    place.bird.start_again();
    let text = drive.drift().await;
    assert!(text.contains("BIRD was restarted"), "{text}");
    drive.verified(Strength::Full).await;
    assert_eq!(drive.mends(), [("web_v4".to_owned(), true, None)]);
}

#[tokio::test]
async fn d11_frozen_nothing_is_written_and_drift_is_shown() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Full).await;
    drive.change(0, |intent| intent.hands_off = true);
    let (writes, file) = (place.bird.writes(), place.says("web_v4"));
    place.bird.with(Daemon::reconfigure);
    let text = drive.drift().await;
    assert!(
        text.contains("It is left as it is, because the service is frozen"),
        "{text}"
    );
    // Whatever is wanted meanwhile.
    drive.change(0, |intent| intent.strength = Some(Strength::Off));
    for _ in 0..3 {
        let seen = drive.seen("a look", |_, _| true).await;
        assert_eq!(seen.services[0].actual, Some(Strength::Off));
        assert!(problem(&seen, AlarmCode::Drift).is_some());
    }
    assert_eq!(drive.mends(), []);
    assert_eq!((place.bird.writes(), place.says("web_v4")), (writes, file));
    drive.change(0, |intent| {
        intent.hands_off = false;
        intent.strength = Some(Strength::Full);
    });
    drive.verified(Strength::Full).await;
}
