//! What the reconciler reports, and how the daemon receives it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::Instant;

use super::observation::Observed;

/// What the reconciler reports.
#[derive(Clone, Debug, PartialEq)]
pub enum ReconcilerReport {
    /// After every full pass, and as often while there is no BIRD to look at.
    Seen(Observed),
    /// A decision got one step further.
    Stage(StageReport),
    /// BIRD is not what it was brought to, and it was not us. Once each time; while it lasts it is
    /// among the problems of [`super::ObservedService`].
    Drift {
        /// The service's index.
        service: usize,
        /// What was seen, what is done about it, and the command that would have stuck.
        text: String,
    },
    /// What somebody else changed was put back. Once for each write.
    Mended {
        /// The service's index.
        service: usize,
        /// The static protocol.
        protocol: String,
        /// Whether it was enabled; else it was disabled.
        enabled: bool,
        /// How often it was so far; `None`: BIRD was restarted, and that is not counted.
        repeated: Option<Repeated>,
    },
    /// A write failed, or was forbidden by the guard; it is tried again. Once for each new reason.
    Failed {
        /// The service's index.
        service: usize,
        /// Whether it concerns the service's standing prefixes (D14).
        standing: bool,
        /// What failed and why.
        text: String,
    },
}

/// How often somebody else's change of one protocol was put back (A1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// How often within the service's `flap_window`, this time included.
    pub times: usize,
    /// How long the next correction will wait once it is seen undone again.
    pub wait: Duration,
}

/// A decision got one step further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageReport {
    /// The service's index.
    pub service: usize,
    /// [`Intent::decision`](crate::core::service::Intent::decision).
    pub id: u64,
    /// The step.
    pub stage: TransitionStage,
    /// When, to the millisecond.
    pub at: Instant,
    /// The static protocol that it was taken with.
    pub protocol: String,
}

/// The steps from a decision to what comes of it, for one static protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransitionStage {
    /// `enable` was handed to the connection.
    EnableSent,
    /// BIRD accepted it.
    EnableAnswered,
    /// The protocol was seen up.
    Up,
    /// Every prefix of it was seen exported to enough upstreams.
    Exported,
    /// `disable` was handed to the connection.
    DisableSent,
    /// BIRD accepted it.
    DisableAnswered,
    /// The protocol was seen down, its routes gone.
    Down,
    /// No upstream was seen to carry any of it; only asked for where a drill ends.
    Gone,
}

/// The four stages of an announcement, for a thousand services of both families. The room is taken at once,
/// so no more than that. A daemon that is slow must not delay a write: beyond it the oldest are dropped.
const REPORT_LIMIT: usize = 8_192;

/// The reconciler's end: it never waits.
#[derive(Debug)]
pub(crate) struct ReportSender(broadcast::Sender<Arc<ReconcilerReport>>);

/// The daemon's end. It closes with the reconciler's task.
#[derive(Debug)]
pub struct ReportReceiver(broadcast::Receiver<Arc<ReconcilerReport>>);

/// The two ends of the reports.
pub(crate) fn channel() -> (ReportSender, ReportReceiver) {
    let (sender, receiver) = broadcast::channel(REPORT_LIMIT);
    (ReportSender(sender), ReportReceiver(receiver))
}

impl ReportSender {
    pub(crate) fn send(&self, report: ReconcilerReport) {
        // Nobody listens only while the daemon ends.
        let _ = self.0.send(Arc::new(report));
    }
}

impl ReportReceiver {
    /// The next report; `None`: the reconciler has ended. Cancel safe.
    pub async fn recv(&mut self) -> Option<ReconcilerReport> {
        loop {
            match self.0.recv().await {
                Ok(report) => return Some(Arc::unwrap_or_clone(report)),
                Err(broadcast::error::RecvError::Lagged(lost)) => log_loss(lost),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The next report, where one waits.
    pub fn try_recv(&mut self) -> Option<ReconcilerReport> {
        loop {
            match self.0.try_recv() {
                Ok(report) => return Some(Arc::unwrap_or_clone(report)),
                Err(broadcast::error::TryRecvError::Lagged(lost)) => log_loss(lost),
                Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => {
                    return None;
                }
            }
        }
    }
}

fn log_loss(lost: u64) {
    tracing::warn!(
        lost,
        "reports of the reconciler were dropped: the daemon was too slow to read them"
    );
}
