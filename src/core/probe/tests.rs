//! D1, D2 and D5 on one probe: results under way, doubt, stalls, and being asked out of turn.

use super::*;

fn at(millis: u64) -> Moment {
    Moment::new(Duration::from_millis(millis))
}

/// fall 3, rise 2, time-out 2 s, every 5 s, retried after 500 ms.
fn probe() -> ProbeTracker {
    let schedule = Schedule::new(Duration::from_secs(5), Duration::from_millis(500), at(0), at(0));
    ProbeTracker::new(3, 2, Duration::from_secs(2), schedule, true)
}

/// One that passed twice, at 0 and 500 ms.
fn settled() -> ProbeTracker {
    let mut probe = probe();
    check(&mut probe, 0, 0, CheckOutcome::Pass);
    check(&mut probe, 500, 1, CheckOutcome::Pass);
    assert_eq!(probe.state(), ProbeState::Up);
    probe
}

/// A check that is answered a millisecond after its start.
fn check(probe: &mut ProbeTracker, start: u64, id: u64, outcome: CheckOutcome) -> ResultEffect {
    probe.start(at(start), CheckId(id));
    probe
        .finish(at(start + 1), CheckId(id), outcome)
        .expect("it is under way")
}

#[test]
fn d1_at_start_a_probe_is_unknown_and_asked_at_its_first_time() {
    let probe = probe();
    assert_eq!(probe.state(), ProbeState::Unknown);
    assert_eq!(
        (probe.due(), probe.last_start(), probe.in_doubt()),
        (at(0), None, false)
    );
    assert_eq!(probe.pulse(), None);
}

#[test]
fn d1_a_settled_probe_waits_for_its_grid() {
    let probe = settled();
    assert!(!probe.in_doubt());
    assert_eq!(probe.due(), at(5_000));
    assert_eq!(probe.last_start(), Some(at(500)));
}

#[test]
fn d1_a_fail_or_a_pass_against_the_state_raises_doubt_and_the_settling_pass_ends_it() {
    let mut probe = settled();
    let effect = check(&mut probe, 5_000, 2, CheckOutcome::Fail);
    assert_eq!(
        effect,
        ResultEffect {
            first_pass: false,
            counted: true,
            fell_into_doubt: true,
            failed_down: false,
        }
    );
    assert_eq!((probe.in_doubt(), probe.due()), (true, at(5_500)));
    let effect = check(&mut probe, 5_500, 3, CheckOutcome::Fail);
    assert!(!effect.fell_into_doubt && effect.counted);
    let effect = check(&mut probe, 6_000, 4, CheckOutcome::Fail);
    assert_eq!(probe.state(), ProbeState::Down);
    assert!(effect.failed_down && !effect.fell_into_doubt);
    assert_eq!(probe.due(), at(10_000), "doubt ends where it is down");
    let effect = check(&mut probe, 6_500, 5, CheckOutcome::Pass);
    assert!(
        effect.fell_into_doubt,
        "doubt turns with the first pass against the state"
    );
    assert!(probe.in_doubt());
    let effect = check(&mut probe, 7_000, 6, CheckOutcome::Pass);
    assert!(!effect.fell_into_doubt);
    assert_eq!(
        (probe.state(), probe.in_doubt(), probe.due()),
        (ProbeState::Up, false, at(10_000))
    );
}

#[test]
fn d1_an_error_neither_raises_nor_clears_doubt() {
    let mut probe = settled();
    let effect = check(&mut probe, 5_000, 2, CheckOutcome::Error);
    assert_eq!(
        effect,
        ResultEffect {
            counted: true,
            ..ResultEffect::default()
        }
    );
    assert!(!probe.in_doubt());
    check(&mut probe, 10_000, 3, CheckOutcome::Fail);
    check(&mut probe, 10_500, 4, CheckOutcome::Error);
    assert!(probe.in_doubt());
    assert_eq!(probe.due(), at(11_000));
}

#[test]
fn d1_an_unanswered_check_is_followed_up_overlapping_it() {
    let mut probe = settled();
    assert!(!probe.start(at(5_000), CheckId(2)));
    assert_eq!(probe.due(), at(5_500));
    assert!(probe.start(at(5_500), CheckId(3)), "it falls into doubt");
    assert!(!probe.start(at(6_000), CheckId(4)));
    // The first pass is of a later check; what the earlier ones say changes nothing any more.
    let effect = probe
        .finish(at(6_100), CheckId(4), CheckOutcome::Pass)
        .expect("under way");
    assert!(effect.counted && !probe.in_doubt());
    for id in [2, 3] {
        let effect = probe
            .finish(at(7_000), CheckId(id), CheckOutcome::Fail)
            .expect("under way");
        assert_eq!(effect, ResultEffect::default());
    }
    assert_eq!(
        (probe.state(), probe.in_doubt(), probe.due()),
        (ProbeState::Up, false, at(10_000))
    );
}

#[test]
fn d1_only_the_latest_check_counts_as_unanswered() {
    let mut probe = settled();
    probe.start(at(5_000), CheckId(2));
    probe.start(at(5_500), CheckId(3));
    probe
        .finish(at(5_501), CheckId(3), CheckOutcome::Pass)
        .expect("under way");
    assert_eq!(
        probe.due(),
        at(10_000),
        "check 2 is still out, and does not matter"
    );
}

#[test]
fn d1_a_result_counts_once_and_only_of_a_check_that_was_begun() {
    let mut probe = settled();
    assert_eq!(probe.finish(at(600), CheckId(1), CheckOutcome::Fail), None);
    assert_eq!(probe.finish(at(600), CheckId(77), CheckOutcome::Fail), None);
}

#[test]
fn d2_a_stall_of_more_than_half_the_timeout_spoils_what_is_under_way() {
    let mut probe = settled();
    probe.start(at(5_000), CheckId(2));
    assert!(
        !probe.stalled(Duration::from_millis(1_000)),
        "half is not more than half"
    );
    assert!(probe.stalled(Duration::from_millis(1_001)));
    let before = probe.rows().clone();
    let effect = probe
        .finish(at(8_000), CheckId(2), CheckOutcome::Fail)
        .expect("under way");
    assert_eq!(effect, ResultEffect::default());
    assert_eq!(*probe.rows(), before);
    assert_eq!(probe.due(), at(8_000), "it is asked again at once");
    probe.start(at(8_000), CheckId(3));
    assert_eq!(probe.due(), at(8_500));
}

#[test]
fn d2_a_stall_of_half_the_timeout_spoils_nothing() {
    let mut probe = settled();
    probe.start(at(5_000), CheckId(2));
    probe.stalled(Duration::from_millis(1_000));
    let effect = probe
        .finish(at(6_000), CheckId(2), CheckOutcome::Fail)
        .expect("under way");
    assert!(effect.counted);
}

#[test]
fn d2_a_stall_spoils_no_check_that_begins_after_it() {
    let mut probe = settled();
    assert!(!probe.stalled(Duration::from_secs(60)), "nothing is under way");
    assert!(check(&mut probe, 61_000, 2, CheckOutcome::Fail).counted);
}

#[test]
fn d2_while_checks_are_under_way_the_clock_is_watched_at_a_quarter_of_the_timeout() {
    let mut probe = probe();
    probe.start(at(0), CheckId(0));
    assert_eq!(probe.pulse(), Some(Duration::from_millis(500)));
    probe
        .finish(at(1), CheckId(0), CheckOutcome::Pass)
        .expect("under way");
    assert_eq!(probe.pulse(), None);
    let schedule = Schedule::new(Duration::from_secs(5), Duration::from_millis(500), at(0), at(0));
    let mut hasty = ProbeTracker::new(1, 1, Duration::from_millis(1), schedule, true);
    hasty.start(at(0), CheckId(0));
    assert_eq!(
        hasty.pulse(),
        Some(Duration::from_millis(1)),
        "but no more often than that"
    );
}

#[test]
fn d1_asked_out_of_turn_only_if_no_check_began_since() {
    let mut probe = settled();
    probe.ask(at(700), at(499));
    assert_eq!(probe.due(), at(5_000), "one began after 499");
    probe.ask(at(1_700), at(500));
    assert_eq!(probe.due(), at(1_700), "none began after 500");
    probe.ask(at(600), at(500));
    assert_eq!(
        probe.due(),
        at(1_000),
        "but not within retry_interval of the last"
    );
    let mut fresh = self::probe();
    fresh.start(at(0), CheckId(0));
    fresh
        .finish(at(1), CheckId(0), CheckOutcome::Error)
        .expect("under way");
    fresh.ask(at(2), at(0));
    assert_eq!(fresh.due(), at(500));
}

#[test]
fn d2_of_several_spoiled_checks_only_the_last_is_made_again() {
    let mut probe = settled();
    probe.start(at(5_000), CheckId(2));
    probe.start(at(5_500), CheckId(3));
    probe.stalled(Duration::from_secs(2));
    probe
        .finish(at(8_000), CheckId(2), CheckOutcome::Fail)
        .expect("under way");
    probe
        .finish(at(8_000), CheckId(3), CheckOutcome::Fail)
        .expect("under way");
    assert_eq!(probe.due(), at(6_000), "what followed up the last is overdue");
    probe.start(at(8_000), CheckId(4));
    probe
        .finish(at(8_001), CheckId(4), CheckOutcome::Pass)
        .expect("under way");
    assert_eq!(probe.due(), at(10_000));
}

#[test]
fn d5_it_may_be_failing_since_its_first_fail_or_since_a_check_that_is_overdue() {
    let mut probe = settled();
    assert_eq!(probe.fails(at(4_999)).map(|fails| fails.first), None);
    probe.start(at(5_000), CheckId(2));
    assert_eq!(probe.fails(at(5_499)).map(|fails| fails.first), None);
    assert_eq!(probe.fails(at(5_500)).map(|fails| fails.first), Some(at(5_000)));
    probe.start(at(5_500), CheckId(3));
    assert_eq!(probe.fails(at(6_500)).map(|fails| fails.first), Some(at(5_000)));
    probe
        .finish(at(6_600), CheckId(3), CheckOutcome::Pass)
        .expect("under way");
    assert_eq!(
        probe.fails(at(6_600)).map(|fails| fails.first),
        None,
        "one begun later passed"
    );
    check(&mut probe, 10_000, 4, CheckOutcome::Fail);
    probe.start(at(10_500), CheckId(5));
    assert_eq!(probe.fails(at(12_000)).map(|fails| fails.first), Some(at(10_000)));
    let mut probe = settled();
    probe.start(at(5_000), CheckId(2));
    probe.stalled(Duration::from_secs(2));
    assert_eq!(
        probe.fails(at(8_000)).map(|fails| fails.first),
        None,
        "a stall is not its fault"
    );
}

#[test]
fn d5_a_pass_is_sought_until_one_has_begun_after_the_fail() {
    let mut witness = settled();
    witness.seek_pass(at(1_700), at(500));
    assert_eq!(witness.due(), at(5_000), "the pass of 500 will do");
    witness.seek_pass(at(1_700), at(501));
    assert_eq!(witness.due(), at(1_700), "at once: that one began too early");
    witness.start(at(1_700), CheckId(2));
    witness.seek_pass(at(1_710), at(501));
    assert_eq!(witness.due(), at(2_200), "one is under way; it is followed up");
    witness
        .finish(at(1_711), CheckId(2), CheckOutcome::Error)
        .expect("under way");
    witness.seek_pass(at(2_300), at(501));
    assert_eq!(witness.due(), at(2_200), "the earlier request stands");
    witness.start(at(2_300), CheckId(3));
    witness
        .finish(at(2_301), CheckId(3), CheckOutcome::Pass)
        .expect("under way");
    witness.seek_pass(at(2_400), at(501));
    assert_eq!(witness.due(), at(5_000));
}

#[test]
fn d5_a_witness_that_did_not_pass_is_asked_again_but_not_in_the_past() {
    let mut witness = settled();
    witness.start(at(1_700), CheckId(2));
    witness
        .finish(at(1_701), CheckId(2), CheckOutcome::Error)
        .expect("under way");
    witness.seek_pass(at(3_000), at(1_600));
    assert_eq!(witness.due(), at(3_000));
}

#[test]
fn d5_a_witness_that_was_never_asked_is_asked_at_once() {
    let mut witness = probe();
    witness.seek_pass(at(0), at(0));
    assert_eq!(witness.due(), at(0));
}

#[test]
fn d1_checks_that_never_report_are_forgotten_beyond_a_limit() {
    let mut probe = settled();
    for id in 0..300 {
        probe.start(at(1_000 + id), CheckId(100 + id));
    }
    assert_eq!(
        probe.finish(at(9_000), CheckId(100), CheckOutcome::Fail),
        None,
        "forgotten"
    );
    assert_eq!(
        probe.finish(at(9_000), CheckId(143), CheckOutcome::Fail),
        None,
        "forgotten"
    );
    assert!(
        probe
            .finish(at(9_000), CheckId(144), CheckOutcome::Fail)
            .is_some()
    );
    assert!(
        probe
            .finish(at(9_000), CheckId(399), CheckOutcome::Fail)
            .is_some()
    );
}

#[test]
fn d5_a_voiding_reaches_the_rows() {
    let mut probe = probe();
    for (id, start) in [0, 500, 1_000].into_iter().enumerate() {
        check(&mut probe, start, id as u64, CheckOutcome::Fail);
    }
    assert_eq!(probe.state(), ProbeState::Down);
    probe.void_fails(None, at(2_000));
    assert_eq!(probe.state(), ProbeState::Unknown);
}

#[test]
fn d1_a_pass_that_was_overtaken_by_a_fail_ends_no_doubt() {
    let mut probe = settled();
    probe.start(at(5_000), CheckId(2));
    probe.start(at(5_500), CheckId(3));
    probe
        .finish(at(5_501), CheckId(3), CheckOutcome::Fail)
        .expect("under way");
    let effect = probe.finish(at(5_600), CheckId(2), CheckOutcome::Pass);
    assert_eq!(effect, Some(ResultEffect::default()));
    assert!(probe.in_doubt());
    assert_eq!(probe.due(), at(6_000));
}

#[test]
fn d1_under_another_configuration_rows_and_checks_under_way_go_on_with_its_own_thresholds() {
    let mut before = settled();
    before.start(at(5_000), CheckId(2));
    let ms = Duration::from_millis;
    let schedule = Schedule::new(ms(7_000), ms(500), at(6_000), at(7_000));
    let mut after = ProbeTracker::new(2, 4, ms(2_000), schedule, true);
    after.carry_over(&before, 2, 4);
    let mut rows = before.rows().clone();
    rows.set_thresholds(2, 4);
    assert_eq!(after.rows(), &rows);
    assert_eq!(after.due(), at(6_000), "its own place on the clock");
    let effect = after.finish(at(5_100), CheckId(2), CheckOutcome::Fail);
    assert!(effect.is_some_and(|effect| effect.counted), "it was under way");
    assert_eq!(after.state(), ProbeState::Up, "one fail is not enough");
    check(&mut after, 5_500, 7, CheckOutcome::Fail);
    assert_eq!(after.state(), ProbeState::Down, "by the new fall");
    for (id, start) in [(3, 6_000), (4, 6_500), (5, 7_000)] {
        check(&mut after, start, id, CheckOutcome::Pass);
        assert_eq!(after.state(), ProbeState::Down);
    }
    check(&mut after, 7_500, 6, CheckOutcome::Pass);
    assert_eq!(after.state(), ProbeState::Up, "by the new rise");
}

#[test]
fn d5_a_witness_that_never_passed_is_sought() {
    let mut witness = probe();
    check(&mut witness, 0, 0, CheckOutcome::Error);
    assert_eq!(witness.due(), at(5_000));
    witness.seek_pass(at(1_000), at(900));
    assert_eq!(witness.due(), at(1_000));
}

#[test]
fn d1_the_check_that_began_last_is_followed_up_whatever_else_is_out() {
    let mut probe = settled();
    for (id, start) in [(2, 5_000), (3, 5_500), (4, 6_000)] {
        probe.start(at(start), CheckId(id));
    }
    probe
        .finish(at(6_100), CheckId(3), CheckOutcome::Pass)
        .expect("under way");
    assert!(!probe.in_doubt(), "it passed");
    assert_eq!(probe.due(), at(6_500), "and yet the last one is unanswered");
}

#[test]
fn d1_a_check_is_overdue_five_seconds_after_its_timeout_and_not_before() {
    let mut probe = settled();
    probe.start(at(5_000), CheckId(2));
    probe.start(at(5_500), CheckId(3));
    let overdue = |millis| probe.overdue(at(millis)).map(|id| id.0).collect::<Vec<_>>();
    assert!(overdue(11_999).is_empty());
    assert_eq!(overdue(12_000), [2]);
    assert_eq!(overdue(12_499), [2]);
    assert_eq!(overdue(12_500), [2, 3]);
}

#[test]
fn d1_where_too_many_checks_are_out_the_oldest_makes_room() {
    let mut probe = settled();
    for id in 0..256 {
        assert_eq!(probe.crowded_out(), None, "{id} are out");
        probe.start(at(1_000 + id), CheckId(100 + id));
    }
    assert_eq!(probe.crowded_out(), Some(CheckId(100)));
    probe.start(at(2_000), CheckId(1_000));
    assert_eq!(probe.crowded_out(), Some(CheckId(101)));
}

#[test]
fn d5_a_check_should_be_answered_after_the_longest_answer_of_late_or_retry_interval() {
    let mut probe = probe();
    probe.start(at(0), CheckId(0));
    let settled = |probe: &ProbeTracker, now| probe.fails(at(now)).map(|fails| fails.settled);
    assert_eq!(
        settled(&probe, 600),
        Some(at(2_000)),
        "nothing was ever answered: the time-out"
    );
    probe
        .finish(at(800), CheckId(0), CheckOutcome::Pass)
        .expect("under way");
    probe.start(at(5_000), CheckId(1));
    assert_eq!(settled(&probe, 5_499), None);
    assert_eq!(settled(&probe, 5_500), Some(at(5_800)));
    probe
        .finish(at(5_003), CheckId(1), CheckOutcome::Fail)
        .expect("under way");
    assert_eq!(
        settled(&probe, 5_010),
        Some(at(5_003)),
        "it was answered: at its end"
    );
    let mut quick = settled_probe_with_answers_of(3);
    quick.start(at(5_000), CheckId(9));
    assert_eq!(settled(&quick, 6_000), Some(at(5_500)));
    let mut slow = settled_probe_with_answers_of(1_900);
    slow.start(at(9_000), CheckId(9));
    assert_eq!(settled(&slow, 9_600), Some(at(10_900)));
}

fn settled_probe_with_answers_of(millis: u64) -> ProbeTracker {
    let mut probe = probe();
    for (id, start) in [(0, 0), (1, 2_500)] {
        probe.start(at(start), CheckId(id));
        probe
            .finish(at(start + millis), CheckId(id), CheckOutcome::Pass)
            .expect("under way");
    }
    probe
}

#[test]
fn d5_a_witness_is_asked_at_the_moment_that_proves_and_not_shortly_before() {
    let mut witness = settled();
    witness.seek_pass(at(4_700), at(5_300));
    assert_eq!(witness.due(), at(5_300), "its turn at 5 s would be in the way");
    let mut witness = settled();
    witness.seek_pass(at(4_700), at(5_600));
    assert_eq!(witness.due(), at(5_000), "and here it would not");
    witness.start(at(5_000), CheckId(2));
    assert_eq!(witness.due(), at(5_600));
}

#[test]
fn d1_a_probe_that_is_down_or_without_a_part_is_asked_at_its_interval() {
    let mut down = settled();
    for (start, id) in [(5_000, 2), (5_500, 3), (6_000, 4)] {
        check(&mut down, start, id, CheckOutcome::Fail);
    }
    down.start(at(10_000), CheckId(5));
    assert_eq!(down.due(), at(15_000), "silence is expected");
    let schedule = Schedule::new(Duration::from_secs(5), Duration::from_millis(500), at(0), at(0));
    let mut idle = ProbeTracker::new(3, 2, Duration::from_secs(2), schedule, true).idle();
    for start in [0, 5_000] {
        check(&mut idle, start, start, CheckOutcome::Pass);
    }
    assert_eq!(idle.state(), ProbeState::Up);
    let effect = check(&mut idle, 10_000, 2, CheckOutcome::Fail);
    assert_eq!((effect.counted, effect.fell_into_doubt), (true, false));
    idle.start(at(15_000), CheckId(3));
    assert_eq!(idle.due(), at(20_000));
}

#[test]
fn d1_a_probe_that_cannot_be_asked_any_more_is_in_no_doubt() {
    let mut probe = settled();
    check(&mut probe, 5_000, 2, CheckOutcome::Fail);
    for (start, id) in [(5_500, 3), (6_000, 4)] {
        check(&mut probe, start, id, CheckOutcome::Error);
        assert!(probe.in_doubt());
    }
    check(&mut probe, 6_500, 5, CheckOutcome::Error);
    assert_eq!((probe.state(), probe.in_doubt()), (ProbeState::Unknown, false));
    assert_eq!(probe.due(), at(10_000));
}
