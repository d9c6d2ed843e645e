//! BIRD, over its control socket.
//!
//! The codec, the replies and the answers are deciders: bytes in, meaning out. The client owns the
//! connection and is the only one who writes to it. The guard and the plan decide what is written;
//! the reconciler does it.

pub mod client;
pub mod codec;
pub mod command;
pub mod error;
pub mod guard;
pub(crate) mod guard_query;
pub mod lock;
pub mod parse;
pub mod plan;
pub mod reconcile;
pub mod reply;
pub mod state_file;
pub mod version;

#[cfg(test)]
mod transcripts;
