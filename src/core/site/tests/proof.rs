//! D5 with real answer times: what a check of a witness proves depends on when the failed check should
//! have been answered.

use super::support::*;
use crate::config::model::{Config, Quorum};
use crate::core::{ProbeId, Strength};
use crate::model::snapshot::Isolation;
use crate::model::snapshot::ProbeState;
use crate::model::time::Moment;

/// ping and site answer after so many milliseconds, and two witnesses at once.
fn answering(ping: u64, site: u64, down_when: Quorum) -> (Config, Bench) {
    let mut service = standby("web", vec![probe("ping"), probe("site")]);
    service.down_when = down_when;
    let config = config(vec![service], vec![probe("resolver"), probe("gateway")], 1);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(Moment::START, PING, Target::Slow(ms(ping)));
    bench.world.from(Moment::START, SITE, Target::Slow(ms(site)));
    (config, bench)
}

#[test]
fn d5_a_cut_of_our_own_uplink_is_never_a_takeover_however_long_answers_take() {
    let times = [(1, 800), (700, 1_500), (1_990, 1_990), (501, 1_001), (300, 999)];
    for (ping, site) in times {
        for down_when in [Quorum::All, Quorum::Any] {
            for begins in (30_000..35_000).step_by(every(1_811, 611)) {
                for lasts in [40, 700, 2_600, 10_000] {
                    let (_, mut bench) = answering(ping, site, down_when);
                    bench.world.cut(at_ms(begins), at_ms(begins + lasts));
                    bench.run(at_ms(begins + lasts + 15_000));
                    assert_eq!(
                        bench.switches(),
                        [],
                        "{ping} and {site} ms, {down_when:?}, cut at {begins} for {lasts} ms"
                    );
                }
            }
        }
    }
}

/// The way to the primary is slower than it was of late, by how much nobody could know, and then our own
/// uplink is cut: the first lost check is on its way for longer than any before it.
#[test]
fn d5_a_cut_amid_answers_that_take_longer_than_ever_is_never_a_takeover() {
    for (before, after) in [(1, 1_500), (300, 1_900), (1_100, 1_400), (1_400, 1_990)] {
        for down_when in [Quorum::All, Quorum::Any] {
            for begins in (30_000..35_000).step_by(389) {
                for lasts in [2_600, 9_000] {
                    let (_, mut bench) = answering(before, before, down_when);
                    for probe in [PING, SITE] {
                        bench
                            .world
                            .from(at_ms(begins - 2_000), probe, Target::Slow(ms(after)));
                    }
                    bench.world.cut(at_ms(begins), at_ms(begins + lasts));
                    bench.run(at_ms(begins + lasts + 15_000));
                    assert_eq!(
                        bench.switches(),
                        [],
                        "{before} and then {after} ms, {down_when:?}, cut at {begins} for {lasts} ms"
                    );
                }
            }
        }
    }
}

/// An answer time of up to `(fall - 1) x retry_interval` costs nothing, but where the witnesses have
/// just been asked for a reason of their own: then at most one `retry_interval`.
#[test]
fn d5_the_proof_costs_no_time_while_answers_take_no_longer_than_the_retries() {
    for (ping, site) in [(1, 800), (700, 900), (950, 950)] {
        let (mut deaths, mut at_once) = (0, 0);
        for died in (30_000..35_000).step_by(297) {
            let (_, mut bench) = answering(ping, site, Quorum::All);
            for probe in [PING, SITE] {
                bench.world.from(at_ms(died), probe, Target::Dead);
            }
            bench.run(at_ms(died + 20_000));
            let down = bench.verdicts().last().expect("it is down").0;
            let after = bench.switches()[0].0.since(down);
            assert!(
                after <= ms(500),
                "{ping} and {site} ms, died at {died}: {after:?}"
            );
            (deaths, at_once) = (deaths + 1, at_once + u32::from(after.is_zero()));
        }
        assert!(
            at_once * 10 >= deaths * 8,
            "{ping} and {site} ms: {at_once} of {deaths}"
        );
    }
}

/// A longer one costs what it must: a check that begins when the first should have been answered has
/// to fail, too. Before that, all may be on their way.
#[test]
fn d5_the_proof_waits_for_one_check_that_began_when_the_first_should_have_been_answered() {
    for (answer, begins) in [(1_200, 1_500), (1_500, 1_500), (1_900, 2_000)] {
        for died in (30_000..35_000).step_by(297) {
            let mut bench = Bench::new(&simple()).adopting(Strength::Off);
            bench.world.from(Moment::START, PING, Target::Slow(ms(answer)));
            bench.world.from(at_ms(died), PING, Target::Dead);
            bench.run(at_ms(died + 20_000));
            let taken_over = bench.switches()[0].0;
            let starts = bench.world.starts_of(PING, Moment::START);
            let first = starts
                .iter()
                .find(|&&start| start + ms(answer) >= at_ms(died))
                .copied()
                .expect("it was asked");
            assert_eq!(
                taken_over,
                first + ms(begins) + secs(2),
                "{answer} ms, died at {died}"
            );
        }
    }
}

/// Two lost checks, an hour of errors, and then a short cut of our own.
#[test]
fn d1_fails_from_before_a_time_without_results_count_towards_nothing() {
    let (_, mut bench) = answering(1, 1, Quorum::All);
    for probe in [PING, SITE] {
        bench.world.from(at_s(20), probe, Target::Refusing);
        bench.world.from(at_ms(20_800), probe, Target::Broken);
        bench.world.from(at_s(3_620), probe, Target::Alive);
    }
    bench.world.cut(at_s(3_620), at_ms(3_622_200));
    bench.run(at_s(3_619));
    assert_eq!(bench.state(PING), ProbeState::Unknown);
    bench.run(at_s(3_700));
    assert_eq!(bench.switches(), []);
    assert_eq!(bench.state(PING), ProbeState::Up);
}

/// One witness cannot be asked, and the other is lost in our own cut: it is open whether this site is
/// isolated, and that is as much a cut.
#[test]
fn d5_a_cut_with_a_witness_that_cannot_be_asked_voids_what_fell_in_it() {
    let config = config(
        vec![standby("web", vec![probe("ping")])],
        vec![probe("broken"), probe("gateway")],
        1,
    );
    let (broken, gateway) = (ProbeId::Witness(0), ProbeId::Witness(1));
    for (dead, expected) in [
        (Target::Broken, Isolation::Open),
        (Target::Dead, Isolation::Isolated),
    ] {
        let mut bench = Bench::new(&config).adopting(Strength::Off);
        bench.world.from(at_s(10), broken, dead);
        bench.world.from(at_s(21), PING, Target::Dead);
        bench.world.from(at_s(21), gateway, Target::Dead);
        // The gateway answers at once again, the way to the primary needs a little longer.
        bench.world.from(at_s(40), gateway, Target::Alive);
        bench.world.from(at_s(40), PING, Target::Refusing);
        bench.world.from(at_ms(41_200), PING, Target::Alive);
        bench.run(at_s(39));
        assert_eq!(bench.play.site().isolation(), expected);
        bench.run(at_s(200));
        assert_eq!(bench.switches(), [], "{expected:?}");
    }
}

/// The witness is asked within the cut, and the way to the primary is back a little later: however the
/// cut showed, one fail that follows the witness's next pass is not enough.
#[test]
fn d5_a_cut_that_a_witness_sees_is_no_takeover_however_it_shows() {
    let answer = ms(1_900);
    let mut calm = Bench::new(&simple()).adopting(Strength::Off);
    calm.world.from(Moment::START, PING, Target::Slow(answer));
    calm.run(at_s(30));
    let asked = calm.world.starts_of(PING, at_s(25))[0];
    for shows in [Target::Dead, Target::Refusing, Target::Broken] {
        let mut bench = Bench::new(&simple()).adopting(Strength::Off);
        bench
            .world
            .from(Moment::START, PING, Target::Slow(answer))
            .from(asked + secs(1), PING, Target::Dead)
            .from(asked + ms(2_600), PING, Target::Slow(answer))
            .from(asked + secs(1), WITNESS, shows)
            .from(asked + secs(2), WITNESS, Target::Alive);
        bench.run(asked + secs(60));
        assert_eq!(
            bench.turns(PING).len(),
            3,
            "up, down and up again: it was in question"
        );
        assert_eq!(bench.switches(), [], "{shows:?}");
    }
}

#[test]
fn d5_a_single_fail_in_a_cut_that_a_witness_sees_is_no_takeover() {
    let mut config = simple();
    config.services[0].probes[0].fall = 1;
    for begins in (30_000..35_000).step_by(193) {
        for lasts in [700, 1_700, 2_200, 3_000, 8_000] {
            let mut bench = Bench::new(&config).adopting(Strength::Off);
            bench.world.cut(at_ms(begins), at_ms(begins + lasts));
            bench.run(at_ms(begins + lasts + 15_000));
            assert_eq!(bench.switches(), [], "cut at {begins} ms for {lasts} ms");
        }
    }
}
