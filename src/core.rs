//! The judgement: verdicts, isolation, overrides, and what we want of BIRD (rules D1 to D12).
//!
//! Facts come in as [`Event`]s and are kept. What follows from them is derived by [`judge`], one
//! exhaustive match, and never written by hand at the place where a fact changed; so no order of
//! events can lose one. Nothing here does anything: the driver asks [`Site`] what it wants.

pub mod decide;
pub mod drill;
pub mod event;
pub mod explain;
pub mod failures;
pub mod health;
pub mod isolation;
pub mod persistent;
pub mod probe;
pub mod reasons;
pub mod reload;
pub mod schedule;
pub mod service;
pub mod simulator;
pub mod site;
pub mod standing;
pub mod streak;
pub mod trace;
pub mod verdict;
pub mod window;

pub use crate::model::command::OperatorCommand;
pub use crate::model::strength::Strength;
pub use decide::{Rule, Stance, stance_word};
pub use event::{CheckStart, CommandRefused, CoreEvent, Event, InitialStrength, Input, ProbeId};
pub use persistent::PersistentState;
pub use simulator::Simulator;
pub use site::Site;
