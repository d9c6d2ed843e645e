//! What the parts of a configuration mean to each other. Each check is a function of the finished
//! configuration that reports what it finds at the paths it is about; what could not be read is a
//! stand-in here, and what is found about a stand-in is dropped by [`Findings`].

mod run;
mod walk;

pub(crate) use run::all;

pub(crate) use walk::{every_probe, source};

pub use walk::target;

mod advice;
mod channels;
mod names;
mod prefixes;
mod sessions;
mod targets;
mod thresholds;

pub(crate) use advice::STANDBY_KEYS;

pub(crate) use walk::every_session;

pub(crate) use targets::announced;
