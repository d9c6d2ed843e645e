//! falconer.toml: parsed, not validated. A [`Config`] in hand is right.

pub mod model;

pub use model::Config;
