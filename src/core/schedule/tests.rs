//! D1 on one schedule: the grid, and doubt.

use super::*;

fn at(millis: u64) -> Moment {
    Moment::new(Duration::from_millis(millis))
}

/// Every 5 s from second 2 on, retried after 500 ms, asked first at 100 ms.
fn schedule() -> Schedule {
    Schedule::new(
        Duration::from_secs(5),
        Duration::from_millis(500),
        at(100),
        at(2_000),
    )
}

#[test]
fn d1_the_first_check_has_its_own_time_and_the_grid_follows() {
    let mut schedule = schedule();
    assert_eq!(schedule.due(false), at(100));
    assert_eq!(schedule.last_start(), None);
    schedule.start(at(100), false);
    assert_eq!(schedule.last_start(), Some(at(100)));
    assert_eq!(schedule.due(false), at(2_000));
}

#[test]
fn d1_the_grid_does_not_drift() {
    let mut schedule = schedule();
    schedule.start(at(100), false);
    for (started, next) in [(2_003, 7_000), (7_450, 12_000), (12_000, 17_000)] {
        schedule.start(at(started), false);
        assert_eq!(schedule.due(false), at(next), "started at {started}");
    }
}

#[test]
fn d1_points_that_were_missed_are_left_out() {
    let mut schedule = schedule();
    schedule.start(at(18_500), false);
    assert_eq!(schedule.due(false), at(22_000));
    schedule.start(at(22_000), false);
    assert_eq!(schedule.due(false), at(27_000));
}

#[test]
fn d1_a_check_out_of_turn_moves_no_point_of_the_grid() {
    let mut schedule = schedule();
    schedule.start(at(2_000), false);
    schedule.ask(at(4_000));
    assert_eq!(schedule.due(false), at(4_000));
    schedule.start(at(4_000), false);
    assert_eq!(schedule.due(false), at(7_000));
}

#[test]
fn d1_of_several_askings_the_earliest_counts_once() {
    let mut schedule = schedule();
    schedule.start(at(2_000), false);
    schedule.ask(at(4_000));
    schedule.ask(at(3_000));
    schedule.ask(at(5_000));
    assert_eq!(schedule.due(false), at(3_000));
    schedule.start(at(3_000), false);
    assert_eq!(schedule.due(false), at(7_000));
}

#[test]
fn d1_in_doubt_the_next_check_follows_retry_interval_after_the_start_of_the_last() {
    let mut schedule = schedule();
    schedule.start(at(2_000), false);
    assert!(schedule.answer(false), "it falls into doubt");
    assert!(schedule.in_doubt());
    assert_eq!(schedule.due(false), at(2_500));
    schedule.start(at(2_510), false);
    assert_eq!(schedule.due(false), at(3_010));
    assert!(!schedule.answer(false), "it was in doubt before");
    assert!(!schedule.answer(true));
    assert!(!schedule.in_doubt());
    assert_eq!(schedule.due(false), at(7_000));
}

#[test]
fn d1_no_two_checks_begin_within_retry_interval_whoever_asks() {
    let mut schedule = schedule();
    schedule.start(at(6_800), false);
    assert_eq!(schedule.due(false), at(7_300), "not even on the grid");
    schedule.ask(at(6_801));
    schedule.answer(false);
    assert_eq!(schedule.due(true), at(7_300));
    schedule.start(at(7_300), false);
    schedule.answer(true);
    assert_eq!(schedule.due(false), at(12_000), "the grid stays where it is");
}

#[test]
fn d1_asked_in_a_hurry_after_an_answer_it_waits_for_a_quarter_of_retry_interval() {
    let mut schedule = schedule();
    schedule.start(at(6_000), false);
    schedule.hurry(at(6_001));
    assert_eq!(schedule.due(true), at(6_500), "while it is out");
    schedule.answer(true);
    assert_eq!(schedule.due(false), at(6_125));
    schedule.start(at(6_125), false);
    schedule.answer(false);
    schedule.hurry(at(6_130));
    assert_eq!(schedule.due(false), at(6_625), "a fail was the first of a row");
}

#[test]
fn d1_a_check_unanswered_for_retry_interval_is_followed_up_and_raises_doubt_once() {
    let mut schedule = schedule();
    schedule.start(at(2_000), false);
    assert_eq!(schedule.due(true), at(2_500));
    assert!(!schedule.in_doubt());
    assert!(schedule.start(at(2_500), true));
    assert!(schedule.in_doubt());
    assert_eq!(schedule.due(true), at(3_000));
    assert!(!schedule.start(at(3_000), true));
    assert!(schedule.in_doubt());
}

#[test]
fn d1_a_check_asked_for_before_the_last_had_its_time_raises_no_doubt() {
    let mut schedule = schedule();
    schedule.start(at(2_000), false);
    assert!(!schedule.start(at(2_499), true));
    assert!(!schedule.in_doubt());
    assert!(!schedule.start(at(9_000), false), "the last was answered");
    assert!(!schedule.in_doubt());
}

#[test]
fn d1_intervals_of_zero_still_let_time_pass() {
    let mut schedule = Schedule::new(Duration::ZERO, Duration::ZERO, at(0), at(0));
    schedule.start(at(0), false);
    assert_eq!(schedule.due(false), at(1));
    schedule.answer(false);
    assert_eq!(schedule.due(false), at(1));
    assert_eq!(schedule.follow_up(at(7)), at(8));
}
