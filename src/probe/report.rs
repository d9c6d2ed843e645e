//! The result of one check.

use std::time::Duration;

use crate::model::snapshot::CheckOutcome;

/// The most that a report says in words, in bytes: enough for an error and a program's last line,
/// little enough to keep a history of.
pub const DETAIL_LIMIT: usize = 512;

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Pass, fail, or error: the check could not be made (D1).
    pub outcome: CheckOutcome,
    /// In words, for the operator; one line of at most [`DETAIL_LIMIT`] bytes.
    pub detail: String,
    /// How long the answer took; `None` without an answer.
    pub rtt: Option<Duration>,
}

impl CheckReport {
    /// The target is well, and said so within `rtt`.
    pub fn pass(detail: &str, rtt: Option<Duration>) -> Self {
        Self {
            outcome: CheckOutcome::Pass,
            detail: one_line(detail),
            rtt,
        }
    }

    /// The target is not well; `rtt` where it said so itself.
    pub fn fail(detail: &str, rtt: Option<Duration>) -> Self {
        Self {
            outcome: CheckOutcome::Fail,
            detail: one_line(detail),
            rtt,
        }
    }

    /// The check could not be made (D1).
    pub fn error(detail: &str) -> Self {
        Self {
            outcome: CheckOutcome::Error,
            detail: one_line(detail),
            rtt: None,
        }
    }
}

/// Why a check got no answer, in words. Which of the two it is, is the heart of D1: an error leaves
/// the probe as it is, a fail may end in a takeover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CheckError {
    /// Nothing was asked, for a reason of this host's own: an error.
    NotMade(String),
    /// It was asked, and silence or a refusal came of it: a fail.
    Failed(String),
}

impl CheckError {
    /// The same, and what else is known of it.
    pub(crate) fn with(self, more: &str) -> Self {
        let add = |words: String| format!("{words}; {more}");
        match self {
            Self::NotMade(words) => Self::NotMade(add(words)),
            Self::Failed(words) => Self::Failed(add(words)),
        }
    }

    /// The words alone.
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::NotMade(words) | Self::Failed(words) => words,
        }
    }
}

impl From<CheckError> for CheckReport {
    fn from(none: CheckError) -> Self {
        match none {
            CheckError::NotMade(words) => Self::error(&words),
            CheckError::Failed(words) => Self::fail(&words, None),
        }
    }
}

/// The same text on one line that a terminal shows as it is, cut to [`DETAIL_LIMIT`] bytes. Programs
/// and servers have a say in it, so nothing in it may move a cursor or turn the text around.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(DETAIL_LIMIT));
    for c in text.trim().chars().map(|c| if is_shown(c) { c } else { ' ' }) {
        if line.len() + c.len_utf8() > DETAIL_LIMIT - '…'.len_utf8() {
            line.push('…');
            break;
        }
        line.push(c);
    }
    line
}

/// Whether a character stands for itself: neither a control character nor one that sets the
/// direction of the text (Unicode TR9).
fn is_shown(c: char) -> bool {
    let turns = matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns && !matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_one_printable_line() {
        let report = CheckReport::error("  first\nsecond\t\u{1b}[31mred\u{202E}back\r\n");
        assert_eq!(report.detail, "first second  [31mred back");
    }

    #[test]
    fn a_detail_is_cut_between_characters_and_says_so() {
        let report = CheckReport::error(&"界".repeat(400));
        assert!(report.detail.len() <= DETAIL_LIMIT, "{}", report.detail.len());
        assert!(report.detail.ends_with("界…"));
    }

    #[test]
    fn d1_what_was_not_asked_is_an_error_and_what_was_not_answered_a_fail() {
        assert_eq!(
            CheckReport::from(CheckError::NotMade("x".into())).outcome,
            CheckOutcome::Error
        );
        assert_eq!(
            CheckReport::from(CheckError::Failed("x".into())).outcome,
            CheckOutcome::Fail
        );
    }
}
