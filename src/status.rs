//! The snapshot: what Falconer thinks and what BIRD does, side by side.
//!
//! One serialisable value is read by `falconer status`, the API, the page and the tests.

mod readiness;
mod table;
pub mod text;
pub mod told;

pub mod latency;
#[cfg(test)]
pub(crate) mod situations;
pub mod snapshot;

pub use readiness::ready;
pub use snapshot::Snapshot;
pub(crate) use table::harmless;
pub use text::{Style, text};
pub use told::told;
