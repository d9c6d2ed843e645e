//! The tables of falconer.toml, key by key: the only place with their names, defaults and descriptions.
//! A value is checked here alone or with its neighbours in the same table; [`super::checks`] compares
//! tables.

mod file;
mod probe;
mod service;
mod session;

pub(crate) use file::file;
pub(crate) use service::{LONGEST_V4, LONGEST_V6};

pub use probe::host_of;
