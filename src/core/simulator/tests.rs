//! Virtual time itself: what happens when, in which order, and how checks report.

use super::*;
use crate::core::site::tests::support::*;
use crate::core::{InitialStrength, Strength};

fn start_of(id: u64) -> CheckStart {
    CheckStart {
        id: crate::core::health::CheckId(id),
        probe: PING,
    }
}

fn reported(after: u64, outcome: CheckOutcome) -> (Duration, CheckOutcome, String, Option<Duration>) {
    let answer = SimulatedResult {
        after: ms(after),
        outcome,
        detail: "said".to_owned(),
    };
    let (when, event) = report(start_of(7), answer, ms(2_000));
    let Event::Checked {
        id,
        outcome,
        detail,
        rtt,
    } = event
    else {
        panic!("a check reports that it ended: {event:?}");
    };
    assert_eq!(id.0, 7);
    (when, outcome, detail, rtt)
}

#[test]
fn d1_a_check_obeys_its_timeout_and_only_a_pass_has_a_round_trip() {
    let said = || "said".to_owned();
    let late = || "no answer in time".to_owned();
    let pass = |after| (ms(after), CheckOutcome::Pass, said(), Some(ms(after)));
    assert_eq!(reported(20, CheckOutcome::Pass), pass(20));
    assert_eq!(
        reported(2_000, CheckOutcome::Pass),
        pass(2_000),
        "just in time is in time"
    );
    let silence = (ms(2_000), CheckOutcome::Fail, late(), None);
    assert_eq!(reported(2_001, CheckOutcome::Pass), silence);
    assert_eq!(reported(2_001, CheckOutcome::Error), silence);
    assert_eq!(
        reported(20, CheckOutcome::Fail),
        (ms(20), CheckOutcome::Fail, said(), None)
    );
    assert_eq!(
        reported(20, CheckOutcome::Error),
        (ms(20), CheckOutcome::Error, said(), None)
    );
}

#[test]
fn what_is_put_at_one_moment_happens_in_the_order_in_which_it_was_put() {
    let mut bench = Bench::new(&simple());
    bench.play = bench.play.clone().recording();
    let bird = |strength| Event::Bird {
        service: 0,
        adoption: InitialStrength::Is(strength),
    };
    bench.play.put(at_ms(1), bird(Strength::Drain));
    bench.play.put(at_ms(1), bird(Strength::Full));
    bench.play.put(at_ms(1), bird(Strength::Off));
    bench.run(at_ms(1));
    let events: Vec<_> = bench
        .play
        .inputs()
        .iter()
        .filter_map(|input| match &input.event {
            Some(Event::Bird { adoption, .. }) => Some(*adoption),
            _ => None,
        })
        .collect();
    let expected = [Strength::Drain, Strength::Full, Strength::Off].map(InitialStrength::Is);
    assert_eq!(events, expected);
    assert_eq!(
        bench.strength(),
        Some(Strength::Drain),
        "the first is adopted (D10)"
    );
}

#[test]
fn time_passes_to_the_moment_that_was_asked_for_and_no_further() {
    let mut bench = Bench::new(&simple());
    bench.run(at_ms(123_457));
    let now = bench.play.now();
    assert_eq!(now.mono, at_ms(123_457));
    assert_eq!(now.wall, start().wall_at(at_ms(123_457)));
    let next = bench.play.next().expect("there is always a next check");
    assert!(next > now.mono, "what was due has happened");
    assert!(!bench.play.step(next - ms(1), &mut bench.world), "it lies beyond");
    assert_eq!(bench.play.now(), now, "and nothing moved");
    assert!(bench.play.step(next, &mut bench.world));
    assert_eq!(bench.play.now().mono, next);
}

#[test]
fn a_stall_lets_what_is_due_wait() {
    let mut bench = Bench::new(&simple());
    bench.run(at_s(1));
    let before = bench.world.starts.len();
    bench.play.pass(secs(100));
    assert_eq!(bench.play.now().mono, at_s(101));
    assert_eq!(bench.world.starts.len(), before, "nobody looked");
    bench.run(at_s(101));
    assert!(bench.world.starts.len() > before);
}

#[test]
fn the_wall_clock_steps_alone() {
    let mut bench = Bench::new(&simple());
    bench.run(at_s(10));
    let there = start().wall_at(at_s(9_000));
    bench.play.step_wall_clock(there);
    assert_eq!((bench.play.now().mono, bench.play.now().wall), (at_s(10), there));
}

#[test]
fn inputs_are_kept_from_where_it_was_asked_for() {
    let mut bench = Bench::new(&simple());
    bench.run(at_s(10));
    assert!(bench.play.inputs().is_empty(), "nobody asked");
    bench.play = bench.play.clone().recording();
    bench.run(at_s(20));
    assert!(bench.play.inputs().len() > 4);
    assert!(bench.play.inputs().iter().all(|input| input.now.mono > at_s(10)));
    let notes = bench.play.notes().to_vec();
    assert!(!notes.is_empty());
    assert_eq!(bench.play.into_notes(), notes);
}
