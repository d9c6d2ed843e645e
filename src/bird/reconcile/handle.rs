//! Starting the reconciler, and the handle that ends it.

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_util::task::AbortOnDropHandle;

use super::report::{self, ReportReceiver};
use super::target::{Intents, ReconcilerConfig};
use super::task::ReconcilerTask;
use crate::bird::client::BirdClient;
use crate::metrics::shared::SharedNumber;

/// A reconciler at work. Dropping it ends the task; BIRD stays as it is.
#[derive(Debug)]
pub struct Reconciler {
    task: AbortOnDropHandle<()>,
    steps: SharedNumber,
}

impl Reconciler {
    /// Its task. The end of it closes the channel of the reports.
    pub(crate) fn task(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// How many steps it has taken so far: of one that works, more with every question and every poll.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }
}

/// Starts a reconciler. The task ends when the handle or the sender of the intents is dropped.
pub fn spawn(
    client: &BirdClient,
    config: ReconcilerConfig,
    intents: watch::Receiver<Intents>,
) -> (Reconciler, ReportReceiver) {
    let (sender, receiver) = report::channel();
    let task = ReconcilerTask::new(client, config, intents, sender);
    let reconciler = Reconciler {
        steps: task.steps(),
        task: AbortOnDropHandle::new(tokio::spawn(task.run())),
    };
    (reconciler, receiver)
}
