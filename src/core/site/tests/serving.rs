//! Whether this site serves, on virtual time (D16): it holds a takeover where it is told to, refuses drills,
//! and takes part in no verdict.

use super::support::*;
use crate::config::model::{Config, OnNotServing};
use crate::core::{Event, ProbeId, Rule, Strength};
use crate::model::serving::{ServingRoute, ServingState};

const LOCAL: ProbeId = ProbeId::Serves(0, 0);

/// A standby with one probe, and a check of whether it serves.
fn checked(on_not_serving: OnNotServing) -> Config {
    let mut config = simple();
    config.services[0].serves = vec![probe("local")];
    config.services[0].on_not_serving = on_not_serving;
    config
}

fn state(bench: &Bench) -> Option<ServingState> {
    bench.play.site().services()[0].serving().map(|(state, _)| state)
}

/// The primary dies at 20 s, and this site does not serve from 10 s to 60 s.
fn not_serving(on_not_serving: OnNotServing) -> Bench {
    let mut bench = Bench::new(&checked(on_not_serving)).adopting(Strength::Off);
    bench
        .world
        .from(at_s(10), LOCAL, Target::Dead)
        .from(at_s(20), PING, Target::Dead)
        .from(at_s(60), LOCAL, Target::Alive);
    bench
}

#[test]
fn d16_hold_takes_nothing_over_until_this_site_serves() {
    let mut bench = not_serving(OnNotServing::Hold);
    bench.run(at_s(55));
    let service = &bench.play.site().services()[0];
    assert_eq!(state(&bench), Some(ServingState::No));
    assert_eq!(
        (service.stance().strength(), service.judgement().rule),
        (Some(Strength::Off), Rule::D16)
    );
    bench.run(at_s(120));
    let service = &bench.play.site().services()[0];
    assert_eq!(
        (state(&bench), service.stance().strength()),
        (Some(ServingState::Yes), Some(Strength::Full))
    );
}

#[test]
fn d16_announce_takes_over_all_the_same_and_what_is_announced_is_kept() {
    let mut bench = not_serving(OnNotServing::Announce);
    bench.run(at_s(55));
    let service = &bench.play.site().services()[0];
    assert_eq!(
        (state(&bench), service.stance().strength()),
        (Some(ServingState::No), Some(Strength::Full))
    );
}

#[test]
fn d16_the_kernels_answer_alone_is_enough_for_no() {
    let mut bench = Bench::new(&checked(OnNotServing::Hold)).adopting(Strength::Off);
    bench.run(at_s(15));
    assert_eq!(state(&bench), Some(ServingState::Yes));
    let route = ServingRoute {
        address: [198, 51, 100, 10].into(),
        answer: "a blackhole drops it".to_owned(),
        answer_message: None,
        serves: Some(false),
        warning: None,
        warning_message: None,
    };
    let routes = vec![route];
    bench
        .play
        .hand_in(Some(Event::Routes { service: 0, routes }), &mut bench.world);
    assert_eq!(state(&bench), Some(ServingState::No));
    let against = bench.play.site().against_serving(0).unwrap();
    assert_eq!(
        against,
        "this site does not serve it: 198.51.100.10 is not served here: a blackhole drops it"
    );
}
