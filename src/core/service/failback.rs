//! Failback that is not blind (D8). An ISP that prefers its customer does not tell us the primary's
//! route while we announce the prefix at full. Probes with `votes = "failback"` are asked in drain, and
//! have to be up before the service falls silent.
//!
//! ```text
//!                      verdict up, delays
//!            Full ───────────────────────────▶ Draining ──── all up, failback_drain over ────▶ Off
//!              ▲                                  │
//!              └── not up within failback_confirm ┘   tried again after 1 min, 2 min, 4 min ... 1 h
//! ```

use std::time::Duration;

use super::ServiceState;
use super::failback_watch::FailbackRetry;
use crate::config::model::{Role, Votes};
use crate::core::decide::{DecisionReason, Stance};
use crate::model::snapshot::ProbeState;
use crate::model::time::Moment;

/// How long after the first failback that was not confirmed the next one is tried; each further one
/// waits twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(60);

/// The longest of these waits.
const LONGEST_RETRY: Duration = Duration::from_secs(3600);

impl ServiceState {
    /// Whether nothing is announced here, by a drill neither.
    fn is_silent(&self) -> bool {
        self.stance == Stance::Off && self.drill.is_none()
    }

    /// Whether a probe that is not up says nothing, because this site announces.
    pub(crate) fn is_voided(&self, at: usize) -> bool {
        self.failback.silent_only[at] && !self.is_silent() && self.probes[at].state() != ProbeState::Up
    }

    /// The same, but for probes that are asked in drain.
    pub(crate) fn is_blind_now(&self, at: usize) -> bool {
        self.stance == Stance::Full && self.is_voided(at)
    }

    /// A probe's state, as far as it proves something where we stand.
    pub(super) fn counted_state(&self, at: usize) -> ProbeState {
        match self.is_voided(at) {
            true => ProbeState::Unknown,
            false => self.probes[at].state(),
        }
    }

    /// The probes that have to be up in drain, by their indexes.
    fn confirming(&self) -> impl Iterator<Item = usize> {
        let probes = self.policy.probes.iter().enumerate();
        let confirming = probes.filter(|(_, probe)| probe.votes == Votes::Failback);
        confirming.map(|(at, _)| at)
    }

    /// Their names.
    pub(crate) fn confirming_names(&self) -> Vec<&str> {
        let names = self.confirming().map(|at| self.policy.probes[at].name.as_str());
        names.collect()
    }

    /// Whether a failback has to be confirmed in drain.
    pub(crate) fn confirms(&self) -> bool {
        self.policy.role == Role::Standby
            && !self.policy.drain.is_empty()
            && self.confirming().next().is_some()
    }

    /// Whether it is. The probes started anew when the drain began.
    pub(super) fn is_confirmed(&self) -> bool {
        let mut confirming = self.confirming();
        matches!(self.stance, Stance::Draining { .. })
            && confirming.all(|at| self.probes[at].state() == ProbeState::Up)
    }

    /// In drain: what the probes said before proves nothing, and they are asked at once.
    pub(super) fn ask_for_failback(&mut self, now: Moment) {
        if !matches!(self.stance, Stance::Draining { .. }) {
            return;
        }
        for at in self.confirming().collect::<Vec<_>>() {
            self.probes[at].forget(now);
            self.probes[at].ask_again(now);
        }
    }

    /// They are asked again and again, until they are up or `failback_confirm` has run out. One check at a
    /// time: what is asked may not depend on how often this is evaluated.
    pub(super) fn follow_failback(&mut self, now: Moment) {
        if self.judgement.why != DecisionReason::Confirming {
            return;
        }
        for at in self.confirming().collect::<Vec<_>>() {
            let probe = &mut self.probes[at];
            if probe.state() != ProbeState::Up && !probe.is_under_way() {
                probe.ask_again(now);
            }
        }
    }

    /// It stands somewhere else now.
    pub(super) fn failback_switched(&mut self, now: Moment, why: DecisionReason) {
        match self.stance {
            Stance::Draining { .. } => self.ask_for_failback(now),
            Stance::Full if why == DecisionReason::Unconfirmed => {
                let longer = |last: FailbackRetry| (last.wait * 2).min(LONGEST_RETRY);
                let wait = self.failback.retry.map_or(FIRST_RETRY, longer);
                self.failback.retry = Some(FailbackRetry { at: now + wait, wait });
            }
            Stance::Off => self.failback.retry = None,
            Stance::Full | Stance::Unsettled => {}
        }
    }

    /// Where this site has fallen silent, fails from before prove nothing: they start anew. What is up
    /// stays so.
    pub(super) fn notice_silence(&mut self, now: Moment) {
        if !self.is_silent() {
            self.failback.announced |= self.stance != Stance::Unsettled || self.drill.is_some();
            return;
        }
        if !std::mem::take(&mut self.failback.announced) {
            return;
        }
        for (probe, _) in self
            .probes
            .iter_mut()
            .zip(&self.failback.silent_only)
            .filter(|(_, of)| **of)
        {
            if probe.state() != ProbeState::Up {
                probe.forget(now);
            }
        }
    }
}
