//! D4, D5 and D9 on a site with role primary: its probes look at home.

use super::support::*;
use crate::config::model::Config;
use crate::core::{CoreEvent, OperatorCommand, Strength};
use crate::model::history::HistoryEvent;
use crate::model::snapshot::ProbeState;
use crate::model::time::Moment;

fn home() -> Config {
    config(
        vec![primary("web", vec![probe("ping"), probe("site")])],
        vec![probe("resolver")],
        1,
    )
}

#[test]
fn d4_a_primary_withdraws_as_soon_as_its_service_is_down_and_announces_as_soon_as_it_is_up() {
    let mut bench = Bench::new(&home()).adopting(Strength::Full);
    bench.world.from(at_s(20), SITE, Target::Refusing);
    bench.world.from(at_s(60), SITE, Target::Alive);
    bench.run(at_s(100));
    let verdicts = bench.verdicts();
    let (down, up) = (verdicts[verdicts.len() - 2].0, verdicts[verdicts.len() - 1].0);
    let expected = [
        (down, "full -> off by D4".to_owned()),
        (up, "off -> full by D4".to_owned()),
    ];
    assert_eq!(bench.switches(), expected);
}

#[test]
fn d5_a_primary_does_not_ask_its_witnesses() {
    let mut bench = Bench::new(&home()).adopting(Strength::Full);
    bench.world.from(Moment::START, WITNESS, Target::Dead);
    bench.world.from(at_s(20), SITE, Target::Refusing);
    bench.run(at_s(40));
    assert_eq!(bench.strength(), Some(Strength::Off));
    let sought = bench.world.starts_of(WITNESS, at_s(19)).len();
    let mut idle = Bench::new(&home()).adopting(Strength::Full);
    idle.world.from(Moment::START, WITNESS, Target::Dead);
    idle.run(at_s(40));
    assert_eq!(
        sought,
        idle.world.starts_of(WITNESS, at_s(19)).len(),
        "its fails make no witness run"
    );
}

#[test]
fn d5_the_end_of_an_isolation_voids_nothing_of_a_primary() {
    let mut bench = Bench::new(&home()).adopting(Strength::Full);
    bench.world.from(at_s(20), WITNESS, Target::Dead);
    bench.world.from(at_s(30), SITE, Target::Refusing);
    bench.world.from(at_s(50), WITNESS, Target::Alive);
    bench.run(at_s(80));
    assert_eq!(bench.switches().len(), 1);
    assert_eq!(bench.strength(), Some(Strength::Off));
    let turns: Vec<_> = bench.turns(SITE).into_iter().map(|(_, to)| to).collect();
    assert_eq!(turns, [ProbeState::Up, ProbeState::Down], "down it stays");
}

#[test]
fn d5_a_primary_seeks_no_witness_that_cannot_be_asked() {
    let mut config = home();
    config.witnesses[0].interval = secs(600);
    let mut bench = Bench::new(&config).adopting(Strength::Full);
    bench.world.from(at_s(10), WITNESS, Target::Broken);
    bench.world.from(at_s(20), SITE, Target::Refusing);
    bench.run(at_s(60));
    assert_eq!(bench.strength(), Some(Strength::Off));
    assert_eq!(bench.world.starts_of(WITNESS, at_s(10)), []);
}

#[test]
fn d9_a_primary_that_withdrew_too_often_stays_silent() {
    let mut bench = Bench::new(&home()).adopting(Strength::Full);
    for round in 0..4 {
        bench.world.from(at_s(20 + 40 * round), SITE, Target::Refusing);
        bench.world.from(at_s(40 + 40 * round), SITE, Target::Alive);
    }
    bench.run(at_s(300));
    assert_eq!(bench.strength(), Some(Strength::Off));
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Latched))),
        1
    );
    let counted = |note: &CoreEvent| note.transition().is_some_and(|(_, change)| change.counted);
    assert_eq!(bench.count(counted), 3);
    let mut bench = bench.restart(&home()).adopting(Strength::Off);
    bench.run(at_s(60));
    assert_eq!(bench.switches(), [], "over restarts, too");
    bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("it is latched");
    assert_eq!(bench.strength(), Some(Strength::Full));
}

#[test]
fn d10_a_primary_that_starts_unread_moves_with_its_verdict() {
    let mut bench = Bench::new(&home());
    bench.run(at_s(10));
    assert_eq!(bench.strength(), Some(Strength::Full));
    let mut bench = Bench::new(&home());
    bench.world.from(Moment::START, SITE, Target::Refusing);
    bench.run(at_s(10));
    assert_eq!(bench.strength(), Some(Strength::Off));
    let counted = |note: &CoreEvent| note.transition().is_some_and(|(_, change)| change.counted);
    assert_eq!(bench.count(counted), 0, "it may have been silent before we came");
}
