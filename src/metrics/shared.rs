//! Counters that are shared: edges and the driver count while a scrape reads. Each lock is held for one
//! increment or one copy, and never while waiting for anything else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::counts::{BirdCommandCounts, Counts, DescriptorCounts};
use super::facts::Process;

/// A value that several count in.
#[derive(Debug, Default)]
pub struct SharedCounters<T>(Arc<Mutex<T>>);

impl<T> Clone for SharedCounters<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone> SharedCounters<T> {
    /// Counts something. Numbers that a panic left behind are still numbers.
    pub fn count(&self, count: impl FnOnce(&mut T)) {
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The numbers now.
    pub fn copy(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A number that tasks count and others read.
#[derive(Clone, Debug, Default)]
pub struct SharedNumber(Arc<AtomicU64>);

impl SharedNumber {
    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a scrape finds what the snapshot does not hold.
#[derive(Clone, Debug)]
pub struct MetricSources {
    /// What the driver counts.
    pub counts: SharedCounters<Counts>,
    /// What the connection to BIRD counts.
    pub commands: SharedCounters<BirdCommandCounts>,
    /// Entries of the history that the disk did not take.
    pub unwritten: SharedNumber,
    /// The descriptors of the checks.
    pub descriptors: SharedCounters<DescriptorCounts>,
    /// Asks the kernel about this process.
    pub process: fn() -> Process,
}

impl Default for MetricSources {
    fn default() -> Self {
        Self {
            counts: SharedCounters::default(),
            commands: SharedCounters::default(),
            unwritten: SharedNumber::default(),
            descriptors: SharedCounters::default(),
            process: Process::default,
        }
    }
}
