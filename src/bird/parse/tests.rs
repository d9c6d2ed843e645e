use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

use super::*;
use crate::bird::error::BirdError;
use crate::bird::reply::BirdReply;
use crate::bird::transcripts;
use crate::bird::transcripts::{Transcript, VERSIONS, said};

/// What one transcript means, one line a row; `None` for commands that have no parser here.
fn meaning(transcript: &Transcript, reply: &BirdReply) -> Option<Result<Vec<String>, BirdError>> {
    let words: Vec<&str> = transcript.command.split_whitespace().collect();
    Some(match words[..] {
        ["show", "status"] => status(reply).map(|status| one(&status)),
        ["show", "protocols", "all", name] => protocol(reply, name).map(|detail| details(&detail)),
        ["show", "protocols", ..] => protocols(reply).map(|rows| each(&rows)),
        ["show", "static", ..] => static_routes(reply, "failover4").map(|rows| each(&rows)),
        ["show", "bfd", "sessions"] | ["show", "bfd", "sessions", "bfd1"] => {
            bfd_sessions(reply).map(|rows| each(&rows))
        }
        ["show", "route", .., "count"] | ["show", "route", "stats"] => return None,
        ["show", "route", ..] => exported(reply, "isp_upstream").map(|rows| each(&rows)),
        ["enable", name] if !name.contains('*') => enabled(reply, name).map(|switch| one(&switch)),
        ["disable", name, ..] if !name.contains('*') => disabled(reply, name).map(|switch| one(&switch)),
        ["configure", "status"] => configure_status(reply).map(|status| one(&status)),
        ["configure", ..] => configured(reply).map(|configured| one(&configured)),
        _ => return None,
    })
}

fn one(value: &impl Debug) -> Vec<String> {
    vec![format!("{value:?}")]
}

fn each(values: &[impl Debug]) -> Vec<String> {
    values.iter().map(|value| format!("{value:?}")).collect()
}

fn details(detail: &ProtocolDetail) -> Vec<String> {
    let ProtocolDetail {
        protocol,
        description,
        message,
        bgp,
        channels,
    } = detail;
    let mut rows = vec![
        format!("{protocol:?}"),
        format!("{description:?} {message:?} {bgp:?}"),
    ];
    rows.extend(each(channels));
    rows
}

#[test]
fn every_transcript_is_read_and_means_what_it_meant() {
    let mut golden: BTreeMap<String, String> = BTreeMap::new();
    for transcript in transcripts::all() {
        let replies = transcript.replies();
        let [reply] = &replies[..] else { continue };
        let Some(meaning) = meaning(&transcript, reply) else {
            continue;
        };
        let text = golden
            .entry(transcript.name.clone())
            .or_insert_with(|| format!("{} > {}\n", transcript.name, transcript.command));
        let text = {
            writeln!(text, "{}", transcript.version).expect("a string");
            text
        };
        match meaning {
            Ok(mut rows) => {
                // BIRD's order is not the same in all versions.
                if transcript.command.starts_with("show protocols") && !transcript.command.contains("all ") {
                    rows.sort();
                }
                rows.iter()
                    .for_each(|row| writeln!(text, "    {row}").expect("a string"));
            }
            Err(error) => {
                assert!(
                    !matches!(error, BirdError::Malformed { .. }),
                    "{}: {error}",
                    transcript.name
                );
                writeln!(text, "    {error:?}").expect("a string");
            }
        }
    }
    insta::assert_snapshot!(
        golden
            .into_values()
            .map(|text| same_said_once(&text))
            .collect::<String>()
    );
}

/// Where all three versions mean the same it stands there once.
fn same_said_once(text: &str) -> String {
    let (command, rest) = text.split_once('\n').expect("a command");
    let mut meanings: Vec<(Vec<&str>, String)> = Vec::new();
    for line in rest.lines() {
        if let Some(version) = VERSIONS.iter().find(|version| **version == line) {
            meanings.push((vec![version], String::new()));
        } else if let Some((_, meaning)) = meanings.last_mut() {
            writeln!(meaning, "{line}").expect("a string");
        }
    }
    meanings.dedup_by(|later, earlier| {
        let same = later.1 == earlier.1;
        if same {
            earlier.0.append(&mut later.0);
        }
        same
    });
    let blocks = meanings
        .iter()
        .map(|(versions, meaning)| format!("{}\n{meaning}", versions.join(" ")));
    format!("{command}\n{}\n", blocks.collect::<String>())
}

#[test]
fn a_socket_that_only_reads_is_told_apart() {
    let denied = said("8007 Access denied\n");
    assert_eq!(enabled(&denied, "a"), Err(BirdError::Restricted));
    assert_eq!(configured(&denied), Err(BirdError::Restricted));
}

#[test]
fn a_name_that_bird_does_not_know_is_told_apart_however_bird_says_it() {
    let missing = Err(BirdError::NoSuchProtocol {
        name: "web_v4".into(),
    });
    for text in [
        "8003 No protocols match\n",
        "9001 syntax error, unexpected CF_SYM_UNDEFINED, expecting CF_SYM_KNOWN or TEXT or ALL\n",
        "9001 Protocol name required\n",
        "9002 web_v4 does not exist\n",
    ] {
        assert_eq!(enabled(&said(text), "web_v4"), missing, "{text}");
    }
    let other = said("9001 syntax error, unexpected NUM\n");
    assert!(matches!(
        enabled(&other, "web_v4"),
        Err(BirdError::Refused { code: 9001, .. })
    ));
}
