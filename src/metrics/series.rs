//! Every family of the scrape: its name, what it tells, and where its samples come from.
//!
//! What the configuration names is there from the first scrape on, at zero where nothing was
//! counted, so that a rate over it is right from the first event.

mod own;
mod probe;
mod readiness;
mod service;
mod site;

pub(super) use own::own;
pub(super) use probe::probes;
pub(super) use readiness::readiness;
pub(super) use service::{drills, services, stages, transitions};
pub(super) use site::{bird, site, upstreams};
