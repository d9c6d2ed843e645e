//! The page for Prometheus, in the OpenMetrics text format: the snapshot, the counters since the start,
//! and Falconer's own process.
//!
//! Pure: the same facts give the same text. Labels hold only names from falconer.toml and a few fixed
//! words, so the number of series depends on the configuration alone.

pub mod counts;
mod encoder;
mod facts;
pub mod latency;
mod prometheus_text;
mod series;
pub mod shared;
#[cfg(test)]
mod tests;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

pub use self::counts::{
    BirdCommandCounts, CheckCounts, Counts, DescriptorCounts, Histogram, ListenerCounts, Rejection,
};
use self::encoder::Encoder;
pub use self::facts::{Facts, Process};
pub use self::prometheus_text::plain;
pub use self::shared::{MetricSources, SharedCounters};

/// What [`openmetrics`] writes, as a Content-Type.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What [`plain`] writes, as a Content-Type.
pub const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

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
