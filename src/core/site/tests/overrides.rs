//! D11 on a whole site: an operator's word.

use super::support::*;
use crate::config::model::Config;
use crate::core::{CoreEvent, InitialStrength, OperatorCommand, Strength};
use crate::model::command::OverrideOptions;
use crate::model::history::HistoryEvent;
use crate::model::time::{Moment, Now};

fn lasting(seconds: u64) -> OverrideOptions {
    OverrideOptions {
        lasting: Some(secs(seconds)),
        reason: Some("maintenance".to_owned()),
        drain: None,
    }
}

fn dead_from_start() -> Bench {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.from(Moment::START, PING, Target::Dead);
    bench
}

#[test]
fn d11_an_override_wins_over_the_verdict_and_over_isolation() {
    for cut in [false, true] {
        let mut bench = Bench::new(&simple()).adopting(Strength::Off);
        if cut {
            bench.world.cut(Moment::START, at_s(1_000));
        }
        bench.run(at_s(20));
        bench
            .ask(OperatorCommand::Announce(OverrideOptions::default()))
            .expect("allowed");
        bench.run(at_s(200));
        assert_eq!(bench.switches(), [(at_s(20), "off -> full by D11".to_owned())]);
        bench
            .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
            .expect("allowed");
        assert_eq!(bench.strength(), Some(Strength::Off), "at once, no drain");
    }
    let mut bench = dead_from_start();
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("allowed");
    bench.run(at_s(200));
    assert_eq!(bench.strength(), Some(Strength::Off));
}

#[test]
fn d11_an_override_ends_by_itself_with_an_event_and_the_verdict_goes_on_from_there() {
    let mut bench = dead_from_start();
    bench.run(at_s(20));
    assert_eq!(bench.strength(), Some(Strength::Full));
    bench
        .ask(OperatorCommand::Withdraw(lasting(20)))
        .expect("allowed");
    bench.run(at_ms(39_999));
    assert_eq!(bench.strength(), Some(Strength::Off));
    bench.run(at_s(40));
    assert_eq!(
        bench.switches().last(),
        Some(&(at_s(40), "off -> full by D4".to_owned()))
    );
    let ended = |note: &CoreEvent| matches!(note, CoreEvent::History(_, HistoryEvent::OverrideEnded { actor: None, over: Some(over), .. }) if over.actor == "root");
    assert_eq!(bench.count(ended), 1);
    assert_eq!(bench.play.site().services()[0].overridden(), None);
}

#[test]
fn d11_after_announce_the_usual_failback_rules_hold() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.run(at_s(20));
    bench
        .ask(OperatorCommand::Announce(lasting(10)))
        .expect("allowed");
    bench.run(at_s(30));
    assert_eq!(bench.strength(), Some(Strength::Full), "it is up for 29.5 s");
    bench.run(at_s(60));
    let (at, how) = bench.switches().last().cloned().expect("it switched");
    assert_eq!((at, how.as_str()), (at_ms(30_501), "full -> off by D4"));
}

#[test]
fn d11_freeze_keeps_the_stance_and_our_hands_off() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.run(at_s(20));
    bench.ask(OperatorCommand::Freeze(lasting(100))).expect("allowed");
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(119));
    let intent = bench.play.site().services()[0].intent().clone();
    assert_eq!((intent.strength, intent.hands_off), (Some(Strength::Off), true));
    bench.run(at_s(121));
    let intent = bench.play.site().services()[0].intent().clone();
    assert_eq!((intent.strength, intent.hands_off), (Some(Strength::Full), false));
}

#[test]
fn d11_an_override_survives_a_restart_and_applies_before_bird_was_read() {
    let mut bench = dead_from_start();
    bench.run(at_s(20));
    bench
        .ask(OperatorCommand::Withdraw(lasting(100)))
        .expect("allowed");
    let mut bench = bench.restart(&simple());
    bench.world.from(Moment::START, PING, Target::Dead);
    bench.run(Moment::START);
    assert_eq!(bench.strength(), Some(Strength::Off));
    bench.bird(0, InitialStrength::Is(Strength::Full));
    bench.run(at_ms(99_999));
    assert_eq!(
        bench.strength(),
        Some(Strength::Off),
        "its end is counted by the wall clock"
    );
    bench.run(at_s(101));
    assert_eq!(bench.strength(), Some(Strength::Full));
}

#[test]
fn d11_an_override_that_ran_out_while_we_were_gone_ends_at_start_with_an_event() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench
        .ask(OperatorCommand::Announce(lasting(60)))
        .expect("allowed");
    let memory = bench.play.site().memory();
    let later = Now {
        mono: Moment::START,
        wall: start().wall_at(at_s(3_600)),
    };
    let mut bench = Bench::with(&simple(), &memory, later);
    bench.run(Moment::START);
    assert_eq!(
        bench.count(|note| matches!(
            note,
            CoreEvent::History(_, HistoryEvent::OverrideEnded { actor: None, .. })
        )),
        1
    );
    assert_eq!(bench.strength(), None, "what BIRD announces is adopted");
    assert!(bench.play.site().memory().services.is_empty());
}

#[test]
fn d11_a_later_override_takes_the_place_of_the_one_before() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench
        .ask(OperatorCommand::Announce(lasting(10)))
        .expect("allowed");
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("allowed");
    bench.run(at_s(60));
    assert_eq!(bench.strength(), Some(Strength::Off));
    let by_hand = |note: &CoreEvent| {
        matches!(
            note,
            CoreEvent::History(_, HistoryEvent::OverrideEnded { actor: Some(_), .. })
        )
    };
    assert_eq!(bench.count(by_hand), 1);
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Override { .. }))),
        2
    );
    bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("there is one");
    assert_eq!(bench.count(by_hand), 2);
}

#[test]
fn d11_auto_without_an_override_or_a_latch_is_done_already() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("it is so");
    assert_eq!(
        bench.count(|note| matches!(
            note,
            CoreEvent::History(_, HistoryEvent::OverrideEnded { .. })
                | CoreEvent::History(_, HistoryEvent::Released { .. })
        )),
        0
    );
}

#[test]
fn d11_an_end_beyond_all_time_is_refused_and_changes_nothing() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    for seconds in [u64::MAX, 1 << 50] {
        assert!(bench.ask(OperatorCommand::Announce(lasting(seconds))).is_err());
    }
    assert_eq!(bench.strength(), Some(Strength::Off));
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::Override { .. }))),
        0
    );
}

#[test]
fn d11_reason_and_actor_are_kept_and_shown() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench
        .ask(OperatorCommand::Announce(lasting(10)))
        .expect("allowed");
    let service = &bench.play.site().services()[0];
    assert_eq!(
        service.intent().reason,
        "falconer D11: announce by root: maintenance"
    );
    let over = service.overridden().expect("there is one");
    assert_eq!(
        (over.actor.as_str(), over.reason.as_deref()),
        ("root", Some("maintenance"))
    );
    assert_eq!(over.until, Some(start().wall_at(at_s(10))));
    assert_eq!(service.intent().decision, 1);
}

#[test]
fn d11_an_end_is_found_however_rarely_probes_are_asked() {
    let mut config = simple();
    config.services[0].probes[0].interval = secs(100_000);
    config.witnesses[0].interval = secs(100_000);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.run(at_s(20));
    bench
        .ask(OperatorCommand::Announce(lasting(3_600)))
        .expect("allowed");
    bench.run(at_s(3_619));
    assert!(bench.play.site().services()[0].overridden().is_some());
    bench.run(at_s(3_621));
    assert_eq!(bench.play.site().services()[0].overridden(), None);
}

/// The operator's word before BIRD was read: it applies at first contact, and what ended before left
/// nothing behind.
#[test]
fn d10_an_override_that_ends_before_bird_was_read_leaves_nothing_settled() {
    for ask in [
        OperatorCommand::Announce(lasting(10)),
        OperatorCommand::Withdraw(lasting(10)),
    ] {
        for by_hand in [false, true] {
            let mut bench = Bench::new(&simple());
            bench.run(at_s(5));
            bench.ask(ask.clone()).expect("allowed");
            if by_hand {
                bench
                    .ask(OperatorCommand::Auto { reason: None })
                    .expect("there is one");
            }
            bench.run(at_s(100));
            assert_eq!(bench.strength(), None, "{ask:?}");
            let intent = bench.play.site().services()[0].intent();
            assert_eq!((intent.strength, intent.hands_off), (None, false), "{ask:?}");
            for strength in [Strength::Off, Strength::Full] {
                let mut bench = bench.clone();
                bench.bird(0, InitialStrength::Is(strength));
                let first = bench.switches().last().cloned();
                assert_ne!(first.map(|(_, how)| how), Some("off -> full by D11".to_owned()));
                let adopted = bench.play.site().services()[0].stance_since();
                assert!(adopted.is_some(), "{ask:?}: {strength}");
            }
        }
    }
}

#[test]
fn d11_an_announce_applies_at_first_contact_and_a_withdraw_binds_a_bird_that_starts() {
    let mut bench = Bench::new(&simple());
    bench.run(at_s(5));
    bench
        .ask(OperatorCommand::Announce(OverrideOptions::default()))
        .expect("allowed");
    assert_eq!(bench.play.site().services()[0].intent().strength, None);
    bench.bird(0, InitialStrength::Is(Strength::Off));
    assert_eq!(bench.switches(), [(at_s(5), "off -> full by D11".to_owned())]);
    let mut bench = Bench::new(&simple());
    bench.run(at_s(5));
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("allowed");
    assert_eq!(
        bench.play.site().services()[0].intent().strength,
        Some(Strength::Off)
    );
}

fn frozen_at(strength: Strength) -> Bench {
    let mut bench = Bench::new(&simple()).adopting(strength);
    bench.run(at_s(20));
    bench.ask(OperatorCommand::Freeze(lasting(100))).expect("allowed");
    bench
}

#[test]
fn d10_where_a_freeze_ends_what_bird_announces_then_is_adopted() {
    for (before, then) in [
        (Strength::Off, Strength::Full),
        (Strength::Full, Strength::Off),
        (Strength::Off, Strength::Off),
    ] {
        let mut bench = frozen_at(before);
        // What is read in the freeze is drift, shown and left alone.
        bench.bird(0, InitialStrength::Is(then));
        assert_eq!(bench.strength(), Some(before));
        bench.run(at_s(121));
        let intent = bench.play.site().services()[0].intent().clone();
        assert!(intent.hands_off, "nothing is written before BIRD was read");
        assert!(bench.play.site().services()[0].awaits_bird());
        bench.bird(0, InitialStrength::Is(then));
        let intent = bench.play.site().services()[0].intent().clone();
        assert!(!intent.hands_off);
        let first = bench
            .switches()
            .iter()
            .filter(|(at, _)| *at == at_s(121))
            .map(|(_, how)| how.clone())
            .next();
        let adopted = (before != then).then(|| format!("{before} -> {then} by D10"));
        assert_eq!(first, adopted, "{before}, {then} by hand");
    }
}

#[test]
fn d10_where_a_freeze_ends_over_a_dead_target_nothing_is_waited_for() {
    let mut bench = frozen_at(Strength::Off);
    bench.world.from(at_s(30), PING, Target::Dead);
    bench.run(at_s(119));
    assert_eq!(bench.strength(), Some(Strength::Off));
    bench.run(at_s(120));
    assert_eq!(
        bench.switches(),
        [(at_s(120), "off -> full by D4".to_owned())],
        "BIRD may be gone, and its file has to say so"
    );
}

#[test]
fn d10_what_is_in_part_where_a_freeze_ends_settles_nothing() {
    let mut bench = frozen_at(Strength::Full);
    bench.run(at_s(121));
    bench.bird(0, InitialStrength::Mixed);
    assert_eq!(
        bench.switches().first().map(|(_, how)| how.clone()),
        Some("full -> unsettled by D10".to_owned())
    );
}

#[test]
fn d11_another_override_in_place_of_a_freeze_needs_no_look_at_bird() {
    let mut bench = frozen_at(Strength::Full);
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("allowed");
    let intent = bench.play.site().services()[0].intent().clone();
    assert_eq!((intent.strength, intent.hands_off), (Some(Strength::Off), false));
}

/// A configuration that left a service out for one start has not forgotten what was said of it.
#[test]
fn d10_what_is_kept_of_a_service_that_is_absent_at_one_start_is_kept_for_the_next() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("allowed");
    let other = config(
        vec![standby("mail", vec![probe("ping")])],
        vec![probe("resolver")],
        1,
    );
    let mut without = bench.restart(&other).adopting(Strength::Off);
    without
        .ask(OperatorCommand::Freeze(OverrideOptions::default()))
        .expect("allowed");
    let memory = without.play.site().memory();
    assert_eq!(memory.services.keys().collect::<Vec<_>>(), ["mail", "web"]);
    let back = without.restart(&simple());
    let over = back.play.site().services()[0].overridden();
    assert_eq!(over.map(|over| over.actor.as_str()), Some("root"));
    assert_eq!(back.play.site().memory(), memory, "and mail is kept in turn");
    let mut reloaded = without;
    reloaded.play.reconfigure(&simple());
    assert_eq!(
        reloaded.play.site().memory(),
        memory,
        "a reload forgets as little"
    );
}

#[test]
fn the_reason_of_auto_is_kept() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("allowed");
    let reason = Some("scrubbed".to_owned());
    bench
        .ask(OperatorCommand::Auto {
            reason: reason.clone(),
        })
        .expect("there is one");
    let told = |note: &CoreEvent| matches!(note, CoreEvent::History(_, HistoryEvent::OverrideEnded { reason: said, .. }) if *said == reason);
    assert_eq!(bench.count(told), 1);
}

/// What BIRD is told with a write is why it is so now, not why it was decided long ago.
#[test]
fn a3_the_reason_for_bird_follows_the_facts() {
    let reason = |bench: &Bench| bench.play.site().services()[0].intent().reason.clone();
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.from(at_s(20), SITE, Target::Dead);
    bench.run(at_s(40));
    assert_eq!(reason(&bench), "falconer D4: ping down, site down");
    let decision = bench.play.site().services()[0].intent().decision;
    bench.world.from(at_s(40), PING, Target::Alive);
    bench.run(at_s(60));
    assert_eq!(reason(&bench), "falconer D4: unclear: ping up, site down");
    assert_eq!(
        bench.play.site().services()[0].intent().decision,
        decision,
        "other words are no decision"
    );
    bench
        .ask(OperatorCommand::Announce(lasting(10)))
        .expect("allowed");
    assert_eq!(reason(&bench), "falconer D11: announce by root: maintenance");
    bench.run(at_s(80));
    assert_eq!(reason(&bench), "falconer D4: unclear: ping up, site down");
}

fn through_drain(seconds: u64) -> OverrideOptions {
    OverrideOptions {
        drain: Some(secs(seconds)),
        ..OverrideOptions::default()
    }
}

/// A primary whose service is well and announced.
fn well_primary() -> Config {
    config(vec![primary("web", vec![probe("ping")])], vec![], 0)
}

#[test]
fn d11_a_withdrawal_through_drain_falls_silent_after_it_at_both_roles() {
    let mut announced = dead_from_start();
    announced.run(at_s(20));
    let mut well = Bench::new(&well_primary()).adopting(Strength::Full);
    well.run(at_s(20));
    for mut bench in [announced, well] {
        bench
            .ask(OperatorCommand::Withdraw(through_drain(30)))
            .expect("allowed");
        assert_eq!(bench.strength(), Some(Strength::Drain));
        bench.run(at_ms(49_999));
        assert_eq!(bench.strength(), Some(Strength::Drain), "30 s are not over");
        bench.run(at_s(300));
        assert_eq!(
            bench.switches().iter().rev().take(2).collect::<Vec<_>>(),
            [
                &(at_s(50), "drain -> off by D11".to_owned()),
                &(at_s(20), "full -> drain by D11".to_owned())
            ]
        );
        assert!(bench.play.site().services()[0].latched_since().is_none());
    }
}

#[test]
fn d11_a_withdrawal_without_drain_ends_one_that_drains() {
    let mut bench = dead_from_start();
    bench.run(at_s(20));
    bench
        .ask(OperatorCommand::Withdraw(through_drain(30)))
        .expect("allowed");
    bench.run(at_s(25));
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("allowed");
    assert_eq!(bench.strength(), Some(Strength::Off));
}

#[test]
fn d11_without_drain_protocols_a_withdrawal_is_at_once() {
    let mut config = well_primary();
    config.services[0].drain.clear();
    let mut bench = Bench::new(&config).adopting(Strength::Full);
    bench.run(at_s(20));
    bench
        .ask(OperatorCommand::Withdraw(through_drain(30)))
        .expect("allowed");
    assert_eq!(bench.strength(), Some(Strength::Off));
}

#[test]
fn d11_a_withdrawal_through_drain_that_is_taken_back_returns_to_full() {
    let mut bench = Bench::new(&well_primary()).adopting(Strength::Full);
    bench.run(at_s(20));
    bench
        .ask(OperatorCommand::Withdraw(through_drain(30)))
        .expect("allowed");
    bench.run(at_s(25));
    bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("allowed");
    assert_eq!(bench.strength(), Some(Strength::Full));
}
