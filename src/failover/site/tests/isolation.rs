//! D5 on a whole site: our own uplink, and what the witnesses prove.

use super::support::*;
use crate::failover::Strength;
use crate::failover::isolation::Isolation;
use crate::status::snapshot::{ProbeState, Verdict};

#[test]
fn d5_a_cut_of_our_own_uplink_of_any_length_takes_nothing_over() {
    for config in [simple(), article()] {
        for begins in [20_000, 21_130, 22_260, 23_390, 24_520] {
            for lasts in (0..9_000).step_by(50) {
                let (cut, mended) = (at_ms(begins), at_ms(begins + lasts));
                let mut bench = Bench::new(&config).adopting(Strength::Off);
                bench.world.cut(cut, mended);
                bench.run(mended + secs(30));
                assert_eq!(bench.switches(), [], "cut at {begins} ms for {lasts} ms");
            }
        }
    }
}

#[test]
fn d5_with_a_living_witness_the_proof_costs_no_time_at_any_phase() {
    for config in [simple(), article()] {
        for millis in (20_000..30_000).step_by(73) {
            let died = at_ms(millis);
            let mut bench = Bench::new(&config).adopting(Strength::Off);
            bench.world.from(died, PING, Target::Dead);
            bench.world.from(died, SITE, Target::Dead);
            bench.run(died + secs(20));
            let down = bench.verdicts().last().copied();
            assert_eq!(down.map(|(_, to)| to), Some(Verdict::Down));
            let taken_over = bench.switches()[0].0;
            assert_eq!(Some(taken_over), down.map(|(at, _)| at), "died at {millis} ms");
        }
    }
}

/// Witnesses that cannot be asked any more (unknown) end no isolation.
#[test]
fn d5_fails_of_a_cut_stay_void_when_the_witnesses_are_unknown_before_they_are_up_again() {
    let mut quick_to_err = probe("resolver");
    quick_to_err.fall = 3;
    let config = config(vec![standby("web", vec![probe("ping")])], vec![quick_to_err], 1);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), WITNESS, Target::Dead);
    bench.run(at_s(30));
    assert_eq!(bench.play.site().isolation(), Isolation::Isolated);
    // Still cut off, but now the witness's checks cannot even be made.
    bench.world.from(at_s(30), WITNESS, Target::Broken);
    bench.world.from(at_s(30), PING, Target::Dead);
    bench.run(at_s(50));
    assert_eq!(bench.play.site().isolation(), Isolation::Open);
    assert_eq!(bench.state(PING), ProbeState::Down);
    bench.world.from(at_s(50), WITNESS, Target::Alive);
    bench.world.from(at_s(50), PING, Target::Alive);
    bench.run(at_s(80));
    assert_eq!(bench.switches(), []);
    let voided = bench.turns(PING).iter().any(|(_, to)| *to == ProbeState::Unknown);
    assert!(
        voided,
        "what went down while we were cut off becomes unknown: {:?}",
        bench.turns(PING)
    );
}
