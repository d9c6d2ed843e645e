//! falconer.toml: parsed, not validated. A [`Config`] in hand is right.
//!
//! [`load`] reads the text and reports everything that is wrong with it at once. It is pure: what
//! only the machine can tell (a file's mode, a name's address) is looked at in `surroundings`.

#[expect(dead_code, reason = "the checks use the rest of it")]
mod bird_words;
#[expect(dead_code, reason = "the reference uses the rest of it")]
mod book;
pub mod diagnostic;
pub mod duration;
#[expect(dead_code, reason = "the checks use the rest of it")]
mod finding;
mod kind;
pub mod model;
pub mod place;
mod reader;
mod sections;
mod unknown;

pub use diagnostic::{Diagnostic, Severity, render};
pub use model::Config;

use std::time::Duration;

use toml::de::DeTable;

use book::Book;
use finding::Findings;
use place::Places;
use reader::{Reader, Table};

/// The longest text that is read: far more than any site needs, and little enough to report on.
pub const LONGEST_TEXT: usize = 4 << 20;

/// Reads a configuration. Beside it come the warnings.
///
/// # Errors
/// Everything that is wrong with it, and the warnings too, errors first.
pub fn load(text: &str, file_name: &str) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    let _ = (file_name, Duration::ZERO);
    let (tree, errors) = DeTable::parse_recoverable(text);
    let broken = syntax_errors(&errors, text);
    let mut reader = Reader::reading(Findings::new(Places::of_tree(tree.get_ref())));
    let mut top = Table::top(&mut reader, Some(tree.get_ref()));
    let config = sections::file(&mut top);
    top.finish();
    let mut found = reader.findings.into_sorted();
    if !broken.is_empty() {
        found = broken;
    }
    match found.iter().any(|found| found.severity == Severity::Error) {
        true => Err(found),
        false => Ok((config, found)),
    }
}

fn syntax_errors(errors: &[toml::de::Error], _text: &str) -> Vec<Diagnostic> {
    errors
        .iter()
        .map(|error| Diagnostic {
            severity: Severity::Error,
            code: "syntax",
            message: error.message().to_owned(),
            labels: error
                .span()
                .map(|span| diagnostic::Label {
                    span,
                    text: String::new(),
                })
                .into_iter()
                .collect(),
            help: None,
            note: None,
            fix: None,
        })
        .collect()
}

/// Everything that the file may hold, as the reader itself tells it.
fn book() -> Book {
    let mut reader = Reader::describing();
    let mut top = Table::top(&mut reader, None);
    sections::file(&mut top);
    reader.book.unwrap_or_default()
}

#[cfg(test)]
mod tests;
