//! falconer.toml: parsed, not validated. A [`Config`] in hand is right.
//!
//! [`load`] reads the text and reports everything that is wrong with it at once. It is pure: what
//! only the machine can tell (a file's mode, a name's address) [`surroundings`] looks at.
//!
//! `reader` walks the syntax tree key by key, `kind` knows the forms of values, `sections` says
//! which tables and keys there are, `check` what they mean to each other. What was found goes by
//! the name of its key (`place`) until `diagnostic` shows it in the user's own text.

mod bird_keywords;
mod checks;
pub mod diagnostic;
pub mod diff;
pub mod duration;
pub(crate) mod finding;
pub mod host_checks;
mod identity;
pub mod init;
mod key_docs;
pub mod model;
pub mod names;
mod reader;
mod secrets;
pub mod spans;
mod syntax;
mod tables;
mod unknown;
mod value;

pub use checks::target;
pub use diagnostic::{Diagnostic, Severity, render};
pub use diff::compare;
pub use identity::identity;
pub use init::init;
pub use model::Config;
pub use tables::host_of;
pub use value::http::may_be_sent;

use toml::de::DeTable;

use finding::Findings;
use key_docs::ConfigSchema;
use reader::{ConfigReader, TableReader};
use spans::KeyPositions;

/// The longest text that is read, in bytes: far more than any site needs.
pub const LONGEST_TEXT: usize = 1 << 20;

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
        return Err(vec![syntax::too_long(file_name)]);
    }
    let (tree, errors) = DeTable::parse_recoverable(text);
    let syntax = syntax::read(&errors, text);
    if syntax.is_broken {
        return Err(syntax.found);
    }
    let mut reader =
        ConfigReader::reading(Findings::new(KeyPositions::of_tree(tree.get_ref()), syntax.found));
    let mut top = TableReader::top(&mut reader, Some(tree.get_ref()));
    let config = tables::file(&mut top);
    top.finish();
    checks::all(&config, &mut reader.findings);
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
    key_docs::reference::page(&book())
}

/// The same as a JSON Schema (draft 2020-12), for editors.
pub fn schema() -> serde_json::Value {
    key_docs::json_schema::of(&book())
}

/// Everything that the file may hold, as the reader itself tells it.
fn book() -> ConfigSchema {
    let mut reader = ConfigReader::describing();
    tables::file(&mut TableReader::top(&mut reader, None));
    reader.book.unwrap_or_default()
}

#[cfg(test)]
mod tests;
