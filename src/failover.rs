//! The judgement: verdicts, isolation, overrides, and what we want of BIRD (rules D3 to D12).

pub mod strength;

pub use strength::Strength;
