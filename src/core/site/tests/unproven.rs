//! D20 on a whole site: an instrument that was never seen to work proves nothing.

use super::support::*;
use crate::config::model::{self, CheckConfig, Config, Decides, ExecConfig, Votes};
use crate::core::{OperatorCommand, PersistentState, ProbeId, Strength};
use crate::model::snapshot::Isolation;
use crate::model::snapshot::{ProbeState, Verdict};
use crate::model::time::Moment;

/// Another check under the name of a probe.
fn asking(name: &str, what: &str) -> model::ProbeConfig {
    model::ProbeConfig {
        check: CheckConfig::Exec(ExecConfig {
            command: vec!["/bin/true".to_owned(), what.to_owned()],
        }),
        ..probe(name)
    }
}

fn two() -> Config {
    let service = standby("web", vec![asking("ping", "host"), asking("site", "service")]);
    config(vec![service], vec![asking("resolver", "resolver")], 1)
}

/// A first start, silent: nothing is remembered, and so do these targets behave from the beginning.
fn first_start(config: &Config, targets: &[(ProbeId, Target)]) -> Bench {
    let mut bench = Bench::remembering(config, &PersistentState::default(), start());
    for &(probe, target) in targets {
        bench.world.from(Moment::START, probe, target);
    }
    bench.adopting(Strength::Off)
}

#[test]
fn d20_a_first_start_with_a_mistyped_target_is_never_a_takeover() {
    for fall in [1, 3] {
        let mut config = two();
        for probe in &mut config.services[0].probes {
            probe.fall = fall;
        }
        for wrong in [vec![PING], vec![SITE], vec![PING, SITE]] {
            let targets: Vec<_> = wrong.iter().map(|&probe| (probe, Target::Refusing)).collect();
            let mut bench = first_start(&config, &targets);
            bench.run(at_s(3600));
            assert_eq!(bench.switches(), [], "fall {fall}: {wrong:?}");
            for &probe in &wrong {
                assert_eq!(bench.state(probe), ProbeState::Unknown);
            }
        }
    }
}

#[test]
fn d20_a_probe_that_decides_alone_does_not_before_it_passed() {
    let mut config = two();
    let route = &mut config.services[0].probes[1];
    (route.decides, route.votes) = (Some(Decides::Down), Votes::Up);
    let mut bench = first_start(&config, &[(SITE, Target::Dead)]);
    bench.run(at_s(600));
    assert_eq!((bench.switches(), bench.verdict()), (vec![], Verdict::Unclear));
}

#[test]
fn d20_from_its_first_pass_on_a_probe_counts() {
    let mut bench = first_start(&two(), &[(PING, Target::Refusing)]);
    bench.world.from(at_s(60), PING, Target::Alive);
    bench.world.from(at_s(120), PING, Target::Dead);
    bench.world.from(at_s(120), SITE, Target::Dead);
    bench.run(at_s(119));
    assert_eq!(
        bench.turns(PING).iter().map(|(_, to)| *to).collect::<Vec<_>>(),
        [ProbeState::Up]
    );
    bench.run(at_s(140));
    assert_eq!(bench.strength(), Some(Strength::Full));
    assert_eq!(bench.switches().len(), 1);
}

#[test]
fn d20_the_first_sign_of_life_turns_nothing_down() {
    let mut config = two();
    config.services[0].probes.remove(1);
    let mut bench = first_start(&config, &[(PING, Target::Dead)]);
    bench.world.from(at_s(60), PING, Target::Alive);
    bench.run(at_s(120));
    assert_eq!(bench.switches(), []);
    assert!(bench.turns(PING).iter().all(|(_, to)| *to != ProbeState::Down));
}

#[test]
fn d20_a_reload_that_brings_a_mistyped_target_is_never_a_takeover() {
    let mut bench = first_start(&two(), &[]);
    bench.run(at_s(60));
    let mut changed = two();
    for (probe, what) in changed.services[0].probes.iter_mut().zip(["hots", "servcie"]) {
        *probe = asking(&probe.name.clone(), what);
    }
    bench.play.reconfigure(&changed);
    bench.world.from(at_s(60), PING, Target::Refusing);
    bench.world.from(at_s(60), SITE, Target::Refusing);
    bench.run(at_s(3600));
    assert_eq!(bench.switches(), []);
}

#[test]
fn d20_that_it_passed_is_remembered_over_restarts_and_by_what_it_asks() {
    let mut bench = first_start(&two(), &[]);
    bench.run(at_s(60));
    let mut renamed = two();
    for probe in &mut renamed.services[0].probes {
        probe.name = format!("{}_2", probe.name);
        probe.interval = secs(1);
    }
    let memory = bench.play.site().memory();
    for config in [two(), renamed] {
        let mut again = Bench::remembering(&config, &memory, start());
        again.world.from(Moment::START, PING, Target::Dead);
        again.world.from(Moment::START, SITE, Target::Dead);
        let mut again = again.adopting(Strength::Off);
        again.run(at_s(60));
        assert_eq!(
            again.strength(),
            Some(Strength::Full),
            "the primary died while we were down"
        );
    }
}

#[test]
fn d20_a_probe_that_is_taken_out_for_a_while_is_known_again() {
    let mut bench = first_start(&two(), &[]);
    bench.run(at_s(60));
    let mut without = two();
    without.services[0].probes.remove(1);
    bench.play.reconfigure(&without);
    bench.run(at_s(120));
    bench.play.reconfigure(&two());
    let site = bench.play.site().probe(SITE).expect("it is back");
    assert!(site.has_passed());
}

#[test]
fn d20_a_witness_that_never_passed_is_unknown_and_confirms_nothing() {
    let mut bench = first_start(&two(), &[(WITNESS, Target::Refusing)]);
    bench.world.from(at_s(60), PING, Target::Dead);
    bench.world.from(at_s(60), SITE, Target::Dead);
    bench.run(at_s(600));
    assert_eq!(bench.state(WITNESS), ProbeState::Unknown);
    assert_eq!(bench.play.site().isolation(), Isolation::Open);
    assert_eq!((bench.verdict(), bench.switches()), (Verdict::Down, vec![]));
}

#[test]
fn d20_a_takeover_before_the_first_pass_needs_an_operators_word() {
    let mut bench = first_start(&two(), &[(PING, Target::Dead), (SITE, Target::Dead)]);
    bench.run(at_s(60));
    let explained = bench.play.site().explain(0, bench.play.now()).expect("a service");
    assert!(explained.contains("ping         never passed"), "{explained}");
    assert!(
        explained.contains("ping, site passing once") && explained.contains("`falconer announce web`"),
        "{explained}"
    );
    bench
        .ask(OperatorCommand::Announce(
            crate::model::command::OverrideOptions::default(),
        ))
        .expect("his word");
    assert_eq!(bench.strength(), Some(Strength::Full));
}

#[test]
fn d20_a_primary_withdraws_nothing_because_of_a_probe_that_never_passed() {
    let service = primary("web", vec![asking("local", "service")]);
    let config = config(vec![service], vec![], 0);
    for adopted in [Strength::Off, Strength::Full] {
        let mut bench = Bench::remembering(&config, &PersistentState::default(), start());
        bench.world.from(Moment::START, PING, Target::Refusing);
        let mut bench = bench.adopting(adopted);
        bench.run(at_s(600));
        assert_eq!((bench.strength(), bench.switches()), (Some(adopted), vec![]));
    }
}

#[test]
fn d20_what_never_passed_is_asked_at_its_interval_and_asks_nobody_else() {
    let mut bench = first_start(&two(), &[(PING, Target::Dead)]);
    bench.run(at_s(600));
    for probe in [PING, SITE, WITNESS] {
        let asked = bench.world.starts_of(probe, at_s(100)).len();
        assert!((100..=101).contains(&asked), "{probe:?}: {asked}");
    }
}

#[test]
fn d20_checks_that_cannot_be_made_do_not_count_as_a_pass() {
    let mut bench = first_start(&two(), &[(PING, Target::Broken)]);
    bench.run(at_s(60));
    assert!(!bench.play.site().probe(PING).expect("ping").has_passed());
}
