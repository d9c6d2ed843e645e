//! When a daily failback window is open, with daylight saving (D6).
//!
//! A window is open while the wall clock in its zone reads a time in it. On the day that skips such
//! times it is shorter or absent; on the day that repeats them it is longer.

use jiff::civil::Time;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};

use crate::config::model::DailyWindow;

/// How far ahead an opening is looked for: past any day that a change of clocks leaves without one.
const DAYS_AHEAD: i64 = 8;

/// Whether the window is open.
pub fn is_open(window: &DailyWindow, at: Timestamp) -> bool {
    contains(window.start, window.end, at.to_zoned(window.zone.clone()).time())
}

/// The next time at which the window opens, after `now`; `None` if it does not within days.
pub fn next_opening(window: &DailyWindow, now: Timestamp) -> Option<Timestamp> {
    let today = now.to_zoned(window.zone.clone()).date();
    let starts = (-1..DAYS_AHEAD).filter_map(|days| today.checked_add(Span::new().days(days)).ok());
    let starts = starts.flat_map(|day| instants(&window.zone, day.to_datetime(window.start)));
    // Where clocks leap over the start, the leap itself opens the window.
    let leaps = window
        .zone
        .following(now)
        .take(2)
        .map(|transition| transition.timestamp());
    starts
        .chain(leaps)
        .filter(|&at| at > now && is_open(window, at))
        .min()
}

fn contains(start: Time, end: Time, time: Time) -> bool {
    if start < end {
        start <= time && time < end
    } else {
        start <= time || time < end
    }
}

/// The instants that a civil time names: none in a gap, two in a fold.
fn instants(zone: &TimeZone, civil: jiff::civil::DateTime) -> impl Iterator<Item = Timestamp> {
    let offsets = match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
        AmbiguousOffset::Gap { .. } => [None, None],
        AmbiguousOffset::Fold { before, after } => [Some(before), Some(after)],
    };
    offsets
        .into_iter()
        .flatten()
        .filter_map(move |offset| offset.to_timestamp(civil).ok())
}

#[cfg(test)]
mod tests;
