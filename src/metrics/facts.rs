//! The facts that a scrape shows.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::counts::{BirdCommandCounts, Counts, DescriptorCounts, ListenerCounts};
use crate::model::Snapshot;
use crate::model::readiness::Readiness;

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
    pub descriptors: DescriptorCounts,
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
