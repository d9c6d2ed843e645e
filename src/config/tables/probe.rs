//! `[[service.probe]]`, `[[service.serves]]` and `[[witness]]`: repeated checks.

mod bird;
mod http;
mod network;

pub use http::host_of;

use std::time::Duration;

use crate::config::duration;
use crate::config::finding::Finding;
use crate::config::model::{CheckConfig, Decides, ExecConfig, Group, ProbeConfig, Votes};
use crate::config::reader::{TableReader, Variant};
use crate::config::value::address::stand_in_check;
use crate::config::value::duration::span;
use crate::config::value::text::{ARGUMENT, NAME};
use crate::config::value::{Choice, integer, list_of};

/// The shortest interval: what is asked more often than a hundred times a second is under attack.
const SHORTEST: Duration = Duration::from_millis(10);

/// The shortest interval of a question to BIRD, which one connection asks one after the other.
const SHORTEST_OF_BIRD: Duration = Duration::from_millis(50);

/// Those that ask over the network or run a program come first in [`SORTS`].
const OF_THE_NETWORK: usize = 5;

const SORTS: &[Variant<CheckConfig>] = &[
    Variant {
        name: "icmp",
        doc: "an ICMP echo is answered",
        read: network::icmp,
    },
    Variant {
        name: "tcp",
        doc: "a TCP connection is accepted",
        read: network::tcp,
    },
    Variant {
        name: "http",
        doc: "an HTTP or HTTPS answer is as expected",
        read: http::http,
    },
    Variant {
        name: "dns",
        doc: "a DNS answer is as expected",
        read: network::dns,
    },
    Variant {
        name: "exec",
        doc: "a program exits with 0",
        read: exec,
    },
    Variant {
        name: "bird-route",
        doc: "a prefix is in BIRD's own tables",
        read: bird::route,
    },
    Variant {
        name: "bird-protocol",
        doc: "a BGP or BFD session of BIRD is up",
        read: bird::protocol,
    },
];

/// Reads a witness, which has no say in a verdict.
pub(crate) fn witness(t: &mut TableReader<'_, '_>) -> ProbeConfig {
    let mut probe = probe(t);
    probe.group = t
        .key("group", Choice(&GROUPS))
        .doc("Where it stands, for `isolation.min_up` by group (D5).")
        .default("near");
    for key in ["votes", "decides"] {
        if t.has_good(key) {
            let path = t.path().key(key);
            t.report(
                Finding::warning("unused-key", format!("`{key}` means nothing for a witness"))
                    .at_key(&path, "has no effect")
                    .note("witnesses say whether this site is connected; they take part in no verdict"),
            );
        }
    }
    probe
}

/// Reads a probe.
pub(crate) fn probe(t: &mut TableReader<'_, '_>) -> ProbeConfig {
    let mut probe = check(t, SORTS, "\"ping\"");
    probe.votes = t
        .key("votes", Choice(&VOTES))
        .doc("Which verdict the probe has a vote in (D3).")
        .default("both");
    probe.decides = t
        .key("decides", Choice(&DECIDES))
        .doc("Which verdict the probe decides alone, whatever the others say (D3).")
        .optional();
    probe
}

/// Reads a check of whether this site itself can serve, which has a vote in no verdict (D16). What BIRD
/// says is no proof of that.
pub(crate) fn serves(t: &mut TableReader<'_, '_>) -> ProbeConfig {
    check(t, &SORTS[..OF_THE_NETWORK], "\"local\"")
}

/// Reads what all of them have. It has no vote.
fn check(
    t: &mut TableReader<'_, '_>,
    sorts: &'static [Variant<CheckConfig>],
    example: &'static str,
) -> ProbeConfig {
    let name = t
        .key("name", NAME)
        .doc("Unique within the service; a witness's among the witnesses.")
        .example(example)
        .required();
    let check = t
        .variant("type", "What is checked.", sorts)
        .unwrap_or_else(stand_in_check);
    let asks_bird = matches!(check, CheckConfig::BirdRoute(_) | CheckConfig::BirdProtocol(_));
    let (interval, timeout, retry_interval) = times(t, if asks_bird { SHORTEST_OF_BIRD } else { SHORTEST });
    ProbeConfig {
        name,
        check,
        interval,
        timeout,
        retry_interval,
        fall: t
            .key("fall", integer(1..=1000))
            .doc("Fails in a row that make it down.")
            .default(3),
        rise: t
            .key("rise", integer(1..=1000))
            .doc("Passes in a row that make it up.")
            .default(2),
        votes: Votes::None,
        decides: None,
        group: Group::Near,
    }
}

const VOTES: [(&str, Votes, &str); 5] = [
    ("both", Votes::Both, "down and up"),
    ("down", Votes::Down, "only down"),
    ("up", Votes::Up, "only up"),
    (
        "failback",
        Votes::Failback,
        "neither; while strength drain is announced it must confirm that the primary is back (D8)",
    ),
    ("none", Votes::None, "neither"),
];

const GROUPS: [(&str, Group, &str); 2] = [
    (
        "near",
        Group::Near,
        "beside this site: its router, a resolver of its own ISP",
    ),
    (
        "far",
        Group::Far,
        "beside the primary: in its country, behind its ISP",
    ),
];

const DECIDES: [(&str, Decides, &str); 2] = [
    ("down", Decides::Down, "when it is down, the verdict is down"),
    ("up", Decides::Up, "when it is up, the verdict is up"),
];

/// Interval, timeout and retry interval.
fn times(t: &mut TableReader<'_, '_>, shortest: Duration) -> (Duration, Duration, Duration) {
    let pace = span().at_most(Duration::from_secs(86_400)).because(
        "more often would be an attack on the target, or on BIRD's one connection; more rarely is no watch",
    );
    let interval = t
        .key("interval", pace.at_least(shortest))
        .doc("From the start of one check to the start of the next; at least 50ms for bird-route and bird-protocol.")
        .also_called(&["period", "frequency", "every"])
        .default("5s");
    let default = |most: Duration| {
        (
            format!("`\"{}\"`, or `interval` if that is less", duration::format(most)),
            most.min(interval),
        )
    };
    let (words, value) = default(Duration::from_secs(2));
    let timeout = t
        .key("timeout", pace.at_least(SHORTEST))
        .doc("How long one check may take; no longer than `interval`.")
        .default_by(words, value);
    let (words, value) = default(Duration::from_millis(500));
    let retry_interval = t
        .key("retry_interval", pace.at_least(shortest))
        .doc("The interval after a first deviating result (D1); no longer than `interval`.")
        .also_called(&["retry", "fast_interval", "fastinter"])
        .default_by(words, value);
    for (key, value, what) in [
        ("timeout", timeout, "timeout"),
        ("retry_interval", retry_interval, "retry interval"),
    ] {
        if value > interval {
            let (path, interval_path) = (t.path().key(key), t.path().key("interval"));
            let written = duration::format(interval);
            t.report(
                Finding::error(
                    "longer-than-interval",
                    format!("the {what} is longer than the interval"),
                )
                .at(&path, "longer than the interval")
                .at(&interval_path, format!("the interval is {written}"))
                .help(format!("make it at most {written}, or the interval longer"))
                .note("a check would still be waiting when the next one starts"),
            );
        }
    }
    (interval, timeout, retry_interval)
}

fn exec(t: &mut TableReader<'_, '_>) -> CheckConfig {
    let command = t
        .key("command", list_of(ARGUMENT).not_empty())
        .doc(
            "The program, by its absolute path, and its arguments. No shell reads them. Exit status 0 is a pass; 126, 127, the end by a signal and a program that cannot be started are errors; any other status, and no end within `timeout`, is a fail. It runs in `/` without standard input. Its environment has only `PATH`, `LC_ALL=C`, `FALCONER_PROBE` (the probe's name) and `FALCONER_TIMEOUT_MS`. The last line of its output is shown.",
        )
        .also_called(&["cmd", "program", "script", "exec", "argv"])
        .example("[\"/usr/local/bin/check-site\", \"--quick\"]")
        .required();
    let path = t.path().key("command");
    if let Some(program) = command.first()
        && !program.starts_with('/')
    {
        t.report(
            Finding::error(
                "relative-path",
                "the program of an exec probe needs an absolute path",
            )
            .at(&path.item(0), "does not begin with `/`")
            .note("no PATH is searched, and the daemon's working directory is not yours"),
        );
    }
    CheckConfig::Exec(ExecConfig { command })
}
