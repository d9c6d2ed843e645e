//! The latest results of every probe, for plots: their time, their outcome, and how long the answer
//! took.
//!
//! Kept in memory only and bounded: [`KEPT`] results per probe, 16 bytes each, so a thousand probes
//! take 5 MB. No decision depends on it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::config::model::ProbeConfig;
use crate::model::millis;
use crate::model::snapshot::{CheckOutcome, SCHEMA};

/// How many results of a probe are kept: 25 minutes at the default interval, and all of an outage
/// that is followed at the default `retry_interval` for two and a half.
pub const KEPT: usize = 300;

/// The results of every probe. One pushes; any number read.
#[derive(Debug, Default)]
pub struct LatencyBuffers {
    services: Vec<(String, Vec<Arc<LatencySeries>>)>,
    witnesses: Vec<Arc<LatencySeries>>,
    /// How many results have come so far, over all probes: what a reader has seen of it.
    count: Arc<AtomicU64>,
}

/// One probe's results.
#[derive(Debug)]
pub struct LatencySeries {
    name: String,
    kind: &'static str,
    /// A lock, because every page reads what the daemon writes; held for no longer than it takes to
    /// push one result, or to copy [`KEPT`] of them.
    results: Mutex<VecDeque<LatencySlot>>,
}

/// A result in 16 bytes.
#[derive(Clone, Copy, Debug)]
struct LatencySlot {
    /// Milliseconds since 1970.
    at: i64,
    /// The low half of its number.
    number: u32,
    /// What it was, and the microseconds that its answer took; see [`pack`].
    packed: u32,
}

/// The results of one service's probes, or of the witnesses, as they are published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The version of this shape, and of the snapshot's.
    pub schema: u32,
    /// Which service; null: the witnesses.
    pub service: Option<String>,
    /// How far this goes: `after` in the next question, for what came since.
    pub seq: u64,
    /// In the configuration's order.
    pub probes: Vec<ProbeLatency>,
}

/// One probe's results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeLatency {
    /// Its name.
    pub name: String,
    /// Its type, such as "icmp".
    #[serde(rename = "type")]
    pub kind: String,
    /// Oldest first; those that counted, at most [`KEPT`].
    pub results: Vec<Measured>,
}

/// One result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// When it came.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// What it was.
    pub result: CheckOutcome,
    /// How long the answer took, in milliseconds, where there was one.
    pub rtt_ms: Option<f64>,
}

impl LatencyBuffers {
    /// Empty pages for the probes of a configuration, but for those that `before` has already.
    pub fn new(config: &Config, before: Option<&Self>) -> Self {
        let old = |service: Option<&str>| before.and_then(|before| before.of(service)).unwrap_or(&[]);
        let services = config.services.iter().map(|service| {
            let name = service.name.clone();
            let probes = [&service.probes[..], &service.serves].concat();
            let pages = pages(&probes, old(Some(&name)));
            (name, pages)
        });
        Self {
            services: services.collect(),
            witnesses: pages(&config.witnesses, old(None)),
            count: before.map(|before| before.count.clone()).unwrap_or_default(),
        }
    }

    /// Notes a result of a service's probe, or of a witness, by their places in the configuration; its
    /// checks of whether this site serves it follow its probes.
    pub fn push(
        &self,
        service: Option<usize>,
        probe: usize,
        at: Timestamp,
        outcome: CheckOutcome,
        rtt: Option<Duration>,
    ) {
        let series = match service {
            Some(service) => self.services.get(service).map(|(_, series)| series),
            None => Some(&self.witnesses),
        };
        let Some(series) = series.and_then(|series| series.get(probe)) else {
            return;
        };
        let number = self.count.load(Ordering::Acquire) + 1;
        series.push(LatencySlot {
            at: at.as_millisecond(),
            number: low(number),
            packed: pack(outcome, rtt),
        });
        self.count.store(number, Ordering::Release);
    }

    /// The results of a service's probes, or of the witnesses, that came after the first `after`
    /// ones of the daemon's life. `None`: there is no such service.
    pub fn latency(&self, service: Option<&str>, after: u64) -> Option<Latency> {
        // What comes while we read is told the next time.
        let seq = self.count.load(Ordering::Acquire);
        let series = self.of(service)?;
        Some(Latency {
            schema: SCHEMA,
            service: service.map(str::to_owned),
            seq,
            probes: series.iter().map(|series| series.after(after, seq)).collect(),
        })
    }

    fn of(&self, service: Option<&str>) -> Option<&[Arc<LatencySeries>]> {
        let Some(name) = service else {
            return Some(&self.witnesses);
        };
        let found = self.services.iter().find(|(known, _)| known == name);
        found.map(|(_, series)| series.as_slice())
    }
}

impl LatencySeries {
    fn push(&self, slot: LatencySlot) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        if results.len() >= KEPT {
            results.pop_front();
        }
        results.push_back(slot);
    }

    fn after(&self, after: u64, seq: u64) -> ProbeLatency {
        let results = self
            .results
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        // A reader who saw more than there is saw another life of the daemon.
        let after = if after > seq { 0 } else { after };
        let new = results.iter().filter(|slot| {
            let number = seq.wrapping_sub(u64::from(low(seq).wrapping_sub(slot.number)));
            // Numbers beyond `seq` wrap around to far below it, or above.
            number > after && number <= seq
        });
        ProbeLatency {
            name: self.name.clone(),
            kind: self.kind.to_owned(),
            results: new.filter_map(LatencySlot::measured).collect(),
        }
    }
}

impl LatencySlot {
    fn measured(&self) -> Option<Measured> {
        let (result, rtt_ms) = unpack(self.packed);
        Some(Measured {
            at: Timestamp::from_millisecond(self.at).ok()?,
            result,
            rtt_ms,
        })
    }
}

fn pages(probes: &[ProbeConfig], before: &[Arc<LatencySeries>]) -> Vec<Arc<LatencySeries>> {
    let page = |probe: &ProbeConfig| {
        let kind = probe.check.type_name();
        let known = before
            .iter()
            .find(|series| series.name == probe.name && series.kind == kind);
        known.cloned().unwrap_or_else(|| {
            Arc::new(LatencySeries {
                name: probe.name.clone(),
                kind,
                // As much as it will ever need: growing by doubling would take half as much again.
                results: Mutex::new(VecDeque::with_capacity(KEPT)),
            })
        })
    };
    probes.iter().map(page).collect()
}

/// The low half of a result's number.
fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// The low 30 bits: microseconds, all set where there was no answer. The high two: the outcome.
const NO_ANSWER: u32 = (1 << 30) - 1;

fn pack(outcome: CheckOutcome, rtt: Option<Duration>) -> u32 {
    let word = match outcome {
        CheckOutcome::Pass => 0,
        CheckOutcome::Fail => 1,
        CheckOutcome::Error => 2,
    };
    let micros = rtt.map_or(NO_ANSWER, |rtt| {
        u32::try_from(rtt.as_micros()).map_or(NO_ANSWER - 1, |micros| micros.min(NO_ANSWER - 1))
    });
    word << 30 | micros
}

fn unpack(packed: u32) -> (CheckOutcome, Option<f64>) {
    let outcome = match packed >> 30 {
        0 => CheckOutcome::Pass,
        1 => CheckOutcome::Fail,
        _ => CheckOutcome::Error,
    };
    let micros = packed & NO_ANSWER;
    (outcome, (micros != NO_ANSWER).then_some(f64::from(micros) / 1e3))
}

#[cfg(test)]
mod tests;
