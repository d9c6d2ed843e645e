//! At start nothing changes (D10).

use crate::place::*;

#[tokio::test]
async fn d10_at_start_nothing_is_written_and_what_is_announced_is_told() {
    let place = Place::new(daemon());
    place.bird.with(|daemon| daemon.protocol("web_v4").enabled = true);
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    for _ in 0..3 {
        let seen = drive.verified(Strength::Full).await;
        assert_eq!(seen.services[0].adopt, Some(Strength::Full));
        assert_eq!(seen.services[0].exported_to, ["isp_upstream"]);
        assert!(seen.bird_running_normally);
    }
    assert_eq!(place.bird.writes(), Vec::<String>::new());
    assert_eq!(place.says("web_v4"), None, "nor any file");
    drive.intent(0, Strength::Full);
    drive.verified(Strength::Full).await;
    drive.verified(Strength::Full).await;
    assert_eq!(place.bird.writes(), Vec::<String>::new());
    assert_eq!(
        place.says("web_v4").as_deref(),
        Some("disabled no;\n"),
        "A6: adopted, and kept"
    );
    assert_eq!(place.says("web_v4_drain").as_deref(), Some("disabled;\n"));
    assert_eq!(drive.stages(), [], "nothing was decided");
}

#[tokio::test]
async fn d10_families_that_disagree_are_not_adopted() {
    let (daemon, target) = both_families();
    let place = Place::new(daemon);
    place.bird.with(|daemon| daemon.protocol("web_v4").enabled = true);
    let mut drive = Drive::start(place.setup(vec![target]), PATIENCE);
    let seen = drive.seen("BIRD", |service, _| service.actual.is_some()).await;
    assert_eq!(
        (seen.services[0].actual, seen.services[0].adopt),
        (Some(Strength::Off), None)
    );
}

#[tokio::test]
async fn d10_a_bird_that_reconfigures_is_not_adopted_from() {
    let place = Place::new(daemon());
    place
        .bird
        .with(|daemon| daemon.sentence = "Reconfiguration in progress".into());
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    let seen = drive.seen("BIRD", |service, _| service.actual.is_some()).await;
    assert_eq!(
        (seen.services[0].adopt, seen.bird_running_normally),
        (None, false)
    );
    place
        .bird
        .with(|daemon| daemon.sentence = "Daemon is up and running".into());
    drive
        .seen("something to adopt", |service, _| {
            service.adopt == Some(Strength::Off)
        })
        .await;
}
