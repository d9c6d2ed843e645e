//! The configuration as a whole: what is read, what it defaults to, and what is said about it.

mod broken;
mod said;

use super::*;

/// The example of the documentation, without what this version does not have yet.
const CONTRACT: &str = include_str!("../../tests/fixtures/config/contract.toml");
const STANDBY: &str = include_str!("../../tests/fixtures/config/standby.toml");
const PRIMARY: &str = include_str!("../../tests/fixtures/config/primary.toml");
const ATTACH: &str = include_str!("../../tests/fixtures/config/attach.toml");

fn loaded(text: &str) -> Config {
    match load(text, "falconer.toml") {
        Ok((config, _)) => config,
        Err(found) => panic!("{}", render(&found, text, "falconer.toml", false)),
    }
}

/// Everything that is said about a text, errors and warnings, as on a terminal without colour.
fn said(text: &str) -> String {
    let found = load(text, "falconer.toml").map_or_else(|found| found, |(_, warnings)| warnings);
    render(&found, text, "falconer.toml", false)
}

#[test]
fn the_documented_example_is_read_as_it_says() {
    let config = loaded(CONTRACT);
    insta::assert_debug_snapshot!(config);
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    // What the example spells out is what it would be without.
    const KEPT: [&str; 12] = [
        "[",
        "name =",
        "id =",
        "local_as",
        "neighbor",
        "role",
        "prefixes",
        "type",
        "target",
        "url",
        "failback_window",
        "apply",
    ];
    let kept = |line: &&str| KEPT.iter().any(|start| line.starts_with(start));
    let bare: Vec<&str> = CONTRACT.lines().filter(kept).collect();
    assert!(
        bare.len() < CONTRACT.lines().filter(|line| !line.is_empty()).count() * 2 / 3,
        "most lines are gone"
    );
    assert_eq!(
        format!("{:?}", loaded(&bare.join("\n"))),
        format!("{:?}", loaded(CONTRACT))
    );
}

#[test]
fn a_good_configuration_is_read_without_a_word() {
    for text in [STANDBY, PRIMARY, ATTACH] {
        assert_eq!(said(text), "");
    }
}

#[test]
fn every_default_is_one_that_its_key_takes() {
    // The smallest files have a default for every key that has one.
    for section in load::book().sections {
        for key in section.keys {
            let key_docs::KeyPresence::Default(words) = key.need else {
                continue;
            };
            assert!(!words.is_empty(), "{}.{}", section.path, key.name);
        }
    }
}

#[test]
fn every_key_says_what_it_is_for() {
    for section in load::book().sections {
        assert!(
            section.path.is_empty() || section.doc.ends_with('.'),
            "{}",
            section.path
        );
        for key in section.keys {
            assert!(
                key.doc.ends_with('.'),
                "{}.{}: {}",
                section.path,
                key.name,
                key.doc
            );
        }
    }
}

#[test]
fn no_finding_shows_a_secret() {
    let standby = include_str!("../../tests/fixtures/config/standby.toml");
    for probe in [
        "url = \"http://h/\"\nheaders = { Authorization = \"s3cret\\u0007\" }",
        "url = \"http://h/\"\nheaders = { Host = \"s3cret\" }",
        "url = \"http://h/\"\nheaders = { X-Api-Key = 's3cret' ",
        "url = \"http://h/\"\nheaders = \"Authorization: s3cret\"",
        "url = \"http://user:s3cret@h/\"",
        "url = \"user:s3cret@h/\"",
        "url = \"http://h/\"\ntoken = \"s3cret\"",
    ] {
        let text = format!("{standby}\n[[witness]]\nname = \"one\"\ntype = \"http\"\n{probe}\n");
        let found = load(&text, "falconer.toml").unwrap_err();
        let shown = render(&found, &text, "falconer.toml", false);
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn the_reference_page_is_what_the_reader_says() {
    golden("docs/configuration.md", &reference());
}

#[test]
fn the_schema_is_what_the_reader_says() {
    let schema = serde_json::to_string_pretty(&schema()).unwrap();
    golden("docs/falconer.schema.json", &format!("{schema}\n"));
}

/// A committed file, which `INSTA_UPDATE=always` writes anew.
fn golden(path: &str, now: &str) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, now).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == now,
        "{path} is not what the reader says; INSTA_UPDATE=always writes it anew"
    );
}
