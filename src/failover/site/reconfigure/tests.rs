use crate::failover::site::tests::support::*;
use crate::failover::{Note, Strength};
use crate::status::snapshot::ProbeState;

/// The article's standby after a takeover.
fn taken_over() -> Bench {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench
        .world
        .from(at_s(20), PING, Target::Dead)
        .from(at_s(20), SITE, Target::Dead);
    bench.run(at_s(40));
    assert_eq!(bench.strength(), Some(Strength::Full));
    bench
}

#[test]
fn an_unchanged_service_keeps_its_announcement_its_rows_and_its_decision() {
    let mut bench = taken_over();
    let decision = bench.play.site().services()[0].wish().clone();
    let streak = bench.play.site().probe(PING).unwrap().rows().streak();
    bench.play.reconfigure(&article());
    let service = &bench.play.site().services()[0];
    assert_eq!(service.wish(), &decision);
    assert_eq!(service.probes()[0].rows().streak(), streak);
    bench.run_for(secs(60));
    assert_eq!(bench.switches().len(), 1, "{:?}", bench.switches());
}

#[test]
fn checks_under_way_report_to_the_same_probe_at_its_new_place() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(20) + secs(5));
    let mut config = simple();
    config.services.insert(0, standby("api", vec![probe("other")]));
    bench.play.reconfigure(&config);
    // The world's script goes by place: the old probe stands at the second one now.
    let moved = crate::failover::ProbeId::Service(1, 0);
    bench.world.from(at_s(0), moved, Target::Dead);
    bench.world.from(at_s(25), PING, Target::Alive);
    bench.run_for(secs(5));
    assert_eq!(bench.state(moved), ProbeState::Down);
    assert_eq!(bench.state(PING), ProbeState::Up);
}

#[test]
fn a_probe_that_checks_something_else_starts_anew() {
    let mut bench = taken_over();
    let mut config = article();
    let other = crate::config::model::Exec {
        command: vec!["/bin/false".to_owned()],
    };
    config.services[0].probes[0].check = crate::config::model::Check::Exec(other);
    bench.play.reconfigure(&config);
    assert_eq!(bench.state(PING), ProbeState::Unknown);
    assert_eq!(bench.state(SITE), ProbeState::Down);
    assert_eq!(bench.strength(), Some(Strength::Full), "unclear keeps (D4)");
}

#[test]
fn new_thresholds_go_on_from_the_old_rows() {
    let mut bench = taken_over();
    let mut config = article();
    config.services[0].probes[0].rise = 5;
    bench.play.reconfigure(&config);
    assert_eq!(bench.state(PING), ProbeState::Down);
}

#[test]
fn an_override_and_a_latch_stay() {
    let mut bench = taken_over();
    let terms = crate::failover::event::Terms::default();
    bench.ask(crate::failover::Ask::Withdraw(terms)).unwrap();
    bench.play.reconfigure(&article());
    bench.run_for(secs(60));
    assert_eq!(bench.strength(), Some(Strength::Off));
    assert!(bench.play.site().services()[0].overridden().is_some());
}

#[test]
fn a_new_service_adopts_what_bird_does_and_an_old_one_is_let_go() {
    let mut bench = taken_over();
    let mut config = article();
    config.services[0].name = "api".to_owned();
    bench.play.reconfigure(&config);
    assert_eq!(bench.strength(), None);
    bench.bird(0, crate::failover::Adoption::Is(Strength::Full));
    assert_eq!(bench.strength(), Some(Strength::Full));
    assert_eq!(bench.count(|note| matches!(note, Note::Switched { .. })), 1);
}
