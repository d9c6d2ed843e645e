//! One probe: what its results add up to, and when it is asked next (rules D1 and D2).
//!
//! Nothing here makes a check or knows what a check is made of; results come in, and the next
//! start is asked for.

pub mod answers;

pub use crate::core::probe::{CheckId, ProbeTracker, ResultEffect};
