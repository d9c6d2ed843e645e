//! falconer.toml: parsed, not validated. A [`Config`] in hand is right.
//!
//! [`load`] reads the text and reports everything that is wrong with it at once. It is pure: what
//! only the machine can tell (a file's mode, a name's address) [`surroundings`] looks at.
//!
//! `reader` walks the syntax tree key by key, `kind` knows the forms of values, `sections` says
//! which tables and keys there are, `check` what they mean to each other. What was found goes by
//! the name of its key (`place`) until `diagnostic` shows it in the user's own text.

mod bird_keywords;
mod checks;
pub mod diagnostic;
pub mod diff;
pub mod duration;
pub(crate) mod finding;
pub mod host_checks;
mod identity;
pub mod init;
mod key_docs;
mod load;
pub mod model;
pub mod names;
mod reader;
mod secrets;
mod similar;
pub mod spans;
mod syntax;
mod tables;
mod unknown;
mod value;

pub(crate) use load::load_and;
pub use load::{load, reference, schema};

pub use checks::target;

pub use diagnostic::{Diagnostic, Severity, render};

pub use diff::compare;

pub use identity::identity;

pub use init::init;

pub use model::Config;
pub use syntax::LONGEST_TEXT;

pub use tables::host_of;

pub use value::http::may_be_sent;

#[cfg(test)]
mod tests;
