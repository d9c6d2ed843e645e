//! One probe: its rows, its schedule and the checks that are under way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::health::answers::AnswerTimes;
use super::schedule::Schedule;
use super::streak::{FailureSpan, Streaks};
use crate::model::snapshot::{CheckOutcome, ProbeState};
use crate::model::time::Moment;

/// Checks of one probe that may be under way at once. Overlap is bounded by timeout over
/// `retry_interval` already; this bounds what a check that never reports could do.
const OVERLAP_LIMIT: usize = 256;

/// A check obeys its time-out by itself; one that has not reported so long after it never will. Room
/// enough for a program that has to be killed and reaped, and for results that queue.
const REPORT_PATIENCE: Duration = Duration::from_secs(5);

/// A check is late when it has been out for twice the longest answer time of late, and this much more:
/// room for a scheduler and a queue on the way.
const LATE_MARGIN: Duration = Duration::from_millis(50);

/// A check's number, unique in the life of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CheckId(pub u64);

/// One probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeTracker {
    timeout: Duration,
    /// Whether a verdict rests on it. Where none does it is asked at its interval, whatever comes of it.
    takes_part: bool,
    rows: Streaks,
    answers: AnswerTimes,
    /// The start of the latest check that did not pass, whether or not that counted.
    latest_miss: Option<Moment>,
    schedule: Schedule,
    under_way: Vec<InFlightCheck>,
    /// It was seen to pass, now or before a restart; until then it proves nothing (D20).
    has_passed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InFlightCheck {
    id: CheckId,
    start: Moment,
    /// Falconer was stalled meanwhile: the result will be thrown away (D2).
    spoiled: bool,
}

/// What a result did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResultEffect {
    /// It counted: it was neither too late nor measured while we were stalled.
    pub counted: bool,
    /// The probe fell into doubt with it: the others are to be asked at once.
    pub fell_into_doubt: bool,
    /// The probe was seen to pass for the first time (D20).
    pub first_pass: bool,
    /// It failed, and the probe is down: it has just turned, or was asked again.
    pub failed_down: bool,
}

impl ProbeTracker {
    /// A probe of which nothing is known, with the configuration's thresholds and its schedule;
    /// `has_passed`: it is remembered to have passed (D20).
    pub fn new(fall: u32, rise: u32, timeout: Duration, schedule: Schedule, has_passed: bool) -> Self {
        Self {
            timeout,
            takes_part: true,
            rows: Streaks::new(fall, rise),
            answers: AnswerTimes::default(),
            latest_miss: None,
            schedule,
            under_way: Vec::new(),
            has_passed,
        }
    }

    /// No verdict rests on it: it is asked at its interval, whatever comes of it.
    #[must_use]
    pub fn idle(mut self) -> Self {
        self.takes_part = false;
        self
    }

    /// Goes on from the rows and the checks of `before`, with thresholds and a schedule of its own.
    pub fn carry_over(&mut self, before: &Self, fall: u32, rise: u32) {
        self.rows = before.rows.clone();
        self.rows.set_thresholds(fall, rise);
        self.answers = before.answers;
        self.latest_miss = before.latest_miss;
        self.under_way.clone_from(&before.under_way);
        self.has_passed |= before.has_passed;
    }

    /// Its rows.
    pub fn rows(&self) -> &Streaks {
        &self.rows
    }

    /// Its state (D1); unknown while it was never seen to pass (D20).
    pub fn state(&self) -> ProbeState {
        match self.has_passed {
            true => self.rows.state(),
            false => ProbeState::Unknown,
        }
    }

    /// Whether it was ever seen to pass (D20).
    pub fn has_passed(&self) -> bool {
        self.has_passed
    }

    /// Whether it is in doubt.
    pub fn in_doubt(&self) -> bool {
        self.schedule.in_doubt()
    }

    /// When the last check began.
    pub fn last_start(&self) -> Option<Moment> {
        self.schedule.last_start()
    }

    /// When the next check is to start.
    pub fn due(&self) -> Moment {
        self.schedule.due(self.is_followed_up())
    }

    /// When it is to be looked at next: a check is due, or one that is out becomes unanswered, or should
    /// have been answered.
    pub fn wakes(&self, now: Moment) -> Moment {
        let unanswered = self
            .under_way
            .iter()
            .map(|check| self.schedule.follow_up(check.start));
        let unanswered = unanswered.filter(|&at| at > now).min();
        let late = self.late_at().filter(|&at| at > now);
        [unanswered, self.settles_at(now), late]
            .into_iter()
            .flatten()
            .fold(self.due(), Moment::min)
    }

    /// The start of the check that is out and late: not in doubt yet, but a reason to ask elsewhere.
    pub fn late_check(&self, now: Moment) -> Option<Moment> {
        self.late_at().filter(|&at| at <= now)?;
        self.last_start()
    }

    /// When the check that began last becomes late; `None`: it is answered, or would be in doubt by then.
    fn late_at(&self) -> Option<Moment> {
        let start = self.last_start().filter(|_| self.is_followed_up())?;
        let late = start + (self.answers.longest()? * 2 + LATE_MARGIN);
        (late < self.schedule.follow_up(start)).then_some(late)
    }

    /// When the oldest check that is out is given up; `None`: none is out.
    pub fn given_up_at(&self) -> Option<Moment> {
        let oldest = self.under_way.first()?;
        Some(oldest.start + self.patience())
    }

    fn patience(&self) -> Duration {
        self.timeout.saturating_add(REPORT_PATIENCE)
    }

    /// Starts a check. True: the probe fell into doubt, because the one before it is unanswered.
    pub fn start(&mut self, now: Moment, id: CheckId) -> bool {
        let fell = self.schedule.start(now, self.is_followed_up());
        if self.under_way.len() >= OVERLAP_LIMIT {
            self.under_way.remove(0);
        }
        self.under_way.push(InFlightCheck {
            id,
            start: now,
            spoiled: false,
        });
        fell
    }

    /// The check that is forgotten when another one starts now: too many are under way.
    pub fn crowded_out(&self) -> Option<CheckId> {
        let crowded = self.under_way.len() >= OVERLAP_LIMIT;
        crowded.then(|| self.under_way.first().map(|check| check.id))?
    }

    /// The checks that should have reported long ago. They could not be made, as far as anybody can
    /// tell: whoever asks finishes them as errors (D1).
    pub fn overdue(&self, now: Moment) -> impl Iterator<Item = CheckId> {
        let patience = self.patience();
        let overdue = self
            .under_way
            .iter()
            .take_while(move |check| check.start + patience <= now);
        overdue.map(|check| check.id)
    }

    /// Takes in the result of a check that was started here. `None`: no such check is under way.
    pub fn finish(&mut self, now: Moment, id: CheckId, outcome: CheckOutcome) -> Option<ResultEffect> {
        let at = self.under_way.iter().position(|check| check.id == id)?;
        let check = self.under_way.remove(at);
        if check.spoiled {
            self.ask(now, check.start);
            return Some(ResultEffect::default());
        }
        let first_pass = !self.has_passed && outcome == CheckOutcome::Pass;
        if first_pass {
            self.begin_to_count();
        }
        let settled = now.min(self.settled(check.start));
        let counted = self.rows.record(check.start, settled, now, outcome);
        let effect = match outcome {
            CheckOutcome::Pass => {
                self.answers.record(now.since(check.start));
                self.weigh(counted, ProbeState::Up)
            }
            CheckOutcome::Fail => {
                self.latest_miss = self.latest_miss.max(Some(check.start));
                self.weigh(counted, ProbeState::Down)
            }
            CheckOutcome::Error => {
                // A cut of our own uplink may show so, too: the route goes away with the link.
                self.latest_miss = self.latest_miss.max(Some(check.start));
                // What cannot be asked any more is in no doubt: nothing is known (D1).
                if self.rows.is_lost() {
                    self.schedule.answer(true);
                }
                ResultEffect {
                    counted,
                    ..ResultEffect::default()
                }
            }
        };
        Some(ResultEffect { first_pass, ..effect })
    }

    /// The first pass: what it showed before proves nothing, and is forgotten (D20). Otherwise a first
    /// sign of life would turn it down.
    fn begin_to_count(&mut self) {
        self.has_passed = true;
        self.rows = self.rows.restarted();
    }

    /// A result that speaks for a state agrees with the settled one, or raises doubt. The fails of a
    /// probe that never passed prove nothing, so there is nothing to follow up (D20).
    fn weigh(&mut self, counted: bool, speaks_for: ProbeState) -> ResultEffect {
        if !counted {
            return ResultEffect::default();
        }
        let counts = self.takes_part && self.has_passed;
        let agrees = self.state() == speaks_for || !counts;
        let fell = self.schedule.answer(agrees);
        ResultEffect {
            counted,
            fell_into_doubt: !agrees && (fell || self.rows.streak() == 1),
            failed_down: agrees && speaks_for == ProbeState::Down && counts,
            first_pass: false,
        }
    }

    /// Asks out of turn, unless a check began after `since`.
    pub fn ask(&mut self, now: Moment, since: Moment) {
        if self.last_start().is_none_or(|start| start <= since) {
            self.schedule.ask(now);
        }
    }

    /// The fails that a verdict down would rest on now: those that it is down on, its present row, or a
    /// check that is out for longer than `retry_interval`, with none begun later that passed. None of a
    /// probe that never passed (D20).
    pub fn fails(&self, now: Moment) -> Option<FailureSpan> {
        if !self.has_passed {
            return None;
        }
        let standing = match self.state() {
            ProbeState::Down => self.rows.blame(),
            ProbeState::Up | ProbeState::Unknown => self.rows.failing(),
        };
        let overdue = |check: &&InFlightCheck| {
            !check.spoiled
                && self.schedule.follow_up(check.start) <= now
                && Some(check.start) > self.rows.latest_pass()
        };
        let out = || self.under_way.iter().find(overdue).map(|check| check.start);
        let unanswered = || {
            out().map(|start| FailureSpan {
                first: start,
                settled: self.settled(start),
                ended: None,
                last: start,
                full_row_since: None,
            })
        };
        standing.or_else(unanswered)
    }

    /// When the next check that is out should have been answered: then witnesses may be needed (D5).
    fn settles_at(&self, now: Moment) -> Option<Moment> {
        let out = self.under_way.iter().map(|check| self.settled(check.start));
        out.filter(|&at| at > now).min()
    }

    /// When a check that began at `start` should have been answered: after the longest answer time of
    /// late, and not before `retry_interval`; where none was ever answered, after the time-out.
    fn settled(&self, start: Moment) -> Moment {
        let soonest = self.schedule.follow_up(start).since(start);
        let answered = self.answers.longest().map(|longest| longest.max(soonest));
        start + answered.unwrap_or(self.timeout).min(self.timeout)
    }

    /// Seeks a pass of a check begun at `from` or later: asked exactly then, or at once where that is
    /// past. The schedule keeps `retry_interval` between two checks, and so again and again until one
    /// passes.
    pub fn seek_pass(&mut self, now: Moment, from: Moment) {
        if self.lacks_pass(from) {
            self.schedule.reserve(from.max(now));
        }
    }

    /// The start of the latest check that failed or could not be made, or that is out although it should
    /// have been answered: of a witness, a sign that our own uplink is ill.
    pub fn latest_miss(&self, now: Moment) -> Option<Moment> {
        let missing = |check: &&InFlightCheck| !check.spoiled && self.settled(check.start) <= now;
        let out = self.under_way.iter().filter(missing).map(|check| check.start);
        out.max().max(self.latest_miss)
    }

    /// Whether no check begun at `from` or later has passed.
    pub fn lacks_pass(&self, from: Moment) -> bool {
        self.rows.latest_pass().is_none_or(|pass| pass < from)
    }

    /// Asks as soon as `retry_interval` allows.
    pub fn ask_again(&mut self, now: Moment) {
        self.schedule.ask(now);
    }

    /// Asks at `at`, where a verdict rests on it and no check began after `since`: a probe of another
    /// service may have found a death that is this one's, too.
    pub fn hurry(&mut self, at: Moment, since: Moment) {
        if self.takes_part && self.last_start().is_none_or(|start| start <= since) {
            self.schedule.hurry(at);
        }
    }

    /// Asks at `at`, where a verdict rests on it.
    pub fn ask_at(&mut self, at: Moment, since: Moment) {
        if self.takes_part {
            self.ask(at, since);
        }
    }

    /// Whether being woken so `late` counts as a stall for this probe (D2).
    pub fn is_stall(&self, late: Duration) -> bool {
        late > self.timeout / 2
    }

    /// Whether a stall leaves a gap between two of its results in a row.
    pub fn is_gap(&self, late: Duration) -> bool {
        late > self.timeout.max(self.schedule.interval())
    }

    /// No row of its results reaches over `now`.
    pub fn break_off(&mut self, now: Moment) {
        self.rows.break_off(now);
    }

    /// Nothing is known of it any more, and fails of checks begun before now prove nothing.
    pub fn start_anew(&mut self, now: Moment) {
        self.rows.start_anew(now);
    }

    /// Nothing is known of it any more, and no check begun before now says anything.
    pub(crate) fn forget(&mut self, now: Moment) {
        self.rows.forget(now);
    }

    /// Whether a check of it is out.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Falconer was woken `late`: what is under way and bears no such delay is spoiled (D2). True:
    /// something was.
    pub fn stalled(&mut self, late: Duration) -> bool {
        if !self.is_stall(late) {
            return false;
        }
        for check in &mut self.under_way {
            check.spoiled = true;
        }
        !self.under_way.is_empty()
    }

    /// How closely the clock has to be watched for stalls while checks are under way; `None` when
    /// none is. A quarter of the time-out: a stall of three quarters cannot hide between two looks.
    pub fn pulse(&self) -> Option<Duration> {
        (!self.under_way.is_empty()).then(|| (self.timeout / 4).max(Duration::from_millis(1)))
    }

    /// Voids fails gathered while this site was isolated (D5).
    pub fn void_fails(&mut self, since: Option<Moment>, until: Moment) {
        let answer_time = self.settled(Moment::START).since(Moment::START);
        self.rows.void_fails(since, answer_time, until);
    }

    /// Whether the check that began last is followed up, although nothing has come of it yet. A probe
    /// that is down is expected to be silent, and asked at its interval.
    fn is_followed_up(&self) -> bool {
        self.takes_part && self.state() != ProbeState::Down && self.last_is_unanswered()
    }

    /// Whether the check that began last has no answer yet. Of a probe that never passed silence is
    /// what there was all along, and no doubt (D20).
    fn last_is_unanswered(&self) -> bool {
        if !self.has_passed {
            return false;
        }
        let last = self.last_start();
        last.is_some() && self.under_way.last().map(|check| check.start) == last
    }
}

#[cfg(test)]
mod tests;
