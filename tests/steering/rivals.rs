//! What neighbours tell of the service's prefixes: which upstream prefers another way, what it costs to ask, and that
//! nothing is decided by it (A11, D15).

use falconer::bird::reconcile::{Observed, SessionImport};
use falconer::model::snapshot::FollowedState;

use crate::place::*;

/// A BIRD whose upstream tells routes.
fn hearing(version: &str) -> Place {
    let mut daemon = daemon();
    daemon.version = version.to_owned();
    daemon.bgp("isp_upstream").takes_in = true;
    Place::new(daemon)
}

/// The primary's route to a prefix, by way of the upstream.
fn told(prefix: &str) -> Learned {
    Learned {
        prefix: prefix.parse().expect("a prefix"),
        as_path: vec![64520, 64510, 64501],
        ..learned("isp_upstream")
    }
}

fn tells(place: &Place, prefixes: &[&str]) {
    let routes: Vec<Learned> = prefixes.iter().map(|prefix| told(prefix)).collect();
    place.bird.with(|daemon| daemon.learned = routes);
}

async fn until_way(drive: &mut Drive, state: FollowedState) -> Observed {
    drive
        .seen("the upstream's way", |service, _| {
            service.ways.iter().any(|way| way.state == state)
        })
        .await
}

fn questions(place: &Place) -> usize {
    let lines = place.bird.lines();
    lines.iter().filter(|line| line.contains("RTS_BGP")).count()
}

#[tokio::test]
async fn a11_an_upstream_that_prefers_another_way_is_seen_until_it_follows() {
    for version in ["2.0.12", "2.19.2", "3.3.2"] {
        let place = hearing(version);
        tells(&place, &[V4, "198.51.0.0/16", "0.0.0.0/0", "192.0.2.0/24"]);
        let mut drive = place.brought_to(web(), Strength::Full).await;
        let seen = until_way(&mut drive, FollowedState::PrefersAnother).await;
        let rivals = seen.services[0].rivals.as_ref().expect("somebody tells");
        let prefixes: Vec<String> = rivals.iter().map(|rival| rival.prefix.to_string()).collect();
        assert_eq!(prefixes, ["198.51.0.0/16", V4], "{version}");
        let of_primary = &rivals[1];
        assert_eq!(of_primary.session, "isp_upstream");
        assert_eq!(of_primary.as_path.as_deref(), Some("64520 64510 64501"));
        assert_eq!(of_primary.origin_as, Some(64501));
        tells(&place, &["198.51.0.0/16"]);
        let seen = until_way(&mut drive, FollowedState::Follows).await;
        assert_eq!(seen.services[0].rivals.as_ref().map(Vec::len), Some(1));
        assert_eq!(seen.services[0].ways.len(), 1);
    }
}

#[tokio::test]
async fn d15_rivals_come_and_go_and_nothing_is_written() {
    let place = hearing("2.0.12");
    tells(&place, &[V4]);
    let mut drive = place.brought_to(web(), Strength::Full).await;
    until_way(&mut drive, FollowedState::PrefersAnother).await;
    let writes = place.bird.writes();
    for prefixes in [&[][..], &[V4, "198.51.100.0/25"], &["198.51.0.0/16"]] {
        tells(&place, prefixes);
        for _ in 0..4 {
            drive.seen("a poll", |_, _| true).await;
        }
    }
    assert_eq!(place.bird.writes(), writes);
    assert!(place.is_up("web_v4"));
}

#[tokio::test]
async fn a11_where_the_session_takes_nothing_in_nobody_says_that_there_is_no_rival() {
    let place = Place::new(daemon());
    tells(&place, &[]);
    let mut drive = place.brought_to(web(), Strength::Full).await;
    let seen = until_way(&mut drive, FollowedState::CannotBeHeard).await;
    assert_eq!(seen.services[0].rivals, None);
    assert_eq!(questions(&place), 0);
}

#[tokio::test]
async fn a11_at_rest_it_is_asked_once_in_ten_seconds_and_at_each_poll_while_nobody_follows() {
    let place = hearing("2.0.12");
    tells(&place, &[V4]);
    let mut drive = Drive::start(place.setup(vec![web()]), PATIENCE);
    drive.intent(0, Strength::Off);
    for _ in 0..6 {
        drive.seen("a poll", |_, _| true).await;
    }
    assert_eq!(questions(&place), 1, "{:#?}", place.bird.lines());
    let counts = place.bird.lines();
    let counts = counts.iter().filter(|line| line.ends_with("count")).count();
    assert_eq!(counts, 1);
    drive.intent(0, Strength::Full);
    until_way(&mut drive, FollowedState::PrefersAnother).await;
    let before = questions(&place);
    for _ in 0..4 {
        drive.seen("a poll", |_, _| true).await;
    }
    assert!(questions(&place) >= before + 3, "{:#?}", place.bird.lines());
}

#[tokio::test]
async fn a2_a_large_table_is_not_walked_but_looked_up() {
    let place = hearing("2.0.12");
    tells(&place, &[V4, "198.51.100.0/23", "198.51.0.0/16"]);
    place.bird.with(|daemon| daemon.crowd = 900_000);
    let target = ReconcileTarget {
        primary_prefixes: vec!["198.51.100.0/23".parse().expect("a prefix")],
        ..web()
    };
    let mut drive = place.brought_to(target, Strength::Full).await;
    let seen = until_way(&mut drive, FollowedState::PrefersAnother).await;
    let rivals = seen.services[0].rivals.as_ref().expect("somebody tells");
    let prefixes: Vec<String> = rivals.iter().map(|rival| rival.prefix.to_string()).collect();
    assert_eq!(prefixes, ["198.51.100.0/23", V4]);
    assert_eq!(questions(&place), 0);
}

#[tokio::test]
async fn a11_a_peer_that_carries_nothing_out_tells_of_rivals_and_is_not_asked_to_follow() {
    let mut daemon = daemon().with_bgp("cn1", "198.18.0.1", &["ipv4"]);
    daemon.bgp("cn1").takes_in = true;
    let place = Place::new(daemon);
    let by_peer = Learned {
        protocol: "cn1".to_owned(),
        ..told(V4)
    };
    place.bird.with(|daemon| daemon.learned = vec![by_peer]);
    let mut setup = place.setup(vec![web()]);
    setup.sessions.push(SessionImport {
        name: "cn1".to_owned(),
        takes_in: Some(true),
    });
    let mut drive = Drive::start(setup, PATIENCE);
    drive.intent(0, Strength::Full);
    let seen = until_way(&mut drive, FollowedState::CannotBeHeard).await;
    let rivals = seen.services[0].rivals.as_ref().expect("the peer tells");
    assert_eq!(rivals[0].session, "cn1");
    let ways = &seen.services[0].ways;
    assert_eq!(ways.len(), 1, "{ways:?}");
}
