//! Drills against a BIRD that misbehaves: announced without a trace in the state files, never put
//! back once it fell, and over only when nobody carries it.

use falconer::bird::reconcile::{DrillState, ObservedDrill};
use falconer::core::drill::DrillIntent;

use crate::place::*;

/// The drill of the first look from now on that is so far.
async fn drill(drive: &mut Drive, what: &str, is_it: impl Fn(&DrillState) -> bool) -> ObservedDrill {
    let so = |drill: &Option<ObservedDrill>| drill.as_ref().is_some_and(|drill| is_it(&drill.state));
    let seen = drive.seen(what, |service, _| so(&service.drill)).await;
    seen.services[0].drill.clone().expect("just seen")
}

/// A drill that is carried; the wish's number.
async fn carried(place: &Place, strength: Strength) -> (Drive, u64) {
    let mut drive = place.brought_to(web(), Strength::Off).await;
    let id = drive.change(0, |intent| intent.drill = Some(DrillIntent::Announce(strength)));
    let drill = drill(&mut drive, "drill, carried", |state| {
        *state == DrillState::Carried
    })
    .await;
    assert_eq!(drill.id, id);
    (drive, id)
}

fn lost(state: &DrillState) -> bool {
    matches!(state, DrillState::Lost(_))
}

#[tokio::test]
async fn a6_a_drill_announces_and_ends_and_the_state_files_never_know() {
    for (strength, protocol) in [(Strength::Drain, "web_v4_drain"), (Strength::Full, "web_v4")] {
        let place = Place::new(daemon());
        let (mut drive, _) = carried(&place, strength).await;
        for name in ["web_v4", "web_v4_drain"] {
            assert_eq!(
                place.says(name).as_deref(),
                Some("disabled;\n"),
                "{strength}: {name}"
            );
        }
        let seen = drive.seen("a look", |_, _| true).await;
        assert_eq!(seen.services[0].problems, [], "a drill is no drift");
        drive.change(0, |intent| intent.drill = Some(DrillIntent::End(strength)));
        drill(&mut drive, "the end", |state| *state == DrillState::Silent).await;
        assert!(!place.is_up(protocol));
        let stages: Vec<TransitionStage> = drive.stages().into_iter().map(|(stage, _)| stage).collect();
        let all = [
            TransitionStage::EnableSent,
            TransitionStage::EnableAnswered,
            TransitionStage::Up,
            TransitionStage::Exported,
            TransitionStage::DisableSent,
            TransitionStage::DisableAnswered,
            TransitionStage::Down,
            TransitionStage::Gone,
        ];
        assert_eq!(stages, all, "{strength}");
        assert_eq!(drive.drifts(), 0);
    }
}

#[tokio::test]
async fn a6_a_configure_in_mid_drill_ends_it_and_nothing_is_put_back() {
    let place = Place::new(daemon());
    let (mut drive, _) = carried(&place, Strength::Drain).await;
    let before = place.bird.writes();
    place.bird.with(Daemon::reconfigure);
    let drill = drill(&mut drive, "the loss", lost).await;
    let DrillState::Lost(how) = drill.state else {
        unreachable!("just matched")
    };
    assert!(how.contains("web_v4_drain is down"), "{how}");
    for _ in 0..3 {
        drive.seen("a look", |_, _| true).await;
    }
    assert_eq!(place.bird.writes(), before, "it is not put back");
    assert_eq!(drive.drifts(), 0, "and no drift");
}

#[tokio::test]
async fn a6_a_bird_that_dies_in_mid_drill_is_left_silent() {
    let mut place = Place::new(daemon());
    let (mut drive, _) = carried(&place, Strength::Drain).await;
    place.bird.die();
    drill(&mut drive, "the loss", lost).await;
    let before = place.bird.writes();
    place.bird.start_again();
    drive
        .seen("BIRD", |service, _| service.actual == Some(Strength::Off))
        .await;
    for _ in 0..3 {
        drive.seen("a look", |_, _| true).await;
    }
    assert_eq!(place.bird.writes(), before);
    assert_eq!(place.says("web_v4_drain").as_deref(), Some("disabled;\n"));
}

/// BIRD may have been restarted behind it, and its answer from before says nothing any more.
#[tokio::test]
async fn a6_a_connection_that_is_lost_in_mid_drill_ends_it() {
    let place = Place::new(daemon());
    let (mut drive, _) = carried(&place, Strength::Drain).await;
    place.bird.plan("show protocols", Fault::Close);
    drill(&mut drive, "the loss", lost).await;
    until("silence", || !place.is_up("web_v4_drain")).await;
}

#[tokio::test]
async fn a7_a_drill_of_foreign_routes_is_refused_like_a_takeover() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    add_route(&place, "web_v4_drain", "0.0.0.0/0");
    drive.change(0, |intent| {
        intent.drill = Some(DrillIntent::Announce(Strength::Drain));
    });
    let text = drive.failure().await;
    assert!(text.contains("not ours to announce: 0.0.0.0/0"), "{text}");
    assert_eq!(place.bird.writes(), [""; 0]);
}

#[tokio::test]
async fn a5_a_drill_that_no_upstream_takes_says_why() {
    let place = Place::new(daemon());
    place
        .bird
        .with(|daemon| daemon.bgp("isp_upstream").exports = Some(Vec::new()));
    let mut drive = place.brought_to(web(), Strength::Off).await;
    drive.change(0, |intent| {
        intent.drill = Some(DrillIntent::Announce(Strength::Drain));
    });
    let seen = drive
        .seen("its problem", |service, _| {
            service
                .drill
                .as_ref()
                .is_some_and(|drill| !drill.problems.is_empty())
        })
        .await;
    let drill = seen.services[0].drill.clone().expect("just seen");
    assert_eq!(drill.state, DrillState::Moving);
    assert!(
        drill.problems[0].contains("the export filter of isp_upstream, to_isp, refuses it"),
        "{:?}",
        drill.problems
    );
    assert_eq!(seen.services[0].problems, [], "and no alarm");
}

#[tokio::test]
async fn a5_the_end_is_seen_only_when_nobody_carries_it() {
    let place = Place::new(daemon());
    let (mut drive, _) = carried(&place, Strength::Drain).await;
    // It says "disabled", and does nothing.
    for _ in 0..3 {
        place.bird.plan("disable", Fault::Forget);
    }
    drive.change(0, |intent| intent.drill = Some(DrillIntent::End(Strength::Drain)));
    let first = drive.seen("a look", |service, _| service.drill.is_some()).await;
    assert_eq!(
        first.services[0].drill.clone().map(|drill| drill.state),
        Some(DrillState::Moving)
    );
    drill(&mut drive, "the end", |state| *state == DrillState::Silent).await;
    assert!(!place.is_up("web_v4_drain"));
    assert!(
        place.bird.writes().len() >= 4,
        "it was tried on: {:?}",
        place.bird.writes()
    );
}

#[tokio::test]
async fn d7_a_takeover_in_mid_drill_replaces_the_drain_without_a_gap() {
    let place = Place::new(daemon());
    let (mut drive, _) = carried(&place, Strength::Drain).await;
    drive.change(0, |intent| {
        intent.strength = Some(Strength::Full);
        intent.drill = None;
    });
    drive.verified(Strength::Full).await;
    let writes = place.bird.writes();
    let names: Vec<_> = writes
        .iter()
        .map(|line| line.split('"').take(2).collect::<String>())
        .collect();
    assert_eq!(
        names,
        ["enable web_v4_drain", "enable web_v4", "disable web_v4_drain"]
    );
    assert_eq!(place.says("web_v4").as_deref(), Some("disabled no;\n"));
}

#[tokio::test]
async fn d7_a_takeover_in_mid_drill_at_full_only_writes_the_file() {
    let place = Place::new(daemon());
    let (mut drive, _) = carried(&place, Strength::Full).await;
    drive.change(0, |intent| {
        intent.strength = Some(Strength::Full);
        intent.drill = None;
    });
    drive.verified(Strength::Full).await;
    assert_eq!(
        place.bird.writes().len(),
        1,
        "it is up: {:?}",
        place.bird.writes()
    );
    assert_eq!(place.says("web_v4").as_deref(), Some("disabled no;\n"));
}

#[tokio::test]
async fn d10_what_a_drill_left_behind_is_silenced_and_nothing_else() {
    let place = Place::new(daemon());
    for name in ["web_v4", "web_v4_drain"] {
        place.bird.with(|daemon| daemon.protocol(name).enabled = true);
    }
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.change(0, |intent| intent.drill = Some(DrillIntent::End(Strength::Drain)));
    drill(&mut drive, "the end", |state| *state == DrillState::Silent).await;
    assert!(place.is_up("web_v4") && !place.is_up("web_v4_drain"));
    assert_eq!(
        place.says("web_v4"),
        None,
        "nothing is settled, and no file is written"
    );
}

#[tokio::test]
async fn d10_what_its_file_says_is_enabled_is_no_drills() {
    let place = Place::new(daemon());
    place.bird.with(|daemon| daemon.protocol("web_v4").enabled = true);
    std::fs::create_dir_all(place.file("web_v4").parent().expect("a directory")).expect("it can be made");
    std::fs::write(place.file("web_v4"), "disabled no;\n").expect("it can be written");
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.change(0, |intent| intent.drill = Some(DrillIntent::End(Strength::Full)));
    drill(&mut drive, "the end", |state| *state == DrillState::Silent).await;
    assert!(place.is_up("web_v4"));
    assert_eq!(place.bird.writes(), [""; 0]);
}
