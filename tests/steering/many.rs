//! A large site: what many decisions cost of BIRD's time, in commands.

use crate::place::*;

/// Services that are told from one another by their number.
const SERVICES: usize = 120;

fn name(service: usize) -> String {
    format!("s{service:03}_v4")
}

fn prefix(service: usize) -> String {
    format!("100.64.{service}.0/24")
}

/// A BIRD and the targets of all services.
fn site() -> (Daemon, Vec<ReconcileTarget>) {
    let mut daemon = Daemon::new("2.0.12").with_bgp("isp_upstream", "203.0.113.1", &["ipv4"]);
    let mut targets = Vec::new();
    for service in 0..SERVICES {
        let prefix = prefix(service);
        daemon = daemon.with_static(&name(service), &[&prefix]);
        targets.push(ReconcileTarget {
            service: format!("s{service:03}"),
            full: vec![protocol(&name(service), Family::V4, &[&prefix])],
            drain: Vec::new(),
            ..web()
        });
    }
    (daemon, targets)
}

/// Each of them could begin with a look at all protocols, of which there are as many: that would grow
/// with the square of the services, and a death of all would take minutes.
#[tokio::test]
async fn a1_wishes_that_come_one_by_one_share_the_looks_at_all_protocols() {
    let (daemon, targets) = site();
    let place = Place::new(daemon);
    let slow = ReconcilerConfig {
        poll_interval: Duration::from_secs(60),
        ..place.setup(targets)
    };
    let mut drive = Drive::start(slow, falconer_lab::reconciler::PATIENCE);
    drive.seen("BIRD", |service, _| service.actual.is_some()).await;
    let before = place.bird.lines().len();
    for service in 0..SERVICES {
        drive.intent(service, Strength::Full);
        // They come one by one, while others are seen to.
        tokio::task::yield_now().await;
    }
    until("the last of them", || {
        (0..SERVICES).all(|service| place.is_up(&name(service)))
    })
    .await;
    let lines = place.bird.lines()[before..].to_vec();
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(count("enable "), SERVICES);
    let looks = lines.iter().filter(|line| *line == "show protocols").count();
    assert!(
        looks <= 10,
        "{looks} looks at all protocols for {SERVICES} decisions"
    );
    let questions = count("show protocols all ") + count("show static ");
    assert!(
        questions <= 2 * SERVICES + 4,
        "{questions} questions of the guard"
    );
}

/// A decision that comes in the middle of a poll goes ahead of what is left of it (A10).
#[tokio::test]
async fn a10_a_decision_does_not_wait_for_the_answers_of_a_poll() {
    let (daemon, targets) = site();
    let place = Place::new(daemon);
    let mut drive = Drive::start(place.setup(targets), falconer_lab::reconciler::PATIENCE);
    drive.seen("BIRD", |service, _| service.actual.is_some()).await;
    drive.wish_all(Strength::Off);
    drive.verified(Strength::Off).await;
    // The question about the upstream is one of the poll; whoever waits for it waits long.
    let before = place.bird.lines().len();
    place.bird.plan(
        "show protocols all \"isp_upstream\"",
        Fault::Delay(Duration::from_millis(300)),
    );
    let asked = || {
        place.bird.lines()[before..]
            .iter()
            .any(|line| line.contains("isp_upstream"))
    };
    until("the poll", asked).await;
    drive.intent(7, Strength::Full);
    until("the enable", || place.is_up(&name(7))).await;
    let lines = place.bird.lines()[before..].to_vec();
    let at = |start: &str| lines.iter().position(|line| line.starts_with(start));
    let asked = at("show protocols all \"isp_upstream\"").expect("it was asked");
    let enabled = at("enable ").expect("it was told");
    let between = &lines[asked + 1..enabled];
    let of_the_decision = |line: &&String| **line == "show protocols" || line.contains(&name(7));
    assert!(between.iter().all(|line| of_the_decision(&line)), "{between:?}");
}
