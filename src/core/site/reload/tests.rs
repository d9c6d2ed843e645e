use crate::config::model::{Config, FailbackMode};
use crate::core::health::ProbeTracker;
use crate::core::site::LastCheck;
use crate::core::site::tests::support::*;
use crate::core::{CoreEvent, Event, InitialStrength, Input, OperatorCommand, ProbeId, Stance, Strength};
use crate::model::command::OverrideOptions;
use crate::model::history::HistoryEvent;
use crate::model::snapshot::Isolation;
use crate::model::snapshot::ProbeState;
use crate::model::time::Moment;

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
    let decision = bench.play.site().services()[0].intent().clone();
    let streak = bench.play.site().probe(PING).unwrap().rows().streak();
    bench.play.reconfigure(&article());
    let service = &bench.play.site().services()[0];
    assert_eq!(service.intent(), &decision);
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
    let moved = ProbeId::Service(1, 0);
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
    let other = crate::config::model::ExecConfig {
        command: vec!["/bin/false".to_owned()],
    };
    config.services[0].probes[0].check = crate::config::model::CheckConfig::Exec(other);
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
    let terms = OverrideOptions::default();
    bench.ask(OperatorCommand::Withdraw(terms)).unwrap();
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
    bench.bird(0, InitialStrength::Is(Strength::Full));
    assert_eq!(bench.strength(), Some(Strength::Full));
    assert_eq!(bench.count(|note| note.transition().is_some()), 1);
}

/// A standby of two services and two witnesses, in this order.
fn ordered(services: [&str; 2], probes: [&str; 2], witnesses: [&str; 2]) -> Config {
    let of = |name: &str| standby(name, probes.map(probe).into());
    config(services.map(of).into(), witnesses.map(probe).into(), 1)
}

/// Everything but the first of each is dead or silent, and it is known.
fn half_dead() -> Bench {
    let config = ordered(["web", "api"], ["ping", "site"], ["w0", "w1"]);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(10), ProbeId::Service(0, 1), Target::Dead);
    for at in 0..2 {
        bench
            .world
            .from(at_s(10), ProbeId::Service(1, at), Target::Refusing);
    }
    bench.world.from(at_s(10), ProbeId::Witness(1), Target::Broken);
    bench.run(at_s(30));
    bench
}

/// What is known of a probe.
fn known(bench: &Bench, of: ProbeId) -> (ProbeTracker, Option<LastCheck>) {
    let site = bench.play.site();
    (site.probe(of).unwrap().clone(), site.last(of).cloned())
}

#[test]
fn what_changed_its_place_takes_everything_along() {
    let mut bench = half_dead();
    let before = bench.clone();
    let strength = |bench: &Bench, of: usize| bench.play.site().services()[of].stance().strength();
    assert_eq!(strength(&before, 1), Some(Strength::Full), "api was taken over");
    bench
        .play
        .reconfigure(&ordered(["api", "web"], ["site", "ping"], ["w1", "w0"]));
    for (service, other) in [(0, 1), (1, 0)] {
        assert_eq!(strength(&bench, service), strength(&before, other));
        for (probe, old) in [(0, 1), (1, 0)] {
            let (new, old) = (ProbeId::Service(service, probe), ProbeId::Service(other, old));
            assert_eq!(known(&bench, new), known(&before, old), "{new:?}");
        }
        assert_eq!(
            known(&bench, ProbeId::Witness(service)),
            known(&before, ProbeId::Witness(other))
        );
    }
    assert_eq!(
        bench.play.site().checks_under_way(),
        before.play.site().checks_under_way()
    );
    assert_eq!(bench.play.site().isolation(), before.play.site().isolation());
}

#[test]
fn what_is_new_or_gone_has_no_past() {
    let mut bench = half_dead();
    let before = bench.clone();
    bench
        .play
        .reconfigure(&ordered(["web", "dns"], ["ping", "path"], ["w0", "w2"]));
    let unknown = |of| {
        let (probe, last) = known(&bench, of);
        assert_eq!((probe.state(), last), (ProbeState::Unknown, None), "{of:?}");
    };
    unknown(ProbeId::Service(0, 1));
    unknown(ProbeId::Service(1, 0));
    unknown(ProbeId::Service(1, 1));
    unknown(ProbeId::Witness(1));
    for kept in [PING, ProbeId::Witness(0)] {
        assert_eq!(known(&bench, kept), known(&before, kept));
    }
    assert_eq!(bench.play.site().services()[1].stance(), Stance::Unsettled);
}

#[test]
fn a_service_that_changed_its_role_or_only_its_name_is_another() {
    let mut other_role = simple();
    other_role.services = vec![primary("web", vec![probe("ping")])];
    let mut other_name = simple();
    other_name.services[0].name = "api".to_owned();
    for other in [other_role, other_name] {
        let mut bench = Bench::new(&simple()).adopting(Strength::Full);
        bench.run(at_s(10));
        bench.play.reconfigure(&other);
        assert_eq!(bench.strength(), None);
        assert_eq!(bench.state(PING), ProbeState::Unknown);
    }
}

#[test]
fn a_probe_with_other_numbers_keeps_its_rows_and_one_that_changed_nothing_its_place() {
    let mut bench = half_dead();
    let before = bench.clone();
    let mut config = ordered(["web", "api"], ["ping", "site"], ["w0", "w1"]);
    config.services[0].probes[0].interval = secs(7);
    config.witnesses[0].rise = 1;
    bench.play.reconfigure(&config);
    for changed in [PING, WITNESS] {
        let ((now, last), (then, last_then)) = (known(&bench, changed), known(&before, changed));
        assert_eq!((now.rows().streak(), last), (then.rows().streak(), last_then));
        assert_ne!(now, then, "{changed:?} has a place of its own");
    }
    assert_eq!(known(&bench, SITE), known(&before, SITE));
}

#[test]
fn d5_what_witnesses_proved_moves_with_them() {
    // The target is down, but an operator holds us silent; then the witness takes another place.
    let mut config = simple();
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    let terms = || OverrideOptions::default();
    bench.ask(OperatorCommand::Withdraw(terms())).unwrap();
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(40));
    config.witnesses.insert(0, probe("new"));
    bench.play.reconfigure(&config);
    // It stays up, and passes no more; the new one never passes.
    for witness in [0, 1] {
        bench
            .world
            .from(at_s(40), ProbeId::Witness(witness), Target::Lost);
    }
    bench.ask(OperatorCommand::Auto { reason: None }).unwrap();
    assert_eq!(bench.strength(), Some(Strength::Full), "it was proven before");
}

/// The article's standby after an outage, up again at 100 s; failback is due 30 s after the verdict.
fn coming_back(change: impl FnOnce(&mut Config)) -> (Bench, Config) {
    let mut config = simple();
    change(&mut config);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench
        .world
        .from(at_s(20), PING, Target::Dead)
        .from(at_s(100), PING, Target::Alive);
    bench.run(at_s(110));
    (bench, config)
}

#[test]
fn a_service_keeps_all_that_it_shows() {
    let (mut bench, config) = coming_back(|config| config.services[0].failback = FailbackMode::Manual);
    bench.ask(OperatorCommand::Failback { reason: None }).unwrap();
    let before = bench.clone();
    bench.play.reconfigure(&config);
    let (now, then) = (
        &bench.play.site().services()[0],
        &before.play.site().services()[0],
    );
    assert!(now.stance_since().is_some() && now.consented());
    assert_eq!(
        (now.stance(), now.stance_since(), now.verdict()),
        (then.stance(), then.stance_since(), then.verdict())
    );
    assert_eq!((now.consented(), now.intent()), (then.consented(), then.intent()));
    assert_eq!(
        (now.judgement(), now.remembered()),
        (then.judgement(), then.remembered())
    );
}

#[test]
fn d6_delays_go_on_from_where_they_were() {
    for stall in [0, 60] {
        let (mut bench, config) = coming_back(|_| ());
        let up = bench.verdicts().last().unwrap().0;
        let asleep = bench.play.site().deadline().unwrap();
        bench.play.pass(secs(stall));
        let stalled = bench.play.now().mono.since(asleep);
        bench.run_for(secs(5));
        bench.play.reconfigure(&config);
        bench.run(at_s(400));
        let silent = bench.switches().last().cloned().unwrap();
        assert_eq!(
            silent,
            (up + secs(30) + stalled, "full -> off by D4".to_owned()),
            "stalled for {stall} s"
        );
    }
}

#[test]
fn d9_a_site_that_has_read_bird_goes_on_counting() {
    let mut bench = Bench::new(&simple());
    bench.bird(0, InitialStrength::Mixed);
    bench.play.reconfigure(&simple());
    bench.world.from(Moment::START, PING, Target::Dead);
    bench.run(at_s(20));
    let counted = |note: &CoreEvent| note.transition().is_some_and(|(_, change)| change.counted);
    assert_eq!(bench.count(counted), 1);
}

#[test]
fn d9_switches_and_the_latch_are_counted_over_reconfigurations() {
    let (mut bench, config) = coming_back(|config| config.services[0].flap_limit = 2);
    bench.run(at_s(200));
    bench.play.reconfigure(&config);
    bench.world.from(at_s(200), PING, Target::Dead);
    bench.run(at_s(220));
    assert!(bench.play.site().services()[0].latched_since().is_some());
    bench.play.reconfigure(&config);
    assert!(bench.play.site().services()[0].latched_since().is_some());
}

#[test]
fn d5_a_cut_that_began_before_ends_after_and_voids_what_fell_in_it() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.cut(at_s(21), at_s(60));
    bench.world.from(at_s(30), PING, Target::Dead);
    bench.run(at_s(40));
    assert_eq!(bench.play.site().isolation(), Isolation::Isolated);
    bench.play.reconfigure(&simple());
    assert_eq!(bench.play.site().isolation(), Isolation::Isolated);
    bench.run(at_s(100));
    let turns: Vec<_> = bench.turns(PING).into_iter().map(|(_, to)| to).collect();
    assert_eq!(turns[turns.len() - 2..], [ProbeState::Unknown, ProbeState::Down]);
    let isolations = bench.isolations();
    assert_eq!(isolations.len(), 3, "connected, isolated, connected");
    let taken_over = bench.switches()[0].0;
    assert!(
        taken_over > isolations[2].0 + secs(3),
        "from fails begun after the cut alone"
    );
}

#[test]
fn what_was_not_told_yet_is_told_after_it() {
    let bench = Bench::new(&simple());
    let (mut site, now) = (bench.play.site().clone(), bench.play.now());
    let event = Event::Asked {
        service: 0,
        ask: OperatorCommand::Announce(OverrideOptions::default()),
        actor: "root".to_owned(),
    };
    site.handle(&Input {
        now,
        event: Some(event),
    });
    site.reconfigure(&simple(), now);
    let overridden = |note: &CoreEvent| matches!(note, CoreEvent::History(_, HistoryEvent::Override { .. }));
    assert!(site.take_notes().iter().any(overridden));
}

#[test]
fn no_check_gets_a_number_that_another_has() {
    let bench = Bench::new(&simple());
    let (mut site, mut now) = (bench.play.site().clone(), bench.play.now());
    let mut numbers = Vec::new();
    for _ in 0..20 {
        let starts = site.handle(&Input { now, event: None });
        numbers.extend(starts.iter().map(|start| start.id));
        site.reconfigure(&simple(), now);
        now.mono = now.mono + secs(1);
    }
    assert!(
        numbers.len() > 4 && numbers.is_sorted_by(|a, b| a < b),
        "{numbers:?}"
    );
}
