//! Checks of a finished configuration across its tables. Each check is a function that reports findings
//! at the paths of keys. A key that could not be read has a stand-in for its value; findings about a
//! stand-in are dropped by [`Findings`](crate::config::finding::Findings).

mod run;
mod serving;
mod walk;

pub(crate) use run::all;

pub(crate) use walk::every_probe;

pub use blind::{blind_probes, is_blind};
pub use serving::serving_prefixes;

pub use walk::{source, target};

mod advice;
mod blind;
mod channels;
mod names;
mod patterns;
mod prefixes;
mod sessions;
mod targets;
mod thresholds;

pub(crate) use advice::STANDBY_KEYS;

pub(crate) use walk::every_session;

pub(crate) use targets::announced;
