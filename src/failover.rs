//! The judgement: verdicts, isolation, overrides, and what we want of BIRD (rules D1 to D12).
//!
//! Facts come in as [`Event`]s and are kept. What follows from them is derived by [`judge`], one
//! exhaustive match, and never written by hand at the place where a fact changed; so no order of
//! events can lose one. Nothing here does anything: the driver asks [`Site`] what it wants.

pub mod drill;
pub mod event;
pub mod explain;
pub mod failures;
pub mod isolation;
pub mod judge;
pub mod memory;
pub mod playback;
pub mod reload;
pub mod service;
pub mod site;
pub mod strength;
pub mod trace;
pub mod verdict;
pub mod window;
pub mod words;

pub use event::{Adoption, Ask, Event, Input, Note, ProbeId, Refusal, Start};
pub use judge::{Rule, Stance};
pub use memory::Memory;
pub use playback::Playback;
pub use site::Site;
pub use strength::Strength;
