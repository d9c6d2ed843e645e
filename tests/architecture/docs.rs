//! The pages that people are sent to: that they have a section for everything that is cited, and that
//! their links lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use falconer::model::snapshot::AlarmCode;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Markdown pages at the top and in docs/.
fn pages() -> Vec<PathBuf> {
    let entries = |dir: &str| {
        fs::read_dir(root().join(dir))
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let all = entries("").chain(entries("docs")).chain(entries(".github"));
    all.filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect()
}

/// The headings of a page outside of code blocks, as the fragments of links to them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut code = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with("```") {
            code = !code;
        } else if let (false, Some(heading)) = (code, line.strip_prefix('#')) {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|one| one.is_alphanumeric() || " -_".contains(*one));
            found.insert(kept.collect::<String>().replace(' ', "-"));
        }
    }
    found
}

/// The targets of a page's links, `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.split("](").skip(1);
    ends.filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
}

#[test]
fn each_link_between_pages_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        for link in links(&text).filter(|link| !link.contains("://") && !link.contains(' ')) {
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = match file.is_empty() {
                true => page.clone(),
                false => page.parent().unwrap().join(file),
            };
            let is_page = target.extension().is_some_and(|end| end == "md");
            let leads = target.exists()
                && (fragment.is_empty() || !is_page || anchors(&read(&target)).contains(fragment));
            if !leads {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn each_rule_has_a_section_in_rules_md() {
    let sections = anchors(&read("docs/rules.md"));
    let rules = (1..=20).map(|number| format!("d{number}"));
    let rules = rules.chain((1..=11).map(|number| format!("a{number}")));
    let missing: Vec<_> = rules.filter(|rule| !sections.contains(rule)).collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn each_alarm_and_each_alert_is_explained_in_operations_md() {
    let page = read("docs/operations.md");
    let headings: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let headings: BTreeSet<_> = headings.iter().flat_map(|heading| heading.split(", ")).collect();
    let alarms = AlarmCode::ALL.iter().map(|code| code.word().to_owned());
    let alarms = alarms.filter(|code| !headings.contains(code.as_str()));
    let rules = read("docs/alerts.yml");
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts = alerts.filter(|alert| !page.contains(&format!("| `{alert}` |")));
    let missing: Vec<_> = alarms.chain(alerts.map(str::to_owned)).collect();
    assert_eq!(missing, Vec::<String>::new());
}
