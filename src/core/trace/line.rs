//! The lines of a trace, and what is said of one that is wrong.

use std::fmt;

/// What is wrong with a line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The line, from 1.
    pub line: usize,
    /// The byte in it, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.text)
    }
}

impl std::error::Error for TraceError {}

/// One line that says something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceLine<'a> {
    /// Its number, from 1.
    pub(crate) number: usize,
    /// What it says.
    pub(crate) text: &'a str,
}

/// The lines of a trace that say something.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = TraceLine<'_>> {
    let numbered = text
        .lines()
        .enumerate()
        .map(|(at, text)| TraceLine { number: at + 1, text });
    numbered.filter(|line| !line.text.trim().is_empty() && !line.text.trim_start().starts_with('#'))
}

impl TraceLine<'_> {
    /// Whether it is the header of a recorded trace.
    pub(crate) fn is_header(&self) -> bool {
        serde_json::from_str::<serde_json::Value>(self.text).is_ok_and(|value| value.get("schema").is_some())
    }

    /// Reads its JSON.
    pub(crate) fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, TraceError> {
        serde_json::from_str(self.text).map_err(|error| {
            let said = error.to_string();
            // The place is told apart; serde's own is of a text of one line.
            let text = said.split(" at line 1 column ").next().unwrap_or(&said);
            TraceError {
                line: self.number,
                column: error.column().max(1),
                text: text.to_owned(),
            }
        })
    }

    /// An error at the value that is written `quoted` in this line.
    pub(crate) fn wrong(&self, quoted: &str, text: String) -> TraceError {
        let literal = serde_json::Value::from(quoted).to_string();
        // A value stands behind its key: the last place where it is written.
        let column = self.text.rfind(&literal).map_or(1, |at| at + 1);
        TraceError {
            line: self.number,
            column,
            text,
        }
    }

    /// An error at the line as a whole.
    pub(crate) fn bad(&self, text: &str) -> TraceError {
        let column = self.text.len() - self.text.trim_start().len() + 1;
        TraceError {
            line: self.number,
            column,
            text: text.to_owned(),
        }
    }
}
