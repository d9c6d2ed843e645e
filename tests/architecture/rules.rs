//! Which tests hold which rule. A test that holds a rule begins with its name: `d9_the_third_takeover_latches`,
//! or `d7_d9_…` for two.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The rules of deciding go from D1, and those of acting from A1, to these.
const LAST: [(char, u32); 2] = [('d', 20), ('a', 11)];

/// Rules that are not built yet. The list only shrinks.
const NOT_BUILT: &[&str] = &["D13", "D18", "A8"];

/// A rule, such as ('d', 9).
type Rule = (char, u32);

/// Writes the table to target/tmp/rules.txt, from where scripts/test prints how many tests each rule has.
#[test]
fn every_rule_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests: BTreeMap<Rule, Vec<String>> = BTreeMap::new();
    for directory in ["src", "tests"] {
        for path in sources(&root.join(directory)) {
            let file = path.strip_prefix(root).unwrap().display().to_string();
            for name in functions(&std::fs::read_to_string(&path).unwrap()) {
                for rule in rules(name) {
                    tests.entry(rule).or_default().push(format!("{file}: {name}"));
                }
            }
        }
    }
    let all = LAST
        .iter()
        .flat_map(|(kind, last)| (1..=*last).map(|number| (*kind, number)));
    let (mut table, mut wrong) = (String::new(), Vec::new());
    for rule in all {
        let name = format!("{}{}", rule.0.to_ascii_uppercase(), rule.1);
        let found = tests.remove(&rule).unwrap_or_default();
        let _ = writeln!(table, "{name} {}", found.len());
        for test in &found {
            let _ = writeln!(table, "    {test}");
        }
        match (found.is_empty(), NOT_BUILT.contains(&&name[..])) {
            (true, false) => wrong.push(format!("{name} has no test")),
            (false, true) => wrong.push(format!("{name} has tests: take it off the list")),
            (true, true) | (false, false) => {}
        }
    }
    wrong.extend(
        tests
            .into_iter()
            .map(|(rule, tests)| format!("there is no rule {rule:?}: {tests:?}")),
    );
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("rules.txt"), table).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The names of the functions in a source.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
    })
}

/// The rules that a test's name begins with; none where it is no test.
fn rules(name: &str) -> Vec<Rule> {
    let words = name.split('_');
    words.map_while(rule).collect()
}

/// "d9" is one.
fn rule(word: &str) -> Option<Rule> {
    let kind = word
        .chars()
        .next()
        .filter(|kind| LAST.iter().any(|(known, _)| known == kind))?;
    let number = word.get(1..)?.parse().ok()?;
    Some((kind, number))
}
