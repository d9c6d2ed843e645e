//! The tables of falconer.toml, key by key: the one place that says what they are called, what they
//! default to and what they are for. Here a value is judged by itself or beside its neighbours in
//! the same table; what tables mean to each other is judged in [`super::checks`].

mod file;
mod probe;
mod service;
mod session;

pub(crate) use file::file;

pub use probe::host_of;
