//! The checks under way: each a task of its own, whose result comes back under its number.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::core::health::CheckId;
use crate::core::{CheckStart, ProbeId};
use crate::model::snapshot::CheckOutcome;
use crate::probe::CheckReport;

/// Results that wait to be taken in: as many as the checks of thousands of probes that end at once, so
/// that none waits elsewhere and looks as if it never reported. Room is taken only as it is needed; the
/// judgement bounds how many checks are under way.
const RESULTS_WAITING: usize = 65_536;

/// Makes one check of a probe.
pub(crate) type CheckFactory =
    Arc<dyn Fn(ProbeId) -> Pin<Box<dyn Future<Output = CheckReport> + Send>> + Send + Sync>;

/// A check that has ended.
#[derive(Debug)]
pub(crate) struct FinishedCheck {
    /// Which one.
    pub(crate) id: CheckId,
    /// What came of it.
    pub(crate) report: CheckReport,
}

/// The checks under way. Dropping it ends them.
pub(crate) struct CheckRunner {
    make: CheckFactory,
    results: mpsc::Sender<FinishedCheck>,
    stop: CancellationToken,
}

impl CheckRunner {
    /// No checks yet; results come out of the receiver.
    pub(crate) fn new(make: CheckFactory) -> (Self, mpsc::Receiver<FinishedCheck>) {
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
    pub(crate) fn make_by(&mut self, make: CheckFactory) {
        self.make = make;
    }

    /// Starts a check.
    pub(crate) fn start(&self, start: CheckStart) {
        // A check that panics is reported like any that cannot be made.
        let check = AssertUnwindSafe((self.make)(start.probe)).catch_unwind();
        let check = self.stop.clone().run_until_cancelled_owned(check);
        let results = self.results.clone();
        tokio::spawn(async move {
            let report = match check.await {
                Some(Ok(report)) => report,
                Some(Err(panic)) => CheckReport {
                    outcome: CheckOutcome::Error,
                    detail: format!("the check broke down: {}", said(&*panic)),
                    rtt: None,
                },
                None => return,
            };
            // Nobody listens any more only when the daemon is at its end.
            let _ = results.send(FinishedCheck { id: start.id, report }).await;
        });
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked")
}

impl Drop for CheckRunner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_panics_is_one_that_could_not_be_made() {
        let make: CheckFactory = Arc::new(|_| Box::pin(async { panic!("no {}", "way") }));
        let (checks, mut results) = CheckRunner::new(make);
        let (id, probe) = (CheckId(7), ProbeId::Witness(0));
        checks.start(CheckStart { id, probe });
        let checked = results.recv().await.expect("a result");
        assert_eq!((checked.id, checked.report.outcome), (id, CheckOutcome::Error));
        assert_eq!(checked.report.detail, "the check broke down: no way");
    }
}
