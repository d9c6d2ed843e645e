//! The site as a whole, on virtual time: what happens to probes, witnesses and stances when the
//! world goes this way or that.

mod cadence;
mod clocks;
mod drills;
mod failback;
mod failback_confirm;
mod histories;
mod indexed;
mod isolation;
mod latch;
mod many_sites;
mod outages;
mod overrides;
mod primary;
mod proof;
mod reloads;
mod serving;
mod stall;
mod standing;
mod start;
pub(crate) mod support;
mod unproven;
mod with_bird;
mod world;
