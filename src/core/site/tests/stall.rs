//! D2 on a whole site: what was measured while Falconer itself stood still.

use std::time::Duration;

use super::support::*;
use crate::core::{CoreEvent, Event, OperatorCommand, Strength};
use crate::model::history::HistoryEvent;
use crate::model::snapshot::ProbeState;

/// Stalls at `from` for so long, once checks of a dead primary are under way.
fn stalled(from: u64, lasts: u64) -> Bench {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_ms(from));
    bench.play.pass(ms(lasts));
    bench.run(at_ms(from + lasts + 60_000));
    bench
}

#[test]
fn d2_what_was_under_way_in_a_stall_is_thrown_away_and_asked_again() {
    // The first check of the dead primary began at 20 s, the next at 20.5 s. All that is out at
    // 21.2 s is void; the row begins with the check that follows at 31.2 s.
    let bench = stalled(21_200, 10_000);
    assert_eq!(bench.turns(PING).last(), Some(&(at_ms(34_200), ProbeState::Down)));
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Stalled { .. }))),
        1
    );
}

#[test]
fn d2_a_short_delay_throws_nothing_away() {
    let bench = stalled(21_200, 900);
    assert_eq!(bench.turns(PING).last(), Some(&(at_s(23), ProbeState::Down)));
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Stalled { .. }))),
        0
    );
}

#[test]
fn d2_passes_of_a_stall_count_as_little_as_fails() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.from(at_s(10), PING, Target::Slow(ms(1_800)));
    bench.run(at_ms(20_100));
    let before = bench.play.site().last(PING).expect("it was asked").clone();
    bench.play.pass(secs(30));
    bench.run(at_ms(50_200));
    assert_eq!(bench.play.site().last(PING), Some(&before));
    bench.run(at_s(53));
    assert_ne!(bench.play.site().last(PING), Some(&before));
}

/// Else a pass that our own sleep made late, or early, would prove that the target died.
#[test]
fn d2_what_witnesses_said_in_a_stall_counts_as_little() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.from(at_s(10), WITNESS, Target::Slow(ms(1_800)));
    let began = bench.run(at_s(20)).world.starts_of(WITNESS, at_s(15))[0];
    bench.run(began + secs(5) + ms(100));
    let before = bench.play.site().last(WITNESS).expect("it was asked").clone();
    bench.play.pass(secs(30));
    bench.run_for(ms(100));
    assert_eq!(bench.play.site().last(WITNESS), Some(&before));
    bench.run_for(secs(3));
    assert_ne!(bench.play.site().last(WITNESS), Some(&before));
}

#[test]
fn d2_a_stall_of_a_quarter_of_a_second_is_worth_a_note() {
    for (lasted, noted) in [(ms(249), 0), (ms(250), 1)] {
        let mut config = simple();
        config.services[0].probes[0].timeout = ms(400);
        let mut bench = Bench::new(&config).adopting(Strength::Off);
        bench.world.from(at_s(20), PING, Target::Dead);
        bench.run(at_ms(20_010));
        bench
            .play
            .hand_in(Some(Event::Suspended { lasted }), &mut bench.world);
        assert_eq!(
            bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Stalled { .. }))),
            noted,
            "{lasted:?}"
        );
    }
}

/// A stall hides between two looks: the hastiest probe says how far they may lie apart.
#[test]
fn d2_the_clock_is_watched_as_closely_as_the_hastiest_check_under_way_needs() {
    let mut config = article();
    config.services[0].probes[0].timeout = ms(1_000);
    for probe in &mut config.services[0].probes {
        probe.retry_interval = secs(5);
    }
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.from(at_s(20), SITE, Target::Dead);
    let last = |bench: &Bench, of| bench.world.starts_of(of, at_s(20)).last().copied();
    let mut both = 0;
    for millis in 20_000..30_000 {
        bench.run(at_ms(millis));
        let out = |of, timeout| last(&bench, of).is_some_and(|began| at_ms(millis) < began + timeout);
        if out(PING, secs(1)) && out(SITE, secs(2)) {
            both += 1;
            let next = bench.play.site().deadline().expect("checks are out");
            assert!(next <= at_ms(millis) + ms(250), "at {millis} ms: {next:?}");
        }
    }
    assert!(both > 0, "both were out at once");
}

#[test]
fn d2_a_stall_of_the_driver_alone_takes_nothing_over() {
    // Our process stands still again and again; the primary lives all the time, but what the
    // kernel kept for us comes in as fails.
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.run(at_s(20));
    bench.world.from(at_s(20), PING, Target::Dead);
    for _ in 0..30 {
        bench.run_for(ms(150));
        bench.play.pass(secs(2));
    }
    assert_eq!(bench.state(PING), ProbeState::Up);
    assert_eq!(bench.switches(), []);
}

#[test]
fn d2_a_suspension_of_the_machine_is_a_stall() {
    for (lasted, down_at) in [(secs(3600), at_ms(24_200)), (ms(900), at_s(23))] {
        let mut bench = Bench::new(&simple()).adopting(Strength::Off);
        bench.world.from(at_s(20), PING, Target::Dead);
        bench.run(at_ms(21_200));
        bench
            .play
            .hand_in(Some(Event::Suspended { lasted }), &mut bench.world);
        bench.run(at_s(40));
        let down = bench.turns(PING).last().copied();
        assert_eq!(down.map(|(_, to)| to), Some(ProbeState::Down));
        assert!(down.is_some_and(|(at, _)| at >= down_at), "{lasted:?}: {down:?}");
        let noted = usize::from(lasted > secs(1));
        assert_eq!(
            bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Stalled { late_ms }) if u128::from(*late_ms) == lasted.as_millis())),
            noted
        );
    }
}

#[test]
fn d2_a_stall_while_nothing_is_under_way_is_none() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.run(at_s(22));
    bench.play.pass(secs(3600));
    bench.run_for(secs(10));
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Stalled { .. }))),
        0
    );
    assert_eq!(bench.state(PING), ProbeState::Up);
}

#[test]
fn d2_a_stall_too_short_to_mention_still_spoils_a_hasty_probe() {
    let mut config = simple();
    config.services[0].probes[0].timeout = ms(100);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_ms(20_010));
    bench.play.pass(ms(90));
    bench.run(at_s(40));
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Stalled { .. }))),
        0,
        "not worth a note"
    );
    let down = bench.turns(PING).last().copied();
    // Without the stall it would be 21.1 s: the first fail does not count.
    assert_eq!(down, Some((at_ms(21_600), ProbeState::Down)));
}

/// Announced, and its target up again at 100 s: failback is due 30 s after the verdict.
fn coming_back() -> Bench {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.from(at_s(100), PING, Target::Alive);
    bench.run(at_s(110));
    bench
}

/// How long the verdict had been up at the failback.
fn waited(bench: &Bench) -> Duration {
    let up = bench.verdicts().last().expect("it is up").0;
    let (silent, how) = bench.switches().last().cloned().expect("it switched");
    assert_eq!(how, "full -> off by D4");
    silent.since(up)
}

#[test]
fn d6_a_stall_lengthens_failback_delay_because_nobody_watched() {
    let mut bench = coming_back();
    let asleep = bench.play.site().deadline().expect("there are probes");
    bench.play.pass(secs(60));
    let stalled = bench.play.now().mono.since(asleep);
    bench.run(at_s(400));
    assert_eq!(waited(&bench), secs(30) + stalled);

    let mut bench = coming_back();
    let mut stalled = Duration::ZERO;
    for _ in 0..3 {
        let asleep = bench.play.site().deadline().expect("there are probes");
        bench.play.pass(secs(7));
        stalled += bench.play.now().mono.since(asleep);
        bench.run_for(ms(10));
    }
    bench.run(at_s(400));
    assert_eq!(waited(&bench), secs(30) + stalled, "each of them");
}

#[test]
fn d6_a_delay_that_spoils_no_check_lengthens_nothing() {
    let mut bench = coming_back();
    let asleep = bench.play.site().deadline().expect("there are probes");
    bench.play.pass(asleep.since(bench.play.now().mono) + secs(1));
    bench.run(at_s(400));
    assert_eq!(waited(&bench), secs(30), "half the time-out is no stall");
}

#[test]
fn d6_a_stall_counts_once_also_where_an_operator_is_refused_first() {
    let mut bench = coming_back();
    let asleep = bench.play.site().deadline().expect("there are probes");
    bench.play.pass(secs(60));
    let stalled = bench.play.now().mono.since(asleep);
    assert!(
        bench.ask(OperatorCommand::Failback { reason: None }).is_err(),
        "it waits for nobody"
    );
    bench.run(at_s(400));
    assert_eq!(waited(&bench), secs(30) + stalled);
}

#[test]
fn d6_a_stall_that_one_probe_of_several_counts_as_one_lengthens_failback_delay() {
    let mut config = article();
    config.services[0].probes[1].timeout = secs(5);
    let mut bench = Bench::new(&config).adopting(Strength::Full);
    bench.run(at_s(10));
    let asleep = bench.play.site().deadline().expect("there are probes");
    let stalled = secs(2);
    bench.play.pass(asleep.since(bench.play.now().mono) + stalled);
    bench.run(at_s(400));
    assert_eq!(waited(&bench), secs(30) + stalled);
}

#[test]
fn d6_a_stall_before_the_verdict_lengthens_nothing() {
    let mut bench = coming_back();
    bench.play.pass(secs(60));
    bench.world.from(at_s(172), PING, Target::Refusing);
    bench.world.from(at_s(182), PING, Target::Alive);
    bench.run(at_s(400));
    assert!(bench.verdicts().last().is_some_and(|(at, _)| *at > at_s(182)));
    assert_eq!(waited(&bench), secs(30));
}

/// The monotonic clock stands still in a suspension, and failback_delay with it.
#[test]
fn d6_a_suspension_of_the_machine_lengthens_nothing() {
    let mut bench = coming_back();
    let lasted = secs(8 * 3_600);
    bench
        .play
        .hand_in(Some(Event::Suspended { lasted }), &mut bench.world);
    bench.run(at_s(400));
    assert_eq!(waited(&bench), secs(30));
}
