//! The names that are refused, and BIRD's own word on those that are not.

use std::process::Command;

use super::*;

#[test]
fn the_kept_words_are_sorted_so_that_they_are_found() {
    assert!(KEPT.is_sorted());
    assert!(KEPT.len() > 600, "{}", KEPT.len());
}

#[test]
fn words_of_any_version_are_known() {
    for word in [
        "primary",
        "default",
        "passive",
        "local",
        "worker",
        "express",
        "master4",
        "bgp",
        "ipv4",
        "RTS_STATIC",
    ] {
        assert!(is_kept(word), "{word}");
    }
}

#[test]
fn what_is_no_name_is_refused_with_its_reason() {
    assert_eq!(symbol(""), Err(InvalidSymbol::Empty));
    for name in ["isp 1", "'isp'", "isp;", "isp\n", "\u{fc}ber", "*", "isp?"] {
        assert_eq!(symbol(name), Err(InvalidSymbol::Letters), "{name:?}");
    }
    assert_eq!(symbol(&"z".repeat(65)), Err(InvalidSymbol::TooLong));
    assert_eq!(symbol(&"a".repeat(20)), Err(InvalidSymbol::Hex));
    assert_eq!(symbol("falconer_x"), Err(InvalidSymbol::Ours));
}

/// Names of every sort that are taken.
fn taken() -> Vec<String> {
    let mut names: Vec<String> = [
        "isp_upstream",
        "failover4",
        "web_v4",
        "web_v4_drain",
        "_",
        "Abc",
        "standby",
        "backup",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend(KEPT.iter().map(|word| format!("{word}1")));
    names.extend(KEPT.iter().map(|word| format!("{word}_v4")));
    names.extend([1, 16].map(|count| "b".repeat(count)));
    names.extend([17, 63, 64].map(|count| "z".repeat(count)));
    names.extend(["isp-1", "peer:eth0", "isp-a.fra1", "64500:b", "1isp", "web-v4"].map(str::to_owned));
    names.retain(|name| symbol(name).is_ok() && !is_kept(name));
    names.sort();
    names.dedup();
    names
}

#[test]
fn bird_takes_every_name_that_we_take() {
    let bird = std::env::var("FALCONER_LAB_BIRD").unwrap_or_else(|_| "/usr/sbin/bird".to_owned());
    if !std::path::Path::new(&bird).exists() {
        eprintln!("not run: there is no {bird}");
        return;
    }
    let names = taken();
    assert!(names.len() > 1000, "{}", names.len());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bird.conf");
    let protocols: String = names
        .iter()
        .map(|name| {
            format!(
                "protocol static {} {{ ipv4; }}\n",
                crate::config::names::symbol(name)
            )
        })
        .collect();
    std::fs::write(
        &file,
        format!("router id 192.0.2.1;\nprotocol device {{}}\n{protocols}"),
    )
    .unwrap();
    let answer = Command::new(bird)
        .arg("-p")
        .arg("-c")
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        answer.status.success(),
        "{}",
        String::from_utf8_lossy(&answer.stderr)
    );
}
