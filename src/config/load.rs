//! Reads falconer.toml, and reports every problem at once.

use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::finding::Findings;
use crate::config::key_docs::ConfigSchema;
use crate::config::model::Config;
use crate::config::reader::{ConfigReader, TableReader};
use crate::config::spans::KeyPositions;
use crate::config::syntax::LONGEST_TEXT;
use toml::de::DeTable;

/// Reads a configuration. Beside it come the warnings. The file's name is for messages about the
/// file as a whole.
///
/// # Errors
/// Everything that is wrong with it, and the warnings too, errors first. Where the text is not TOML,
/// that alone: what its tables mean is not known then.
pub fn load(text: &str, file_name: &str) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    load_and(text, file_name, |_, _| {})
}

/// The same, and looks further at what is right so far.
///
/// # Errors
/// As [`load`], and what was found further.
pub(crate) fn load_and(
    text: &str,
    file_name: &str,
    further: impl FnOnce(&Config, &mut Findings),
) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    if text.len() > LONGEST_TEXT {
        return Err(vec![crate::config::syntax::too_long(file_name)]);
    }
    let (tree, errors) = DeTable::parse_recoverable(text);
    let syntax = crate::config::syntax::read(&errors, text);
    if syntax.is_broken {
        return Err(syntax.found);
    }
    let mut reader = ConfigReader::reading(
        Findings::new(KeyPositions::of_tree(tree.get_ref()), syntax.found),
        schema_of_file,
    );
    let mut top = TableReader::top(&mut reader, Some(tree.get_ref()));
    let config = crate::config::tables::file(&mut top);
    top.finish();
    crate::config::checks::all(&config, &mut reader.findings);
    if !reader.findings.has_errors() {
        further(&config, &mut reader.findings);
    }
    let found = reader.findings.into_sorted();
    match found.iter().any(|found| found.severity == Severity::Error) {
        true => Err(found),
        false => Ok((config, found)),
    }
}

/// Every table and key with its meaning, as a page in Markdown.
pub fn reference() -> String {
    crate::config::key_docs::reference::page(&book())
}

/// The same as a JSON Schema (draft 2020-12), for editors.
pub fn schema() -> serde_json::Value {
    crate::config::key_docs::json_schema::of(&book())
}

/// [`book`], made once: an unknown key is held against it.
fn schema_of_file() -> &'static ConfigSchema {
    static SCHEMA: std::sync::LazyLock<ConfigSchema> = std::sync::LazyLock::new(book);
    &SCHEMA
}

/// Everything that the file may hold, as the reader itself tells it.
pub(crate) fn book() -> ConfigSchema {
    let mut reader = ConfigReader::describing(schema_of_file);
    crate::config::tables::file(&mut TableReader::top(&mut reader, None));
    reader.book.unwrap_or_default()
}
