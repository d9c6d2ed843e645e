//! Syntax errors. The parser continues after an error, so there may be many; but its result is a guess,
//! and no check runs on it. A duplicate key is the exception: the rest of the text is known then.

use super::diagnostic::{Diagnostic, Label, Severity};

/// The parser's words for a key that is there twice.
/// The longest text that is read, in bytes: far more than any site needs.
pub const LONGEST_TEXT: usize = 1 << 20;

const TWICE: &str = "duplicate key";

/// What the parser said.
pub(crate) struct Syntax {
    pub(crate) found: Vec<Diagnostic>,
    /// The tree cannot be relied on.
    pub(crate) is_broken: bool,
}

/// Puts the parser's errors into our form.
pub(crate) fn read(errors: &[toml::de::Error], text: &str) -> Syntax {
    let is_broken = errors.iter().any(|error| error.message() != TWICE);
    let mut found: Vec<Diagnostic> = errors.iter().map(|error| diagnostic(error, text)).collect();
    found.sort_by_key(|found| found.labels.first().map_or(0, |label| label.span.start));
    if is_broken && let Some(last) = found.last_mut() {
        last.note = Some("what the keys mean is checked once the text can be read".to_owned());
    }
    Syntax { found, is_broken }
}

/// More text than is read.
pub(crate) fn too_long(file_name: &str) -> Diagnostic {
    let longest = LONGEST_TEXT >> 20;
    Diagnostic {
        severity: Severity::Error,
        code: "too-long",
        message: format!("{file_name} is longer than {longest} MiB"),
        labels: Vec::new(),
        help: None,
        note: Some("no configuration is this long; it is probably another file".to_owned()),
        fix: None,
    }
}

fn diagnostic(error: &toml::de::Error, text: &str) -> Diagnostic {
    let (message, expected) = match error.message().split_once(", expected ") {
        Some((message, "literal string")) => (message, "write it in quotes".to_owned()),
        Some((message, "nothing")) => (message, String::new()),
        Some((message, expected)) => (message, format!("expected {expected}")),
        None => (error.message(), String::new()),
    };
    let twice = message == TWICE;
    let label = |span: std::ops::Range<usize>| Label {
        span: within(span, text),
        text: expected.clone(),
    };
    Diagnostic {
        severity: Severity::Error,
        code: if twice { "duplicate-key" } else { "syntax" },
        message: if twice {
            "the same key or table is there twice".to_owned()
        } else {
            message.to_owned()
        },
        labels: error.span().map(label).into_iter().collect(),
        help: twice.then(|| "leave one of them out; for several of a kind write `[[name]]`".to_owned()),
        note: None,
        fix: None,
    }
}

/// The same span, where it is one of whole characters of the text; else the nearest.
fn within(span: std::ops::Range<usize>, text: &str) -> std::ops::Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.ceil_char_boundary(span.end).max(start)
}
