//! D6 on windows: time zones, midnight, and the days on which clocks are changed.

use super::*;

fn window(start: &str, end: &str, zone: &str) -> DailyWindow {
    let time = |text: &str| text.parse::<Time>().expect("a time of day");
    DailyWindow {
        start: time(start),
        end: time(end),
        zone: TimeZone::get(zone).expect("a zone"),
    }
}

fn utc(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Whether it is open at each of these times.
fn open_at(window: &DailyWindow, times: &[(&str, bool)]) {
    for (at, expected) in times {
        assert_eq!(is_open(window, utc(at)), *expected, "at {at}");
    }
}

/// When it opens next, after each of these times.
fn opens_after(window: &DailyWindow, times: &[(&str, &str)]) {
    for (now, opening) in times {
        let found = next_opening(window, utc(now));
        assert_eq!(found, Some(utc(opening)), "after {now}");
        assert!(found.is_some_and(|at| is_open(window, at)));
    }
}

#[test]
fn d6_a_window_includes_its_start_and_not_its_end_in_its_own_zone() {
    let window = window("02:00", "05:00", "Asia/Hong_Kong");
    open_at(
        &window,
        &[
            ("2026-03-01T17:59:59.999Z", false),
            ("2026-03-01T18:00:00Z", true),
            ("2026-03-01T20:59:59.999Z", true),
            ("2026-03-01T21:00:00Z", false),
            ("2026-03-01T03:00:00Z", false),
        ],
    );
    opens_after(
        &window,
        &[
            ("2026-03-01T17:59:59Z", "2026-03-01T18:00:00Z"),
            ("2026-03-01T18:00:00Z", "2026-03-02T18:00:00Z"),
            ("2026-03-01T22:00:00Z", "2026-03-02T18:00:00Z"),
        ],
    );
}

#[test]
fn d6_a_window_may_cross_midnight() {
    let window = window("22:00", "02:00", "UTC");
    open_at(
        &window,
        &[
            ("2026-03-01T21:59:59Z", false),
            ("2026-03-01T22:00:00Z", true),
            ("2026-03-02T00:00:00Z", true),
            ("2026-03-02T01:59:59Z", true),
            ("2026-03-02T02:00:00Z", false),
            ("2026-03-02T12:00:00Z", false),
        ],
    );
    opens_after(
        &window,
        &[
            ("2026-03-02T02:00:00Z", "2026-03-02T22:00:00Z"),
            ("2026-03-01T22:00:00Z", "2026-03-02T22:00:00Z"),
        ],
    );
}

/// Berlin, 29 March 2026: 02:00 leaps to 03:00, at 01:00 UTC.
#[test]
fn d6_where_clocks_leap_over_the_start_the_leap_opens_the_window() {
    let window = window("02:30", "05:00", "Europe/Berlin");
    open_at(
        &window,
        &[
            ("2026-03-29T00:59:59Z", false),
            ("2026-03-29T01:00:00Z", true),
            ("2026-03-29T02:59:59Z", true),
            ("2026-03-29T03:00:00Z", false),
        ],
    );
    opens_after(
        &window,
        &[
            ("2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
            ("2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"),
        ],
    );
}

#[test]
fn d6_a_window_that_the_leap_swallows_opens_the_next_day() {
    let window = window("02:00", "03:00", "Europe/Berlin");
    open_at(
        &window,
        &[("2026-03-29T00:59:59Z", false), ("2026-03-29T01:00:00Z", false)],
    );
    opens_after(&window, &[("2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z")]);
}

/// Berlin, 25 October 2026: 03:00 falls back to 02:00, at 01:00 UTC.
#[test]
fn d6_where_clocks_repeat_an_hour_the_window_is_open_both_times() {
    let window = window("02:30", "02:45", "Europe/Berlin");
    open_at(
        &window,
        &[
            ("2026-10-25T00:29:59Z", false),
            ("2026-10-25T00:30:00Z", true),
            ("2026-10-25T00:45:00Z", false),
            ("2026-10-25T01:29:59Z", false),
            ("2026-10-25T01:30:00Z", true),
            ("2026-10-25T01:45:00Z", false),
        ],
    );
    opens_after(
        &window,
        &[
            ("2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            ("2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"),
        ],
    );
}

#[test]
fn d6_a_fall_back_into_the_window_opens_it_again() {
    let window = window("01:30", "02:30", "Europe/Berlin");
    open_at(
        &window,
        &[
            ("2026-10-25T00:29:59Z", true),
            ("2026-10-25T00:30:00Z", false),
            ("2026-10-25T01:00:00Z", true),
            ("2026-10-25T01:30:00Z", false),
        ],
    );
    opens_after(&window, &[("2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z")]);
}

/// Apia left out 30 December 2011 altogether.
#[test]
fn d6_a_day_that_does_not_exist_is_passed_over() {
    let window = window("10:00", "11:00", "Pacific/Apia");
    opens_after(&window, &[("2011-12-29T21:30:00Z", "2011-12-30T20:00:00Z")]);
}

#[test]
fn d6_the_day_before_counts_where_the_zone_is_ahead() {
    let window = window("00:30", "01:00", "Pacific/Kiritimati");
    opens_after(&window, &[("2026-03-01T10:00:00Z", "2026-03-01T10:30:00Z")]);
}

#[test]
fn d6_at_the_end_of_time_no_window_opens_and_nothing_breaks() {
    let window = window("02:00", "05:00", "UTC");
    assert_eq!(next_opening(&window, Timestamp::MAX), None);
    assert!(next_opening(&window, Timestamp::MIN).is_some());
}

#[test]
fn d6_an_opening_is_the_first_of_those_that_are_to_come_minute_by_minute() {
    let zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"];
    let spans = [("01:45", "02:15"), ("23:30", "00:30"), ("02:00", "03:00")];
    for zone in zones {
        for (start, end) in spans {
            let window = window(start, end, zone);
            for begin in [
                "2026-03-07T00:00:00Z",
                "2026-03-28T00:00:00Z",
                "2026-10-03T00:00:00Z",
                "2026-10-24T00:00:00Z",
                "2026-10-31T00:00:00Z",
            ] {
                the_first_is_found(&window, utc(begin));
            }
        }
    }
}

fn the_first_is_found(window: &DailyWindow, begin: Timestamp) {
    let minutes: Vec<_> = (0..3 * 24 * 60)
        .map(|minute| begin + jiff::SignedDuration::from_mins(minute))
        .collect();
    let opening = |pair: &&[Timestamp]| !is_open(window, pair[0]) && is_open(window, pair[1]);
    for pair in minutes.windows(2).filter(|pair| opening(pair)) {
        assert_eq!(next_opening(window, pair[0]), Some(pair[1]), "{window:?}");
    }
}
