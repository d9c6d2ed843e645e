//! The history as server-sent events (WHATWG HTML, section 9.2): each entry as it happens.
//!
//! Nothing is queued for a client: the daemon's latest entries are shared, and a client that reads
//! so slowly that an entry has left them is told to `resync`, which means to ask for the status and
//! the events anew.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::connections::BusyGuard;
use crate::model::history::HistoryEntry;

/// How long nothing is said at most, so that a client that is gone is noticed, and one that is
/// there knows that we are. A proxy commonly waits a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The daemon's latest entries, oldest first.
pub(crate) type SseEntries = watch::Receiver<Arc<[Arc<HistoryEntry>]>>;

/// One client's feed.
struct SseStream {
    latest: SseEntries,
    /// The last entry that it was sent, or knows of.
    seen: u64,
    /// Its place among the feeds; given back at its end.
    _permit: OwnedSemaphorePermit,
    /// Keeps its connection's place; a feed is never idle.
    _occupied: BusyGuard,
}

/// The feed of a client that has `last_seen` already, or asks for what is new only. It ends with
/// the client, or with the daemon.
pub(crate) fn feed(
    mut latest: SseEntries,
    last_seen: Option<u64>,
    permit: OwnedSemaphorePermit,
    occupied: BusyGuard,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Unpin {
    let newest = latest.borrow().last().map_or(0, |entry| entry.seq);
    latest.mark_changed();
    let feed = SseStream {
        latest,
        seen: last_seen.unwrap_or(newest),
        _permit: permit,
        _occupied: occupied,
    };
    Box::pin(unfold(feed, |mut feed| async move {
        let said = feed.next().await?;
        Some((Ok(Frame::data(Bytes::from(said))), feed))
    }))
}

impl SseStream {
    /// What is to be sent next; `None` when the daemon stops.
    async fn next(&mut self) -> Option<String> {
        loop {
            match timeout(HEARTBEAT, self.latest.changed()).await {
                Ok(changed) => changed.ok()?,
                Err(_) => return Some(":\n\n".to_owned()),
            }
            let latest = self.latest.borrow_and_update().clone();
            let said = after(&latest, &mut self.seen);
            if !said.is_empty() {
                return Some(said);
            }
        }
    }
}

/// The entries after `seen`, as events, and a `resync` where some are missing.
fn after(latest: &[Arc<HistoryEntry>], seen: &mut u64) -> String {
    let mut said = String::new();
    let (Some(oldest), Some(newest)) = (latest.first(), latest.last()) else {
        return said;
    };
    let forgotten = newest.seq < *seen;
    if forgotten || oldest.seq > *seen + 1 {
        said.push_str("event: resync\ndata: {}\n\n");
    }
    if forgotten {
        *seen = newest.seq;
    }
    for entry in latest.iter().filter(|entry| entry.seq > *seen) {
        // `line` ends its one line itself. Writing to a String cannot fail.
        let _ = write!(
            said,
            "id: {}\ndata: {}\n",
            entry.seq,
            crate::model::history::line(entry)
        );
    }
    *seen = newest.seq.max(*seen);
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::HistoryEvent;

    fn entries(numbers: std::ops::RangeInclusive<u64>) -> Vec<Arc<HistoryEntry>> {
        let at = crate::model::situations::now();
        numbers
            .map(|seq| {
                Arc::new(HistoryEntry {
                    seq,
                    at,
                    service: Some("web".to_owned()),
                    what: HistoryEvent::Latched,
                })
            })
            .collect()
    }

    #[test]
    fn what_was_seen_is_not_sent_again() {
        let mut seen = 2;
        let said = after(&entries(1..=3), &mut seen);
        let expected = "id: 3\ndata: {\"seq\":3,\"at\":\"2026-11-22T20:45:00.500Z\",\"service\":\"web\",\"event\":\"latched\"}\n\n";
        assert_eq!((said.as_str(), seen), (expected, 3));
        assert_eq!(after(&entries(1..=3), &mut seen), "");
    }

    #[test]
    fn a_client_that_missed_something_is_told_to_resync() {
        let mut seen = 2;
        let said = after(&entries(5..=6), &mut seen);
        assert!(said.starts_with("event: resync\ndata: {}\n\nid: 5\n"), "{said}");
        assert_eq!(seen, 6);
    }

    #[test]
    fn a_history_that_began_anew_is_a_resync_and_no_silence() {
        let mut seen = 90;
        assert_eq!(after(&entries(1..=2), &mut seen), "event: resync\ndata: {}\n\n");
        assert_eq!(seen, 2);
        assert!(after(&entries(1..=3), &mut seen).starts_with("id: 3\n"));
    }

    #[test]
    fn an_empty_history_says_nothing() {
        let mut seen = 0;
        assert_eq!(after(&[], &mut seen), "");
        assert!(after(&entries(1..=1), &mut seen).starts_with("id: 1\n"));
    }
}
