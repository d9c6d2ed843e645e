//! Unknown keys, with the key that was probably meant.

use super::similar::{list, most_alike};

use toml::de::DeTable;

use super::finding::Finding;

use super::key_docs::{ConfigSchema, TableSchema};

use super::spans::KeyPath;

/// The finding that a table holds a key that it does not have. `known` are those that it has.
/// `schema` is everything that falconer.toml may hold.
pub(crate) fn key(
    schema: &ConfigSchema,
    table: &KeyPath,
    name: &str,
    known: &[&'static str],
    tree: &DeTable<'_>,
) -> Finding {
    let path = table.key(name);
    let place = if table.is_top() {
        "the file".to_owned()
    } else {
        format!("`{table}`")
    };
    let finding = Finding::error("unknown-key", format!("{place} has no key `{name}`"));
    let finding = finding.at_key(&path, "not a key of this table");
    if let Some(meant) = meant(schema, table, name, known) {
        return finding.fix_key(format!("did you mean `{meant}`?"), &path, meant);
    }
    match elsewhere(schema, table, name, tree) {
        Some(elsewhere) => finding.help(elsewhere),
        None => finding.help(format!("the keys here are {}", list(known))),
    }
}

fn meant(schema: &ConfigSchema, table: &KeyPath, name: &str, known: &[&'static str]) -> Option<&'static str> {
    let section = schema.section(&table.without_items());
    let called = section.iter().flat_map(|section| &section.keys);
    let called = called.filter(|key| known.contains(&key.name));
    let mut called = called
        .filter(|key| key.also_called.contains(&name))
        .map(|key| key.name);
    called.next().or_else(|| most_alike(name, known.iter().copied()))
}

/// Where a key of this name would be right.
fn elsewhere(schema: &ConfigSchema, table: &KeyPath, name: &str, tree: &DeTable<'_>) -> Option<String> {
    let own = schema.section(&table.without_items());
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
    let mut tables: Vec<String> = schema.sections.iter().filter(has_key).map(header).collect();
    for section in &schema.sections {
        // A table in braces is a key of the table that it stands in.
        match section.path.rsplit_once('.') {
            Some((outer, last)) if last == name => tables.extend(schema.section(outer).map(header)),
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
