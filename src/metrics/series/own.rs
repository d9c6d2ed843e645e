//! Falconer's own health: the history, the disk, the API and the process.

use std::fmt;

use crate::metrics::counts::DescriptorCounts;
use crate::metrics::counts::{ListenerCounts, Rejection};
use crate::metrics::encoder::{Encoder, bytes, family, seconds};
use crate::metrics::facts::Facts;

/// The history and the state, the API, and the process.
pub(crate) fn own(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let counts = &facts.counts;
    page.counter(
        family(
            "events",
            "Entries of the history since the start, by what they tell.",
        ),
        counts
            .events
            .iter()
            .map(|(event, count)| ([("event", *event)], *count)),
    )?;
    page.counter(
        family(
            "stalls",
            "How often Falconer itself stood still and threw results away (D2).",
        ),
        [([], counts.events.get("stalled").copied().unwrap_or(0))],
    )?;
    page.spent(
        seconds("stalled", "How long Falconer itself stood still, in all."),
        Some(counts.stalled.as_secs_f64()),
    )?;
    page.counter(
        family(
            "history_lost",
            "Entries of the history that are not on disk: it was too slow, full or read-only.",
        ),
        [([], counts.history_lost + facts.unwritten)],
    )?;
    page.counter(
        family(
            "state_write_failures",
            "Attempts to write overrides and latches to disk that failed.",
        ),
        [([], counts.state_failures)],
    )?;
    api(page, facts)?;
    descriptors(page, facts)?;
    process(page, facts)
}

fn api(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let each = |number: fn(&ListenerCounts) -> u64| {
        let listeners = facts.listeners.iter();
        listeners.map(move |(name, listener)| ([("listener", *name)], number(listener)))
    };
    page.count(
        family("api_connections", "Connections to the API that are open."),
        each(|listener| listener.open),
    )?;
    page.counter(
        family(
            "api_connections_admitted",
            "Connections to the API that were let in.",
        ),
        each(|listener| listener.admitted),
    )?;
    page.counter(
        family(
            "api_connections_displaced",
            "Idle connections that had to give their place to a newcomer.",
        ),
        each(|listener| listener.displaced),
    )?;
    page.counter(
        family(
            "api_connections_refused",
            "Connections that were turned away, because every place was busy.",
        ),
        each(|listener| listener.refused),
    )?;
    let refusals = facts.listeners.iter().flat_map(|(name, listener)| {
        Rejection::ALL.map(|why| {
            let count = listener.refusals.get(&why).copied().unwrap_or(0);
            ([("listener", *name), ("reason", why.word())], count)
        })
    });
    page.counter(
        family(
            "api_refusals",
            "Connections and requests that were turned away, by the reason.",
        ),
        refusals,
    )?;
    page.count(
        family("api_feeds", "Clients that follow the events as they happen."),
        each(|listener| listener.feeds),
    )?;
    page.counter(
        family("api_answers", "Answers of the API, by their HTTP status."),
        facts
            .listeners
            .iter()
            .flat_map(|(name, listener)| {
                listener
                    .answers
                    .iter()
                    .map(move |(code, count)| (*name, *code, *count))
            })
            .map(|(name, code, count)| ([("listener", name), ("code", status(code))], count)),
    )
}

/// The statuses that the API answers with; a label may hold nothing that a client makes up.
fn status(code: u16) -> &'static str {
    match code {
        200 => "200",
        400 => "400",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        413 => "413",
        421 => "421",
        422 => "422",
        500 => "500",
        503 => "503",
        504 => "504",
        _ => "other",
    }
}

fn descriptors(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let DescriptorCounts {
        limit,
        in_use,
        refused,
    } = facts.descriptors;
    page.count(
        family(
            "probe_descriptors_limit",
            "File descriptors that the checks may have open; the others are kept for BIRD, files and the API.",
        ),
        [([], limit)],
    )?;
    page.count(
        family(
            "probe_descriptors_in_use",
            "File descriptors that checks under way have taken.",
        ),
        [([], in_use)],
    )?;
    page.counter(
        family(
            "probe_descriptors_refused",
            "Checks that could not be made, because no file descriptor was free for them.",
        ),
        [([], refused)],
    )
}

fn process(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let process = facts.process;
    let one = |value: Option<u64>| value.map(|value| ([], value));
    page.spent(
        seconds(
            "process_cpu",
            "Processor time that Falconer has used, user and system.",
        ),
        process.cpu.map(|cpu| cpu.as_secs_f64()),
    )?;
    page.count(
        bytes("process_resident_memory", "Memory that Falconer holds."),
        one(process.resident),
    )?;
    page.count(
        family("process_open_fds", "File descriptors that Falconer has open."),
        one(process.open_fds),
    )?;
    page.count(
        family("process_max_fds", "File descriptors that Falconer may have open."),
        one(process.max_fds),
    )?;
    page.count(
        family("process_threads", "Threads that Falconer has."),
        one(process.threads),
    )
}
