//! Every configuration as a golden file: read them as the bird.conf that they are.

use std::collections::BTreeSet;
use std::path::PathBuf;

use falconer::bird::version::BirdVersion;
use falconer::bird_conf::{Templates, render};
use falconer::config::Config;
use falconer::config::model::ImportPolicy;

use crate::configs;

/// Where the golden files are.
fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/bird")
        .join(format!("{name}.conf"))
}

/// Renders with our own templates, and a part of the user's own that defines the filters that the
/// configuration imports with.
pub(crate) fn rendered(config: &Config, version: &str) -> String {
    render(
        config,
        &BirdVersion::parse(version).unwrap(),
        &templates(config),
        &configs::passwords(config),
    )
    .unwrap_or_else(|errors| panic!("{}", errors[0]))
    .text
}

fn templates(config: &Config) -> Templates {
    let filters: BTreeSet<String> = config
        .upstreams
        .iter()
        .chain(&config.peers)
        .filter_map(|upstream| match &upstream.session.as_ref()?.import {
            ImportPolicy::Filter(name) => Some(format!("filter {name} {{\n    reject;\n}}\n")),
            ImportPolicy::None | ImportPolicy::DefaultRoute | ImportPolicy::Services => None,
        })
        .collect();
    let part: String = filters.into_iter().collect();
    Templates::with_own(
        "/etc/falconer/bird-templates".into(),
        [("parts/local.conf".to_owned(), part)].into(),
    )
}

fn compare(name: &str, text: &str) {
    let file = golden(name);
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&file, text).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        expected == text,
        "{} is not what is rendered:\n{}",
        file.display(),
        falconer::bird_conf::diff(name, Some(&expected), text)
    );
}

#[test]
fn a9_what_is_rendered_is_what_the_golden_files_say() {
    for (name, config) in configs::all() {
        compare(name, &rendered(&config, "2.0.12"));
    }
}

#[test]
fn a9_what_differs_between_versions_is_only_what_newer_ones_warn_about() {
    for (name, config) in configs::all() {
        let old = rendered(&config, "2.0.12");
        assert_eq!(old, rendered(&config, "2.0.8"), "{name}");
        assert_eq!(old, rendered(&config, "3.0.1"), "{name}");
        let new = rendered(&config, "2.19.2+branch..no.branch..1d201ed0360c");
        assert_eq!(new, rendered(&config, "3.3.2"), "{name}");
        if configs::passwords(&config) == falconer::bird_conf::Passwords::default() {
            assert_eq!(old, new, "{name}");
        } else {
            compare(&format!("{name}.from_2.17"), &new);
        }
    }
}

#[test]
fn a9_rendering_twice_gives_the_same_bytes() {
    for (_, config) in configs::all() {
        assert_eq!(rendered(&config, "3.3.2"), rendered(&config, "3.3.2"));
    }
}

#[test]
fn a9_nothing_volatile_is_in_the_file() {
    for (name, config) in configs::all() {
        let text = rendered(&config, "2.19.2");
        assert!(!text.contains("2.19"), "{name} has BIRD's version in it");
        assert!(
            !text.contains(env!("CARGO_PKG_VERSION")),
            "{name} has Falconer's version in it"
        );
    }
}
