//! Whatever the text is, reading it ends, and ends in a configuration or in an error; and what is
//! found can be shown.

use proptest::prelude::*;

use super::{ATTACH, CONTRACT, PRIMARY, STANDBY};
use crate::config::load::load;
use crate::config::spans::KeyPositions;
use crate::config::{Severity, render};

/// What must hold of any text.
fn holds(text: &str) -> Result<(), TestCaseError> {
    let (errors, found) = match load(text, "falconer.toml") {
        Ok((_, warnings)) => (false, warnings),
        Err(found) => (true, found),
    };
    let said = found.iter().any(|found| found.severity == Severity::Error);
    prop_assert_eq!(
        errors,
        said,
        "no configuration without an error, and no error with one"
    );
    for found in &found {
        prop_assert!(!found.message.is_empty());
        for label in &found.labels {
            prop_assert!(
                text.get(label.span.clone()).is_some(),
                "{label:?} lies within the text"
            );
        }
        prop_assert!(found.position(text).is_some() || found.labels.is_empty());
    }
    for colour in [false, true] {
        let shown = render(&found, text, "falconer.toml", colour);
        prop_assert_eq!(shown.is_empty(), found.is_empty());
        prop_assert!(
            colour || !shown.contains('\u{1b}'),
            "plain text has no escape in it"
        );
    }
    // Nothing stands anywhere without being in the text.
    let _ = KeyPositions::of(text);
    Ok(())
}

fn good() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![STANDBY, PRIMARY, ATTACH, CONTRACT])
}

/// Values that are wrong almost everywhere, and right somewhere.
fn value() -> impl Strategy<Value = String> {
    let odd = [
        "0",
        "-1",
        "1",
        "99999999999999999999999",
        "1.5",
        "nan",
        "true",
        "\"\"",
        "\"5s\"",
        "\"0s\"",
        "\"all\"",
        "[]",
        "[1]",
        "[[]]",
        "[\"\"]",
        "{}",
        "{ a = 1 }",
        "1979-05-27T07:32:00Z",
        "\"198.51.100.0/24\"",
        "\"0.0.0.0/0\"",
        "[\"198.51.100.0/24\", \"198.51.100.0/24\"]",
        "\"::1\"",
        "\"a\\u0000b\"",
        "\"\\u202e\"",
        "\"primary\"",
        "\"/\"",
        "\"exec\"",
        "\"none\"",
        "\"http://[::1]:1/\"",
        "''''''",
        "0x7fffffffffffffff",
        "\"9999999999999999h\"",
    ];
    prop_oneof![
        4 => prop::sample::select(odd.map(str::to_owned).to_vec()),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<String>().prop_map(|text| toml::Value::String(text).to_string()),
    ]
}

/// One change of one line.
#[derive(Clone, Debug)]
enum Change {
    Drop,
    Repeat,
    Value(String),
    Key(String),
    Cut(usize),
    Insert(String),
    Swap,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Drop),
        Just(Change::Repeat),
        value().prop_map(Change::Value),
        "[a-z_]{1,12}".prop_map(Change::Key),
        (0usize..40).prop_map(Change::Cut),
        ".{0,20}".prop_map(Change::Insert),
        Just(Change::Swap),
    ]
}

fn changed(text: &str, at: prop::sample::Index, change: &Change) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return String::new();
    }
    let at = at.index(lines.len());
    let line = lines[at].clone();
    let (key, value) = line.split_once('=').unwrap_or((line.as_str(), ""));
    match change {
        Change::Drop => {
            lines.remove(at);
        }
        Change::Repeat => lines.insert(at, line.clone()),
        Change::Value(value) => lines[at] = format!("{key}= {value}"),
        Change::Key(key) => lines[at] = format!("{key} ={value}"),
        Change::Cut(length) => lines[at] = line.chars().take(*length).collect(),
        Change::Insert(text) => lines.insert(at, text.clone()),
        Change::Swap if at > 0 => lines.swap(at, at - 1),
        Change::Swap => {}
    }
    lines.join("\n")
}

/// Where a text can be broken for certain: its lines with a whole value, and its headers.
fn places(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate();
    let whole = lines.filter(|(_, line)| {
        let is_key = line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(" = ");
        is_key
            && line
                .trim_end()
                .ends_with(['"', ']', '}', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    });
    whole.map(|(at, _)| at).collect()
}

/// Something that is wrong wherever it stands.
fn breakage() -> impl Strategy<Value = (bool, String)> {
    let never_right = ["1979-05-27", "07:32:00", "nan", "[[[]]]", "{ a = {} }"];
    let value = prop::sample::select(never_right.to_vec());
    prop_oneof![
        value.prop_map(|value| (true, value.to_owned())),
        "zz[a-z]{3,9}".prop_map(|key| (false, format!("{key} = 1"))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_good_text_with_changes_is_read_or_refused(
        text in good(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), change()), 1..5),
    ) {
        let text = changes.iter().fold(text.to_owned(), |text, (at, change)| changed(&text, *at, change));
        holds(&text)?;
    }

    #[test]
    fn a_good_text_with_one_other_value_is_read_or_refused(
        text in good(),
        at in any::<prop::sample::Index>(),
        value in value(),
    ) {
        holds(&changed(text, at, &Change::Value(value)))?;
    }

    #[test]
    fn a_good_text_that_was_broken_is_refused_with_the_place(
        text in good(),
        at in any::<prop::sample::Index>(),
        (replace, with) in breakage(),
    ) {
        let places = places(text);
        let at = *at.get(&places);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        // `vars` takes anything, and a line after an array's first one is none of its own.
        prop_assume!(!lines[at].starts_with("vars"));
        let line = if replace {
            let key = lines[at].split_once(" = ").map_or("", |(key, _)| key).to_owned();
            lines[at] = format!("{key} = {with}");
            at
        } else {
            lines.insert(at, with);
            at
        };
        let text = lines.join("\n");
        let Err(found) = load(&text, "falconer.toml") else {
            return Err(TestCaseError::fail(format!("read: {text}")));
        };
        let there = |found: &crate::config::Diagnostic| {
            found.severity == Severity::Error && found.position(&text).is_some_and(|(at, _)| at == line + 1)
        };
        prop_assert!(found.iter().any(there), "not at line {}:\n{}", line + 1, render(&found, &text, "f", false));
    }

    #[test]
    fn any_text_at_all_is_read_or_refused(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn any_toml_like_text_is_read_or_refused(text in "([a-z_]{1,8}(\\.[a-z]{1,4})? ?= ?[\"'0-9a-z\\[\\]{},. -]{0,12}\r?\n|\\[\\[?[a-z.]{1,12}\\]?\\]\n){0,12}") {
        holds(&text)?;
    }
}

#[test]
fn a_text_without_end_is_refused_at_once() {
    let text = "a = 1\n".repeat(1 << 18);
    let found = load(&text, "falconer.toml").unwrap_err();
    insta::assert_snapshot!(render(&found, &text, "falconer.toml", false), @r"
    error[too-long]: falconer.toml is longer than 1 MiB
    --> falconer.toml
     = note: no configuration is this long; it is probably another file

    error: falconer.toml: 1 error
    ");
}

#[test]
fn a_file_full_of_errors_is_counted_and_only_its_beginning_shown() {
    let text: String = (0..20_000).map(|n| format!("key{n} = {n}\n")).collect();
    let found = load(&text, "falconer.toml").unwrap_err();
    let shown = render(&found, &text, "falconer.toml", false);
    assert!(
        shown.ends_with("error: falconer.toml: 20003 errors, the first 100 of them shown\n"),
        "{shown}"
    );
    assert!(shown.lines().count() < 1000);
}

#[test]
fn deep_nesting_ends_in_an_error() {
    let text = format!(
        "[render]\nvars = {}1{}\n",
        "{ a = ".repeat(5000),
        " }".repeat(5000)
    );
    assert!(load(&text, "falconer.toml").is_err());
}

#[test]
fn ten_thousand_prefixes_are_checked_in_a_moment() {
    let prefixes =
        |service: usize| -> String { (0..250).map(|n| format!("\"10.{service}.{n}.0/24\", ")).collect() };
    let services: String = (0..40)
        .map(|n| {
            format!(
                "[[service]]\nname = \"s{n}\"\nrole = \"primary\"\nprefixes = [{}]\nprobe = [{{ name = \"p\", type = \"exec\", command = [\"/bin/true\"] }}]\n",
                prefixes(n)
            )
        })
        .collect();
    let text = format!("[site]\nname = \"a\"\n[[upstream]]\nname = \"isp\"\n{services}");
    assert!(
        load(&text, "falconer.toml").is_ok(),
        "{}",
        render(&load(&text, "f").unwrap_err(), &text, "f", false)
    );
}
