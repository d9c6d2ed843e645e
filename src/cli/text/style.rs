//! What all texts for terminals have in common: how they are to look, and what stands for nothing.

use jiff::tz::TimeZone;

/// What stands where there is nothing to show, as in BIRD's tables.
pub(crate) const NOTHING: &str = "---";

/// How the text is to look.
#[derive(Clone, Debug)]
pub struct TextStyle {
    /// Whether disagreement is set off in colour.
    pub color: bool,
    /// The terminal's width; `None` where nobody looks, and every row is one line.
    pub width: Option<usize>,
    /// The zone of the times shown.
    pub zone: TimeZone,
}
