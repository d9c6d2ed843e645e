//! What BIRD's record calls exported, and what really left; and the one cause why not (A5).

use crate::place::*;

/// What is said of it once it is up and not verified.
async fn not_exported(place: &Place, drive: &mut Drive) -> String {
    drive.intent(0, Strength::Full);
    let seen = drive
        .seen("not exported", |service, _| {
            service.actual == Some(Strength::Full)
                && service
                    .problems
                    .iter()
                    .any(|(code, _)| *code == AlarmCode::NotExported)
        })
        .await;
    assert!(!seen.services[0].verified && seen.services[0].exported_to.is_empty());
    assert!(place.is_up("web_v4"));
    problem(&seen, AlarmCode::NotExported).expect("just seen")
}

async fn told(version: &str, change: impl FnOnce(&mut Daemon)) -> String {
    let mut daemon = daemon();
    daemon.version = version.to_owned();
    change(&mut daemon);
    let place = Place::new(daemon);
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    not_exported(&place, &mut drive).await
}

#[tokio::test]
async fn a5_an_unspecified_next_hop_is_not_carried_whatever_exported_says() {
    for (version, next_hop) in [("2.0.12", "::"), ("2.19.2", "0.0.0.0"), ("3.3.2", ":: ::")] {
        let text = told(version, |daemon| {
            daemon.bgp("isp_upstream").next_hop = next_hop.to_owned();
        })
        .await;
        assert!(text.contains("no next hop of its own"), "{version}: {text}");
    }
}

#[tokio::test]
async fn a5_an_unspecified_next_hop_will_do_where_the_filter_gives_one() {
    let mut daemon = daemon();
    let bgp = daemon.bgp("isp_upstream");
    (bgp.next_hop, bgp.filter_next_hop) = ("::".to_owned(), "203.0.113.2".parse().ok());
    let place = Place::new(daemon);
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.intent(0, Strength::Full);
    drive.stage(TransitionStage::Exported, "web_v4").await;
    drive.verified(Strength::Full).await;
}

#[tokio::test]
async fn a5_a_next_hop_that_is_not_understood_is_never_taken_for_well() {
    let text = told("2.0.12", |daemon| {
        daemon.bgp("isp_upstream").next_hop = "to be seen".to_owned();
    })
    .await;
    assert!(text.contains("not understood (to be seen)"), "{text}");
}

#[tokio::test]
async fn a5_an_export_limit_that_is_reached_is_the_cause_that_is_told() {
    let text = told("3.3.2", |daemon| {
        daemon.bgp("isp_upstream").limit_hit = Some(1);
    })
    .await;
    assert!(
        text.contains("the export limit of isp_upstream, 1, was reached"),
        "{text}"
    );
}

#[tokio::test]
async fn a5_a_better_route_is_named_with_its_protocol_and_both_preferences() {
    let text = told("2.0.12", |daemon| {
        daemon.preferences = vec![("kernel1".to_owned(), 254)];
        daemon.learned = vec![learned("kernel1")];
    })
    .await;
    assert!(text.contains("kernel1 has it at preference 254"), "{text}");
    assert!(text.contains("ours at preference 200"), "{text}");
}

#[tokio::test]
async fn a1_an_undoing_is_told_with_the_message_that_bird_shows() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Full).await;
    for times in 1..=3 {
        place.bird.with(|daemon| {
            let protocol = daemon.protocol("web_v4");
            (protocol.enabled, protocol.message) = (false, Some("checker says no".to_owned()));
        });
        until(&format!("mend {times}"), || place.is_up("web_v4")).await;
    }
    let seen = drive
        .seen("the alarm", |service, _| {
            service.verified && !service.problems.is_empty()
        })
        .await;
    let text = problem(&seen, AlarmCode::Drift).expect("drift");
    assert!(
        text.contains("again and again") && text.contains("\"checker says no\""),
        "{text}"
    );
}

#[tokio::test]
async fn a1_a_decision_does_not_wait_as_a_mend_does() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Full).await;
    let undo = || {
        place
            .bird
            .with(|daemon| daemon.protocol("web_v4").enabled = false);
    };
    for times in 1..=3 {
        undo();
        until(&format!("mend {times}"), || place.is_up("web_v4")).await;
    }
    undo();
    drive.drift().await;
    let start = Instant::now();
    drive.intent(0, Strength::Full);
    until("the decision's own change", || place.is_up("web_v4")).await;
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "took {:?}",
        start.elapsed()
    );
}
