//! Standing prefixes: announced all the time from a static protocol of their own, which no takeover and no
//! drill touches (D14).

use falconer::core::drill::DrillIntent;

use crate::place::*;

const BLOCK: &str = "198.51.100.0/23";
const STANDING: &str = "web_v4_standing";

/// web, with a standing prefix.
fn with_standing(prefix: &str) -> (Daemon, ReconcileTarget) {
    let mut daemon = daemon().with_static(STANDING, &[prefix]);
    if let Kind::Static { preference, .. } = &mut daemon.protocol(STANDING).kind {
        *preference = 180;
    }
    let target = ReconcileTarget {
        standing: vec![protocol(STANDING, Family::V4, &[prefix])],
        ..web()
    };
    (daemon, target)
}

/// Standing by: silent, with its standing prefix announced and seen to be.
async fn standing_by(place: &Place, target: ReconcileTarget) -> Drive {
    let mut drive = Drive::start(place.setup(vec![target]), PATIENCE);
    drive.intent(0, Strength::Off);
    drive.standing(0, true, false);
    let on = |seen: &falconer::bird::reconcile::ObservedService| {
        seen.actual == Some(Strength::Full) && seen.verified
    };
    drive.seen_standing("standing, verified", on).await;
    drive
}

fn commands(place: &Place, of: &str) -> Vec<String> {
    let writes = place.bird.writes().into_iter();
    writes.filter(|command| command.contains(of)).collect()
}

#[tokio::test]
async fn d14_standing_prefixes_are_announced_at_once_and_a_takeover_leaves_them_alone() {
    let (daemon, target) = with_standing(BLOCK);
    let place = Place::new(daemon);
    let mut drive = standing_by(&place, target).await;
    assert!(!place.is_up("web_v4"));
    assert!(place.says(STANDING).unwrap().contains("disabled no;"));
    assert_eq!(drive.stages(), [], "it is no transition");
    let seen = drive.verified(Strength::Off).await;
    assert_eq!(
        seen.services[0].actual,
        Some(Strength::Off),
        "nor is it the service's strength"
    );
    assert_eq!(seen.services[0].exported_to, [] as [&str; 0]);
    let standing = seen.services[0].standing.as_ref().unwrap();
    assert_eq!(standing.exported_to, ["isp_upstream"]);
    for strength in [Strength::Full, Strength::Drain, Strength::Off] {
        drive.intent(0, strength);
        drive.verified(strength).await;
    }
    let id = drive.change(0, |intent| {
        intent.drill = Some(DrillIntent::Announce(Strength::Full));
    });
    drive
        .seen("drill", |service, _| {
            service.drill.as_ref().is_some_and(|drill| drill.id == id)
                && service.actual == Some(Strength::Full)
        })
        .await;
    drive.change(0, |intent| intent.drill = Some(DrillIntent::End(Strength::Full)));
    drive.verified(Strength::Off).await;
    assert_eq!(
        commands(&place, STANDING).len(),
        1,
        "{:?}",
        commands(&place, STANDING)
    );
    assert_eq!(drive.drifts(), 0);
}

#[tokio::test]
async fn d14_they_wait_for_the_guard_as_everything_does() {
    let (daemon, target) = with_standing(BLOCK);
    let place = Place::new(daemon);
    add_route(&place, STANDING, "0.0.0.0/0");
    let mut drive = Drive::start(place.setup(vec![target]), PATIENCE);
    drive.intent(0, Strength::Off);
    drive.standing(0, true, false);
    let refused = drive
        .seen_standing("the refusal", |seen| {
            seen.problems
                .iter()
                .any(|(code, _)| *code == AlarmCode::ForeignRoutes)
        })
        .await;
    assert!(
        refused.problems[0].1.contains("0.0.0.0/0"),
        "{:?}",
        refused.problems
    );
    assert!(!place.is_up(STANDING));
    assert_eq!(commands(&place, STANDING), [] as [&str; 0]);
}

#[tokio::test]
async fn d14_a_withdrawal_takes_them_away_and_a_freeze_leaves_them_as_they_are() {
    let (daemon, target) = with_standing(BLOCK);
    let place = Place::new(daemon);
    let mut drive = standing_by(&place, target).await;
    drive.standing(0, false, false);
    drive
        .seen_standing("standing off", |seen| {
            seen.actual == Some(Strength::Off) && seen.verified
        })
        .await;
    assert!(place.says(STANDING).unwrap().contains("disabled;"));
    drive.standing(0, true, true);
    let frozen = drive
        .seen_standing("a look", |seen| seen.actual == Some(Strength::Off))
        .await;
    assert!(!place.is_up(STANDING));
    assert_eq!(frozen.problems, []);
    drive.standing(0, true, false);
    until("it is back", || place.is_up(STANDING)).await;
}

#[tokio::test]
async fn d14_drift_of_them_is_mended_and_told_as_theirs() {
    let (daemon, target) = with_standing(BLOCK);
    let place = Place::new(daemon);
    let mut drive = standing_by(&place, target).await;
    place
        .bird
        .with(|daemon| daemon.protocol(STANDING).enabled = false);
    let text = drive.drift().await;
    assert!(
        text.starts_with("the standing announcement of web was on"),
        "{text}"
    );
    assert!(text.contains("`falconer withdraw web`"), "{text}");
    until("the mend", || place.is_up(STANDING)).await;
}

/// BIRD exports the better route alone: that of the takeover.
#[tokio::test]
async fn d14_a_takeover_of_the_same_prefix_carries_it_too() {
    let (daemon, target) = with_standing(V4);
    let place = Place::new(daemon);
    let mut drive = standing_by(&place, target).await;
    drive.intent(0, Strength::Full);
    let full = drive.verified(Strength::Full).await;
    assert_eq!(full.services[0].exported_to, ["isp_upstream"]);
    assert_eq!(full.services[0].problems, []);
    let standing = drive
        .seen_standing("both", |seen| {
            seen.actual == Some(Strength::Full) && seen.verified
        })
        .await;
    assert_eq!(standing.problems, []);
    drive.intent(0, Strength::Off);
    let off = drive.verified(Strength::Off).await;
    assert_eq!(
        off.services[0].problems,
        [],
        "what is announced again is no foreign route"
    );
    assert_eq!(commands(&place, STANDING).len(), 1);
}
