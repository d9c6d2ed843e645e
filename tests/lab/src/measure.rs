//! A power cut with a stopwatch: what the tests hold to its limits, and the benchmark prints.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::ProbeState;

use crate::client::Client;
use crate::topology::{Host, PREFIX4, PREFIX6};
use crate::wait;
use crate::{Falconer, Lab};

/// How long each step may take before the measurement is given up.
const STEP: Duration = Duration::from_secs(30);

/// How long one cut took.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// From the cut to the last of the UPDATEs that announce the prefixes, at the upstream.
    pub announced: Duration,
    /// From the start of the first failed check that the verdict rests on, by Falconer's word, to the same:
    /// without what the cut had to wait for a check to come.
    pub doubted: Duration,
    /// From the decision, by Falconer's word and in whole milliseconds, to the first of them.
    pub decision: Duration,
    /// How far apart in time the last checks of the first two probes were before the cut.
    pub spread: Duration,
    /// How long the client was not served.
    pub outage: Duration,
    /// From the return of power to the last of the UPDATEs that withdraw them.
    pub withdrawn: Duration,
}

/// Cuts the primary's power `phase` after a check of the first probe, whose `interval` is given; waits
/// for takeover, gives the power back, and waits for failback.
pub fn power_cut(
    lab: &Lab,
    falconer: &Falconer,
    client: &Client,
    phase: Duration,
    interval: Duration,
) -> Result<Cut> {
    until_phase(falconer, phase, interval)?;
    let checks = falconer.service()?.probes;
    let last = |probe: usize| Some(SystemTime::from(checks.get(probe)?.last.as_ref()?.at));
    let (one, other) = last(0).zip(last(1)).context("two probes that were checked")?;
    let spread = wait::between(one, other).max(wait::between(other, one));
    let mark = lab.capture.mark()?;
    let cut = lab.power_cut(Host::Cn)?;
    let first = lab.capture.announced(Host::Hk, PREFIX4, mark, STEP)?.at;
    let second = lab.capture.announced(Host::Hk, PREFIX6, mark, STEP)?.at;
    let service = falconer.until("verified takeover", STEP, |service| service.verified_at.is_some())?;
    let stages = service.transition.context("a takeover")?.stages;
    let decided = SystemTime::from(stages.decided.context("the time of the decision")?);
    let failed = SystemTime::from(stages.first_fail.context("the time of the first failed check")?);
    client.answered_by(Host::Hk.name(), cut, STEP)?;
    let outage = client.outage(cut)?;

    let mark = lab.capture.mark()?;
    let back = lab.power_back(Host::Cn)?;
    let gone = lab.capture.withdrawn(Host::Hk, PREFIX4, mark, STEP)?.at;
    let gone = gone.max(lab.capture.withdrawn(Host::Hk, PREFIX6, mark, STEP)?.at);
    lab.upstream.until_sites(PREFIX4, &[Host::Cn], STEP)?;
    let served = client.answered_by(Host::Cn.name(), gone, STEP)?;
    ensure!(
        client.failures(served.at).is_empty(),
        "the client lost fetches after the failback"
    );
    Ok(Cut {
        announced: wait::between(cut, first.max(second)),
        doubted: wait::between(failed, first.max(second)),
        decision: wait::between(decided, first.min(second)),
        spread,
        outage,
        withdrawn: wait::between(back, gone),
    })
}

/// Waits until all probes are up and a check of the first one, whose `interval` is given, is `phase` ago.
pub fn until_phase(falconer: &Falconer, phase: Duration, interval: Duration) -> Result<()> {
    let service = falconer.until_probes(ProbeState::Up, STEP)?;
    let checked = service.probes[0]
        .last
        .as_ref()
        .context("the probe was checked")?
        .at;
    let since = wait::between(SystemTime::from(checked), wait::now());
    wait::pass(
        phase
            .checked_sub(since)
            .unwrap_or_else(|| (phase + interval).saturating_sub(since)),
    );
    Ok(())
}

/// The middle one, or what lies between the two middle ones.
pub fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort();
    match times.len() {
        0 => Duration::ZERO,
        count if count.is_multiple_of(2) => (times[count / 2 - 1] + times[count / 2]) / 2,
        count => times[count / 2],
    }
}

/// The longest.
pub fn longest(times: impl Iterator<Item = Duration>) -> Duration {
    times.max().unwrap_or_default()
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Time on the processor.
    pub cpu: Duration,
    /// Resident memory, in KiB.
    pub resident: u64,
}

/// Reads it from `/proc` (proc(5)).
pub fn usage(id: u32) -> Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields = stat.rsplit_once(')').context("the name ends with a bracket")?.1;
    // utime and stime are fields 14 and 15; the state, which follows the name, is 3.
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("VmRSS")?;
    let resident = resident.trim().trim_end_matches(" kB").trim().parse()?;
    // Linux has shown processes a hundred ticks a second for ever.
    Ok(Usage {
        cpu: Duration::from_millis(ticks * 10),
        resident,
    })
}
