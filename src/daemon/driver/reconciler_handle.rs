//! The reconciler at work, and what it takes to replace it.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::bird::client::BirdClient;
use crate::bird::reconcile;
use crate::bird::reconcile::{DesiredStates, Reconciler, ReconcilerConfig, ReconcilerReport};
use crate::config::Config;

/// Reports of steering that wait to be taken in: a few looks at BIRD, and the stages of 1,000 services
/// switching at once. Room is taken only as it is needed.
const REPORTS_WAITING: usize = 16_384;

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
    ) -> (
        Self,
        watch::Sender<DesiredStates>,
        mpsc::Receiver<ReconcilerReport>,
    ) {
        let (wishes, taken) = watch::channel(Arc::from([]));
        let (reports, received) = mpsc::channel(REPORTS_WAITING);
        let setup = ReconcilerConfig::new(config);
        let steering = reconcile::spawn(client.clone(), setup.clone(), taken, reports);
        let wheel = Self {
            client,
            setup,
            steering,
        };
        (wheel, wishes, received)
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
