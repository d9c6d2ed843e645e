//! D14 on a whole site: what is announced all the time.

use super::support::*;
use crate::config::model::{Config, Family, StaticProtocolConfig};
use crate::core::{OperatorCommand, Strength};
use crate::model::command::OverrideOptions;

/// The article's standby with a standing prefix around its own.
fn standing() -> Config {
    let mut config = simple();
    let service = &mut config.services[0];
    service.standing_prefixes = vec!["198.51.100.0/23".parse().expect("a prefix")];
    service.standing = vec![StaticProtocolConfig {
        name: "web_v4_standing".to_owned(),
        family: Family::V4,
        prefixes: service.standing_prefixes.clone(),
    }];
    config
}

/// Whether it is wanted, whether hands are off, and how often it was changed.
fn wanted(bench: &Bench) -> (bool, bool, u64) {
    let intent = bench.play.site().services()[0].intent();
    let standing = intent.standing.as_ref().expect("it is configured");
    (standing.on, standing.hands_off, standing.decision)
}

fn withdraw() -> OperatorCommand {
    OperatorCommand::Withdraw(OverrideOptions::default())
}

#[test]
fn d14_it_is_wanted_from_the_start_and_nothing_that_happens_moves_it() {
    let mut bench = Bench::new(&standing());
    bench.run(at_ms(1));
    assert_eq!(wanted(&bench), (true, false, 1), "before BIRD was read");
    assert_eq!(bench.strength(), None, "which settles nothing else (D10)");
    let mut bench = Bench::new(&standing()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.from(at_s(100), PING, Target::Alive);
    bench.world.cut(at_s(300), at_s(400));
    for second in 1..500 {
        bench.run(at_s(second));
        assert_eq!(wanted(&bench), (true, false, 1), "at {second} s");
    }
    let ways: Vec<String> = bench.switches().into_iter().map(|(_, way)| way).collect();
    assert_eq!(
        ways,
        ["off -> full by D4", "full -> off by D4"],
        "a takeover and a failback, counted as ever"
    );
}

#[test]
fn d14_an_operator_takes_it_away_and_a_freeze_leaves_it() {
    let mut bench = Bench::new(&standing()).adopting(Strength::Off);
    bench.run(at_s(20));
    bench.ask(withdraw()).expect("allowed");
    assert_eq!(wanted(&bench), (false, false, 2));
    bench
        .ask(OperatorCommand::Freeze(OverrideOptions::default()))
        .expect("allowed");
    assert_eq!(wanted(&bench), (true, true, 3), "nothing is written");
    bench
        .ask(OperatorCommand::Announce(OverrideOptions::default()))
        .expect("allowed");
    assert_eq!(wanted(&bench), (true, false, 3));
    bench.ask(withdraw()).expect("allowed");
    bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("allowed");
    assert_eq!(wanted(&bench), (true, false, 5));
}

/// A withdrawal that survived a restart holds from the first moment on.
#[test]
fn d14_a_withdrawal_is_remembered() {
    let mut bench = Bench::new(&standing()).adopting(Strength::Off);
    bench.run(at_s(20));
    bench.ask(withdraw()).expect("allowed");
    let mut again = bench.restart(&standing());
    again.run(at_ms(1));
    assert!(!wanted(&again).0);
}

/// A disk that hangs at the start may hold a withdrawal.
#[test]
fn d14_nothing_is_announced_before_what_an_operator_said_is_known() {
    let mut site = crate::core::Site::new(&standing(), &crate::core::PersistentState::default(), start());
    let held = |site: &crate::core::Site| {
        site.services()[0]
            .intent()
            .standing
            .as_ref()
            .map(|it| it.hands_off)
    };
    let input = crate::core::Input {
        now: start(),
        event: None,
    };
    site.hold_standing(true);
    site.handle(&input);
    assert_eq!(held(&site), Some(true));
    site.hold_standing(false);
    site.handle(&input);
    assert_eq!(held(&site), Some(false));
}

#[test]
fn d14_a_reload_that_would_leave_it_to_nobody_is_refused_and_taking_it_out_is_not() {
    let mut bench = Bench::new(&standing()).adopting(Strength::Off);
    bench.run(at_s(20));
    let against = |bench: &Bench, config: &Config, seen: Option<Strength>| {
        bench.play.site().against_reload_of_standing(config, &[seen])
    };
    let up = Some(Strength::Full);
    let mut renamed = standing();
    renamed.services[0].standing[0].name = "block".to_owned();
    let refusal = against(&bench, &renamed, up).expect("nobody would withdraw it");
    assert!(refusal.contains("web_v4_standing"), "{refusal}");
    let mut gone = standing();
    gone.services[0].name = "other".to_owned();
    gone.services[0].standing[0].name = "other_v4_standing".to_owned();
    assert!(against(&bench, &gone, up).is_some());
    assert!(against(&bench, &gone, None).is_some(), "it is wanted");
    assert_eq!(against(&bench, &standing(), up), None, "the same names");
    assert_eq!(against(&bench, &simple(), up), None, "which withdraws it");
    bench.ask(withdraw()).expect("allowed");
    assert!(against(&bench, &renamed, up).is_some(), "it is still there");
    assert_eq!(against(&bench, &renamed, Some(Strength::Off)), None);
}

#[test]
fn d14_a_site_goes_over_to_it_and_away_from_it() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.run(at_s(20));
    assert_eq!(bench.play.site().services()[0].intent().standing, None);
    bench.play.reconfigure(&standing());
    bench.run(at_s(21));
    assert!(wanted(&bench).0);
    bench.play.reconfigure(&simple());
    bench.run(at_s(22));
    assert_eq!(bench.play.site().services()[0].intent().standing, None);
}
