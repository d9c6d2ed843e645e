//! D6, D7 and D8 on a whole site: the way there, and the way back.

use std::time::Duration;

use super::support::*;
use crate::config::model::{Config, DailyWindow, FailbackMode};
use crate::core::{CoreEvent, InitialStrength, OperatorCommand, PersistentState, Strength};
use crate::model::command::OverrideOptions;
use crate::model::history::HistoryEvent;
use crate::model::snapshot::Verdict;
use crate::model::time::Moment;

/// Dead from 20 to 100 s, and taken over.
fn outage(config: &Config) -> Bench {
    outage_from(config, start())
}

fn outage_from(config: &Config, now: crate::model::time::Now) -> Bench {
    let mut bench = Bench::with(config, &PersistentState::default(), now).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.from(at_s(100), PING, Target::Alive);
    bench.run(at_s(100));
    assert_eq!(bench.switches(), [(at_s(23), "off -> full by D4".to_owned())]);
    bench
}

fn up_since(bench: &Bench) -> Moment {
    bench.verdicts().last().expect("it is up").0
}

fn last(bench: &Bench) -> (Moment, String) {
    bench.switches().last().cloned().expect("it switched")
}

#[test]
fn d6_failback_waits_until_the_verdict_was_up_for_failback_delay() {
    let mut bench = outage(&simple());
    bench.run(at_s(200));
    assert_eq!(
        last(&bench),
        (up_since(&bench) + secs(30), "full -> off by D4".to_owned())
    );
}

#[test]
fn d6_each_relapse_starts_failback_delay_anew() {
    let mut bench = outage(&simple());
    bench.world.from(at_s(120), PING, Target::Refusing);
    bench.world.from(at_s(125), PING, Target::Alive);
    bench.run(at_s(300));
    assert!(up_since(&bench) > at_s(125));
    assert_eq!(bench.switches().len(), 2, "announced throughout");
    assert_eq!(
        last(&bench),
        (up_since(&bench) + secs(30), "full -> off by D4".to_owned())
    );
}

#[test]
fn d6_unclear_starts_failback_delay_anew_too() {
    let mut bench = outage(&simple());
    bench.world.from(at_s(120), PING, Target::Broken);
    bench.world.from(at_s(140), PING, Target::Alive);
    bench.run(at_s(300));
    assert!(up_since(&bench) >= at_s(140));
    assert_eq!(last(&bench).0, up_since(&bench) + secs(30));
}

#[test]
fn d6_takeover_delay_runs_while_the_verdict_is_down_and_starts_anew_with_it() {
    let mut config = simple();
    config.services[0].takeover_delay = secs(10);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.from(at_s(24), PING, Target::Alive);
    bench.world.from(at_s(31), PING, Target::Dead);
    bench.run(at_s(120));
    let down_since = bench.verdicts().last().expect("it is down").0;
    assert!(down_since > at_s(31));
    assert_eq!(
        bench.switches(),
        [(down_since + secs(10), "off -> full by D4".to_owned())]
    );
}

#[test]
fn d6_manual_failback_waits_for_consent_and_keeps_the_delay() {
    let mut config = simple();
    config.services[0].failback = FailbackMode::Manual;
    let mut bench = outage(&config);
    assert!(
        bench.ask(OperatorCommand::Failback { reason: None }).is_err(),
        "its target is not up"
    );
    bench.run(at_s(1_000));
    assert_eq!(bench.strength(), Some(Strength::Full));
    bench
        .ask(OperatorCommand::Failback { reason: None })
        .expect("it waits for this");
    assert_eq!(last(&bench), (at_s(1_000), "full -> off by D4".to_owned()));
    assert_eq!(
        bench.count(|note| matches!(note, CoreEvent::History(_, HistoryEvent::FailbackAllowed { .. }))),
        1
    );

    let mut bench = outage(&config);
    bench.run(at_s(110));
    bench
        .ask(OperatorCommand::Failback { reason: None })
        .expect("it is up");
    assert!(bench.play.site().services()[0].consented());
    assert_eq!(bench.strength(), Some(Strength::Full), "the delay runs");
    bench.run(at_s(200));
    assert_eq!(last(&bench).0, up_since(&bench) + secs(30));
    assert!(!bench.play.site().services()[0].consented(), "one failback");
}

#[test]
fn d6_consent_ends_with_a_relapse() {
    let mut config = simple();
    config.services[0].failback = FailbackMode::Manual;
    let mut bench = outage(&config);
    bench.run(at_s(110));
    bench
        .ask(OperatorCommand::Failback { reason: None })
        .expect("it is up");
    bench.world.from(at_s(115), PING, Target::Refusing);
    bench.world.from(at_s(120), PING, Target::Alive);
    bench.run(at_s(1_000));
    assert_eq!(bench.strength(), Some(Strength::Full));
}

#[test]
fn d6_consent_outlives_a_blip_and_ends_with_the_next_death_which_is_told() {
    let mut config = simple();
    config.services[0].failback = FailbackMode::Manual;
    for (target, verdict) in [
        (Target::Refusing, Verdict::Down),
        (Target::Broken, Verdict::Unclear),
    ] {
        let mut bench = outage(&config);
        bench.run(at_s(110));
        bench
            .ask(OperatorCommand::Failback { reason: None })
            .expect("it is up");
        bench.world.from(at_s(111), PING, target);
        bench.run(at_s(127));
        assert_eq!(bench.verdict(), verdict);
        let (told, kept) = match verdict {
            Verdict::Unclear => (0, true),
            Verdict::Up | Verdict::Down => (1, false),
        };
        assert_eq!(bench.play.site().services()[0].consented(), kept);
        let ended = |note: &CoreEvent| matches!(note, CoreEvent::History(_, HistoryEvent::ConsentEnded { actor, .. }) if actor == "root");
        assert_eq!(bench.count(ended), told);
        bench.world.from(at_s(127), PING, Target::Alive);
        bench.run(at_s(300));
        let still = if kept { Strength::Off } else { Strength::Full };
        assert_eq!(bench.strength(), Some(still));
    }
}

#[test]
fn d6_consent_ends_with_an_override() {
    let mut config = simple();
    config.services[0].failback = FailbackMode::Manual;
    let mut bench = outage(&config);
    bench.run(at_s(110));
    bench
        .ask(OperatorCommand::Failback { reason: None })
        .expect("it is up");
    bench
        .ask(OperatorCommand::Announce(OverrideOptions::default()))
        .expect("it is allowed");
    bench.run(at_s(200));
    bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("there is an override");
    bench.run(at_s(1_000));
    assert_eq!(
        bench.strength(),
        Some(Strength::Full),
        "who said announce since does not want failback"
    );
}

#[test]
fn d6_what_bird_announces_in_part_can_be_let_go_by_an_operator() {
    let mut config = simple();
    config.services[0].failback = FailbackMode::Manual;
    let mut bench = Bench::new(&config);
    assert!(
        bench.ask(OperatorCommand::Failback { reason: None }).is_err(),
        "nothing is known yet"
    );
    bench.bird(0, InitialStrength::Mixed);
    bench.run(at_s(60));
    assert_eq!(bench.strength(), None);
    bench
        .ask(OperatorCommand::Failback { reason: None })
        .expect("it waits for this");
    bench.run(at_s(61));
    assert_eq!(bench.strength(), Some(Strength::Off));
}

fn refusal(bench: &mut Bench) -> String {
    bench
        .ask(OperatorCommand::Failback { reason: None })
        .expect_err("it makes no sense")
        .to_string()
}

#[test]
fn d6_a_failback_that_waits_for_nobody_is_refused_with_the_reason() {
    let mut bench = outage(&simple());
    bench.run(at_s(110));
    assert!(refusal(&mut bench).ends_with("it waits for neither an operator nor a window"));
    bench.run(at_s(200));
    assert!(refusal(&mut bench).ends_with("it is not announced here"));

    let mut manual = simple();
    manual.services[0].failback = FailbackMode::Manual;
    let mut bench = outage(&manual);
    assert!(refusal(&mut bench).ends_with("its target is not up"));
    bench
        .ask(OperatorCommand::Announce(OverrideOptions::default()))
        .expect("allowed");
    bench.run(at_s(110));
    assert!(refusal(&mut bench).contains("an override is in force"));

    let mut draining = simple();
    draining.services[0].failback_drain = secs(60);
    let mut bench = outage(&draining);
    bench.run(at_s(140));
    assert!(refusal(&mut bench).ends_with("it is on its way"));

    let mut latching = manual.clone();
    latching.services[0].flap_limit = 1;
    let mut bench = outage(&latching);
    bench.run(at_s(110));
    assert!(refusal(&mut bench).contains("it is latched"));

    let home = config(vec![primary("web", vec![probe("ping")])], vec![], 0);
    let mut bench = Bench::new(&home).adopting(Strength::Full);
    assert!(refusal(&mut bench).ends_with("it has role primary"));
    let ask = OperatorCommand::Failback { reason: None };
    assert!(
        bench.play.ask(7, ask, "root", &mut bench.world).is_err(),
        "there is no such service"
    );
}

/// A standby whose BIRD announces in part: nothing is settled, and failback waits for consent.
fn in_part(config: &Config, memory: &PersistentState) -> Bench {
    let mut bench = Bench::with(config, memory, start());
    bench.bird(0, InitialStrength::Mixed);
    bench.run(at_s(10));
    assert_eq!(bench.strength(), None);
    bench
}

#[test]
fn d6_what_bird_announces_in_part_is_let_go_by_the_same_rules() {
    let mut manual = simple();
    manual.services[0].failback = FailbackMode::Manual;
    let mut unread = Bench::new(&manual);
    unread.run(at_s(10));
    assert!(refusal(&mut unread).ends_with("BIRD has not been read yet"));

    let nothing = PersistentState::default();
    assert!(refusal(&mut in_part(&simple(), &nothing)).ends_with("neither an operator nor a window"));
    let mut frozen = in_part(&manual, &nothing);
    frozen
        .ask(OperatorCommand::Freeze(OverrideOptions::default()))
        .expect("allowed");
    assert!(refusal(&mut frozen).contains("an override is in force"));
    let mut dead = in_part(&manual, &nothing);
    dead.world.from(at_s(10), PING, Target::Broken);
    dead.run(at_s(40));
    assert!(refusal(&mut dead).ends_with("its target is not up"));

    let mut latched = nothing;
    let remembered = latched.services.entry("web".to_owned()).or_default();
    remembered.latched_since = Some(start().wall);
    assert!(refusal(&mut in_part(&manual, &latched)).contains("it is latched"));
}

fn windowed() -> Config {
    let mut config = simple();
    config.services[0].failback_window = Some(DailyWindow {
        start: jiff::civil::time(2, 0, 0, 0),
        end: jiff::civil::time(5, 0, 0, 0),
        zone: jiff::tz::TimeZone::get("Asia/Hong_Kong").expect("a zone"),
    });
    config
}

#[test]
fn d6_failback_waits_for_its_window() {
    // 01:00 in Hong Kong at the start: 3,600 s until the window opens.
    let mut bench = outage_from(&windowed(), start_at("2026-01-01T17:00:00Z"));
    bench.run(at_s(3_599));
    assert_eq!(bench.strength(), Some(Strength::Full));
    bench.run(at_s(3_601));
    assert_eq!(last(&bench), (at_s(3_600), "full -> off by D4".to_owned()));
}

#[test]
fn d6_an_operator_opens_the_window_once() {
    let mut bench = outage_from(&windowed(), start_at("2026-01-01T10:00:00Z"));
    bench.run(at_s(200));
    assert_eq!(bench.strength(), Some(Strength::Full));
    bench
        .ask(OperatorCommand::Failback { reason: None })
        .expect("it waits for a window");
    assert_eq!(bench.strength(), Some(Strength::Off));
}

#[test]
fn d6_a_step_of_the_wall_clock_into_the_window_is_noticed_within_ten_seconds() {
    let mut bench = outage_from(&windowed(), start_at("2026-01-01T10:00:00Z"));
    bench.run(at_s(200));
    bench
        .play
        .step_wall_clock("2026-01-01T19:00:00Z".parse().expect("a time"));
    bench.run(at_s(210));
    assert_eq!(bench.strength(), Some(Strength::Off));
}

/// Probes that are asked so rarely that nothing but the clock wakes the site.
fn rarely_asked(mut config: Config) -> Config {
    let of_services = config.services.iter_mut().flat_map(|service| &mut service.probes);
    for probe in of_services.chain(&mut config.witnesses) {
        probe.interval = secs(100_000);
    }
    config
}

#[test]
fn d6_the_wall_clock_is_looked_at_however_rarely_probes_are_asked() {
    let now = start_at("2026-01-01T10:00:00Z");
    let config = rarely_asked(windowed());
    for stepped in 200..211 {
        let mut bench = Bench::with(&config, &PersistentState::default(), now).adopting(Strength::Full);
        bench.run(at_s(stepped));
        assert_eq!(bench.strength(), Some(Strength::Full));
        let there = "2026-01-01T19:00:00Z".parse().expect("a time");
        bench.play.step_wall_clock(there);
        bench.run(at_s(stepped + 10));
        assert_eq!(bench.strength(), Some(Strength::Off), "within 10 s");
    }
}

#[test]
fn d8_a_drain_ends_in_time_however_rarely_probes_are_asked() {
    let mut bench = Bench::new(&rarely_asked(draining())).adopting(Strength::Full);
    bench.run(at_s(400));
    let drain = up_since(&bench) + secs(30);
    let expected = [
        (drain, "full -> drain by D8".to_owned()),
        (drain + secs(60), "drain -> off by D8".to_owned()),
    ];
    assert_eq!(bench.switches(), expected);
}

#[test]
fn d6_each_service_is_woken_for_in_its_own_time() {
    let mut config = simple();
    config.services.push(standby("api", vec![probe("ping")]));
    config.services[1].failback_delay = secs(200);
    let mut bench = Bench::new(&rarely_asked(config)).adopting(Strength::Full);
    bench.run(at_s(400));
    let silent = bench.play.notes().iter().filter_map(|(at, note)| {
        let (service, change) = note.transition()?;
        let verdict = change.stages.verdict?;
        Some((
            service,
            start().wall_at(*at).duration_since(verdict).unsigned_abs(),
        ))
    });
    assert_eq!(silent.collect::<Vec<_>>(), [(0, secs(30)), (1, secs(200))]);
}

fn draining() -> Config {
    let mut config = simple();
    config.services[0].failback_drain = secs(60);
    config
}

#[test]
fn d8_failback_with_drain_goes_full_drain_off() {
    let mut bench = outage(&draining());
    bench.run(at_s(400));
    let drain = up_since(&bench) + secs(30);
    let expected = [
        (at_s(23), "off -> full by D4".to_owned()),
        (drain, "full -> drain by D8".to_owned()),
        (drain + secs(60), "drain -> off by D8".to_owned()),
    ];
    assert_eq!(bench.switches(), expected);
}

#[test]
fn d8_without_drain_protocols_there_is_no_drain() {
    let mut config = draining();
    config.services[0].drain.clear();
    let mut bench = outage(&config);
    bench.run(at_s(400));
    assert_eq!(last(&bench).1, "full -> off by D4");
}

#[test]
fn d7_a_relapse_in_drain_returns_to_full_with_the_verdict() {
    let mut bench = outage(&draining());
    bench.run(at_s(145));
    assert_eq!(bench.strength(), Some(Strength::Drain));
    bench.world.from(at_s(145), PING, Target::Dead);
    bench.run(at_s(180));
    let down = bench.verdicts().last().copied().expect("it is down");
    assert_eq!(last(&bench), (down.0, "drain -> full by D7".to_owned()));
}

#[test]
fn d7_takeover_delay_does_not_hold_up_a_relapse() {
    let mut config = draining();
    config.services[0].takeover_delay = secs(40);
    let mut bench = Bench::new(&config).adopting(Strength::Drain);
    bench.world.from(at_s(10), PING, Target::Dead);
    bench.run(at_s(60));
    let down = bench.verdicts().last().copied().expect("it is down");
    assert_eq!(bench.switches(), [(down.0, "drain -> full by D7".to_owned())]);
}

#[test]
fn d8_a_drain_during_which_the_verdict_was_unclear_lasts_until_it_was_up_for_the_delay_again() {
    let mut bench = outage(&draining());
    bench.run(at_s(170));
    assert_eq!(bench.strength(), Some(Strength::Drain));
    bench.world.from(at_s(170), PING, Target::Broken);
    bench.world.from(at_s(200), PING, Target::Alive);
    bench.run(at_s(400));
    assert_eq!(
        last(&bench),
        (up_since(&bench) + secs(30), "drain -> off by D8".to_owned())
    );
}

#[test]
fn d6_a_deadline_is_never_in_the_past_and_idle_sites_are_woken_for_checks_alone() {
    let mut bench = outage(&draining());
    for _ in 0..2_000 {
        let next = bench.play.next().expect("there are probes");
        let now = bench.play.now().mono;
        assert!(next > now, "{next:?} at {now:?}");
        bench.run(next);
        let deadline = bench.play.site().deadline().expect("there are probes");
        assert!(deadline > bench.play.now().mono);
        assert!(deadline.since(bench.play.now().mono) <= Duration::from_secs(5));
    }
}
