//! D1 on a whole site: how soon a death is known, and what it costs while all is well.

use super::support::*;
use crate::core::{ProbeId, Strength};
use crate::model::snapshot::ProbeState;
use crate::model::time::Moment;

/// `timeout + (fall - 1) x retry_interval`, with the article's numbers.
const CONFIRMED_AFTER: std::time::Duration = std::time::Duration::from_secs(3);

fn healthy(config: &crate::config::model::Config) -> Bench {
    Bench::new(config).adopting(Strength::Off)
}

/// The first check of `probe` that began at `at` or later.
fn first_unanswered(bench: &Bench, probe: ProbeId, at: Moment) -> Moment {
    bench.world.starts_of(probe, at)[0]
}

#[test]
fn d1_a_silent_death_is_confirmed_after_timeout_and_the_retries_at_every_phase() {
    for millis in (20_000..30_000).step_by(73) {
        let died = at_ms(millis);
        let mut bench = healthy(&simple());
        bench.world.from(died, PING, Target::Dead);
        bench.run(died + secs(20));
        let first = first_unanswered(&bench, PING, died);
        let confirmed = first + CONFIRMED_AFTER;
        assert_eq!(
            bench.turns(PING).last(),
            Some(&(confirmed, ProbeState::Down)),
            "died at {millis} ms"
        );
        assert_eq!(
            bench.switches(),
            [(confirmed, "off -> full by D4".to_owned())],
            "died at {millis} ms"
        );
        assert!(
            confirmed.since(died) <= secs(5) + CONFIRMED_AFTER,
            "the worst case is one interval more"
        );
    }
}

#[test]
fn d1_no_probe_is_left_alone_for_longer_than_its_interval_from_its_first_check_on() {
    let mut bench = healthy(&article());
    bench.run(at_s(60));
    for probe in [PING, SITE, WITNESS] {
        let starts = bench.world.starts_of(probe, Moment::START);
        for pair in starts.windows(2) {
            let gap = pair[1].since(pair[0]);
            assert!(gap <= secs(5), "{probe:?} waited {gap:?} after {:?}", pair[0]);
        }
    }
}

#[test]
fn d1_idle_it_costs_one_check_an_interval() {
    let mut bench = healthy(&article());
    bench.run(at_s(604));
    for probe in [PING, SITE, WITNESS] {
        let starts = bench.world.starts_of(probe, at_s(5));
        assert_eq!(starts.len(), 120, "{probe:?}");
    }
}

#[test]
fn d1_all_is_known_within_two_seconds_of_the_start() {
    let mut bench = healthy(&article());
    bench.run(at_s(2));
    for probe in [PING, SITE, WITNESS] {
        assert_eq!(bench.state(probe), ProbeState::Up);
    }
}

#[test]
fn d1_a_refusal_is_confirmed_after_the_retries_alone() {
    let mut bench = healthy(&simple());
    bench.world.from(at_s(22), PING, Target::Refusing);
    bench.run(at_s(40));
    let first = first_unanswered(&bench, PING, at_s(22));
    assert_eq!(
        bench.switches(),
        [(first + secs(1) + RTT, "off -> full by D4".to_owned())]
    );
}

#[test]
fn d1_the_other_probes_of_the_service_and_the_witnesses_are_asked_at_once() {
    let mut slow = probe("site");
    slow.interval = secs(60);
    let mut witness = probe("resolver");
    witness.interval = secs(60);
    let config = config(vec![standby("web", vec![probe("ping"), slow])], vec![witness], 1);
    let mut bench = healthy(&config);
    let died = at_ms(31_000);
    bench.world.from(died, PING, Target::Dead);
    bench.world.from(died, SITE, Target::Dead);
    bench.run(at_s(40));
    let first = first_unanswered(&bench, PING, died);
    let asked = first + ms(500);
    assert_eq!(bench.world.starts_of(SITE, died)[0], asked);
    assert_eq!(bench.world.starts_of(WITNESS, died)[0], asked);
    assert_eq!(bench.switches()[0].0, asked + CONFIRMED_AFTER);
}

#[test]
fn d1_a_probe_that_is_normally_down_makes_no_other_run_fast() {
    let mut rival = probe("rival");
    rival.votes = crate::config::model::Votes::None;
    let config = config(
        vec![standby("web", vec![probe("ping"), rival])],
        vec![probe("resolver")],
        1,
    );
    let mut bench = healthy(&config);
    bench.world.from(Moment::START, SITE, Target::Refusing);
    bench.run(at_s(604));
    assert_eq!(bench.state(SITE), ProbeState::Down);
    assert_eq!(bench.world.starts_of(PING, at_s(5)).len(), 120);
    assert_eq!(bench.world.starts_of(WITNESS, at_s(5)).len(), 120);
    assert_eq!(bench.world.starts_of(SITE, at_s(5)).len(), 120);
}

#[test]
fn d1_slow_answers_keep_a_probe_up() {
    let mut bench = healthy(&simple());
    bench.world.from(at_s(10), PING, Target::Slow(ms(1_900)));
    bench.run(at_s(120));
    assert_eq!(bench.turns(PING), [(at_ms(501), ProbeState::Up)]);
    assert_eq!(bench.switches(), []);
}

#[test]
fn d1_answers_past_the_timeout_are_fails() {
    let mut bench = healthy(&simple());
    bench.world.from(at_s(10), PING, Target::Slow(ms(2_001)));
    bench.run(at_s(20));
    assert_eq!(bench.turns(PING).last(), Some(&(at_s(13), ProbeState::Down)));
}

#[test]
fn d1_errors_make_unknown_and_the_verdict_unclear_and_nothing_moves() {
    let mut bench = healthy(&simple());
    bench.world.from(at_s(10), PING, Target::Broken);
    bench.run(at_s(60));
    assert_eq!(bench.state(PING), ProbeState::Unknown);
    assert_eq!(bench.verdict(), crate::model::snapshot::Verdict::Unclear);
    assert_eq!(bench.switches(), []);
}

#[test]
fn d1_a_check_that_never_reports_stops_no_other() {
    let mut bench = healthy(&simple());
    bench.world.from(at_s(10), PING, Target::Lost);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(40));
    assert_eq!(bench.turns(PING).last(), Some(&(at_s(23), ProbeState::Down)));
    assert_eq!(bench.strength(), Some(Strength::Full));
}

/// A check that breaks down without a word must not leave its probe up for ever: nobody looks.
#[test]
fn d1_checks_that_never_report_are_errors_and_the_probe_becomes_unknown() {
    let mut bench = healthy(&simple());
    bench.world.from(at_s(10), PING, Target::Lost);
    bench.run(at_ms(16_999));
    assert_eq!(bench.state(PING), ProbeState::Up);
    // Time-out and patience after the third of them: 10 s, 10.5 s and 11 s.
    bench.run(at_s(19));
    assert_eq!(bench.state(PING), ProbeState::Unknown);
    let last = bench.play.site().last(PING).expect("it was asked").clone();
    assert_eq!(last.outcome, crate::model::snapshot::CheckOutcome::Error);
    assert_eq!(last.detail, "the check never reported what came of it");
    assert_eq!(bench.switches(), []);
}

#[test]
fn d1_of_checks_that_never_report_only_so_many_are_remembered() {
    let mut config = simple();
    config.services[0].probes[0].retry_interval = ms(10);
    config.services[0].probes[0].timeout = secs(60);
    let mut bench = healthy(&config);
    bench.world.from(at_s(10), PING, Target::Lost);
    bench.run(at_s(30));
    let under_way = bench.play.site().checks_under_way();
    assert!((256..=257).contains(&under_way), "{under_way}");
}

#[test]
fn d2_a_check_that_never_reports_is_thrown_away_if_we_were_stalled_meanwhile() {
    let mut bench = healthy(&simple());
    bench.world.from(at_s(10), PING, Target::Lost);
    bench.world.from(at_ms(10_100), PING, Target::Alive);
    bench.run(at_ms(10_050));
    bench.play.pass(secs(60));
    bench.run(at_s(75));
    assert_eq!(bench.state(PING), ProbeState::Up);
    let last = bench.play.site().last(PING).expect("it was asked");
    assert_eq!(last.outcome, crate::model::snapshot::CheckOutcome::Pass);
    assert_eq!(bench.turns(PING).len(), 1, "it was never in question");
}

#[test]
fn d1_the_last_result_is_kept_in_words() {
    let mut bench = healthy(&simple());
    bench.world.from(at_s(10), PING, Target::Dead);
    bench.run(at_ms(9_999));
    let last = bench.play.site().last(PING).expect("it was asked").clone();
    assert_eq!((last.detail.as_str(), last.rtt), ("pass", Some(RTT)));
    assert_eq!(last.at, start_at("2026-01-01T00:00:05.001Z").wall);
    bench.run(at_s(12));
    let last = bench.play.site().last(PING).expect("it was asked");
    assert_eq!((last.detail.as_str(), last.rtt), ("fail", None));
}

/// A glitch that refuses every probe of a service for a moment: each asks the others at once, and
/// yet `fall` fails take `(fall - 1) x retry_interval`.
#[test]
fn d1_probes_that_ask_each_other_do_not_shorten_each_others_rows() {
    for number in [2, 3, 6, 12] {
        let probes = (0..number).map(|at| probe(&format!("p{at}"))).collect();
        let config = config(vec![standby("web", probes)], vec![probe("resolver")], 1);
        for lasts in [20, 300, 900] {
            let mut bench = healthy(&config);
            for at in 0..number {
                bench
                    .world
                    .from(at_s(20), ProbeId::Service(0, at), Target::Refusing);
                bench
                    .world
                    .from(at_ms(20_000 + lasts), ProbeId::Service(0, at), Target::Alive);
            }
            bench.run(at_s(60));
            for at in 0..number {
                let turns = bench.turns(ProbeId::Service(0, at));
                assert_eq!(turns.len(), 1, "{number} probes, {lasts} ms: {turns:?}");
            }
        }
    }
}

#[test]
fn d1_no_check_begins_within_retry_interval_of_one_that_did_not_pass_at_once() {
    let mut bench = healthy(&article());
    for (second, target) in [
        (20, Target::Refusing),
        (30, Target::Slow(ms(700))),
        (40, Target::Dead),
        (60, Target::Broken),
        (70, Target::Alive),
    ] {
        bench.world.from(at_s(second), PING, target);
        bench.world.from(at_ms(second * 1_000 + 170), SITE, target);
    }
    bench.run(at_s(25));
    bench.play.pass(secs(3));
    bench.run(at_s(100));
    for probe in [PING, SITE, WITNESS] {
        for pair in bench.world.starts_of(probe, Moment::START).windows(2) {
            let passed_at_once = bench.world.target(pair[0], probe) == Target::Alive;
            let apart = if passed_at_once { ms(125) } else { ms(500) };
            assert!(
                pair[1].since(pair[0]) >= apart,
                "{probe:?} at {:?} and {:?}",
                pair[0],
                pair[1]
            );
        }
    }
}

/// Doubt ends where a probe stays down: a service that is dead for long costs no more than one that
/// lives.
#[test]
fn d1_what_stays_down_is_asked_at_its_interval() {
    let mut bench = healthy(&article());
    for probe in [PING, SITE] {
        bench.world.from(at_s(20), probe, Target::Dead);
    }
    bench.run(at_s(630));
    assert_eq!(bench.strength(), Some(Strength::Full));
    for probe in [PING, SITE, WITNESS] {
        let asked = bench.world.starts_of(probe, at_s(30)).len();
        assert!((119..=121).contains(&asked), "{probe:?}: {asked}");
    }
}

/// The one that turned down first, and stays down, calls for those that have not turned yet.
#[test]
fn d1_a_probe_that_is_asked_seldom_is_asked_while_another_is_down() {
    let mut seldom = probe("site");
    seldom.interval = secs(300);
    let service = standby("web", vec![probe("ping"), seldom]);
    for later in [1_000, 4_000, 20_000, 100_000] {
        let mut bench = healthy(&config(vec![service.clone()], vec![probe("resolver")], 1));
        bench.world.from(at_s(200), PING, Target::Dead);
        bench.world.from(at_ms(200_000 + later), SITE, Target::Dead);
        bench.run(at_s(600));
        let (taken_over, _) = bench.switches()[0].clone();
        let after = taken_over.since(at_ms(200_000 + later));
        assert!(
            after <= secs(5) + ms(2_500) + CONFIRMED_AFTER,
            "{after:?} after it died"
        );
    }
}

#[test]
fn d1_fall_of_one_is_confirmed_by_the_timeout_of_the_first_check_and_a_witness() {
    for (interval, retry, timeout) in [(60_000, 60_000, 5_000), (5_000, 500, 2_000)] {
        let mut once = probe("ping");
        (once.interval, once.retry_interval) = (ms(interval), ms(retry));
        (once.timeout, once.fall, once.rise) = (ms(timeout), 1, 1);
        let mut bench = healthy(&config(
            vec![standby("web", vec![once])],
            vec![probe("resolver")],
            1,
        ));
        let died = at_ms(61_000);
        bench.world.from(died, PING, Target::Dead);
        bench.run(at_s(600));
        let first = first_unanswered(&bench, PING, died);
        let expected = first + ms(timeout) + RTT;
        assert_eq!(bench.switches()[0].0, expected, "every {interval} ms");
    }
}

/// What the services share is this site: they are found dead together, whatever their intervals.
#[test]
fn d1_doubt_spreads_over_the_services() {
    let mut slow = probe("ping");
    slow.interval = secs(300);
    let names: Vec<_> = (0..20).map(|at| format!("s{at}")).collect();
    let mut services = vec![standby("web", vec![probe("ping")])];
    services.extend(names.iter().map(|name| standby(name, vec![slow.clone()])));
    let mut bench = healthy(&config(services, vec![probe("resolver")], 1));
    let died = at_ms(401_234);
    for service in 0..21 {
        bench.world.from(died, ProbeId::Service(service, 0), Target::Dead);
    }
    bench.run(at_s(450));
    let first = first_unanswered(&bench, PING, died);
    for service in 0..21 {
        let asked = first_unanswered(&bench, ProbeId::Service(service, 0), died);
        assert!(
            asked <= first + ms(1_000),
            "service {service}: {asked:?}, {first:?}"
        );
        let stance = bench.play.site().services()[service].stance();
        assert_eq!(stance.strength(), Some(Strength::Full), "service {service}");
    }
}

/// Each would find out by itself within a second; the first one's late check asks the others.
#[test]
fn d1_a_hundred_services_that_die_together_are_found_dead_within_three_tenths_of_a_second() {
    let mut often = probe("ping");
    (often.interval, often.timeout) = (secs(1), secs(1));
    let names: Vec<_> = (0..100).map(|at| format!("s{at}")).collect();
    let services: Vec<_> = names
        .iter()
        .map(|name| standby(name, vec![often.clone()]))
        .collect();
    let config = config(services, vec![probe("resolver")], 1);
    for phase in (0..1_000).step_by(every(197, 13)) {
        let mut bench = healthy(&config);
        let died = at_ms(20_000 + phase as u64);
        for service in 0..100 {
            bench.world.from(died, ProbeId::Service(service, 0), Target::Dead);
        }
        bench.run(died + secs(6));
        let mut down = Vec::new();
        for service in 0..100 {
            let turns = bench.turns(ProbeId::Service(service, 0));
            assert_eq!(
                turns.last().map(|turn| turn.1),
                Some(ProbeState::Down),
                "{phase} ms"
            );
            down.extend(turns.last().map(|turn| turn.0));
            let stance = bench.play.site().services()[service].stance();
            assert_eq!(stance.strength(), Some(Strength::Full), "service {service}");
        }
        down.sort_unstable();
        let (first, last) = (down[0], down[99]);
        assert!(last.since(first) <= ms(300), "{phase} ms: {first:?} to {last:?}");
        assert!(last.since(died) <= secs(3), "{phase} ms: {last:?}");
    }
}

#[test]
fn d1_a_late_answer_asks_the_other_services_once_and_is_no_doubt() {
    let services = vec![
        standby("web", vec![probe("ping")]),
        standby("api", vec![probe("ping")]),
    ];
    let mut bench = healthy(&config(services, vec![probe("resolver")], 1));
    bench.world.from(at_s(20), PING, Target::Slow(ms(300)));
    bench.run(at_ms(25_600));
    let late = first_unanswered(&bench, PING, at_s(20)) + RTT * 2 + ms(50);
    let asked = bench.world.starts_of(ProbeId::Service(1, 0), at_s(20));
    assert!(asked.contains(&late), "{asked:?} without {late:?}");
    assert!(asked.len() <= 3, "{asked:?}");
    assert_eq!(bench.turns(PING).len(), 1);
    assert!(!bench.play.site().probe(PING).expect("it is there").in_doubt());
}

#[test]
fn d1_a_probe_that_blinks_does_not_keep_all_services_busy() {
    let services = vec![
        standby("web", vec![probe("ping")]),
        standby("api", vec![probe("ping")]),
    ];
    let mut bench = healthy(&config(services, vec![probe("resolver")], 1));
    for second in (20..620).step_by(2) {
        bench.world.from(at_s(second), PING, Target::Refusing);
        bench.world.from(at_s(second + 1), PING, Target::Alive);
    }
    bench.run(at_s(620));
    let asked = bench.world.starts_of(ProbeId::Service(1, 0), at_s(20)).len();
    assert!(asked <= 241, "{asked}: one more an interval");
}
