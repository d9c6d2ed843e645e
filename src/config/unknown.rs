//! A key that nobody reads: what was probably meant.

use std::sync::LazyLock;

use toml::de::DeTable;

use super::finding::Finding;
use super::key_docs::{ConfigSchema, TableSchema};
use super::spans::KeyPath;

/// How alike two names must be, from 0 to 1, for one to be suggested for the other.
const ALIKE: f64 = 0.82;

/// Everything that falconer.toml may hold.
static BOOK: LazyLock<ConfigSchema> = LazyLock::new(super::book);

/// The finding that a table holds a key that it does not have. `known` are those that it has.
pub(crate) fn key(table: &KeyPath, name: &str, known: &[&'static str], tree: &DeTable<'_>) -> Finding {
    let path = table.key(name);
    let place = if table.is_top() {
        "the file".to_owned()
    } else {
        format!("`{table}`")
    };
    let finding = Finding::error("unknown-key", format!("{place} has no key `{name}`"));
    let finding = finding.at_key(&path, "not a key of this table");
    if let Some(meant) = meant(table, name, known) {
        return finding.fix_key(format!("did you mean `{meant}`?"), &path, meant);
    }
    match elsewhere(table, name, tree) {
        Some(elsewhere) => finding.help(elsewhere),
        None => finding.help(format!("the keys here are {}", list(known))),
    }
}

/// The name in `names` that is most like `name`, where one is like it at all.
pub(crate) fn most_alike<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| {
        let (name, other) = (name.to_lowercase(), other.to_lowercase());
        let slips = strsim::damerau_levenshtein(&name, &other);
        // Two slips in a long word are a misspelling; in a short one they are another word.
        let misspelt = slips <= 1 + other.chars().count() / 6;
        strsim::jaro_winkler(&name, &other).max(if misspelt { 1.0 - 0.05 * slips as f64 } else { 0.0 })
    };
    let rated = names.into_iter().map(|other| (likeness(other), other));
    let best = rated
        .filter(|(rate, _)| *rate >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, other)| other)
}

/// Names, as a sentence lists them.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

fn meant(table: &KeyPath, name: &str, known: &[&'static str]) -> Option<&'static str> {
    let section = BOOK.section(&table.without_items());
    let called = section.iter().flat_map(|section| &section.keys);
    let called = called.filter(|key| known.contains(&key.name));
    let mut called = called
        .filter(|key| key.also_called.contains(&name))
        .map(|key| key.name);
    called.next().or_else(|| most_alike(name, known.iter().copied()))
}

/// Where a key of this name would be right.
fn elsewhere(table: &KeyPath, name: &str, tree: &DeTable<'_>) -> Option<String> {
    let own = BOOK.section(&table.without_items());
    if let Some((by, value)) = own.and_then(|own| own.keys.iter().find(|key| key.name == name)?.only) {
        let found = tree
            .get(by)
            .and_then(|value| value.get_ref().as_str())
            .unwrap_or_default();
        return Some(format!(
            "`{name}` is for {by} = \"{value}\"; this one is \"{found}\""
        ));
    }
    let has_key = |section: &&TableSchema| section.keys.iter().any(|key| key.name == name);
    let mut tables: Vec<String> = BOOK.sections.iter().filter(has_key).map(header).collect();
    for section in &BOOK.sections {
        // A table in braces is a key of the table that it stands in.
        match section.path.rsplit_once('.') {
            Some((outer, last)) if last == name => tables.extend(BOOK.section(outer).map(header)),
            None if section.path == name => {
                return Some(format!("`{}` is a table of its own", header(section)));
            }
            Some(_) | None => {}
        }
    }
    (!tables.is_empty()).then(|| format!("`{name}` is a key of {}", list(&tables)))
}

fn header(section: &TableSchema) -> String {
    section.form.header(&section.path)
}
