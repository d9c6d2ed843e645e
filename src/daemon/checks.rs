//! The checks under way: each a task of its own, whose result comes back under its number.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::failover::{ProbeId, Start};
use crate::health::CheckId;
use crate::probe::Report;
use crate::status::snapshot::Outcome;

/// Results that wait to be taken in. The driver takes them in microseconds each; a check whose
/// result finds no room waits with it.
const RESULTS_WAITING: usize = 1024;

/// Makes one check of a probe.
pub(super) type Make = Arc<dyn Fn(ProbeId) -> Pin<Box<dyn Future<Output = Report> + Send>> + Send + Sync>;

/// A check that has ended.
#[derive(Debug)]
pub(super) struct Checked {
    /// Which one.
    pub(super) id: CheckId,
    /// What came of it.
    pub(super) report: Report,
}

/// The checks under way. Dropping it ends them.
pub(super) struct Checks {
    make: Make,
    results: mpsc::Sender<Checked>,
    stop: CancellationToken,
}

impl Checks {
    /// No checks yet; results come out of the receiver.
    pub(super) fn new(make: Make) -> (Self, mpsc::Receiver<Checked>) {
        let (results, receiver) = mpsc::channel(RESULTS_WAITING);
        (
            Self {
                make,
                results,
                stop: CancellationToken::new(),
            },
            receiver,
        )
    }

    /// Makes checks this way from now on; those under way go on as they began.
    pub(super) fn make_by(&mut self, make: Make) {
        self.make = make;
    }

    /// Starts a check.
    pub(super) fn start(&self, start: Start) {
        let (check, results) = ((self.make)(start.probe), self.results.clone());
        // A task in a task, so that a check that panics is reported like any that cannot be made.
        let check = tokio::spawn(self.stop.clone().run_until_cancelled_owned(check));
        tokio::spawn(async move {
            let report = match check.await {
                Ok(Some(report)) => report,
                Ok(None) => return,
                Err(error) => Report {
                    outcome: Outcome::Error,
                    detail: format!("the check broke down: {error}"),
                    rtt: None,
                },
            };
            // Nobody listens any more only when the daemon is at its end.
            let _ = results.send(Checked { id: start.id, report }).await;
        });
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
