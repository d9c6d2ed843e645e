//! falconer.toml: parsed, not validated. A [`Config`] in hand is right.
//!
//! [`load`] reads the text and reports everything that is wrong with it at once. It is pure: what
//! only the machine can tell (a file's mode, a name's address) [`surroundings`] looks at.
//!
//! `reader` walks the syntax tree key by key, `kind` knows the forms of values, `sections` says
//! which tables and keys there are, `check` what they mean to each other. What was found goes by
//! the name of its key (`place`) until `diagnostic` shows it in the user's own text.

mod bird_words;
mod book;
mod check;
pub mod compare;
pub mod diagnostic;
pub mod duration;
pub(crate) mod finding;
mod identity;
pub mod init;
mod kind;
pub mod model;
pub mod place;
mod reader;
mod secrets;
mod sections;
pub mod surroundings;
mod syntax;
mod unknown;

pub use check::target;
pub use compare::compare;
pub use diagnostic::{Diagnostic, Severity, render};
pub use identity::identity;
pub use init::init;
pub use kind::http::may_be_sent;
pub use model::Config;
pub use sections::host_of;

use toml::de::DeTable;

use book::Book;
use finding::Findings;
use place::Places;
use reader::{Reader, Table};

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
    let mut reader = Reader::reading(Findings::new(Places::of_tree(tree.get_ref()), syntax.found));
    let mut top = Table::top(&mut reader, Some(tree.get_ref()));
    let config = sections::file(&mut top);
    top.finish();
    check::all(&config, &mut reader.findings);
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
    book::reference::page(&book())
}

/// The same as a JSON Schema (draft 2020-12), for editors.
pub fn schema() -> serde_json::Value {
    book::schema::of(&book())
}

/// Everything that the file may hold, as the reader itself tells it.
fn book() -> Book {
    let mut reader = Reader::describing();
    sections::file(&mut Table::top(&mut reader, None));
    reader.book.unwrap_or_default()
}

#[cfg(test)]
mod tests;
