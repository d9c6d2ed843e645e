//! The probes of the services, and the witnesses: the same families for both, under two names.

use std::fmt;

use crate::metrics::counts::CheckCounts;
use crate::metrics::encoder::{Encoder, Labels, family, seconds};
use crate::metrics::facts::Facts;
use crate::model::snapshot::ProbeSnapshot;

/// A probe's state, in words.
const STATES: &[&str] = &["up", "down", "unknown"];

/// One probe, what it is labelled with, and what was counted of it.
struct LabelledProbe<'a, const N: usize> {
    labels: Labels<'a, N>,
    probe: &'a ProbeSnapshot,
    checks: &'a CheckCounts,
}

/// Every probe and every witness.
pub(crate) fn probes(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let nothing = CheckCounts::default();
    let probes: Vec<_> = facts
        .snapshot
        .services
        .iter()
        .flat_map(|service| {
            let serves = service.serving.iter().flat_map(|serving| &serving.checks);
            let probes = service.probes.iter().chain(serves);
            probes.map(move |probe| (service, probe))
        })
        .map(|(service, probe)| {
            let counted = facts.counts.services.get(&service.name);
            LabelledProbe {
                labels: [("service", service.name.as_str()), ("probe", probe.name.as_str())],
                probe,
                checks: counted
                    .and_then(|counted| counted.probes.get(&probe.name))
                    .unwrap_or(&nothing),
            }
        })
        .collect();
    let witnesses: Vec<_> = facts
        .snapshot
        .witnesses
        .iter()
        .map(|probe| LabelledProbe {
            labels: [("witness", probe.name.as_str())],
            probe,
            checks: facts.counts.witnesses.get(&probe.name).unwrap_or(&nothing),
        })
        .collect();
    of_probes(page, &probes)?;
    of_witnesses(page, &witnesses)
}

fn of_probes(page: &mut Encoder<'_>, probes: &[LabelledProbe<'_, 2>]) -> fmt::Result {
    page.info(
        family(
            "probe",
            "The probes and the checks of whether this site serves, and what type each is of.",
        ),
        probes.iter().map(|seen| {
            let [service, probe] = seen.labels;
            [service, probe, ("type", seen.probe.kind.as_str())]
        }),
    )?;
    page.states(
        family("probe_state", "What the probe's rows say (D1)."),
        STATES,
        probes,
        |seen, state| {
            let [service, probe] = seen.labels;
            (
                [service, probe, ("state", state)],
                seen.probe.state.word() == state,
            )
        },
    )?;
    page.count(
        family(
            "probe_streak",
            "How many results of the kind of the last one stand in a row.",
        ),
        probes
            .iter()
            .map(|seen| (seen.labels, u64::from(seen.probe.streak))),
    )?;
    page.counter(
        family(
            "probe_checks",
            "Checks, by what came of them; error: it could not be made.",
        ),
        probes.iter().flat_map(|seen| {
            let [service, probe] = seen.labels;
            results(seen.checks).map(|(result, count)| ([service, probe, ("result", result)], count))
        }),
    )?;
    page.time(
        "probe_last_check_timestamp",
        "When the last result came.",
        probes
            .iter()
            .map(|seen| (seen.labels, seen.probe.last.as_ref().map(|last| last.at))),
    )?;
    page.histogram(
        seconds("probe_rtt", "How long the answers to the probe took."),
        probes.iter().map(|seen| (seen.labels, &seen.checks.rtt)),
    )
}

fn of_witnesses(page: &mut Encoder<'_>, witnesses: &[LabelledProbe<'_, 1>]) -> fmt::Result {
    page.info(
        family("witness", "The witnesses, and what type each is of."),
        witnesses.iter().map(|seen| {
            let [witness] = seen.labels;
            [witness, ("type", seen.probe.kind.as_str())]
        }),
    )?;
    page.states(
        family("witness_state", "What the witness's rows say (D1)."),
        STATES,
        witnesses,
        |seen, state| {
            let [witness] = seen.labels;
            ([witness, ("state", state)], seen.probe.state.word() == state)
        },
    )?;
    page.counter(
        family(
            "witness_checks",
            "Checks, by what came of them; error: it could not be made.",
        ),
        witnesses.iter().flat_map(|seen| {
            let [witness] = seen.labels;
            results(seen.checks).map(|(result, count)| ([witness, ("result", result)], count))
        }),
    )?;
    page.time(
        "witness_last_check_timestamp",
        "When the last result came.",
        witnesses
            .iter()
            .map(|seen| (seen.labels, seen.probe.last.as_ref().map(|last| last.at))),
    )?;
    page.histogram(
        seconds("witness_rtt", "How long the answers to the witness took."),
        witnesses.iter().map(|seen| (seen.labels, &seen.checks.rtt)),
    )
}

fn results(checks: &CheckCounts) -> [(&'static str, u64); 3] {
    [
        ("pass", checks.passes),
        ("fail", checks.fails),
        ("error", checks.errors),
    ]
}
