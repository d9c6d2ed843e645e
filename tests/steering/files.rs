//! The state files come first, and never stand in the way (A6).

use crate::place::*;

#[tokio::test]
async fn a6_without_bird_the_file_says_at_once_what_was_decided() {
    let mut place = Place::new(daemon());
    let slow = ReconcilerConfig {
        poll_interval: Duration::from_secs(60),
        ..place.setup(vec![web()])
    };
    place.bird.stop();
    let mut drive = Drive::start(slow, PATIENCE);
    drive.seen("no BIRD", |service, _| service.actual.is_none()).await;
    drive.intent(0, Strength::Full);
    until("the file", || {
        place.says("web_v4").as_deref() == Some("disabled no;\n")
    })
    .await;
    until("the other file", || {
        place.says("web_v4_drain").as_deref() == Some("disabled;\n")
    })
    .await;
    drive.intent(0, Strength::Off);
    until("the file", || {
        place.says("web_v4").as_deref() == Some("disabled;\n")
    })
    .await;
}

#[tokio::test]
async fn a6_the_file_is_written_before_bird_is_told() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    assert_eq!(place.says("web_v4").as_deref(), Some("disabled;\n"));
    // The fake carries an enable out when it reads it, and answers later: what the file says in
    // between is what a `configure` would find.
    place
        .bird
        .plan("enable", Fault::Delay(Duration::from_millis(150)));
    drive.intent(0, Strength::Full);
    until("the enable", || place.is_up("web_v4")).await;
    assert_eq!(place.says("web_v4").as_deref(), Some("disabled no;\n"));
    drive.verified(Strength::Full).await;
    place
        .bird
        .plan("disable", Fault::Delay(Duration::from_millis(150)));
    drive.intent(0, Strength::Off);
    until("the disable", || !place.is_up("web_v4")).await;
    assert_eq!(place.says("web_v4").as_deref(), Some("disabled;\n"));
}

#[tokio::test]
async fn a6_a_file_that_somebody_removed_is_back_with_the_next_poll() {
    let place = Place::new(daemon());
    let _drive = place.brought_to(web(), Strength::Full).await;
    std::fs::remove_dir_all(place.dir.path().join("run")).unwrap();
    until("the file", || {
        place.says("web_v4").as_deref() == Some("disabled no;\n")
    })
    .await;
}

#[tokio::test]
async fn a6_a_file_that_cannot_be_written_is_alarmed_and_stops_no_announcement() {
    let place = Place::new(daemon());
    std::fs::write(place.dir.path().join("run"), "in the way").unwrap();
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.intent(0, Strength::Full);
    let seen = drive.verified(Strength::Full).await;
    let text = problem(&seen, AlarmCode::StateDir).expect("an alarm");
    assert!(text.contains("cannot make the directory"), "{text}");
    std::fs::remove_file(place.dir.path().join("run")).unwrap();
    drive
        .seen("no alarm", |service, _| service.problems.is_empty())
        .await;
    assert_eq!(place.says("web_v4").as_deref(), Some("disabled no;\n"));
}

#[tokio::test]
async fn a6_a_directory_that_birds_user_cannot_enter_is_alarmed() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    // Only root can give the socket to somebody else; state_file's own tests need no root.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    std::os::unix::fs::chown(place.bird.socket(), Some(64_123), Some(64_123)).expect("root may");
    set_mode(place.dir.path(), 0o700);
    let seen = drive.seen("the alarm", |_, seen| !seen.problems.is_empty()).await;
    let (code, text) = &seen.problems[0];
    assert_eq!(*code, AlarmCode::StateDir);
    let wanted = format!("cannot enter {}", place.dir.path().display());
    assert!(text.contains(&wanted), "{text}");
}
