//! What a scrape is told: the snapshot, the counts since the start, and Falconer's own process, in
//! the OpenMetrics text format.
//!
//! Pure: the same facts give the same text. It asks nobody, counts nothing itself, and puts nothing
//! into a label that an operator has not written into falconer.toml, or that is not one of a few
//! words; so the number of series follows the configuration alone.

pub mod counts;
mod encoder;
pub mod latency;
mod prometheus_text;
mod series;
pub mod shared;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

pub use self::counts::{
    BirdCommandCounts, CheckCounts, Counts, Descriptors, Histogram, ListenerCounts, Rejection,
};
use self::encoder::Encoder;
pub use self::prometheus_text::plain;
pub use self::shared::{MetricSources, SharedCounters};
use crate::model::Snapshot;
use crate::model::readiness::Readiness;

/// What [`openmetrics`] writes, as a Content-Type.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What [`plain`] writes, as a Content-Type.
pub const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that a scrape is composed from.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The latest snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Whether we would take over.
    pub ready: Arc<Readiness>,
    /// What was counted since the start.
    pub counts: Counts,
    /// Commands to BIRD since the start.
    pub commands: BirdCommandCounts,
    /// Entries of the history that the disk did not take.
    pub unwritten: u64,
    /// The API's listeners, by their names.
    pub listeners: Vec<(&'static str, ListenerCounts)>,
    /// The descriptors of the checks.
    pub descriptors: Descriptors,
    /// This process.
    pub process: Process,
    /// How often BIRD is held against what we want: what was verified longer than two of these ago
    /// does not count as announced.
    pub poll_interval: Duration,
    /// What time it is.
    pub now: Timestamp,
}

/// What the kernel says of this process; `None` where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// User and system time.
    pub cpu: Option<Duration>,
    /// Resident memory, in bytes.
    pub resident: Option<u64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// How many there may be.
    pub max_fds: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// The scrape, in the OpenMetrics text format, version 1.0.0.
pub fn openmetrics(facts: Facts) -> String {
    let mut registry = Registry::with_prefix("falconer");
    registry.register_collector(Box::new(Scrape(facts)));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, &registry);
    text
}

/// The facts, as the registry wants to be given them.
#[derive(Debug)]
struct Scrape(Facts);

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut page = Encoder::new(encoder);
        series::site(&mut page, &self.0)?;
        series::readiness(&mut page, &self.0)?;
        series::bird(&mut page, &self.0)?;
        series::services(&mut page, &self.0)?;
        series::transitions(&mut page, &self.0)?;
        series::stages(&mut page, &self.0)?;
        series::drills(&mut page, &self.0)?;
        series::probes(&mut page, &self.0)?;
        series::upstreams(&mut page, &self.0)?;
        series::own(&mut page, &self.0)
    }
}
