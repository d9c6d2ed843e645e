//! Every metric family: its name, its description, and where its samples come from.
//!
//! All configured services, probes and upstreams have their series from the first scrape on, with zero
//! if nothing was counted, so that rates are right from the first event.

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
