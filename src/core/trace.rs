//! Traces: what happened, or might happen, to be played through the rules (`falconer simulate`).
//!
//! A trace is JSON, a value a line; empty lines and lines that begin with `#` are skipped. There are
//! two kinds. A *recorded* one begins with a [`TraceHeader`], and every further line is an [`Input`] of the
//! core as the daemon took it in: it plays to the same decisions, bit for bit. A *written* one says
//! how the world changes, and the checks are made up:
//!
//! ```text
//! {"start": "2026-01-01T00:00:00Z"}                                 the wall clock at 0s (optional, first)
//! {"never_passed": ["web/ping"]}                                    was never seen to pass (D20; optional, first)
//! {"at": "0s",  "bird": "web", "is": "off"}                         what BIRD announces (off unless said)
//! {"at": "10s", "probe": "web/ping", "result": "fail"}              from then on its checks come out so
//! {"at": "10s", "probe": "witness/resolver", "result": "pass", "after": "20ms"}
//! {"at": "60s", "service": "web", "ask": "withdraw", "for": "20s", "reason": "test"}
//! {"at": "10m", "end": true}                                        look no further
//! ```
//!
//! Before the first line about it a probe passes, and it has passed before the trace begins. A pass answers after 1 ms and a fail after the
//! probe's time-out, unless `after` says otherwise. Nothing here reads a file.

mod format;
mod recorded;
mod script;

use std::fmt;

pub use format::tell;
pub use recorded::{SCHEMA, TraceHeader};
pub use script::TraceScript;

use crate::config::model::Config;
use crate::model::time::Moment;

use super::event::{CoreEvent, Input};

/// A trace that fits a configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum Trace {
    /// What a daemon took in.
    Recorded(Box<TraceHeader>, Vec<Input>),
    /// What somebody wrote down.
    Written(Box<TraceScript>),
}

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

impl Trace {
    /// Reads a trace for this configuration.
    ///
    /// # Errors
    /// Every line that is wrong, in order.
    pub fn parse(text: &str, config: &Config) -> Result<Self, Vec<TraceError>> {
        let mut lines = lines(text).peekable();
        let recorded = lines.peek().is_some_and(TraceLine::is_header);
        if recorded {
            recorded::parse(lines, config)
        } else {
            script::parse(lines, config)
        }
    }
}

/// Plays a trace through the real rules, and says what would have happened, and when.
pub fn simulate(config: &Config, trace: &Trace) -> Vec<(Moment, CoreEvent)> {
    match trace {
        Trace::Recorded(header, inputs) => recorded::play(config, header, inputs),
        Trace::Written(story) => script::play(config, story),
    }
}

/// One line that says something.
#[derive(Clone, Copy, Debug)]
struct TraceLine<'a> {
    number: usize,
    text: &'a str,
}

fn lines(text: &str) -> impl Iterator<Item = TraceLine<'_>> {
    let numbered = text
        .lines()
        .enumerate()
        .map(|(at, text)| TraceLine { number: at + 1, text });
    numbered.filter(|line| !line.text.trim().is_empty() && !line.text.trim_start().starts_with('#'))
}

impl TraceLine<'_> {
    fn is_header(&self) -> bool {
        serde_json::from_str::<serde_json::Value>(self.text).is_ok_and(|value| value.get("schema").is_some())
    }

    fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, TraceError> {
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
    fn wrong(&self, quoted: &str, text: String) -> TraceError {
        let literal = serde_json::Value::from(quoted).to_string();
        // A value stands behind its key: the last place where it is written.
        let column = self.text.rfind(&literal).map_or(1, |at| at + 1);
        TraceError {
            line: self.number,
            column,
            text,
        }
    }

    fn bad(&self, text: &str) -> TraceError {
        let column = self.text.len() - self.text.trim_start().len() + 1;
        TraceError {
            line: self.number,
            column,
            text: text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
