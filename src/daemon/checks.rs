//! The checks under way: each a task of its own, whose result comes back under its number.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::task::JoinSet;

use crate::core::health::CheckId;
use crate::core::{CheckStart, ProbeId};
use crate::model::snapshot::CheckOutcome;
use crate::probe::CheckReport;

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

/// The checks under way. Dropping it ends them. The judgement bounds how many there are.
pub(crate) struct CheckRunner {
    make: CheckFactory,
    under_way: JoinSet<FinishedCheck>,
}

impl CheckRunner {
    /// No checks yet.
    pub(crate) fn new(make: CheckFactory) -> Self {
        Self {
            make,
            under_way: JoinSet::new(),
        }
    }

    /// Makes checks this way from now on; those under way go on as they began.
    pub(crate) fn make_by(&mut self, make: CheckFactory) {
        self.make = make;
    }

    /// Starts a check.
    pub(crate) fn start(&mut self, start: CheckStart) {
        let check = AssertUnwindSafe((self.make)(start.probe)).catch_unwind();
        self.under_way.spawn(async move {
            // A check that panics is reported like any that cannot be made.
            let report = check.await.unwrap_or_else(|panic| CheckReport {
                outcome: CheckOutcome::Error,
                detail: format!("the check failed in Falconer itself: {}", said(&*panic)),
                rtt: None,
            });
            FinishedCheck { id: start.id, report }
        });
    }

    /// The next check that has ended; never, while none is under way. May be cancelled.
    pub(crate) async fn next(&mut self) -> FinishedCheck {
        loop {
            match self.under_way.join_next().await {
                Some(Ok(finished)) => return finished,
                // Its panic is caught above, and nobody else ends it.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// A check that has ended already.
    pub(crate) fn try_next(&mut self) -> Option<FinishedCheck> {
        self.under_way.try_join_next()?.ok()
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_panics_is_one_that_could_not_be_made() {
        let make: CheckFactory = Arc::new(|_| Box::pin(async { panic!("no {}", "way") }));
        let mut checks = CheckRunner::new(make);
        let (id, probe) = (CheckId(7), ProbeId::Witness(0));
        checks.start(CheckStart { id, probe });
        let checked = checks.next().await;
        assert_eq!((checked.id, checked.report.outcome), (id, CheckOutcome::Error));
        assert_eq!(
            checked.report.detail,
            "the check failed in Falconer itself: no way"
        );
    }
}
