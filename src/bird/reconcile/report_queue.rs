//! Reports on their way to the daemon. A daemon that is slow must not delay a write, so they wait
//! here, and the oldest are dropped when there are too many.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::ReconcilerReport;

/// More than all stages of the protocols of a thousand services, of both families.
const LIMIT: usize = 32_768;

#[derive(Debug)]
pub(crate) struct ReportQueue {
    reports: mpsc::Sender<ReconcilerReport>,
    waiting: VecDeque<ReconcilerReport>,
}

impl ReportQueue {
    pub(crate) fn new(reports: mpsc::Sender<ReconcilerReport>) -> Self {
        Self {
            reports,
            waiting: VecDeque::new(),
        }
    }

    /// Sends a report, at once where there is room.
    pub(crate) fn push(&mut self, report: ReconcilerReport) {
        if self.waiting.len() == LIMIT {
            self.waiting.pop_front();
        }
        self.waiting.push_back(report);
        while let Ok(permit) = self.reports.try_reserve() {
            match self.waiting.pop_front() {
                Some(report) => permit.send(report),
                None => return,
            }
        }
    }

    /// Sends one where there is one.
    pub(crate) fn push_all(&mut self, reports: impl IntoIterator<Item = ReconcilerReport>) {
        reports.into_iter().for_each(|report| self.push(report));
    }

    /// Sends what waits, as room comes up; never ends. Nothing is lost when it is dropped.
    pub(crate) async fn drain(&mut self) {
        while !self.waiting.is_empty() {
            let Ok(permit) = self.reports.reserve().await else {
                break;
            };
            if let Some(report) = self.waiting.pop_front() {
                permit.send(report);
            }
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(service: usize) -> ReconcilerReport {
        ReconcilerReport::Failed {
            service,
            text: String::new(),
        }
    }

    fn services(reports: &mut mpsc::Receiver<ReconcilerReport>) -> Vec<usize> {
        let mut seen = Vec::new();
        while let Ok(report) = reports.try_recv() {
            match report {
                ReconcilerReport::Failed { service, .. } | ReconcilerReport::Drift { service, .. } => {
                    seen.push(service);
                }
                ReconcilerReport::Seen(_) | ReconcilerReport::Stage(_) | ReconcilerReport::Mended { .. } => {}
            }
        }
        seen
    }

    #[tokio::test]
    async fn a_slow_reader_gets_everything_in_order() {
        let (sender, mut reports) = mpsc::channel(2);
        let mut outbox = ReportQueue::new(sender);
        outbox.push_all((0..5).map(report));
        assert_eq!(services(&mut reports), [0, 1]);
        for expected in [vec![2, 3], vec![4]] {
            let _ = tokio::time::timeout(std::time::Duration::from_millis(20), outbox.drain()).await;
            assert_eq!(services(&mut reports), expected);
        }
    }

    #[tokio::test]
    async fn a_reader_that_never_reads_loses_the_oldest() {
        let (sender, mut reports) = mpsc::channel(1);
        let mut outbox = ReportQueue::new(sender);
        outbox.push_all((0..LIMIT + 11).map(report));
        assert_eq!(services(&mut reports), [0], "what was handed over stays");
        outbox.push(report(0));
        assert_eq!(services(&mut reports), [12]);
    }
}
