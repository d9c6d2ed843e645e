//! What happened, numbered: kept in memory to be shown, and handed to the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::metrics::{Counts, SharedCounters};
use crate::model::history::{HistoryEntry, HistoryEvent};
use crate::store::history::{HistoryWriter, SHOWN, StoredHistory};

/// The latest entries, oldest first.
pub(crate) type LatestEntries = Arc<[Arc<HistoryEntry>]>;

/// The history at work.
#[derive(Debug)]
pub(crate) struct HistoryLog {
    next: u64,
    shown: VecDeque<Arc<HistoryEntry>>,
    latest: watch::Sender<LatestEntries>,
    /// Whether `shown` has more than was published.
    unpublished: bool,
    journal: HistoryWriter,
    /// Entries that found no room on their way to the disk.
    lost: u64,
    counts: SharedCounters<Counts>,
}

impl HistoryLog {
    /// Goes on where the past ended.
    pub(crate) fn new(past: StoredHistory, journal: HistoryWriter, counts: SharedCounters<Counts>) -> Self {
        let next = past.entries.last().map_or(1, |last| last.seq + 1);
        let shown: VecDeque<_> = past.entries.into_iter().map(Arc::new).collect();
        let (latest, _) = watch::channel(shown.iter().cloned().collect());
        Self {
            next,
            shown,
            latest,
            unpublished: false,
            journal,
            lost: 0,
            counts,
        }
    }

    /// The latest entries, now and later.
    pub(crate) fn latest(&self) -> watch::Receiver<LatestEntries> {
        self.latest.subscribe()
    }

    /// How many entries were lost to the disk.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Records something; its number.
    pub(crate) fn record(&mut self, at: Timestamp, service: Option<&str>, what: HistoryEvent) -> u64 {
        let seq = self.next;
        self.next += 1;
        let entry = Arc::new(HistoryEntry {
            seq,
            at,
            service: service.map(str::to_owned),
            what,
        });
        let room = self.journal.write(entry.clone());
        self.lost += u64::from(!room);
        let lost = self.lost;
        self.counts.count(|counts| {
            counts.entry(&entry);
            counts.history_lost = lost;
        });
        if self.shown.len() >= SHOWN {
            self.shown.pop_front();
        }
        self.shown.push_back(entry);
        self.unpublished = true;
        seq
    }

    /// Shows what was recorded since the last call: one list, however many entries there are.
    pub(crate) fn publish(&mut self) {
        if std::mem::take(&mut self.unpublished) {
            self.latest.send_replace(self.shown.iter().cloned().collect());
        }
    }

    /// Ends once everything is on disk or given up.
    pub(crate) async fn finish(self) {
        self.journal.finish().await;
    }
}
