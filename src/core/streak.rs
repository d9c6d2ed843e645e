//! Rows of passes and fails, and the state that they add up to (D1).
//!
//! Rows go by the start of the checks, not by the arrival of the results: a check that began before
//! one that already counted the other way changes nothing. Of a fail it is kept, too, from when on
//! its check should have been answered, and when it had failed: only then does a pass of a witness say
//! that the answer was not lost on our own uplink (D5).

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::snapshot::{CheckOutcome, ProbeState};
use crate::model::time::Moment;

/// The rows of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streaks {
    fall: u32,
    rise: u32,
    state: ProbeState,
    row: Option<Streak>,
    /// The starts of the latest fails in the present row, in order; `fall` of them at most.
    latest_fails: VecDeque<Moment>,
    errors: u32,
    latest_pass: Option<Moment>,
    latest_fail: Option<Moment>,
    /// The latest start in the row of fails that turned the probe down, while it is down.
    turned_down_on: Option<Moment>,
    blame: Option<FailureSpan>,
    /// Fails of checks begun before this moment prove nothing (D5).
    void_before: Moment,
    /// Checks begun before this moment say nothing: errors have made the probe unknown since (D1).
    anew_since: Moment,
}

/// What a probe that is down, or on its way there, is to be blamed for: the starts of the first check
/// in the row that turned it down, and of the latest that failed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureSpan {
    /// The first failed check.
    pub first: Moment,
    /// When the answer to that check should have come, as far as earlier answers tell.
    pub settled: Moment,
    /// When it had failed; `None`: it is still out.
    pub ended: Option<Moment>,
    /// The last one so far, whatever passed between without making it up again.
    pub last: Moment,
    /// Since when it has failed often enough to be down by that alone, in one row.
    pub full_row_since: Option<Moment>,
}

/// Results of one kind, with none of the other between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Streak {
    kind: StreakKind,
    count: u32,
    first: Moment,
    /// When the answer to the first check should have come.
    settled: Moment,
    /// When the first check had its result.
    ended: Moment,
    last: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StreakKind {
    Passes,
    Fails,
}

impl Streaks {
    /// A probe of which nothing is known. Zero for `fall` or `rise` is as good as one: a row has one at least.
    pub fn new(fall: u32, rise: u32) -> Self {
        Self {
            fall,
            rise,
            state: ProbeState::Unknown,
            row: None,
            latest_fails: VecDeque::new(),
            errors: 0,
            latest_pass: None,
            latest_fail: None,
            turned_down_on: None,
            blame: None,
            void_before: Moment::START,
            anew_since: Moment::START,
        }
    }

    /// Rows with the same thresholds, of which nothing is known.
    pub fn restarted(&self) -> Self {
        Self::new(self.fall, self.rise)
    }

    /// Other thresholds, from the next result on.
    pub fn set_thresholds(&mut self, fall: u32, rise: u32) {
        (self.fall, self.rise) = (fall, rise);
    }

    /// What the rows add up to.
    pub fn state(&self) -> ProbeState {
        self.state
    }

    /// How many results of the latest kind stand in a row; errors in a row where the latest were
    /// errors.
    pub fn streak(&self) -> u32 {
        match self.row {
            _ if self.errors > 0 => self.errors,
            Some(row) => row.count,
            None => 0,
        }
    }

    /// Whether it cannot be asked any more: so many errors in a row that nothing is known (D1).
    pub fn is_lost(&self) -> bool {
        self.errors >= self.fall.max(1)
    }

    /// The start of the latest check that passed and counted.
    pub fn latest_pass(&self) -> Option<Moment> {
        self.latest_pass
    }

    /// The present row of fails.
    pub fn failing(&self) -> Option<FailureSpan> {
        let row = self.row.filter(|row| row.kind == StreakKind::Fails)?;
        Some(FailureSpan {
            first: row.first,
            settled: row.settled,
            ended: Some(row.ended),
            last: row.last,
            full_row_since: self.full_row_since(),
        })
    }

    fn full_row_since(&self) -> Option<Moment> {
        let needed = usize::try_from(self.fall.max(1)).unwrap_or(usize::MAX);
        let since = self.latest_fails.len().checked_sub(needed)?;
        self.latest_fails.get(since).copied()
    }

    /// The fails that its being down rests on; else those of the latest row, whether or not it has
    /// ended.
    pub fn blame(&self) -> Option<FailureSpan> {
        self.blame
    }

    /// Takes in the result, come at `ended`, of the check that began at `start`, and that should have been
    /// answered by `settled`. False: it changed nothing, because a check begun later already counted the
    /// other way, or because it is void.
    pub fn record(&mut self, start: Moment, settled: Moment, ended: Moment, outcome: CheckOutcome) -> bool {
        if start < self.anew_since {
            return false;
        }
        match outcome {
            CheckOutcome::Pass => self.record_pass(start),
            CheckOutcome::Fail => self.record_fail(start, settled, ended),
            CheckOutcome::Error => self.record_error(start),
        }
    }

    fn record_pass(&mut self, start: Moment) -> bool {
        if self.latest_fail.is_some_and(|fail| start < fail) {
            return false;
        }
        let row = self.extend(StreakKind::Passes, start, start, start);
        self.latest_fails.clear();
        self.latest_pass = self.latest_pass.max(Some(start));
        if row.count >= self.rise {
            self.state = ProbeState::Up;
            self.turned_down_on = None;
        }
        true
    }

    fn record_fail(&mut self, start: Moment, settled: Moment, ended: Moment) -> bool {
        if self.latest_pass.is_some_and(|pass| start < pass) || start < self.void_before {
            return false;
        }
        let row = self.extend(StreakKind::Fails, start, settled, ended);
        self.keep_fail(start);
        self.latest_fail = self.latest_fail.max(Some(start));
        self.blame = match self.blame.filter(|_| self.state == ProbeState::Down) {
            Some(blame) => Some(FailureSpan {
                last: blame.last.max(start),
                full_row_since: self.full_row_since(),
                ..blame
            }),
            None => self.failing(),
        };
        if row.count >= self.fall && self.state != ProbeState::Down {
            self.state = ProbeState::Down;
            self.turned_down_on = Some(row.last);
        }
        true
    }

    fn keep_fail(&mut self, start: Moment) {
        let at = self.latest_fails.partition_point(|&fail| fail <= start);
        self.latest_fails.insert(at, start);
        if self.latest_fails.len() > usize::try_from(self.fall.max(1)).unwrap_or(usize::MAX) {
            self.latest_fails.pop_front();
        }
    }

    /// An error breaks no row; `fall` of them in a row say that the probe proves nothing any more, and
    /// what it proved before is over.
    fn record_error(&mut self, start: Moment) -> bool {
        if self
            .latest_pass
            .max(self.latest_fail)
            .is_some_and(|counted| start < counted)
        {
            return false;
        }
        self.errors = self.errors.saturating_add(1);
        if self.is_lost() {
            self.state = ProbeState::Unknown;
            self.turned_down_on = None;
            (self.row, self.blame) = (None, None);
            self.latest_fails.clear();
            self.anew_since = self.anew_since.max(start);
        }
        true
    }

    fn extend(&mut self, kind: StreakKind, start: Moment, settled: Moment, ended: Moment) -> Streak {
        self.errors = 0;
        let row = match self.row {
            Some(row) if row.kind == kind => {
                let earlier = start < row.first;
                Streak {
                    count: row.count.saturating_add(1),
                    first: row.first.min(start),
                    settled: if earlier { settled } else { row.settled },
                    ended: if earlier { ended } else { row.ended },
                    last: row.last.max(start),
                    ..row
                }
            }
            Some(_) | None => Streak {
                kind,
                count: 1,
                first: start,
                settled,
                ended,
                last: start,
            },
        };
        self.row = Some(row);
        row
    }

    /// Nothing is known any more. What began before `now` and fails says nothing.
    pub fn start_anew(&mut self, now: Moment) {
        *self = Self {
            void_before: now,
            ..Self::new(self.fall, self.rise)
        };
    }

    /// Nothing is known any more, and no check that began before `now` says anything.
    pub fn forget(&mut self, now: Moment) {
        *self = Self {
            void_before: now,
            anew_since: now,
            ..Self::new(self.fall, self.rise)
        };
    }

    /// No row reaches over `now`. What is up stays so until fails in a row say otherwise; what is not
    /// has to be proven anew.
    pub fn break_off(&mut self, now: Moment) {
        if self.state != ProbeState::Up {
            return self.start_anew(now);
        }
        self.void_before = now;
        self.row = self.row.filter(|row| row.kind == StreakKind::Passes);
        self.latest_fails.clear();
        self.blame = None;
    }

    /// Voids the fails of checks that should have been answered after `since`, an answer taking
    /// `answer_time`, and that began before `until` (D5): the row starts anew, and a probe that turned
    /// down on them becomes unknown; one that was down before stays down.
    pub fn void_fails(&mut self, since: Option<Moment>, answer_time: Duration, until: Moment) {
        let void = |start: Moment| since.is_none_or(|since| start + answer_time > since);
        self.void_before = self.void_before.max(until);
        if self
            .row
            .is_some_and(|row| row.kind == StreakKind::Fails && void(row.last))
        {
            self.row = None;
        }
        if self.latest_fail.is_some_and(void) {
            self.latest_fail = None;
        }
        if self.turned_down_on.is_some_and(void) {
            self.turned_down_on = None;
            self.state = ProbeState::Unknown;
        }
        self.latest_fails.retain(|&fail| !void(fail));
        let full_row_since = self.full_row_since();
        let turned_down_on = self.turned_down_on;
        self.blame = self
            .blame
            .filter(|blame| !void(blame.first))
            .map(|blame| FailureSpan {
                // What failed in the cut follows no witness's pass.
                last: turned_down_on.map_or(blame.last, |turned| blame.last.min(turned)),
                full_row_since,
                ..blame
            });
    }
}

#[cfg(test)]
mod tests;
