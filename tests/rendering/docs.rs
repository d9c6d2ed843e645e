//! What the documentation says about bird.conf is true.

use std::path::PathBuf;

use falconer::bird::version::BirdVersion;
use falconer::bird_conf::{Passwords, Templates, render};

use crate::birds::complaint;
use crate::configs;

fn doc(name: &str) -> String {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    text.split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix(&format!("{language}\n")).map(str::to_owned))
        .collect()
}

#[test]
fn bird_accepts_the_lines_for_a_bird_conf_of_ones_own() {
    let lines = blocks(&doc("attach.md"), "bird");
    assert_eq!(lines.len(), 8);
    let text = format!(
        "router id 203.0.113.2;\nprotocol device {{ }}\n{}",
        lines.join("\n")
    );
    assert_eq!(complaint(&text), None, "{text}");
}

#[test]
fn the_lines_for_a_bird_conf_of_ones_own_are_those_that_we_render() {
    let doc = doc("attach.md");
    let version = BirdVersion::parse("2.0.12").unwrap();
    let text = [configs::standby(), configs::more_specific()].map(|config| {
        let rendered = render(&config, &version, &Templates::built_in(), &Passwords::default());
        rendered.unwrap().text
    });
    let text = text.concat();
    for line in doc
        .lines()
        .filter(|line| line.contains("include \"") || line.contains("&& (proto ="))
    {
        assert!(text.contains(line.trim()), "{line}");
    }
}

#[test]
fn the_page_on_templates_lists_every_name_there_is() {
    let doc = doc("templates.md");
    let listed = |name: &str| doc.contains(&format!("`{name}`"));
    for (owner, fields) in [
        ("", "{{ nothing }}"),
        ("site.", "{{ site.nothing }}"),
        ("template.", "{{ template.nothing }}"),
        ("bird.", "{{ bird.nothing }}"),
        ("router.", "{{ router.nothing }}"),
        ("-", "{{ families[0].nothing }}"),
        ("-", "{{ families[0].own_marks[0].nothing }}"),
        ("-", "{{ services[0].nothing }}"),
        ("-", "{{ services[0].statics[0].nothing }}"),
        ("-", "{{ upstreams[0].nothing }}"),
        ("-", "{{ upstreams[0].channels[0].nothing }}"),
        ("-", "{{ upstreams[0].channels[0].services[0].nothing }}"),
        ("-", "{{ upstreams[0].channels[0].services[0].standing.nothing }}"),
    ] {
        for name in names_beside(fields) {
            let shown = if owner == "-" {
                name.clone()
            } else {
                format!("{owner}{name}")
            };
            let is_group =
                ["site", "template", "bird", "router"].contains(&name.as_str()) && owner.is_empty();
            assert!(is_group || listed(&shown), "{shown} is not in docs/templates.md");
        }
    }
}

/// The names that the error of a misspelt one lists.
fn names_beside(template: &str) -> Vec<String> {
    let mut config = configs::more_specific();
    config.render.as_mut().unwrap().template = "mine.conf".to_owned();
    let own = [("mine.conf".to_owned(), template.to_owned())].into();
    let templates = Templates::with_own("/".into(), own);
    let errors = render(
        &config,
        &BirdVersion::parse("2.0.12").unwrap(),
        &templates,
        &Passwords::default(),
    )
    .unwrap_err();
    let list = errors[0]
        .help
        .iter()
        .find_map(|help| help.split_once(" has: "))
        .unwrap()
        .1;
    list.split(", ").map(str::to_owned).collect()
}
