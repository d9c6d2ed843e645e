//! The domain's words: what the judgement, the edges and the outputs have in common. Serde and no logic.

pub mod bgp_state;
pub mod command;
pub mod drill;
pub mod history;
pub mod message;
pub mod millis;
pub mod readiness;
pub mod serving;
#[cfg(test)]
pub mod situations;
pub mod snapshot;
pub mod strength;
pub mod time;
pub mod words;

pub use bgp_state::BgpState;
pub use snapshot::Snapshot;
