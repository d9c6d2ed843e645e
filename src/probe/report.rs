//! What came of one check.

use std::time::Duration;

use crate::status::snapshot::Outcome;

/// The most that a report says in words, in bytes: enough for an error and a program's last line,
/// little enough to keep a history of.
pub const DETAIL_LIMIT: usize = 512;

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Pass, fail, or error: the check could not be made (D1).
    pub outcome: Outcome,
    /// In words, for the operator; one line of at most [`DETAIL_LIMIT`] bytes.
    pub detail: String,
    /// How long the answer took; `None` without an answer.
    pub rtt: Option<Duration>,
}
