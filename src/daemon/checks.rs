//! The checks under way: each a task of its own, whose result comes back under its number.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::failover::{ProbeId, Start};
use crate::health::CheckId;
use crate::probe::Report;
use crate::status::snapshot::Outcome;

/// Results that wait to be taken in: as many as the checks of thousands of probes that end at once, so
/// that none waits elsewhere and looks as if it never reported. Room is taken only as it is needed; the
/// judgement bounds how many checks are under way.
const RESULTS_WAITING: usize = 65_536;

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
        // A check that panics is reported like any that cannot be made.
        let check = AssertUnwindSafe((self.make)(start.probe)).catch_unwind();
        let check = self.stop.clone().run_until_cancelled_owned(check);
        let results = self.results.clone();
        tokio::spawn(async move {
            let report = match check.await {
                Some(Ok(report)) => report,
                Some(Err(panic)) => Report {
                    outcome: Outcome::Error,
                    detail: format!("the check broke down: {}", said(&*panic)),
                    rtt: None,
                },
                None => return,
            };
            // Nobody listens any more only when the daemon is at its end.
            let _ = results.send(Checked { id: start.id, report }).await;
        });
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked")
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_panics_is_one_that_could_not_be_made() {
        let make: Make = Arc::new(|_| Box::pin(async { panic!("no {}", "way") }));
        let (checks, mut results) = Checks::new(make);
        let (id, probe) = (CheckId(7), ProbeId::Witness(0));
        checks.start(Start { id, probe });
        let checked = results.recv().await.expect("a result");
        assert_eq!((checked.id, checked.report.outcome), (id, Outcome::Error));
        assert_eq!(checked.report.detail, "the check broke down: no way");
    }
}
