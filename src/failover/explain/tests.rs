use crate::failover::site::tests::support::*;
use crate::failover::{Ask, Strength};

fn explained(bench: &Bench) -> String {
    bench.play.site().explain(0, bench.play.now()).unwrap()
}

#[test]
fn standing_by_it_says_what_a_takeover_takes() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench.run(at_s(20));
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn half_dead_it_says_that_the_verdict_is_unclear_and_which_probe_holds_it() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(40));
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn after_a_takeover_it_says_when_it_would_fail_back() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    for probe in [PING, SITE] {
        bench
            .world
            .from(at_s(20), probe, Target::Dead)
            .from(at_s(40), probe, Target::Alive);
    }
    bench.run(at_s(50));
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn isolated_it_says_so() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench.world.cut(at_s(20), at_s(90));
    bench.run(at_s(60));
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn overridden_it_says_by_whom_and_until_when() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench.run(at_s(20));
    let terms = crate::failover::event::Terms {
        lasting: Some(secs(60)),
        reason: Some("moving racks".to_owned()),
    };
    bench.ask(Ask::Announce(terms)).unwrap();
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn of_no_such_service_it_says_nothing() {
    let bench = Bench::new(&article());
    assert_eq!(bench.play.site().explain(1, bench.play.now()), None);
}

#[test]
fn ordinals_are_those_of_english() {
    let said = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111, 1000].map(super::ordinal);
    assert_eq!(
        said,
        [
            "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th", "1000th"
        ]
    );
}
