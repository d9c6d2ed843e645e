//! Text for terminals: everything that a person reads is composed here.

pub mod drill;
pub mod history;
pub mod readiness;
pub mod status;
pub mod style;
pub mod table;

pub(crate) use history::told;
pub(crate) use readiness::ready;
pub(crate) use status::text;
pub(crate) use style::TextStyle;
pub(crate) use table::harmless;
