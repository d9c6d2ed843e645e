//! The layers of docs/architecture.md, held against the sources: who imports whom, and what deciders must
//! not touch. The sources are parsed, so that no way of writing an import escapes (`sources`, `graph`).

#![expect(clippy::unwrap_used, reason = "the sources must be there, and parse")]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the language has more kinds of items than matter here"
)]

mod docs;
mod graph;
mod rules;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use graph::Graph;
use sources::Crate;

/// The rooms of the crate, from top to bottom: a room imports only what stands below it.
const ROOMS: &[&str] = &[
    "main",
    "cli",
    "daemon",
    "api",
    "log",
    "systemd",
    "store",
    "probe",
    "ready",
    "bird_conf",
    "bird",
    "process_files",
    "core",
    "metrics",
    "config",
    "model",
];

/// Modules that only decide.
const DECIDERS: &[&str] = &[
    "model",
    "config",
    "core",
    "metrics",
    "ready",
    "bird_conf",
    "bird/parse",
    "bird/codec",
    "bird/guard",
    "bird/plan",
    "bird/reply",
    "bird/version",
];

/// Parts of a decider's directory that look at the machine, and say so.
const LOOK_AT_THE_MACHINE: &[&str] = &["config/host_checks", "bird_conf/disk"];

/// Modules that own one outside thing each.
const EDGES: &[&str] = &[
    "api",
    "bird",
    "bird_conf/disk",
    "log",
    "probe",
    "store",
    "systemd",
];

/// Parts of the edges that decide nothing outside: what BIRD answers and what a check found, as values.
const VOCABULARY: &[&str] = &[
    "bird/parse",
    "bird/codec",
    "bird/error",
    "bird/guard",
    "bird/plan",
    "bird/reply",
    "bird/version",
    "probe/report",
];

/// What a decider must not touch, below these paths. `bytes` and the codec's traits are fine.
const OUTSIDE: &[&str] = &[
    "tokio",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::os::unix::net",
    "std::process",
    "std::env",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "tracing::trace",
    "tracing::debug",
    "tracing::info",
    "tracing::warn",
    "tracing::error",
    "rand",
];

/// Files that still import each other in a circle. The list only shrinks.
const CIRCLES: &[&str] = &[];

/// Names that two types share, with good reason. The list only shrinks.
const SHARED_NAMES: &[&str] = &[];

/// How many lines of code a function may have.
const LONGEST_FUNCTION: usize = 70;
/// Functions that are longer. The list only shrinks.
const LONGER: &[&str] = &[];

fn within(module: &str, part: &str) -> bool {
    module
        .strip_prefix(part)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_one_of(module: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| within(module, part))
}

fn is_decider(module: &str) -> bool {
    is_one_of(module, DECIDERS) && !is_one_of(module, LOOK_AT_THE_MACHINE)
}

fn room(module: &str) -> &str {
    module.split('/').next().unwrap_or_default()
}

/// Fails with all that was found.
#[track_caller]
fn none(found: &[String]) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Fails where what was found is not what the list allows, in either direction.
#[track_caller]
fn only_those_listed(found: &BTreeSet<String>, list: &[&str], what: &str) {
    let listed: BTreeSet<_> = list.iter().map(|&name| name.to_owned()).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(found).collect();
    assert!(new.is_empty(), "{what}: {new:#?}");
    assert!(gone.is_empty(), "no longer so, take them off the list: {gone:#?}");
}

#[test]
fn every_room_stands_in_the_list_and_the_list_names_no_other() {
    let sources = Crate::read();
    let rooms: BTreeSet<_> = sources.files().map(|file| room(file).to_owned()).collect();
    let listed: BTreeSet<_> = ROOMS.iter().map(|&room| room.to_owned()).collect();
    assert_eq!(rooms, listed);
    for part in [DECIDERS, LOOK_AT_THE_MACHINE, EDGES, VOCABULARY].concat() {
        assert!(
            sources.files().any(|file| within(file, part)),
            "{part} is not there any more"
        );
    }
}

#[test]
fn a_room_imports_only_what_stands_below_it() {
    let graph = Graph::of(&Crate::read());
    let place = |module: &str| ROOMS.iter().position(|known| *known == room(module));
    let mut found = Vec::new();
    for import in graph.imports() {
        if place(&import.to) < place(&import.from) {
            found.push(format!("{import}: {} stands above", room(&import.to)));
        }
    }
    none(&found);
}

#[test]
fn files_import_each_other_in_no_circle() {
    let graph = Graph::of(&Crate::read());
    let circles = graph.circles();
    let mut text = String::from("these files import each other in a circle");
    for circle in &circles {
        let mut last = None;
        for import in graph.imports().filter(|import| import.within(circle)) {
            // The first of the paths from one file to the other shows enough.
            if last.replace((&import.from, &import.to)) != Some((&import.from, &import.to)) {
                text.push_str(&format!("\n    {import}"));
            }
        }
    }
    let files = circles.into_iter().flatten().collect();
    only_those_listed(&files, CIRCLES, &text);
}

#[test]
fn every_import_is_understood() {
    // What the graph does not see it cannot forbid.
    let graph = Graph::of(&Crate::read());
    none(graph.riddles());
}

#[test]
fn deciders_touch_nothing_outside() {
    let graph = Graph::of(&Crate::read());
    let mut found = Vec::new();
    for (file, path) in graph.outside().filter(|(file, _)| is_decider(file)) {
        let starts = |outside: &&&str| {
            path.strip_prefix(**outside)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        if OUTSIDE.iter().any(|outside| starts(&outside)) {
            found.push(format!("{file} uses {path}"));
        }
    }
    none(&found);
}

#[test]
fn deciders_import_no_edge() {
    let graph = Graph::of(&Crate::read());
    let is_edge = |module: &str| is_one_of(module, EDGES) && !is_one_of(module, VOCABULARY);
    let imports = graph.imports();
    let found = imports.filter(|import| is_decider(&import.from) && is_edge(&import.to));
    none(&found.map(ToString::to_string).collect::<Vec<_>>());
}

#[test]
fn an_edge_imports_no_other_edge() {
    let graph = Graph::of(&Crate::read());
    let edge = |module: &str| EDGES.iter().find(|edge| within(module, edge));
    let other = |import: &&graph::Import| {
        let (from, to) = (edge(&import.from), edge(&import.to));
        from.is_some() && to.is_some() && from != to && !is_one_of(&import.to, VOCABULARY)
    };
    let found = graph.imports().filter(other);
    none(&found.map(ToString::to_string).collect::<Vec<_>>());
}

#[test]
fn every_file_says_what_it_is_for() {
    let sources = Crate::read();
    let silent = sources.texts().filter(|(_, text)| !text.starts_with("//!"));
    none(&silent.map(|(file, _)| file.to_owned()).collect::<Vec<_>>());
}

#[test]
fn a_types_name_is_its_own() {
    let sources = Crate::read();
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, name) in sources.types() {
        places.entry(name).or_default().push(file.to_owned());
    }
    let all: usize = places.values().map(Vec::len).sum();
    places.retain(|_, files| files.len() > 1);
    let shared: usize = places.values().map(Vec::len).sum();
    let names = places.keys().cloned().collect();
    only_those_listed(
        &names,
        SHARED_NAMES,
        &format!("two types share a name: {places:#?}"),
    );
    assert!(shared * 20 < all, "{shared} of {all} types share their names");
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let sources = Crate::read();
    let long = sources
        .functions()
        .filter(|function| function.lines > LONGEST_FUNCTION);
    let names = long.map(|function| function.name).collect();
    only_those_listed(&names, LONGER, "these functions are too long");
}
