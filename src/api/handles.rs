//! What the API is given by the daemon.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::history::HistoryReader;
use super::request::OperatorRequest;
use crate::metrics;
use crate::metrics::latency::LatencyBuffers;
use crate::model::Snapshot;
use crate::model::history::HistoryEntry;
use crate::model::readiness::Readiness;

/// What the API is given by the daemon, and all that it knows of it.
#[derive(Clone, Debug)]
pub struct Handles {
    /// The latest snapshot.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Whether we would take over, as it was looked at last.
    pub ready: watch::Receiver<Arc<Readiness>>,
    /// The latest entries of the history, oldest first; bounded by the daemon.
    pub history: watch::Receiver<Arc<[Arc<HistoryEntry>]>>,
    /// Those before them, on disk.
    pub past: HistoryReader,
    /// Operators' requests to the daemon; bounded, so that a flood of them waits in the API.
    pub requests: mpsc::Sender<OperatorRequest>,
    /// The latest results of every probe.
    pub latency: watch::Receiver<Arc<LatencyBuffers>>,
    /// How often BIRD is held against what we want: what was verified longer than two of these
    /// ago does not count as announced.
    pub poll_interval: Duration,
    /// Where a scrape finds what the snapshot does not hold.
    pub metrics: metrics::MetricSources,
}
