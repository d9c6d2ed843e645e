//! falconer.toml, parsed: a [`Config`] cannot hold a wrong value.
//!
//! [`load`] reads the text and reports every problem at once. It is pure; `host_checks` looks at what
//! only the machine knows (a file's mode, the address of a name).
//!
//! `reader` walks the syntax tree key by key, `value` knows the kinds of values, `tables` lists the
//! tables and keys, `checks` compares tables with each other. Findings name a key by its path (`spans`)
//! until `diagnostic` shows it in the user's own text.

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

pub use checks::{blind_probes, is_blind, serving_prefixes, source, target};

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
