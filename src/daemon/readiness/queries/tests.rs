//! How much BIRD is asked, and what is made of a BIRD that breaks off.

use std::fmt::Write as _;
use std::time::Duration;

use falconer_lab::fake_bird::{Daemon, FakeBird, Fault};

use super::*;
use crate::model::situations;
use crate::model::snapshot::BirdState;

const SERVICES: usize = 200;

fn config() -> Config {
    let mut toml =
        String::from("site.name = \"hk1\"\nupstream = [{ name = \"isp_a\" }, { name = \"isp_b\" }]\n");
    for number in 0..SERVICES {
        let _ = write!(
            toml,
            "[[service]]\nname = \"s{number}\"\nrole = \"standby\"\nprefixes = [\"10.{number}.0.0/24\"]\n\
             [[service.probe]]\nname = \"ping\"\ntype = \"icmp\"\ntarget = \"198.18.0.1\"\n"
        );
    }
    let (config, _) =
        crate::config::load(&toml, "falconer.toml").unwrap_or_else(|problems| panic!("{problems:?}"));
    config
}

/// A BIRD with all of it, and a connection to it.
async fn connected() -> (tempfile::TempDir, FakeBird, BirdClient) {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::new("2.0.12")
        .with_bgp("isp_a", "203.0.113.1", &["ipv4"])
        .with_bgp("isp_b", "203.0.113.5", &["ipv4"]);
    for number in 0..SERVICES {
        daemon = daemon.with_static(&format!("s{number}_v4"), &[&format!("10.{number}.0.0/24")]);
    }
    let bird = FakeBird::start(&directory.path().join("s"), daemon);
    let client = BirdClient::spawn(directory.path().join("s"), Duration::from_secs(5));
    let mut link = client.link();
    link.wait_for(|link| link.state == BirdState::Up).await.unwrap();
    (directory, bird, client)
}

#[tokio::test]
async fn a10_two_hundred_services_take_no_more_than_a_dozen_questions() {
    let (_directory, bird, client) = connected().await;
    bird.plan(
        "show route table rehearsal4 count",
        said("1007-200 of 200 routes for 200 networks in table rehearsal4"),
    );
    bird.plan(
        "show route table rehearsal4 where",
        said("1007-Table rehearsal4:"),
    );
    let of_bird = ask(&client, &config(), &situations::steady()).await;
    assert_eq!(of_bird.protocols.unwrap().len(), SERVICES + 3);
    assert_eq!(of_bird.sessions.len(), 2);
    let lines = bird.lines();
    assert!(lines.len() <= 12, "{lines:#?}");
}

#[tokio::test]
async fn a10_of_many_protocols_that_are_wrong_only_some_are_asked_again() {
    let (_directory, bird, client) = connected().await;
    let mut snapshot = situations::steady();
    snapshot.alarms = (0..SERVICES)
        .map(|number| situations::alarm(AlarmCode::ForeignRoutes, Some(&format!("s{number}")), "not ours"))
        .collect();
    let of_bird = ask(&client, &config(), &snapshot).await;
    assert_eq!(of_bird.found.len(), GUARDED);
    assert!(bird.lines().len() <= 12 + 2 * GUARDED, "{:#?}", bird.lines());
}

#[tokio::test]
async fn a2_a_table_that_something_else_feeds_is_counted_and_never_shown() {
    let (_directory, bird, client) = connected().await;
    bird.plan(
        "show route table rehearsal4 count",
        said("1007-1000003 of 1000003 routes for 9 networks in table rehearsal4"),
    );
    let of_bird = ask(&client, &config(), &situations::steady()).await;
    assert!(matches!(
        of_bird.rehearsals[&Family::V4],
        FilterTest::Crowded(1_000_003)
    ));
    let shown = bird
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("show route"));
    assert_eq!(shown.collect::<Vec<_>>(), ["show route table rehearsal4 count"]);
}

#[tokio::test]
async fn a4_a_round_that_breaks_off_found_nothing_and_is_not_taken_for_one_that_did() {
    let (_directory, bird, client) = connected().await;
    bird.plan("show protocols all \"isp_b\"", Fault::Close);
    let of_bird = ask(&client, &config(), &situations::steady()).await;
    assert!(of_bird.status.is_some());
    assert!(of_bird.protocols.is_none());
}

fn said(line: &str) -> Fault {
    Fault::Say(format!("{line}\n0000 \n"))
}
