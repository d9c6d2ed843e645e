//! D1 and D5 in tables: what passes, fails and errors add up to.

use super::*;

fn at(second: u64) -> Moment {
    Moment::new(Duration::from_secs(second))
}

/// Results as (start, outcome), in the order in which they come in.
type Results = &'static [(u64, char)];

fn outcome(letter: char) -> CheckOutcome {
    match letter {
        'P' => CheckOutcome::Pass,
        'F' => CheckOutcome::Fail,
        'E' => CheckOutcome::Error,
        other => panic!("no outcome is called {other}"),
    }
}

fn letter(state: ProbeState) -> char {
    match state {
        ProbeState::Up => 'u',
        ProbeState::Down => 'd',
        ProbeState::Unknown => '?',
    }
}

/// The state after each result, of checks that begin a second apart and end in order.
fn states(fall: u32, rise: u32, results: &str) -> String {
    let mut rows = Streaks::new(fall, rise);
    let after = results.chars().enumerate().map(|(second, result)| {
        assert!(
            rows.record(
                at(second as u64),
                at(second as u64),
                at(second as u64),
                outcome(result)
            ),
            "{results} at {second}"
        );
        letter(rows.state())
    });
    after.collect()
}

fn fed(fall: u32, rise: u32, results: &[(u64, char)]) -> Streaks {
    let mut rows = Streaks::new(fall, rise);
    for &(start, result) in results {
        rows.record(at(start), at(start), at(start), outcome(result));
    }
    rows
}

#[test]
fn d1_states_follow_rows_of_fall_and_rise() {
    let table = [
        // fall, rise, results, the state after each
        (3, 2, "", ""),
        (3, 2, "FFF", "??d"),
        (3, 2, "FFFF", "??dd"),
        (3, 2, "PP", "?u"),
        (1, 1, "FPFP", "dudu"),
        (3, 2, "FFPFFPFF", "????????"),
        (3, 2, "PPFFPFFPFFF", "?uuuuuuuuud"),
        (3, 2, "FFFPFPFPP", "??ddddddu"),
        (2, 3, "PPPFPFF", "??uuuud"),
        // An error is neither and breaks no row.
        (3, 2, "FFEF", "???d"),
        (3, 2, "FEFEF", "????d"),
        (3, 2, "PEP", "??u"),
        (3, 2, "PPEEP", "?uuuu"),
        // `fall` errors in a row are unknown.
        (3, 2, "PPEEE", "?uuu?"),
        (3, 2, "FFFEEE", "??ddd?"),
        (3, 2, "PPEEPEE", "?uuuuuu"),
        (3, 2, "FFFEEFEE", "??dddddd"),
        (1, 2, "PPE", "?u?"),
        // And both rows start anew: nothing from before counts towards them.
        (3, 2, "PPEEEP", "?uuu??"),
        (3, 2, "PPEEEPP", "?uuu??u"),
        (3, 2, "FFFEEEF", "??ddd??"),
        (3, 2, "FFEEEFF", "???????"),
        (3, 2, "FFEEEFFF", "???????d"),
        (3, 2, "FFFEEEPP", "??ddd??u"),
    ];
    for (fall, rise, results, expected) in table {
        assert_eq!(
            states(fall, rise, results),
            expected,
            "{results} with {fall}/{rise}"
        );
    }
}

#[test]
fn d1_thresholds_of_zero_count_as_one() {
    assert_eq!(states(0, 0, "FP"), "du");
    let mut rows = Streaks::new(5, 5);
    rows.set_thresholds(0, 0);
    rows.record(at(1), at(1), at(1), CheckOutcome::Fail);
    assert_eq!(rows.state(), ProbeState::Down);
    rows.record(at(2), at(2), at(2), CheckOutcome::Pass);
    assert_eq!(rows.state(), ProbeState::Up);
}

#[test]
fn d1_new_thresholds_hold_from_the_next_result_on() {
    let mut rows = fed(5, 5, &[(0, 'F'), (1, 'F')]);
    rows.set_thresholds(3, 2);
    assert_eq!(rows.state(), ProbeState::Unknown);
    rows.record(at(2), at(2), at(2), CheckOutcome::Fail);
    assert_eq!(rows.state(), ProbeState::Down);
    rows.record(at(3), at(3), at(3), CheckOutcome::Pass);
    rows.record(at(4), at(4), at(4), CheckOutcome::Pass);
    assert_eq!(rows.state(), ProbeState::Up);
}

#[test]
fn d1_a_check_begun_before_one_that_counted_the_other_way_changes_nothing() {
    // A fail that was overtaken by a later pass.
    let mut rows = fed(1, 1, &[(2, 'P')]);
    assert!(!rows.record(at(1), at(1), at(1), CheckOutcome::Fail));
    assert_eq!(
        (rows.state(), rows.streak(), rows.blame()),
        (ProbeState::Up, 1, None)
    );
    // A pass that was overtaken by a later fail.
    let mut rows = fed(1, 1, &[(2, 'F')]);
    assert!(!rows.record(at(1), at(1), at(1), CheckOutcome::Pass));
    assert_eq!((rows.state(), rows.latest_pass()), (ProbeState::Down, None));
    // An error that was overtaken by either.
    for later in ['P', 'F'] {
        let mut rows = fed(1, 1, &[(2, later)]);
        let before = rows.clone();
        assert!(!rows.record(at(1), at(1), at(1), CheckOutcome::Error));
        assert_eq!(rows, before);
    }
    // The latest of the other kind is what counts, not the last that came in.
    let mut rows = fed(9, 9, &[(1, 'P'), (6, 'F'), (4, 'F')]);
    assert!(!rows.record(at(5), at(5), at(5), CheckOutcome::Pass));
    let mut rows = fed(9, 9, &[(1, 'F'), (6, 'P'), (4, 'P')]);
    assert!(!rows.record(at(5), at(5), at(5), CheckOutcome::Fail));
}

#[test]
fn d1_checks_begun_at_one_instant_do_not_overrule_each_other() {
    let mut rows = fed(1, 1, &[(2, 'P')]);
    assert!(rows.record(at(2), at(2), at(2), CheckOutcome::Fail));
    assert!(rows.record(at(2), at(2), at(2), CheckOutcome::Pass));
    assert!(rows.record(at(2), at(2), at(2), CheckOutcome::Error));
}

#[test]
fn d1_late_results_of_the_same_kind_count_whatever_their_order() {
    let rows = fed(3, 2, &[(3, 'F'), (1, 'F'), (2, 'F')]);
    assert_eq!(rows.state(), ProbeState::Down);
    assert_eq!(rows.failing().map(|row| row.first), Some(at(1)));
    assert_eq!(
        rows.blame(),
        Some(FailureSpan {
            first: at(1),
            settled: at(1),
            ended: Some(at(1)),
            last: at(3),
            full_row_since: Some(at(1)),
        })
    );
    let rows = fed(3, 2, &[(3, 'P'), (2, 'P')]);
    assert_eq!((rows.state(), rows.latest_pass()), (ProbeState::Up, Some(at(3))));
}

#[test]
fn d1_the_streak_counts_results_of_the_latest_kind() {
    for (results, streak) in [
        ("", 0),
        ("F", 1),
        ("PPP", 3),
        ("PPF", 1),
        ("FFFE", 1),
        ("FFEE", 2),
        ("FEF", 2),
        ("EEEE", 4),
    ] {
        let results: Vec<_> = results
            .chars()
            .enumerate()
            .map(|(at, result)| (at as u64, result))
            .collect();
        assert_eq!(fed(9, 9, &results).streak(), streak, "{results:?}");
    }
}

#[test]
fn d1_the_first_fail_is_that_of_the_present_row() {
    assert_eq!(fed(3, 2, &[]).failing().map(|row| row.first), None);
    assert_eq!(
        fed(3, 2, &[(1, 'F'), (2, 'F')]).failing().map(|row| row.first),
        Some(at(1))
    );
    assert_eq!(
        fed(3, 2, &[(1, 'F'), (2, 'P')]).failing().map(|row| row.first),
        None
    );
    assert_eq!(
        fed(3, 2, &[(1, 'F'), (2, 'P'), (3, 'F')])
            .failing()
            .map(|row| row.first),
        Some(at(3))
    );
    assert_eq!(
        fed(3, 2, &[(1, 'F'), (2, 'E')]).failing().map(|row| row.first),
        Some(at(1))
    );
}

#[test]
fn d5_blame_is_the_row_that_turned_it_down_and_what_failed_since() {
    let table: [(Results, Option<(u64, u64)>); 7] = [
        (&[(1, 'P')], None),
        (&[(1, 'F')], Some((1, 1))),
        (&[(1, 'F'), (2, 'F')], Some((1, 2))),
        // Not down yet: the latest row alone.
        (&[(1, 'F'), (2, 'P'), (3, 'F')], Some((3, 3))),
        // Down: a pass that does not make it up again ends nothing.
        (&[(1, 'F'), (2, 'F'), (3, 'P'), (4, 'F')], Some((1, 4))),
        (&[(1, 'F'), (4, 'F'), (3, 'F')], Some((1, 4))),
        // Up in between.
        (&[(1, 'F'), (2, 'F'), (3, 'P'), (4, 'P'), (5, 'F')], Some((5, 5))),
    ];
    for (results, expected) in table {
        let blame = fed(2, 2, results).blame().map(|blame| (blame.first, blame.last));
        let expected = expected.map(|(first, last)| (at(first), at(last)));
        assert_eq!(blame, expected, "{results:?}");
    }
}

#[test]
fn d5_voiding_undoes_what_turned_down_in_the_cut_and_keeps_what_was_down_before() {
    use ProbeState::{Down, Unknown, Up};
    // fall 2, rise 2; (results, connected until, the state after the voiding at 20)
    let table: [(Results, Option<u64>, ProbeState); 8] = [
        (&[(1, 'P'), (2, 'P'), (11, 'F'), (12, 'F')], Some(10), Unknown),
        (&[(1, 'P'), (2, 'P'), (11, 'F')], Some(10), Up),
        (&[(1, 'F'), (2, 'F'), (11, 'F')], Some(10), Down),
        (&[(1, 'F'), (2, 'F')], Some(10), Down),
        // The row began before and turned it down in the cut.
        (&[(9, 'F'), (11, 'F')], Some(10), Unknown),
        // A fail at the very start of the last pass is not since that pass.
        (&[(9, 'F'), (10, 'F')], Some(10), Down),
        // Never connected: everything is void.
        (&[(1, 'F'), (2, 'F')], None, Unknown),
        // It was down, came up, and went down again in the cut.
        (
            &[(1, 'F'), (2, 'F'), (3, 'P'), (4, 'P'), (11, 'F'), (12, 'F')],
            Some(10),
            Unknown,
        ),
    ];
    for (results, since, expected) in table {
        let mut rows = fed(2, 2, results);
        rows.void_fails(since.map(at), Duration::ZERO, at(20));
        assert_eq!(rows.state(), expected, "{results:?} since {since:?}");
    }
}

#[test]
fn d5_after_a_voiding_rows_start_anew() {
    let mut rows = fed(3, 2, &[(1, 'P'), (2, 'P'), (11, 'F'), (12, 'F')]);
    rows.void_fails(Some(at(10)), Duration::ZERO, at(20));
    assert_eq!(
        (rows.streak(), rows.failing().map(|row| row.first), rows.blame()),
        (0, None, None)
    );
    assert!(
        !rows.record(at(19), at(19), at(19), CheckOutcome::Fail),
        "begun before the end of the isolation"
    );
    assert!(rows.record(at(20), at(20), at(20), CheckOutcome::Fail));
    rows.record(at(21), at(21), at(21), CheckOutcome::Fail);
    assert_eq!(rows.state(), ProbeState::Up);
    rows.record(at(22), at(22), at(22), CheckOutcome::Fail);
    assert_eq!(rows.state(), ProbeState::Down);
    assert_eq!(
        rows.blame(),
        Some(FailureSpan {
            first: at(20),
            settled: at(20),
            ended: Some(at(20)),
            last: at(22),
            full_row_since: Some(at(20)),
        })
    );
}

#[test]
fn d5_a_voiding_keeps_rows_that_ended_before_the_cut_and_rows_of_passes() {
    let mut rows = fed(3, 2, &[(8, 'F'), (9, 'F')]);
    rows.void_fails(Some(at(10)), Duration::ZERO, at(20));
    assert_eq!(
        (rows.streak(), rows.failing().map(|row| row.first)),
        (2, Some(at(8)))
    );
    rows.record(at(20), at(20), at(20), CheckOutcome::Fail);
    assert_eq!(rows.state(), ProbeState::Down);
    let mut rows = fed(3, 2, &[(11, 'P')]);
    rows.void_fails(Some(at(10)), Duration::ZERO, at(20));
    assert_eq!(rows.streak(), 1);
    rows.record(at(12), at(12), at(12), CheckOutcome::Pass);
    assert_eq!(rows.state(), ProbeState::Up);
}

#[test]
fn d5_a_voided_fail_overrules_no_pass() {
    let mut rows = fed(3, 1, &[(11, 'F')]);
    rows.void_fails(Some(at(10)), Duration::ZERO, at(20));
    assert!(rows.record(at(10), at(10), at(10), CheckOutcome::Pass));
    // One that stands still does.
    let mut rows = fed(3, 1, &[(9, 'F')]);
    rows.void_fails(Some(at(10)), Duration::ZERO, at(20));
    assert!(!rows.record(at(8), at(8), at(8), CheckOutcome::Pass));
}

#[test]
fn d5_two_voidings_reach_as_far_as_the_later() {
    let mut rows = Streaks::new(1, 1);
    rows.void_fails(None, Duration::ZERO, at(20));
    rows.void_fails(None, Duration::ZERO, at(10));
    assert!(!rows.record(at(15), at(15), at(15), CheckOutcome::Fail));
    assert!(rows.record(at(20), at(20), at(20), CheckOutcome::Fail));
}

#[test]
fn d5_blame_from_before_the_cut_outlives_the_voiding() {
    let mut rows = fed(2, 2, &[(1, 'F'), (2, 'F'), (11, 'F')]);
    rows.void_fails(Some(at(10)), Duration::ZERO, at(20));
    assert_eq!(rows.blame().map(|blame| blame.first), Some(at(1)));
}

#[test]
fn d1_errors_forget_what_turned_it_down_so_that_no_voiding_touches_it_twice() {
    let mut rows = fed(2, 2, &[(11, 'F'), (12, 'F'), (13, 'P'), (14, 'P')]);
    rows.void_fails(Some(at(10)), Duration::ZERO, at(20));
    assert_eq!(rows.state(), ProbeState::Up, "it was up again already");
    let mut rows = fed(
        2,
        2,
        &[(11, 'F'), (12, 'F'), (13, 'E'), (14, 'E'), (15, 'P'), (16, 'P')],
    );
    rows.void_fails(Some(at(10)), Duration::ZERO, at(20));
    assert_eq!(rows.state(), ProbeState::Up);
}

#[test]
fn d1_after_fall_errors_both_rows_and_their_blame_start_anew() {
    let rows = fed(3, 3, &[(1, 'F'), (2, 'F'), (3, 'E'), (4, 'E'), (5, 'E')]);
    assert_eq!((rows.failing(), rows.blame()), (None, None));
    let mut rows = fed(
        3,
        3,
        &[
            (1, 'F'),
            (2, 'F'),
            (3, 'E'),
            (4, 'E'),
            (5, 'E'),
            (6, 'F'),
            (7, 'F'),
        ],
    );
    assert_eq!(rows.state(), ProbeState::Unknown, "two fails are no row of three");
    rows.record(at(8), at(8), at(8), CheckOutcome::Fail);
    assert_eq!(rows.state(), ProbeState::Down);
    assert_eq!(rows.blame().map(|blame| blame.first), Some(at(6)));
    let mut rows = fed(
        3,
        3,
        &[
            (1, 'P'),
            (2, 'P'),
            (3, 'E'),
            (4, 'E'),
            (5, 'E'),
            (6, 'P'),
            (7, 'P'),
        ],
    );
    assert_eq!(rows.state(), ProbeState::Unknown, "nor two passes");
    rows.record(at(8), at(8), at(8), CheckOutcome::Pass);
    assert_eq!(rows.state(), ProbeState::Up);
}

#[test]
fn d1_what_began_before_the_errors_says_nothing_after_them() {
    let mut rows = fed(2, 2, &[(5, 'E'), (6, 'E')]);
    for outcome in [CheckOutcome::Fail, CheckOutcome::Pass, CheckOutcome::Error] {
        assert!(!rows.record(at(4), at(4), at(4), outcome), "{outcome:?}");
    }
    assert!(rows.record(at(7), at(7), at(7), CheckOutcome::Fail));
}

#[test]
fn d5_a_fail_that_should_have_been_answered_in_the_cut_is_void_although_it_began_before() {
    let mut rows = fed(2, 2, &[(1, 'P'), (2, 'P'), (8, 'F'), (9, 'F')]);
    rows.void_fails(Some(at(10)), Duration::from_secs(1), at(20));
    assert_eq!(rows.state(), ProbeState::Down, "answered by 10");
    rows.void_fails(Some(at(10)), Duration::from_secs(2), at(20));
    assert_eq!(rows.state(), ProbeState::Unknown, "on its way at 10");
}

#[test]
fn d5_what_failed_in_the_cut_proves_nothing_of_a_probe_that_was_down_before() {
    let mut rows = fed(2, 2, &[(1, 'F'), (2, 'F'), (15, 'F')]);
    rows.void_fails(Some(at(10)), Duration::ZERO, at(20));
    assert_eq!(rows.blame().map(|blame| blame.last), Some(at(2)));
}
