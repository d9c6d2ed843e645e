//! The reconciler at work, and what it takes to replace it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::bird::client::BirdClient;
use crate::bird::reconcile;
use crate::bird::reconcile::{Intents, Reconciler, ReconcilerConfig, ReportReceiver};
use crate::config::Config;

/// Steering at work, and what it takes to replace it.
#[derive(Debug)]
pub(crate) struct ReconcilerHandle {
    pub(crate) client: BirdClient,
    pub(crate) setup: ReconcilerConfig,
    steering: Reconciler,
}

impl ReconcilerHandle {
    /// Starts steering by a configuration.
    pub(crate) fn take(
        config: &Config,
        client: BirdClient,
    ) -> (Self, watch::Sender<Intents>, ReportReceiver) {
        let (intents, taken) = watch::channel(Arc::from([]));
        let setup = ReconcilerConfig::new(config);
        let (steering, received) = reconcile::spawn(&client, setup.clone(), taken);
        let reconciler = Self {
            client,
            setup,
            steering,
        };
        (reconciler, intents, received)
    }

    /// The steps that steering has taken so far.
    pub(crate) fn steps(&self) -> u64 {
        self.steering.steps()
    }

    /// Steering's task.
    pub(crate) fn task(&self) -> AbortHandle {
        self.steering.task()
    }
}
