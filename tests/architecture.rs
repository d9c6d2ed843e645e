//! The layers, held against the sources: what must be absent is what a test has to look for.
//!
//! Deciders import no runtime, socket, file system, clock, randomness or log; an edge never imports
//! another edge; nothing imports the daemon or the command line but the command line and main.

use std::path::{Path, PathBuf};

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

/// What a decider must not touch. `bytes` and the codec's traits are fine.
const OUTSIDE: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::os::unix::net",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "Instant",
    "tracing::info",
    "tracing::warn",
    "tracing::error",
    "tracing::debug",
    "tracing::trace",
    "rand::",
];

struct Source {
    /// Below src, without `.rs`.
    module: String,
    text: String,
}

/// The sources without tests, comments and test modules at their end.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(
        files.len() > 30,
        "the sources were not found in {}",
        root.display()
    );
    let read = |path: &PathBuf| {
        let module = path
            .strip_prefix(&root)
            .expect("a file below src")
            .with_extension("");
        let text = std::fs::read_to_string(path).expect("a readable source");
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        Source {
            module: module.display().to_string(),
            text: code.collect::<Vec<_>>().join("\n"),
        }
    };
    files
        .iter()
        .map(read)
        .filter(|source| !is_test(&source.module))
        .collect()
}

fn is_test(module: &str) -> bool {
    module
        .split('/')
        .any(|part| part == "tests" || part == "testing" || part == "situations")
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn within(module: &str, part: &str) -> bool {
    module == part
        || module
            .strip_prefix(part)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn is_decider(module: &str) -> bool {
    DECIDERS.iter().any(|part| within(module, part))
        && !LOOK_AT_THE_MACHINE.iter().any(|part| within(module, part))
}

#[test]
fn deciders_touch_nothing_outside() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| is_decider(&source.module)) {
        for outside in OUTSIDE.iter().filter(|outside| source.text.contains(**outside)) {
            found.push(format!("{} uses {outside}", source.module));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn deciders_import_no_edge() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| is_decider(&source.module)) {
        for edge in EDGES.iter().filter(|edge| **edge != "bird") {
            if source.text.contains(&format!("crate::{edge}::")) {
                found.push(format!("{} imports {edge}", source.module));
            }
        }
        for part in ["client", "reconcile", "state_file", "lock"] {
            if source.text.contains(&format!("bird::{part}")) {
                found.push(format!("{} imports bird::{part}", source.module));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_edge_imports_no_other_edge() {
    // What BIRD answers is a decider's vocabulary, wherever the socket is.
    let vocabulary = [
        "crate::bird::parse",
        "crate::bird::version",
        "crate::probe::report",
    ];
    let mut found = Vec::new();
    for source in sources() {
        let Some(own) = EDGES.iter().find(|edge| within(&source.module, edge)) else {
            continue;
        };
        let text = vocabulary
            .iter()
            .fold(source.text.clone(), |text, word| text.replace(word, ""));
        for other in EDGES.iter().filter(|edge| edge != &own) {
            if text.contains(&format!("crate::{other}::")) {
                found.push(format!("{} imports {other}", source.module));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_room_imports_only_what_stands_below_it() {
    let place = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| source.module != "lib") {
        let room = source.module.split('/').next().unwrap_or_default();
        let own = place(room).unwrap_or_else(|| panic!("{room} stands in no place of ROOMS"));
        for path in source.text.split("crate::").skip(1) {
            let other: String = path
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let below = place(&other).unwrap_or_else(|| panic!("{}: crate::{other}", source.module));
            if below < own {
                found.push(format!(
                    "{} imports {other}, which stands above {room}",
                    source.module
                ));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_imports_the_daemon_or_the_command_line_but_the_command_line() {
    for source in sources() {
        let own = within(&source.module, "cli") || source.module == "main";
        if !own && !within(&source.module, "daemon") {
            assert!(
                !source.text.contains("crate::daemon"),
                "{} imports the daemon",
                source.module
            );
        }
        if !own {
            assert!(
                !source.text.contains("crate::cli"),
                "{} imports the command line",
                source.module
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let silent = files.iter().filter(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        !is_test(
            &path
                .strip_prefix(&root)
                .unwrap()
                .with_extension("")
                .display()
                .to_string(),
        ) && !text.starts_with("//!")
    });
    let silent: Vec<_> = silent.collect();
    assert!(silent.is_empty(), "{silent:?}");
}
