//! D9 on a whole site: flapping ends at the limit, and stays ended.

use super::support::*;
use crate::config::model::{Config, OnLoss};
use crate::core::{CoreEvent, OperatorCommand, Strength};
use crate::model::command::OverrideOptions;
use crate::model::history::HistoryEvent;
use crate::model::time::Moment;

/// Fails back after a second, and latches at the third takeover within an hour.
fn quick() -> Config {
    let mut config = simple();
    config.services[0].failback_delay = secs(1);
    config
}

/// Dead for 20 s out of every `period` seconds, from second 20 on.
fn flap(bench: &mut Bench, times: u64, period: u64) {
    for round in 0..times {
        bench.world.from(at_s(20 + round * period), PING, Target::Dead);
        bench.world.from(at_s(40 + round * period), PING, Target::Alive);
    }
    bench.run(at_s(20 + times * period));
}

fn latched(bench: &Bench) -> bool {
    bench.play.site().services()[0].latched_since().is_some()
}

fn takeovers(bench: &Bench) -> usize {
    let counted = |note: &CoreEvent| note.transition().is_some_and(|(_, change)| change.counted);
    bench.count(counted)
}

#[test]
fn d9_the_third_takeover_within_the_window_is_the_last() {
    let mut bench = Bench::new(&quick()).adopting(Strength::Off);
    flap(&mut bench, 5, 60);
    assert!(latched(&bench));
    assert_eq!(
        bench.strength(),
        Some(Strength::Full),
        "announced: the safe state of a standby"
    );
    assert_eq!(takeovers(&bench), 3);
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(Some(0), HistoryEvent::Latched))),
        1
    );
    assert_eq!(bench.switches().len(), 5, "two failbacks between three takeovers");
}

fn latches(bench: &Bench) -> usize {
    bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Latched)))
}

#[test]
fn d9_a_latch_is_told_once_until_it_is_released_whatever_is_counted_after_it() {
    let mut bench = Bench::new(&quick()).adopting(Strength::Off);
    flap(&mut bench, 3, 60);
    assert_eq!(latches(&bench), 1);
    // A death while it is withdrawn is followed by a takeover that counts, latched or not.
    let before = takeovers(&bench);
    for round in 0..4 {
        bench.run(at_s(210 + round * 60));
        let withdraw = OverrideOptions {
            lasting: Some(secs(30)),
            reason: None,
            drain: None,
        };
        bench.ask(OperatorCommand::Withdraw(withdraw)).expect("allowed");
        bench.world.from(at_s(215 + round * 60), PING, Target::Dead);
        bench.run(at_s(245 + round * 60));
        bench.world.from(at_s(245 + round * 60), PING, Target::Alive);
    }
    bench.run(at_s(500));
    assert_eq!(takeovers(&bench), before + 4, "counted");
    assert_eq!(latches(&bench), 1, "and told once");
    bench.play.reconfigure(&quick());
    bench.run(at_s(520));
    assert_eq!(latches(&bench), 1, "a new configuration tells nothing anew");

    let mut bench = bench.restart(&quick()).adopting(Strength::Full);
    flap(&mut bench, 4, 60);
    assert!(latched(&bench));
    assert_eq!(latches(&bench), 0, "it was told before the restart");
    bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("it is latched");
    let now = bench.play.now().mono;
    for round in 0..5 {
        bench.world.from(now + secs(20 + round * 60), PING, Target::Dead);
        bench.world.from(now + secs(40 + round * 60), PING, Target::Alive);
    }
    bench.run(now + secs(400));
    assert_eq!(latches(&bench), 1, "released, it latches anew");
}

#[test]
fn d9_takeovers_further_apart_than_the_window_do_not_add_up() {
    let mut config = quick();
    config.services[0].flap_window = secs(100);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    flap(&mut bench, 6, 60);
    assert!(!latched(&bench), "never three in 100 s");
    config.services[0].flap_window = ms(120_001);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    flap(&mut bench, 6, 60);
    assert!(latched(&bench));
    config.services[0].flap_window = secs(120);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    flap(&mut bench, 6, 60);
    assert!(
        !latched(&bench),
        "the first is exactly as old as the window when the third comes"
    );
}

#[test]
fn d9_a_latch_outlives_restarts_and_ends_with_auto() {
    let mut bench = Bench::new(&quick()).adopting(Strength::Off);
    flap(&mut bench, 3, 60);
    let mut bench = bench.restart(&quick()).adopting(Strength::Full);
    bench.run(at_s(300));
    assert!(latched(&bench));
    assert_eq!(bench.switches(), [], "up for long, and kept");
    bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("it is latched");
    assert!(!latched(&bench));
    assert_eq!(bench.switches(), [(at_s(300), "full -> off by D4".to_owned())]);
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Released { .. }))),
        1
    );
    assert!(
        bench.play.site().memory().services.is_empty(),
        "the count starts anew"
    );
    bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("it is so already");
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Released { .. }))),
        1
    );
}

#[test]
fn d9_switches_are_counted_over_restarts() {
    let mut bench = Bench::new(&quick()).adopting(Strength::Off);
    flap(&mut bench, 2, 60);
    let mut bench = bench.restart(&quick()).adopting(Strength::Off);
    flap(&mut bench, 1, 60);
    assert!(latched(&bench));
}

#[test]
fn d9_a_latch_blocks_no_takeover() {
    let mut bench = Bench::new(&quick()).adopting(Strength::Off);
    flap(&mut bench, 3, 60);
    // After a reboot BIRD comes up silent.
    let mut bench = bench.restart(&quick()).adopting(Strength::Off);
    bench.run(at_s(20));
    assert_eq!(bench.switches(), [], "and the latch starts nothing");
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(40));
    assert_eq!(bench.strength(), Some(Strength::Full));
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Latched))),
        0,
        "it is latched already"
    );
}

#[test]
fn d9_what_an_operator_wants_is_not_counted() {
    let mut bench = Bench::new(&quick()).adopting(Strength::Off);
    for round in 0..10 {
        bench
            .ask(OperatorCommand::Announce(OverrideOptions::default()))
            .expect("allowed");
        bench.run(at_s(10 * round + 5));
        bench
            .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
            .expect("allowed");
        bench.run(at_s(10 * round + 10));
    }
    assert!(!latched(&bench));
    assert_eq!(takeovers(&bench), 0);
    assert_eq!(bench.switches().len(), 20);
}

#[test]
fn d9_drain_back_to_full_counts() {
    let mut config = quick();
    config.services[0].failback_drain = secs(300);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    flap(&mut bench, 3, 60);
    assert!(latched(&bench));
    assert_eq!(takeovers(&bench), 3);
    let last = bench.switches().last().cloned().expect("it switched");
    assert_eq!(last.1, "drain -> full by D7");
}

#[test]
fn d9_a_takeover_before_bird_was_read_is_not_counted() {
    let mut bench = Bench::new(&quick());
    bench.world.from(Moment::START, PING, Target::Dead);
    bench.run(at_s(20));
    assert_eq!(bench.strength(), Some(Strength::Full));
    assert_eq!(takeovers(&bench), 0, "it may have been so before we came");
    let mut bench = Bench::new(&quick());
    bench.bird(0, crate::core::InitialStrength::Mixed);
    bench.world.from(Moment::START, PING, Target::Dead);
    bench.run(at_s(20));
    assert_eq!(takeovers(&bench), 1);
}

#[test]
fn d9_what_is_remembered_has_a_limit() {
    let mut config = quick();
    config.services[0].flap_limit = u32::MAX;
    config.services[0].failback_delay = secs(0);
    config.services[0].probes[0].fall = 1;
    config.services[0].probes[0].rise = 1;
    config.services[0].flap_window = secs(1_000_000);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    for round in 0..1_100 {
        bench.world.from(at_s(10 + round * 20), PING, Target::Refusing);
        bench.world.from(at_s(20 + round * 20), PING, Target::Alive);
    }
    bench.run(at_s(10 + 1_100 * 20));
    assert_eq!(takeovers(&bench), 1_100);
    let remembered = bench.play.site().services()[0].remembered();
    assert_eq!(remembered.switches.len(), crate::core::persistent::SWITCHES_LIMIT);
    let (oldest, newest) = (remembered.switches[0], remembered.switches.last().copied());
    assert!(newest > Some(start().wall_at(at_s(1_095 * 20))));
    assert!(oldest > start().wall_at(at_s(75 * 20)), "the oldest go");
}

/// A takeover that only gives back what an operator or our own isolation took is not another one.
#[test]
fn d9_takeovers_that_undo_an_override_or_an_isolation_are_not_counted() {
    let mut config = simple();
    config.services[0].on_isolated = OnLoss::Withdraw;
    config.services[0].probes[0].interval = secs(2);
    config.witnesses[0].interval = secs(2);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(60));
    assert_eq!(takeovers(&bench), 1);
    for round in 0..4 {
        let from = at_s(100 + round * 100);
        bench.world.cut(from, from + secs(40));
        bench.run(from + secs(39));
        assert_eq!(bench.strength(), Some(Strength::Off), "withdrawn, round {round}");
        bench.run(from + secs(90));
        assert_eq!(
            bench.strength(),
            Some(Strength::Full),
            "taken over again, round {round}"
        );
    }
    for _ in 0..4 {
        bench
            .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
            .expect("allowed");
        bench
            .ask(OperatorCommand::Auto { reason: None })
            .expect("there is one");
        assert_eq!(bench.strength(), Some(Strength::Full));
    }
    assert_eq!(takeovers(&bench), 1, "{:?}", bench.switches());
    assert!(!latched(&bench));
    // The site comes back and dies again in an override: that death is one of its own.
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("allowed");
    bench.world.from(at_s(500), PING, Target::Alive);
    bench.run(at_s(540));
    bench.world.from(at_s(540), PING, Target::Dead);
    bench.run(at_s(580));
    bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("there is one");
    assert_eq!(takeovers(&bench), 2, "{:?}", bench.switches());
}

#[test]
fn d9_a_withdrawal_by_isolation_is_remembered_as_such_over_a_restart() {
    let mut config = simple();
    config.services[0].on_isolated = OnLoss::Withdraw;
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.cut(at_s(60), at_s(200));
    bench.run(at_s(100));
    assert_eq!(bench.strength(), Some(Strength::Off));
    let mut bench = bench.restart(&config).adopting(Strength::Off);
    bench.world.from(Moment::START, PING, Target::Dead);
    bench.run(at_s(60));
    assert_eq!(bench.strength(), Some(Strength::Full));
    assert_eq!(takeovers(&bench), 0);
}
