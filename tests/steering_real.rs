//! Steering with a real BIRD and a real upstream: what is decided reaches the neighbour, and what
//! others do to BIRD in the middle of an outage does not lose it (A1, A5, A6).

use std::time::Duration;

use falconer::bird::reconcile::{Observed, ReconcileTarget, TransitionStage};
use falconer::config::model::Family;
use falconer::core::Strength;
use falconer::model::snapshot::AlarmCode;
use falconer_lab::reconciler::{Drive, problem, protocol, setup, web};
use falconer_lab::two_birds::{Birds, eventually};

const PREFIX: &str = "198.51.100.0/24";
const POLL: Duration = Duration::from_millis(500);

/// A standby that stands by: connected, its session established, off settled.
async fn standing_by() -> (Birds, Drive) {
    let birds = Birds::start();
    let mut drive = Drive::start(
        setup(vec![web()], &birds.run_dir(), &birds.socket(), POLL),
        Duration::from_secs(5),
    );
    drive
        .seen("an established session", |_, seen| {
            seen.upstreams.iter().all(|upstream| upstream.is_established())
        })
        .await;
    let seen = drive
        .seen("something to adopt", |service, _| service.adopt.is_some())
        .await;
    assert_eq!(seen.services[0].adopt, Some(Strength::Off));
    drive.intent(0, Strength::Off);
    drive.verified(Strength::Off).await;
    (birds, drive)
}

/// In the middle of an outage.
async fn announced() -> (Birds, Drive) {
    let (birds, mut drive) = standing_by().await;
    drive.intent(0, Strength::Full);
    let seen = drive.verified(Strength::Full).await;
    assert_eq!(seen.services[0].exported_to, ["isp_upstream"]);
    eventually("the announcement", || birds.upstream_has(PREFIX)).await;
    (birds, drive)
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_every_stage_of_a_takeover_is_timed_and_it_is_verified() {
    let (birds, mut drive) = standing_by().await;
    drive.intent(0, Strength::Full);
    let sent = drive.stage(TransitionStage::EnableSent, "web_v4").await;
    let answered = drive.stage(TransitionStage::EnableAnswered, "web_v4").await;
    let up = drive.stage(TransitionStage::Up, "web_v4").await;
    let exported = drive.stage(TransitionStage::Exported, "web_v4").await;
    assert!(sent.at <= answered.at && answered.at <= up.at && up.at <= exported.at);
    eprintln!(
        "answered {:?}, up {:?}, exported {:?}",
        answered.at - sent.at,
        up.at - sent.at,
        exported.at - sent.at
    );
    assert!(
        exported.at - sent.at < Duration::from_millis(500),
        "took {:?}",
        exported.at - sent.at
    );
    assert!(
        birds
            .birdc("show protocols all web_v4")
            .contains("test wants full"),
        "A3: the reason is shown"
    );
    drive.intent(0, Strength::Off);
    drive.stage(TransitionStage::Down, "web_v4").await;
    drive.verified(Strength::Off).await;
    eventually("the withdrawal", || !birds.upstream_has(PREFIX)).await;
    assert_eq!(drive.drifts(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_full_to_drain_and_back_leaves_no_gap_at_the_upstream() {
    let (birds, mut drive) = announced().await;
    let (_, withdrawn) = birds.upstream_updates();
    drive.intent(0, Strength::Drain);
    drive.stage(TransitionStage::Down, "web_v4").await;
    drive.verified(Strength::Drain).await;
    drive.intent(0, Strength::Full);
    drive.stage(TransitionStage::Down, "web_v4_drain").await;
    drive.verified(Strength::Full).await;
    assert!(birds.upstream_has(PREFIX));
    assert_eq!(
        birds.upstream_updates().1,
        withdrawn,
        "never withdrawn in between"
    );
    assert_eq!(drive.drifts(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_configure_and_sighup_during_an_outage_change_nothing_at_the_upstream() {
    let (birds, mut drive) = announced().await;
    let before = birds.upstream_updates();
    birds.birdc("configure");
    drive.verified(Strength::Full).await;
    let reconfigured = birds.last_reconfiguration();
    birds.hangup_ours();
    eventually("a reconfiguration by the signal", || {
        birds.last_reconfiguration() != reconfigured
    })
    .await;
    birds.birdc("configure soft");
    drive.verified(Strength::Full).await;
    drive.verified(Strength::Full).await;
    assert_eq!(birds.upstream_updates(), before);
    assert_eq!(drive.drifts(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_killed_bird_comes_back_announcing_without_a_word_from_us() {
    let (mut birds, mut drive) = announced().await;
    birds.kill_ours();
    drive.seen("no BIRD", |service, _| service.actual.is_none()).await;
    let stages = drive.stages();
    birds.start_ours();
    drive.verified(Strength::Full).await;
    eventually("the announcement", || birds.upstream_has(PREFIX)).await;
    assert_eq!(drive.drifts(), 0, "it was not silent for a moment");
    assert_eq!(drive.stages(), stages, "nothing had to be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_decision_while_bird_is_dead_is_what_bird_comes_up_with() {
    let (mut birds, mut drive) = standing_by().await;
    birds.kill_ours();
    drive.seen("no BIRD", |service, _| service.actual.is_none()).await;
    drive.intent(0, Strength::Full);
    let file = birds.run_dir().join("bird/web_v4.conf");
    eventually("the state file", || {
        std::fs::read_to_string(&file).is_ok_and(|text| text == "disabled no;\n")
    })
    .await;
    birds.start_ours();
    drive.verified(Strength::Full).await;
    assert!(
        !drive
            .stages()
            .contains(&(TransitionStage::EnableSent, "web_v4".to_owned())),
        "the file had done it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_configure_undo_is_drift_and_is_mended() {
    let (birds, mut drive) = standing_by().await;
    // What an undo returns to was parsed while standing by.
    birds.birdc("configure");
    drive.verified(Strength::Off).await;
    drive.intent(0, Strength::Full);
    drive.verified(Strength::Full).await;
    birds.birdc("configure");
    drive.verified(Strength::Full).await;
    birds.birdc("configure undo");
    let text = drive.drift().await;
    assert!(
        text.contains("web_v4 is down") && text.contains("`falconer withdraw web`"),
        "{text}"
    );
    drive.verified(Strength::Full).await;
    eventually("the announcement", || birds.upstream_has(PREFIX)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_birdc_disable_and_enable_are_drift_and_mended_within_a_poll() {
    let (birds, mut drive) = announced().await;
    birds.birdc("disable web_v4");
    let since = std::time::Instant::elapsed;
    let start = tokio::time::Instant::now().into_std();
    let text = drive.drift().await;
    assert!(text.contains("`falconer withdraw web`"), "{text}");
    drive.verified(Strength::Full).await;
    assert!(
        since(&start) < POLL + Duration::from_secs(1),
        "took {:?}",
        since(&start)
    );
    birds.birdc("enable web_v4_drain");
    let text = drive.drift().await;
    assert!(text.contains("web_v4_drain is up"), "{text}");
    drive
        .seen("the drain down again", |service, _| service.problems.is_empty())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_restart_that_comes_up_silent_is_drift_that_names_the_include() {
    let (mut birds, mut drive) = announced().await;
    birds.kill_ours();
    drive.seen("no BIRD", |service, _| service.actual.is_none()).await;
    birds.configure_ours(&[PREFIX], false);
    birds.start_ours();
    let text = drive.drift().await;
    assert!(
        text.contains("BIRD was restarted") && text.contains("bird.conf must include it"),
        "{text}"
    );
    drive.verified(Strength::Full).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a7_a_protocol_with_a_foreign_route_is_never_enabled() {
    let (birds, mut drive) = standing_by().await;
    birds.configure_ours(&[PREFIX, "203.0.113.0/24"], true);
    birds.birdc("configure");
    drive.intent(0, Strength::Full);
    let text = drive.failure().await;
    assert!(text.contains("not ours to announce: 203.0.113.0/24"), "{text}");
    let seen = drive
        .seen("the alarm", |service, _| !service.problems.is_empty())
        .await;
    assert_eq!(seen.services[0].actual, Some(Strength::Off));
    assert!(
        problem(&seen, AlarmCode::ForeignRoutes).is_some(),
        "{:?}",
        seen.services[0].problems
    );
    birds.configure_ours(&[PREFIX], true);
    birds.birdc("configure");
    drive.verified(Strength::Full).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a7_found_wrong_while_announced_is_alarmed_and_nothing_is_withdrawn() {
    let (birds, mut drive) = announced().await;
    birds.configure_ours(&[PREFIX, "203.0.113.0/24"], true);
    birds.birdc("configure");
    let seen = drive
        .seen("the alarm", |service, _| {
            service
                .problems
                .iter()
                .any(|(code, _)| *code == AlarmCode::ForeignRoutes)
        })
        .await;
    assert_eq!(seen.services[0].actual, Some(Strength::Full));
    assert!(birds.upstream_has(PREFIX));
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_enabled_and_not_exported_says_why() {
    let (birds, mut drive) = standing_by().await;
    birds.birdc("disable isp_upstream");
    drive.intent(0, Strength::Full);
    let seen = drive
        .seen("not exported", |service, _| {
            service.actual == Some(Strength::Full) && !service.problems.is_empty()
        })
        .await;
    assert!(!seen.services[0].verified);
    let text = problem(&seen, AlarmCode::NotExported).unwrap();
    assert!(
        text.contains(PREFIX) && text.contains("isp_upstream is "),
        "{text}"
    );
    birds.birdc("enable isp_upstream");
    drive.verified(Strength::Full).await;
    drive.log.clear();
}

/// The alarm of what is up and reaches nobody.
async fn not_exported(drive: &mut Drive) -> String {
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
    problem(&seen, AlarmCode::NotExported).expect("just seen")
}

/// The first look that has everything looked at, and an obstacle with these words.
async fn obstacle(drive: &mut Drive, words: &str) -> Observed {
    let named = |seen: &Observed| {
        let obstacles = seen.services[0].obstacles.iter().flatten();
        obstacles.clone().any(|obstacle| obstacle.text.contains(words))
    };
    drive.seen(words, |_, seen| named(seen)).await
}

fn certain(seen: &Observed) -> bool {
    let mut obstacles = seen.services[0].obstacles.iter().flatten();
    obstacles.any(|obstacle| obstacle.certain)
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_an_unspecified_next_hop_is_told_before_and_after_and_the_neighbour_has_nothing() {
    const V6: &str = "2001:db8:5100::/48";
    let birds = Birds::start();
    birds.carry_v6();
    // The session takes any IPv6 address of its interface as its own next hop.
    birds.ip("-6 addr del ::1/128 dev lo");
    birds.read_upstream().await;
    birds
        .change_ours(
            "protocol device {}",
            &format!(
                "protocol device {{}}\nprotocol static web_v6 {{ disabled; ipv6; route {V6} blackhole; }}"
            ),
        )
        .await;
    let target = ReconcileTarget {
        full: vec![protocol("web_v6", Family::V6, &[V6])],
        drain: Vec::new(),
        ..web()
    };
    let mut drive = Drive::start(
        setup(vec![target], &birds.run_dir(), &birds.socket(), POLL),
        Duration::from_secs(5),
    );
    drive.intent(0, Strength::Off);
    let seen = obstacle(&mut drive, "no next hop of its own").await;
    assert!(certain(&seen), "{:?}", seen.services[0].obstacles);
    drive.intent(0, Strength::Full);
    let text = not_exported(&mut drive).await;
    assert!(text.contains("no next hop of its own"), "{text}");
    assert!(
        birds
            .birdc(&format!("show route {V6} exported isp_upstream"))
            .contains("web_v6"),
        "BIRD's own record has it"
    );
    assert!(!birds.upstream_has(V6));
    assert!(
        !drive
            .stages()
            .contains(&(TransitionStage::Exported, "web_v6".to_owned())),
        "no stage says so"
    );
    // The neighbour hears it from the moment on from which a next hop is given.
    birds
        .change_ours(
            "ipv6 { import none; export all; }",
            "ipv6 { import none; export all; next hop address 2001:db8::2; }",
        )
        .await;
    // BIRD 2.0.12 takes it when the session comes up.
    birds.birdc("restart isp_upstream");
    drive.verified(Strength::Full).await;
    eventually("the announcement", || birds.upstream_has(V6)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_a_direct_route_that_beats_ours_is_named_before_and_after() {
    let (birds, mut drive) = standing_by().await;
    birds.ip("addr add 198.51.100.1/24 dev lo");
    birds
        .change_ours(
            "protocol device {}",
            "protocol device {}\nprotocol direct home { ipv4 { preference 240; }; interface \"lo\"; }",
        )
        .await;
    let seen = obstacle(
        &mut drive,
        "home has 198.51.100.0/24 in table master4 at preference 240",
    )
    .await;
    assert!(certain(&seen));
    drive.intent(0, Strength::Full);
    let text = not_exported(&mut drive).await;
    assert!(text.contains("home has it at preference 240"), "{text}");
    assert!(!birds.upstream_has(PREFIX));
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_what_an_upstream_carries_from_another_protocol_is_alarmed_while_silent() {
    let (birds, mut drive) = standing_by().await;
    birds.change_ours(
        "protocol device {}",
        "protocol device {}\nprotocol static web_old { ipv4 { preference 150; }; route 198.51.100.0/24 unreachable; }",
    ).await;
    eventually("the foreign announcement", || birds.upstream_has(PREFIX)).await;
    let seen = drive
        .seen("the alarm", |service, _| {
            let mut problems = service.problems.iter();
            problems.any(|(code, _)| *code == AlarmCode::ForeignAnnouncement)
        })
        .await;
    let text = problem(&seen, AlarmCode::ForeignAnnouncement).unwrap();
    assert!(
        text.contains("isp_upstream announces 198.51.100.0/24 from protocol web_old"),
        "{text}"
    );
    assert_eq!(seen.services[0].actual, Some(Strength::Off));
    assert!(!certain(&seen), "at 150 it would not beat ours");
    // A takeover replaces it, and is carried.
    drive.intent(0, Strength::Full);
    drive.verified(Strength::Full).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_a_pipe_that_lets_nothing_through_is_told_before_and_after() {
    let (birds, mut drive) = standing_by().await;
    birds.edit_ours(
        "ipv4 { preference 200; };",
        "ipv4 { table inside; preference 200; };",
    );
    birds.change_ours(
        "protocol device {}",
        "protocol device {}\nipv4 table inside;\nprotocol pipe through { table master4; peer table inside; import none; \
         export none; }",
    ).await;
    let seen = obstacle(&mut drive, "reaches it only through through").await;
    assert!(!certain(&seen), "not provable before it is enabled");
    drive.intent(0, Strength::Full);
    let text = not_exported(&mut drive).await;
    assert!(
        text.contains("stands in table inside") && text.contains("exports table master4"),
        "{text}"
    );
    birds
        .change_ours(
            "peer table inside; import none;",
            "peer table inside; import all;",
        )
        .await;
    drive.verified(Strength::Full).await;
    eventually("the announcement", || birds.upstream_has(PREFIX)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_a_full_export_limit_is_the_cause_and_room_in_it_is_used() {
    let (birds, mut drive) = standing_by().await;
    birds
        .change_ours(
            "protocol device {}",
            "protocol device {}\nprotocol static web_office { ipv4; route 203.0.113.128/25 blackhole; }",
        )
        .await;
    birds
        .change_ours("next hop self;", "next hop self; export limit 1 action block;")
        .await;
    eventually("the office", || birds.upstream_has("203.0.113.128/25")).await;
    drive.intent(0, Strength::Full);
    let text = not_exported(&mut drive).await;
    assert!(
        text.contains("the export limit of isp_upstream, 1, was reached"),
        "{text}"
    );
    birds.birdc("disable web_office");
    // BIRD 3 takes what is enabled anew; BIRD 2 holds it back until its operator says so.
    if !birds.birdc("show status").contains("BIRD 3") {
        drive
            .seen("the way out", |service, _| {
                let mut problems = service.problems.iter();
                problems.any(|(_, text)| text.contains("until `birdc reload out isp_upstream`"))
            })
            .await;
        birds.birdc("reload out isp_upstream");
    }
    drive.verified(Strength::Full).await;
    eventually("the announcement", || birds.upstream_has(PREFIX)).await;
    let before = birds.upstream_updates();
    for _ in 0..10 {
        drive.verified(Strength::Full).await;
    }
    assert_eq!(
        birds.upstream_updates(),
        before,
        "what reaches somebody is let alone"
    );
    assert_eq!(drive.drifts(), 0, "our own doing is no drift");
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a_forgotten_checker_causes_less_than_ten_updates_in_a_minute_and_is_alarmed() {
    let (birds, mut drive) = announced().await;
    let (announced, withdrawn) = birds.upstream_updates();
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while tokio::time::Instant::now() < end {
        birds.birdc("disable web_v4 \"checker\"");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let (now_announced, now_withdrawn) = birds.upstream_updates();
    let updates = now_announced - announced + now_withdrawn - withdrawn;
    assert!((4..10).contains(&updates), "{updates} updates in a minute");
    let seen = drive
        .seen("the alarm", |service, _| {
            service
                .problems
                .iter()
                .any(|(_, text)| text.contains("again and again"))
        })
        .await;
    let alarms = seen.services[0].problems.iter();
    assert!(
        alarms
            .clone()
            .any(|(_, text)| text.contains("the message \"checker\"")),
        "{:?}",
        seen.services[0].problems
    );
    // An operator's word does not wait for it.
    drive.intent(0, Strength::Full);
    let start = tokio::time::Instant::now();
    drive.verified(Strength::Full).await;
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "took {:?}",
        start.elapsed()
    );
}
