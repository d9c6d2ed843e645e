//! Every family of the scrape: its name, what it tells, and where its samples come from.
//!
//! What the configuration names is there from the first scrape on, at zero where nothing was
//! counted, so that a rate over it is right from the first event.

mod own;
mod probe;
mod readiness;
mod service;
mod site;

pub(crate) use own::own;
pub(crate) use probe::probes;
pub(crate) use readiness::readiness;
pub(crate) use service::{drills, services, stages, transitions};
pub(crate) use site::{bird, site, upstreams};
