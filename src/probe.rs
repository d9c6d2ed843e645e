//! The checks themselves: what goes out to the network, to a program or to BIRD, once.
//!
//! When a check is made and what its result means is not decided here, but in the health and
//! failover modules.

pub mod report;

pub use report::Report;
