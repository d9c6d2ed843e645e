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
mod line;
mod recorded;
mod script;

use super::event::{CoreEvent, Input};
use crate::config::model::Config;
use crate::model::time::Moment;
pub use format::tell;
pub use line::TraceError;
use line::{TraceLine, lines};
pub use recorded::{SCHEMA, TraceHeader};
pub use script::TraceScript;

/// A trace that fits a configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum Trace {
    /// What a daemon took in.
    Recorded(Box<TraceHeader>, Vec<Input>),
    /// What somebody wrote down.
    Written(Box<TraceScript>),
}

impl Trace {
    /// Reads a trace for this configuration.
    ///
    /// # Errors
    /// Every line that is wrong, in order.
    pub fn parse(text: &str, config: &Config) -> Result<Self, Vec<TraceError>> {
        let mut lines = lines(text).peekable();
        let recorded = lines.peek().is_some_and(TraceLine::is_header);
        if recorded {
            recorded::parse(lines, config).map(|(header, inputs)| Self::Recorded(Box::new(header), inputs))
        } else {
            script::parse(lines, config).map(|script| Self::Written(Box::new(script)))
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

#[cfg(test)]
mod tests;
