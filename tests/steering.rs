//! Steering against a BIRD that misbehaves: each rule of acting on BIRD, and every way in which
//! BIRD, or somebody else who has its socket, gets in between.

#[path = "support/drive.rs"]
mod drive;
#[path = "support/fake_bird.rs"]
mod fake_bird;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drive::{Drive, problem, protocol, setup, web};
use fake_bird::daemon::Kind;
use fake_bird::{Daemon, FakeBird, Fault};
use falconer::bird::steering::{Setup, Stage, Target};
use falconer::config::model::Family;
use falconer::failover::Strength;
use falconer::status::snapshot::AlarmCode;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

const V4: &str = "198.51.100.0/24";
const V6: &str = "2001:db8:5100::/48";
const POLL: Duration = Duration::from_millis(300);
/// Short, so that a BIRD that hangs is given up soon.
const PATIENCE: Duration = Duration::from_millis(400);

struct Place {
    dir: TempDir,
    bird: FakeBird,
}

/// A BIRD with web_v4, its drain and an upstream.
fn daemon() -> Daemon {
    let mut daemon = Daemon::new("2.0.12")
        .with_static("web_v4", &[V4])
        .with_static("web_v4_drain", &[V4])
        .with_bgp("isp_upstream", "203.0.113.1", &["ipv4", "ipv6"]);
    drain_preference(&mut daemon, "web_v4_drain");
    daemon
}

fn drain_preference(daemon: &mut Daemon, name: &str) {
    if let Kind::Static { preference, .. } = &mut daemon.protocol(name).kind {
        *preference = 190;
    }
}

/// The same in both families.
fn both_families() -> (Daemon, Target) {
    let mut daemon = daemon()
        .with_static("web_v6", &[V6])
        .with_static("web_v6_drain", &[V6]);
    drain_preference(&mut daemon, "web_v6_drain");
    let mut target = web();
    target.full.push(protocol("web_v6", Family::V6, &[V6]));
    target.drain.push(protocol("web_v6_drain", Family::V6, &[V6]));
    (daemon, target)
}

impl Place {
    fn new(daemon: Daemon) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let bird = FakeBird::start(&dir.path().join("bird.ctl"), daemon);
        Self { dir, bird }
    }

    fn setup(&self, targets: Vec<Target>) -> Setup {
        setup(targets, &self.dir.path().join("run"), self.bird.socket(), POLL)
    }

    fn file(&self, protocol: &str) -> PathBuf {
        self.dir.path().join(format!("run/bird/{protocol}.conf"))
    }

    fn says(&self, protocol: &str) -> Option<String> {
        std::fs::read_to_string(self.file(protocol)).ok()
    }

    fn is_up(&self, protocol: &str) -> bool {
        self.bird.with(|daemon| daemon.protocol(protocol).enabled)
    }

    /// Steering of one target, brought to a strength and seen there.
    async fn brought_to(&self, target: Target, strength: Strength) -> Drive {
        let mut drive = Drive::start(self.setup(vec![target]), PATIENCE);
        drive.seen("BIRD", |service, _| service.actual.is_some()).await;
        drive.wish(0, strength);
        drive.verified(strength).await;
        drive
    }
}

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
    drive.wish(0, Strength::Full);
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

#[tokio::test]
async fn a1_a_decision_is_written_at_once_and_not_with_the_next_poll() {
    let place = Place::new(daemon());
    let slow = Setup {
        poll_interval: Duration::from_secs(60),
        ..place.setup(vec![web()])
    };
    let mut drive = Drive::start(slow, PATIENCE);
    drive.seen("BIRD", |service, _| service.actual.is_some()).await;
    drive.wish(0, Strength::Off);
    sleep(Duration::from_millis(50)).await;
    let decided = Instant::now();
    drive.wish(0, Strength::Full);
    let exported = drive.stage(Stage::Exported, "web_v4").await;
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
            Stage::EnableSent,
            Stage::EnableAnswered,
            Stage::Up,
            Stage::Exported
        ]
        .map(|stage| (stage, "web_v4".into()))
    );
}

#[tokio::test]
async fn a2_failover_is_enable_and_disable_of_one_name_and_nothing_else() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    for strength in [Strength::Full, Strength::Drain, Strength::Off] {
        drive.wish(0, strength);
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
    drive.wish(0, Strength::Full);
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
    drive.wish(0, Strength::Full);
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
    drive.wish(0, Strength::Full);
    drive.stage(Stage::Exported, "web_v4").await;
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
    drive.wish(0, Strength::Full);
    // "already enabled", and it is down: the word was lost.
    drive.stage(Stage::EnableAnswered, "web_v4").await;
    place.bird.with(|daemon| daemon.stuck.clear());
    let found = Instant::now();
    let up = drive.stage(Stage::Up, "web_v4").await;
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
    drive.wish(0, Strength::Full);
    drive.verified(Strength::Full).await;
    assert_eq!(place.bird.writes().len(), 2, "{:?}", place.bird.writes());
}

#[tokio::test]
async fn a4_a_bird_that_hangs_at_the_enable_is_read_anew_after_the_reconnect() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    // The enable is carried out, and the answer never comes.
    place.bird.plan("enable", Fault::Hang);
    drive.wish(0, Strength::Full);
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
    let mail = Target {
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
    drive.stage(Stage::Exported, "mail_v4").await;
}

#[tokio::test]
async fn a4_bird_away_is_a_state_and_the_want_is_applied_when_it_comes_back() {
    let mut place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    place.bird.stop();
    let seen = drive.seen("no BIRD", |service, _| service.actual.is_none()).await;
    assert_eq!(seen.upstreams[0].state, "unknown");
    assert!(!seen.bird_running_normally);
    drive.wish(0, Strength::Full);
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
async fn a6_without_bird_the_file_says_at_once_what_was_decided() {
    let mut place = Place::new(daemon());
    let slow = Setup {
        poll_interval: Duration::from_secs(60),
        ..place.setup(vec![web()])
    };
    place.bird.stop();
    let mut drive = Drive::start(slow, PATIENCE);
    drive.seen("no BIRD", |service, _| service.actual.is_none()).await;
    drive.wish(0, Strength::Full);
    until("the file", || {
        place.says("web_v4").as_deref() == Some("disabled no;\n")
    })
    .await;
    until("the other file", || {
        place.says("web_v4_drain").as_deref() == Some("disabled;\n")
    })
    .await;
    drive.wish(0, Strength::Off);
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
    drive.wish(0, Strength::Full);
    until("the enable", || place.is_up("web_v4")).await;
    assert_eq!(place.says("web_v4").as_deref(), Some("disabled no;\n"));
    drive.verified(Strength::Full).await;
    place
        .bird
        .plan("disable", Fault::Delay(Duration::from_millis(150)));
    drive.wish(0, Strength::Off);
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
    drive.wish(0, Strength::Full);
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

#[tokio::test]
async fn a7_a_foreign_route_forbids_the_enable_and_not_the_disable() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Off).await;
    add_route(&place, "web_v4", "0.0.0.0/0");
    drive.wish(0, Strength::Full);
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
    drive.wish(0, Strength::Off);
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
    drive.wish(0, Strength::Drain);
    drive.failure().await;
    drive
        .seen("the alarm", |service, _| !service.problems.is_empty())
        .await;
    assert!(place.is_up("web_v4") && !place.is_up("web_v4_drain"));
}

#[tokio::test]
async fn a7_a_protocol_that_bird_does_not_have_is_alarmed() {
    let place = Place::new(Daemon::new("2.0.12").with_bgp("isp_upstream", "203.0.113.1", &["ipv4"]));
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.wish(0, Strength::Full);
    let seen = drive
        .seen("the alarm", |service, _| !service.problems.is_empty())
        .await;
    let text = problem(&seen, AlarmCode::Drift).expect("an alarm");
    assert!(text.contains("BIRD has no protocol web_v4"), "{text}");
    assert_eq!(seen.services[0].adopt, None);
    assert_eq!(place.bird.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn d8_the_new_protocol_is_seen_to_carry_before_the_old_one_goes() {
    let (daemon, target) = both_families();
    let place = Place::new(daemon);
    let mut drive = place.brought_to(target, Strength::Full).await;
    drive.wish(0, Strength::Drain);
    drive.verified(Strength::Drain).await;
    let lines = place.bird.lines();
    let at = |start: &str| {
        lines
            .iter()
            .rposition(|line| line.starts_with(start))
            .expect(start)
    };
    for (full, drain, prefix) in [("web_v4", "web_v4_drain", V4), ("web_v6", "web_v6_drain", V6)] {
        let enabled = at(&format!("enable \"{drain}\""));
        let carried = at(&format!("show route {prefix} protocol {drain}"));
        let disabled = at(&format!("disable \"{full}\""));
        assert!(enabled < carried && carried < disabled, "{lines:#?}");
    }
}

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
}

#[tokio::test]
async fn d11_frozen_nothing_is_written_and_drift_is_shown() {
    let place = Place::new(daemon());
    let mut drive = place.brought_to(web(), Strength::Full).await;
    drive.change(0, |wish| wish.hands_off = true);
    let (writes, file) = (place.bird.writes(), place.says("web_v4"));
    place.bird.with(Daemon::reconfigure);
    let text = drive.drift().await;
    assert!(
        text.contains("It is left as it is, because the service is frozen"),
        "{text}"
    );
    // Whatever is wanted meanwhile.
    drive.change(0, |wish| wish.strength = Some(Strength::Off));
    for _ in 0..3 {
        let seen = drive.seen("a look", |_, _| true).await;
        assert_eq!(seen.services[0].actual, Some(Strength::Off));
        assert!(problem(&seen, AlarmCode::Drift).is_some());
    }
    assert_eq!((place.bird.writes(), place.says("web_v4")), (writes, file));
    drive.change(0, |wish| {
        wish.hands_off = false;
        wish.strength = Some(Strength::Full);
    });
    drive.verified(Strength::Full).await;
}

#[tokio::test]
async fn a5_an_upstream_that_is_down_is_named_and_its_return_is_seen() {
    let place = Place::new(daemon());
    place
        .bird
        .with(|daemon| daemon.set_session("isp_upstream", "Active", "Socket: Connection refused"));
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.wish(0, Strength::Full);
    let seen = drive
        .seen("not exported", |service, _| {
            service.actual == Some(Strength::Full) && !service.problems.is_empty()
        })
        .await;
    let text = problem(&seen, AlarmCode::NotExported).expect("not exported");
    assert!(
        text.contains("isp_upstream is Active (Socket: Connection refused)"),
        "{text}"
    );
    assert!(!seen.services[0].verified && seen.services[0].exported_to.is_empty());
    assert_eq!(seen.upstreams[0].families, [Family::V4, Family::V6]);
    place
        .bird
        .with(|daemon| daemon.set_session("isp_upstream", "Established", ""));
    drive.stage(Stage::Exported, "web_v4").await;
    drive.verified(Strength::Full).await;
}

#[tokio::test]
async fn a5_an_export_filter_in_the_way_is_named() {
    let place = Place::new(daemon());
    place
        .bird
        .with(|daemon| daemon.bgp("isp_upstream").exports = Some(Vec::new()));
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.wish(0, Strength::Full);
    let seen = drive
        .seen("not exported", |service, _| {
            service.actual == Some(Strength::Full) && !service.problems.is_empty()
        })
        .await;
    let text = problem(&seen, AlarmCode::NotExported).expect("not exported");
    assert!(text.contains("export filter") && text.contains(V4), "{text}");
}

#[tokio::test]
async fn a5_graceful_restart_recovery_is_said_to_hold_it_back() {
    let place = Place::new(daemon());
    place.bird.with(|daemon| {
        daemon.recovery = true;
        daemon.bgp("isp_upstream").exports = Some(Vec::new());
    });
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.wish(0, Strength::Full);
    let seen = drive
        .seen("not exported", |service, _| {
            service.actual == Some(Strength::Full) && !service.problems.is_empty()
        })
        .await;
    let text = problem(&seen, AlarmCode::NotExported).expect("not exported");
    assert!(text.contains("graceful-restart recovery"), "{text}");
    assert!(!seen.bird_running_normally);
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
    drive.wish(0, Strength::Full);
    drive.stage(Stage::EnableAnswered, "web_v4").await;
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
async fn two_hundred_services_are_announced_within_seconds_on_the_fake() {
    const SERVICES: usize = 200;
    let name = |n: usize| format!("s{n}_v4");
    let prefix = |n: usize| format!("10.{}.{}.0/24", n / 250, n % 250);
    let daemon = (0..SERVICES).fold(
        Daemon::new("2.0.12").with_bgp("isp_upstream", "203.0.113.1", &["ipv4"]),
        |daemon, n| daemon.with_static(&name(n), &[&prefix(n)]),
    );
    let place = Place::new(daemon);
    let targets = (0..SERVICES)
        .map(|n| Target {
            service: format!("s{n}"),
            full: vec![protocol(&name(n), Family::V4, &[&prefix(n)])],
            drain: Vec::new(),
            ..web()
        })
        .collect();
    let mut drive = Drive::start(place.setup(targets), PATIENCE);
    drive.seen("BIRD", |service, _| service.actual.is_some()).await;
    let decided = Instant::now();
    drive.wish_all(Strength::Full);
    let seen = drive
        .seen("all announced", |_, seen| {
            seen.services
                .iter()
                .all(|service| service.verified && service.actual == Some(Strength::Full))
        })
        .await;
    let enables: Vec<Instant> = place
        .bird
        .received()
        .iter()
        .filter(|received| received.line.starts_with("enable"))
        .map(|received| received.at)
        .collect();
    assert_eq!(enables.len(), SERVICES);
    let last = *enables.iter().max().expect("some") - decided;
    println!(
        "the last of {SERVICES} enables after {last:?}, all verified after {:?}",
        seen.at - decided
    );
    assert!(last < Duration::from_secs(3), "the last one after {last:?}");
    let exported = drive
        .stages()
        .iter()
        .filter(|(stage, _)| *stage == Stage::Exported)
        .count();
    assert_eq!(exported, SERVICES);
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

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
}

fn add_route(place: &Place, protocol: &str, route: &str) {
    place.bird.with(|daemon| {
        if let Kind::Static { routes, .. } = &mut daemon.protocol(protocol).kind {
            routes.push(route.parse().expect("a prefix"));
        }
    });
}

/// Waits for what only the other side shows.
async fn until(what: &str, is_it: impl Fn() -> bool) {
    let wait = async {
        while !is_it() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(
        timeout(drive::PATIENCE, wait).await.is_ok(),
        "{what} did not come"
    );
}
