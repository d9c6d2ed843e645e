//! What the API may spend on those who ask, on each listener: how many requests are under way, how many
//! of them take more than a moment, and how many wait for the disk. What is beyond it is refused at
//! once, so that a crowd costs a bounded amount, and whoever asks for something that others rely on
//! (`/announced`, `/healthz`, `/readyz`, `/metrics`) finds a place.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Of the connections on the Unix socket the ones that ordinary requests may hold at a time, beside 32 that follow the events. The rest
/// is for changes, and for what monitoring relies on.
pub(crate) const SOCKET_ORDINARY: usize = 24;
/// The same over TCP; the rest is for `/announced`, `/healthz`, `/readyz` and `/metrics`.
pub(crate) const TCP_ORDINARY: usize = 72;
/// How many follow the events at a time: browsers and dashboards of one team. Far below the listener's
/// connections, because a feed keeps its place for as long as it likes.
pub(crate) const FEEDS: usize = 32;
/// How many answers are composed at a time that take more than a moment, such as the JSON of a large
/// site: one that reads and one that writes.
const HEAVY: usize = 2;
/// How long one who asks waits until such an answer is composed; below the time-out of any client.
const HEAVY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many wait for the page of metrics that is being composed: more than there are scrapers anywhere.
const SCRAPES: usize = 16;

/// See the module.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Requests under way, but for those that have a place of their own.
    ordinary: Arc<Semaphore>,
    pub(crate) feeds: Arc<Semaphore>,
    pub(crate) scrapes: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
}

impl Budget {
    /// Room for that many ordinary requests at a time.
    pub(crate) fn new(ordinary: usize) -> Self {
        let places = |places| Arc::new(Semaphore::new(places));
        Self {
            ordinary: places(ordinary),
            feeds: places(FEEDS),
            scrapes: places(SCRAPES),
            heavy: places(HEAVY),
        }
    }

    /// A place for an ordinary request; `None`: there is none now.
    pub(crate) fn ordinary(&self) -> Option<OwnedSemaphorePermit> {
        self.ordinary.clone().try_acquire_owned().ok()
    }

    /// How many follow the events.
    pub(crate) fn following(&self) -> u64 {
        (FEEDS - self.feeds.available_permits()) as u64
    }

    /// Composes an answer that takes more than a moment, away from the thread that answers everybody.
    /// `None`: too many others want one, or there is no thread to be had.
    pub(crate) async fn compose<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let composed = timeout(HEAVY_TIMEOUT, async {
            let turn = self.heavy.clone().acquire_owned().await.ok()?;
            // The turn is given back by the work itself, also when whoever asked has gone away.
            let work = spawn_blocking(move || {
                let _turn = turn;
                work()
            });
            work.await.ok()
        });
        composed.await.ok().flatten()
    }
}
