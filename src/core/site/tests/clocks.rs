//! D2, D9 and D11 where clocks go wrong: a wall clock that is stepped, ahead or back, and what it wrote
//! before; a machine that slept.

use jiff::{SignedDuration, Timestamp};

use super::support::*;
use crate::core::{CoreEvent, Event, OperatorCommand, PersistentState, Strength};
use crate::model::command::OverrideOptions;
use crate::model::history::HistoryEvent;
use crate::model::snapshot::{ProbeState, Verdict};
use crate::model::time::{Moment, Now};

const DAY: i64 = 86_400;

fn lasting(seconds: u64) -> OverrideOptions {
    OverrideOptions {
        lasting: Some(secs(seconds)),
        reason: None,
        drain: None,
    }
}

fn by(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn step(bench: &mut Bench, seconds: i64) {
    let to = bench.play.now().wall + by(seconds);
    bench.play.step_wall_clock(to);
    bench.run_for(ms(1));
}

fn is_overridden(bench: &Bench) -> bool {
    bench.play.site().services()[0].overridden().is_some()
}

#[test]
fn d11_a_step_of_the_wall_clock_neither_ends_nor_lengthens_an_override() {
    for steps in [
        [-DAY, 0],
        [DAY, 0],
        [DAY, -DAY],
        [-DAY, DAY],
        [2, -2],
        [-3_600, 7_200],
    ] {
        let mut bench = Bench::new(&simple()).adopting(Strength::Off);
        bench.run(at_s(20));
        bench
            .ask(OperatorCommand::Withdraw(lasting(600)))
            .expect("allowed");
        bench.run(at_s(100));
        step(&mut bench, steps[0]);
        bench.run(at_s(200));
        step(&mut bench, steps[1]);
        bench.run(at_s(619));
        assert!(is_overridden(&bench), "{steps:?}");
        bench.run(at_s(621));
        assert!(!is_overridden(&bench), "{steps:?}");
        let told =
            |note: &CoreEvent| matches!(note, CoreEvent::History(_, HistoryEvent::ClockStepped { .. }));
        let steps = steps.iter().filter(|&&step| step != 0).count();
        assert_eq!(bench.count(told), steps, "and it is told");
    }
}

/// A suspension is no step: the time passed, and the override with it.
#[test]
fn d11_time_that_the_machine_slept_counts_for_an_override() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.run(at_s(20));
    bench
        .ask(OperatorCommand::Withdraw(lasting(600)))
        .expect("allowed");
    bench.run(at_s(100));
    sleep(&mut bench, 510);
    assert!(is_overridden(&bench), "590 s");
    bench.run_for(secs(11));
    assert!(!is_overridden(&bench));
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::ClockStepped { .. }))),
        0
    );
}

/// Only the wall clock goes on while the machine sleeps.
fn sleep(bench: &mut Bench, seconds: i64) {
    let wall = bench.play.now().wall + by(seconds);
    bench.play.step_wall_clock(wall);
    let lasted = secs(seconds.unsigned_abs());
    bench
        .play
        .hand_in(Some(Event::Suspended { lasted }), &mut bench.world);
}

fn restarted_at(memory: &PersistentState, wall: Timestamp) -> Bench {
    let now = Now {
        mono: Moment::START,
        wall,
    };
    Bench::with(&simple(), memory, now).adopting(Strength::Off)
}

#[test]
fn d11_what_a_clock_that_ran_ahead_wrote_lasts_no_longer_after_a_restart() {
    let mut ahead = Bench::with(
        &simple(),
        &PersistentState::default(),
        start_at("2027-01-01T00:00:00Z"),
    );
    ahead
        .ask(OperatorCommand::Withdraw(lasting(600)))
        .expect("allowed");
    ahead.run(at_s(60));
    let mut bench = restarted_at(&ahead.play.site().memory(), start().wall);
    assert!(is_overridden(&bench));
    bench.run(at_s(599));
    assert!(is_overridden(&bench));
    bench.run(at_s(601));
    assert!(!is_overridden(&bench), "as long as it was to, and no year");
}

/// Dead for 20 s out of every 60, from `from` on.
fn flap(bench: &mut Bench, from: u64, times: u64) {
    for round in 0..times {
        bench.world.from(at_s(from + round * 60), PING, Target::Dead);
        bench
            .world
            .from(at_s(from + 20 + round * 60), PING, Target::Alive);
    }
    bench.run(at_s(from + times * 60));
}

fn quick() -> crate::config::model::Config {
    let mut config = simple();
    config.services[0].failback_delay = secs(1);
    config.services[0].flap_window = secs(400);
    config
}

fn is_latched(bench: &Bench) -> bool {
    bench.play.site().services()[0].latched_since().is_some()
}

#[test]
fn d9_a_step_of_the_wall_clock_neither_empties_nor_stretches_the_flap_window() {
    for seconds in [-DAY, DAY] {
        let mut bench = Bench::new(&quick()).adopting(Strength::Off);
        flap(&mut bench, 20, 2);
        step(&mut bench, seconds);
        flap(&mut bench, 200, 1);
        assert!(is_latched(&bench), "three within the window: {seconds}");
        let mut bench = Bench::new(&quick()).adopting(Strength::Off);
        flap(&mut bench, 20, 2);
        step(&mut bench, seconds);
        flap(&mut bench, 1_000, 2);
        assert!(!is_latched(&bench), "two long ago and two now: {seconds}");
    }
}

#[test]
fn d9_takeovers_from_the_future_are_forgotten_in_time() {
    let config = quick();
    let mut ahead = Bench::with(
        &config,
        &PersistentState::default(),
        start_at("2027-01-01T00:00:00Z"),
    );
    ahead.bird(0, crate::core::InitialStrength::Is(Strength::Off));
    flap(&mut ahead, 20, 2);
    let memory = ahead.play.site().memory();
    let now = start();
    let mut bench = Bench::with(&config, &memory, now).adopting(Strength::Off);
    flap(&mut bench, 1_000, 2);
    assert!(!is_latched(&bench));
    let mut bench = Bench::with(&config, &memory, now).adopting(Strength::Off);
    flap(&mut bench, 20, 1);
    assert!(is_latched(&bench), "and no sooner");
}

/// Two fails, a sleep, a third one while our own network is not back yet: that is no death.
#[test]
fn d2_what_was_gathered_before_a_suspension_does_not_add_up_with_what_comes_after() {
    for phase in (20_000..24_500).step_by(100) {
        let mut bench = Bench::new(&simple()).adopting(Strength::Off);
        bench.world.from(at_s(20), PING, Target::Dead);
        bench.run(at_ms(phase));
        let taken_over_before = bench.strength() == Some(Strength::Full);
        sleep(&mut bench, 28_800);
        assert_eq!(bench.state(PING), ProbeState::Unknown);
        assert_eq!(bench.verdict(), Verdict::Unclear);
        // It came back while we slept; the first check after it still fails.
        let now = bench.play.now().mono;
        bench.world.from(now, PING, Target::Refusing);
        bench.world.from(now + ms(700), PING, Target::Alive);
        bench.run(now + secs(20));
        assert_eq!(
            bench.strength() == Some(Strength::Full),
            taken_over_before,
            "suspended at {phase} ms: {:?}",
            bench.switches()
        );
    }
}

/// A verdict that waited for its delay, or for a witness, before the machine slept has to be reached
/// anew; what is announced stays announced.
#[test]
fn d2_after_a_suspension_only_fresh_evidence_moves_anything() {
    let mut config = simple();
    config.services[0].takeover_delay = secs(10);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(28));
    assert_eq!(bench.verdict(), Verdict::Down);
    sleep(&mut bench, 3_600);
    let now = bench.play.now().mono;
    bench.world.from(now, PING, Target::Alive);
    bench.run(now + secs(60));
    assert_eq!(bench.switches(), []);
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(40));
    sleep(&mut bench, 3_600);
    bench.run_for(secs(60));
    assert_eq!(bench.switches().len(), 1, "still dead: {:?}", bench.switches());
}

/// So does a process that was stopped for longer than a row can bridge.
#[test]
fn d2_what_was_gathered_before_a_long_stop_does_not_add_up_either() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Refusing);
    bench.run(at_ms(20_600));
    bench.play.pass(secs(3_600));
    let now = bench.play.now().mono;
    bench.world.from(now + ms(700), PING, Target::Alive);
    bench.run(now + secs(30));
    assert_eq!(bench.switches(), []);
}
