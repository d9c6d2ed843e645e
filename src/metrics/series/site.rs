//! The metrics of the site: version, alarms, isolation, BIRD and the upstreams.

use std::fmt;

use crate::metrics::encoder::{Encoder, family, seconds};
use crate::metrics::facts::Facts;
use crate::model::snapshot::{AlarmCode, BirdState};

/// BIRD's state, in words.
const BIRD_STATES: &[&str] = &["up", "busy", "down"];

/// Falconer itself, and what is wrong.
pub(crate) fn site(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let snapshot = &facts.snapshot;
    page.info(
        family("build", "Falconer's version."),
        [[("version", snapshot.version.as_str())]],
    )?;
    page.info(
        family("site", "The site that this Falconer runs at."),
        [[("site", snapshot.site.as_str())]],
    )?;
    page.time(
        "start_timestamp",
        "When Falconer started.",
        [([], Some(snapshot.since))],
    )?;
    page.time(
        "snapshot_timestamp",
        "When the state that this page shows was taken; an old one means that Falconer is stuck.",
        [([], Some(snapshot.at))],
    )?;
    page.flag(
        family(
            "isolated",
            "Whether too few witnesses answer, so that nothing is taken over (D5).",
        ),
        [([], snapshot.isolated)],
    )?;
    page.flag(
        family(
            "cut_off",
            "Whether the near witnesses answer and the far ones do not: the way to where the primary is, is cut (D5).",
        ),
        [([], snapshot.cut_off)],
    )?;
    let alarms = AlarmCode::ALL.iter().map(|code| {
        let raised = snapshot.alarms.iter().filter(|alarm| alarm.code == *code);
        ([("code", code.word())], raised.count() as u64)
    });
    page.count(
        family("alarms", "Things that are wrong now, by the kind of thing."),
        alarms,
    )
}

/// BIRD, over its control socket.
pub(crate) fn bird(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let bird = &facts.snapshot.bird;
    let word = bird.state.word();
    page.flag(
        family("bird_up", "Whether BIRD answers."),
        [([], bird.state == BirdState::Up)],
    )?;
    page.states(
        family(
            "bird_state",
            "Whether BIRD answers: up; busy, there and too slow; or down.",
        ),
        BIRD_STATES,
        [word],
        |word, state| ([("state", state)], *word == state),
    )?;
    page.time(
        "bird_state_since_timestamp",
        "Since when BIRD is in its state.",
        [([], bird.since)],
    )?;
    page.info(
        family(
            "bird",
            "BIRD's version, as its greeting says; absent until it has greeted.",
        ),
        bird.version.as_deref().map(|version| [("version", version)]),
    )?;
    page.counter(
        family(
            "bird_connects",
            "Connections to BIRD's control socket that it greeted.",
        ),
        [([], facts.commands.connects)],
    )?;
    page.histogram(
        seconds(
            "bird_command",
            "How long BIRD took to answer, by the command's first words.",
        ),
        facts
            .commands
            .iter()
            .map(|(command, told)| ([("command", command)], &told.seconds)),
    )?;
    page.counter(
        family(
            "bird_command_failures",
            "Commands that got no answer that makes sense, by why: timeout, broken or malformed.",
        ),
        facts.commands.iter().flat_map(|(command, told)| {
            let failures = told.failures.iter();
            failures.map(move |(why, count)| ([("command", command), ("reason", *why)], *count))
        }),
    )
}

/// The BGP sessions that carry the prefixes out.
pub(crate) fn upstreams(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let upstreams = || facts.snapshot.upstreams.iter();
    page.flag(
        family(
            "upstream_established",
            "Whether the upstream's BGP session is established.",
        ),
        upstreams().map(|upstream| {
            (
                [("upstream", upstream.name.as_str())],
                upstream.state.is_established(),
            )
        }),
    )?;
    page.time(
        "upstream_state_since_timestamp",
        "Since when the upstream's session is in its state, as far as Falconer has seen.",
        upstreams().map(|upstream| ([("upstream", upstream.name.as_str())], upstream.since)),
    )
}
