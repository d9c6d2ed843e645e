//! One probe: its rows, its schedule and the checks that are under way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rows::Rows;
use super::schedule::Schedule;
use crate::status::snapshot::{Outcome, ProbeState};
use crate::time::Moment;

/// Checks of one probe that may be under way at once. Overlap is bounded by timeout over
/// `retry_interval` already; this bounds what a check that never reports could do.
const OVERLAP_LIMIT: usize = 256;

/// A check obeys its time-out by itself; one that has not reported so long after it never will. Room
/// enough for a program that has to be killed and reaped, and for results that queue.
const REPORT_PATIENCE: Duration = Duration::from_secs(5);

/// A check's number, unique in the life of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CheckId(pub u64);

/// One probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    timeout: Duration,
    rows: Rows,
    schedule: Schedule,
    under_way: Vec<UnderWay>,
    /// It was seen to pass, now or before a restart; until then it proves nothing (D20).
    has_passed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct UnderWay {
    id: CheckId,
    start: Moment,
    /// Falconer was stalled meanwhile: the result will be thrown away (D2).
    spoiled: bool,
}

/// What a result did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// It counted: it was neither too late nor measured while we were stalled.
    pub counted: bool,
    /// The probe fell into doubt with it: the others are to be asked at once.
    pub fell_into_doubt: bool,
    /// The probe was seen to pass for the first time (D20).
    pub first_pass: bool,
}

impl Probe {
    /// A probe of which nothing is known, with the configuration's thresholds and its schedule;
    /// `has_passed`: it is remembered to have passed (D20).
    pub fn new(fall: u32, rise: u32, timeout: Duration, schedule: Schedule, has_passed: bool) -> Self {
        Self {
            timeout,
            rows: Rows::new(fall, rise),
            schedule,
            under_way: Vec::new(),
            has_passed,
        }
    }

    /// Goes on from the rows and the checks of `before`, with thresholds and a schedule of its own.
    pub fn carry_over(&mut self, before: &Self, fall: u32, rise: u32) {
        self.rows = before.rows.clone();
        self.rows.set_thresholds(fall, rise);
        self.under_way.clone_from(&before.under_way);
        self.has_passed |= before.has_passed;
    }

    /// Its rows.
    pub fn rows(&self) -> &Rows {
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
        self.schedule.due(self.last_is_unanswered())
    }

    /// When it is to be looked at next: a check is due, or one that is out becomes unanswered.
    pub fn wakes(&self, now: Moment) -> Moment {
        let out = self
            .under_way
            .last()
            .map(|check| self.schedule.follow_up(check.start));
        let unanswered = out.filter(|&at| at > now);
        unanswered.map_or(self.due(), |at| at.min(self.due()))
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
        let fell = self.schedule.start(now, self.last_is_unanswered());
        if self.under_way.len() >= OVERLAP_LIMIT {
            self.under_way.remove(0);
        }
        self.under_way.push(UnderWay {
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
    pub fn finish(&mut self, now: Moment, id: CheckId, outcome: Outcome) -> Option<Effect> {
        let at = self.under_way.iter().position(|check| check.id == id)?;
        let check = self.under_way.remove(at);
        if check.spoiled {
            self.ask(now, check.start);
            return Some(Effect::default());
        }
        let first_pass = !self.has_passed && outcome == Outcome::Pass;
        if first_pass {
            self.begin_to_count();
        }
        let counted = self.rows.record(check.start, outcome);
        let fell_into_doubt = match outcome {
            Outcome::Pass if counted => self.weigh(self.state() == ProbeState::Up),
            // Its fails prove nothing, so there is nothing to follow up.
            Outcome::Fail if counted => self.weigh(!self.has_passed),
            Outcome::Pass | Outcome::Fail | Outcome::Error => false,
        };
        Some(Effect {
            counted,
            fell_into_doubt,
            first_pass,
        })
    }

    /// The first pass: what it showed before proves nothing, and is forgotten (D20). Otherwise a first
    /// sign of life would turn it down.
    fn begin_to_count(&mut self) {
        self.has_passed = true;
        self.rows = self.rows.restarted();
    }

    /// A result that counted agrees with the state or not. True: doubt is new, or has turned.
    fn weigh(&mut self, agrees: bool) -> bool {
        let fell = self.schedule.answer(agrees);
        !agrees && (fell || self.rows.streak() == 1)
    }

    /// Asks out of turn, unless a check began after `since`.
    pub fn ask(&mut self, now: Moment, since: Moment) {
        if self.last_start().is_none_or(|start| start <= since) {
            self.schedule.ask(now);
        }
    }

    /// Since when it may be failing: the first check of its row of fails, else the first that is out
    /// for longer than `retry_interval`, with none begun later that passed.
    pub fn failing_since(&self, now: Moment) -> Option<Moment> {
        if !self.has_passed {
            return None;
        }
        let overdue = |check: &&UnderWay| {
            !check.spoiled
                && self.schedule.follow_up(check.start) <= now
                && Some(check.start) > self.rows.latest_pass()
        };
        let unanswered = || self.under_way.iter().find(overdue).map(|check| check.start);
        self.rows.first_fail().or_else(unanswered)
    }

    /// Seeks a pass of a check begun after `since`: asked at once, which the schedule puts off until
    /// `retry_interval` after the check that began last, and so again and again until one passes.
    pub fn seek_pass(&mut self, now: Moment, since: Moment) {
        if self.lacks_pass(since) {
            self.schedule.ask(now);
        }
    }

    /// Whether no check begun after `since` has passed.
    pub fn lacks_pass(&self, since: Moment) -> bool {
        self.rows.latest_pass().is_none_or(|pass| pass <= since)
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
        self.rows.void_fails(since, until);
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
