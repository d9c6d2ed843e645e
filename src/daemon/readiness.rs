//! Readiness, continuously: gathered about every ten seconds and soon after something changed, decided,
//! and told to whoever follows it. Nothing waits for it, and it writes nothing to BIRD.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::bird::client::Client;
use crate::config::Config;
use crate::history::What;
use crate::ready::Readiness;
use crate::status::Snapshot;

/// What readiness is gathered from, and who is told of it.
#[expect(dead_code, reason = "its facts are gathered in the next step")]
pub(super) struct Ends {
    /// The configuration in force.
    pub(super) in_force: watch::Receiver<Arc<Config>>,
    /// What the services do.
    pub(super) snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Whether BIRD has been looked at.
    pub(super) looked: watch::Receiver<bool>,
    /// For questions to BIRD.
    pub(super) client: Client,
    /// Whoever follows it.
    pub(super) ready: watch::Sender<Arc<Readiness>>,
    /// For the history.
    pub(super) told: mpsc::Sender<What>,
}

/// Starts it. Dropping the handle ends it.
pub(super) fn spawn(ends: Ends) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let Ends { ready, .. } = ends;
        ready.closed().await;
    }))
}

/// What is said before anything was looked at.
pub(super) fn not_yet() -> (watch::Sender<Arc<Readiness>>, watch::Receiver<Arc<Readiness>>) {
    watch::channel(Arc::new(Readiness::not_yet(Timestamp::now())))
}
