//! What happened, numbered: kept in memory to be shown, and handed to the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::core::isolation::Isolation;
use crate::core::{CoreEvent, ProbeId, Site};
use crate::metrics::{Counts, SharedCounters};
use crate::model::history::{HistoryEntry, HistoryEvent, TransitionEvent, TransitionEvidence};
use crate::model::snapshot::{StageTimes, Verdict};
use crate::store::history::{HistoryWriter, SHOWN, StoredHistory};

/// The latest entries, oldest first.
pub(crate) type LatestEntries = Arc<[Arc<HistoryEntry>]>;

/// The history at work.
#[derive(Debug)]
pub(crate) struct HistoryLog {
    next: u64,
    shown: VecDeque<Arc<HistoryEntry>>,
    latest: watch::Sender<LatestEntries>,
    /// Whether `shown` has more than was published.
    unpublished: bool,
    journal: HistoryWriter,
    /// Entries that found no room on their way to the disk.
    lost: u64,
    counts: SharedCounters<Counts>,
}

impl HistoryLog {
    /// Goes on where the past ended.
    pub(crate) fn new(past: StoredHistory, journal: HistoryWriter, counts: SharedCounters<Counts>) -> Self {
        let next = past.entries.last().map_or(1, |last| last.seq + 1);
        let shown: VecDeque<_> = past.entries.into_iter().map(Arc::new).collect();
        let (latest, _) = watch::channel(shown.iter().cloned().collect());
        Self {
            next,
            shown,
            latest,
            unpublished: false,
            journal,
            lost: 0,
            counts,
        }
    }

    /// The latest entries, now and later.
    pub(crate) fn latest(&self) -> watch::Receiver<LatestEntries> {
        self.latest.subscribe()
    }

    /// How many entries were lost to the disk.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Records something; its number.
    pub(crate) fn record(&mut self, at: Timestamp, service: Option<&str>, what: HistoryEvent) -> u64 {
        let seq = self.next;
        self.next += 1;
        let entry = Arc::new(HistoryEntry {
            seq,
            at,
            service: service.map(str::to_owned),
            what,
        });
        let room = self.journal.write(entry.clone());
        self.lost += u64::from(!room);
        let lost = self.lost;
        self.counts.count(|counts| {
            counts.entry(&entry);
            counts.history_lost = lost;
        });
        if self.shown.len() >= SHOWN {
            self.shown.pop_front();
        }
        self.shown.push_back(entry);
        self.unpublished = true;
        seq
    }

    /// Shows what was recorded since the last call: one list, however many entries there are.
    pub(crate) fn publish(&mut self) {
        if std::mem::take(&mut self.unpublished) {
            self.latest.send_replace(self.shown.iter().cloned().collect());
        }
    }

    /// Ends once everything is on disk or given up.
    pub(crate) async fn finish(self) {
        self.journal.finish().await;
    }
}

/// A note of the judgement, as the history tells it, and whose it is. `None`: it is told otherwise.
pub(crate) fn what_of(note: &CoreEvent, site: &Site) -> Option<(Option<usize>, HistoryEvent)> {
    Some(match note {
        // Those that have stages are told by who follows them.
        CoreEvent::Switched { .. } | CoreEvent::Drill { .. } => return None,
        CoreEvent::Verdict { service, from, to } => {
            (Some(*service), HistoryEvent::Verdict { from: *from, to: *to })
        }
        CoreEvent::Probe {
            probe,
            from,
            to,
            detail,
        } => {
            let name = site
                .policy(*probe)
                .map(|policy| policy.name.clone())
                .unwrap_or_default();
            let service = match probe {
                ProbeId::Service(service, _) => Some(*service),
                ProbeId::Witness(_) => None,
            };
            (
                service,
                HistoryEvent::Probe {
                    name,
                    from: *from,
                    to: *to,
                    detail: detail.clone(),
                },
            )
        }
        CoreEvent::Isolation { from: _, to } => {
            let what = HistoryEvent::Isolated {
                isolated: *to == Isolation::Isolated,
                state: Some(to.word().to_owned()),
            };
            (None, what)
        }
        CoreEvent::Latched { service } => (Some(*service), HistoryEvent::Latched),
        CoreEvent::Released { .. }
        | CoreEvent::Overridden { .. }
        | CoreEvent::OverrideEnded { .. }
        | CoreEvent::FailbackAllowed { .. }
        | CoreEvent::ConsentEnded { .. } => return what_of_operator(note),
        CoreEvent::ClockStepped { by } => (
            None,
            HistoryEvent::ClockStepped {
                by_ms: i64::try_from(by.as_millis()).unwrap_or(i64::MAX),
            },
        ),
        CoreEvent::Stalled { late } => (
            None,
            HistoryEvent::Stalled {
                late_ms: u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
            },
        ),
    })
}

/// What an operator asked for, or what became of it.
fn what_of_operator(note: &CoreEvent) -> Option<(Option<usize>, HistoryEvent)> {
    Some(match note {
        CoreEvent::Released {
            service,
            actor,
            reason,
        } => {
            let (actor, reason) = (actor.clone(), reason.clone());
            (Some(*service), HistoryEvent::Released { actor, reason })
        }
        CoreEvent::Overridden { service, over } => {
            let over = over.clone();
            let what = HistoryEvent::Override {
                action: over.action,
                until: over.until,
                reason: over.reason,
                actor: over.actor,
            };
            (Some(*service), what)
        }
        CoreEvent::OverrideEnded {
            service,
            over,
            actor,
            reason,
        } => (
            Some(*service),
            HistoryEvent::OverrideEnded {
                action: over.action,
                actor: actor.clone(),
                reason: reason.clone(),
            },
        ),
        CoreEvent::FailbackAllowed {
            service,
            actor,
            reason,
        } => {
            let (actor, reason) = (actor.clone(), reason.clone());
            (Some(*service), HistoryEvent::FailbackAllowed { actor, reason })
        }
        CoreEvent::ConsentEnded {
            service,
            consent,
            why,
        } => {
            let (actor, text) = (consent.actor.clone(), why.clone());
            (Some(*service), HistoryEvent::ConsentEnded { actor, text })
        }
        CoreEvent::Switched { .. }
        | CoreEvent::Verdict { .. }
        | CoreEvent::Probe { .. }
        | CoreEvent::Isolation { .. }
        | CoreEvent::Latched { .. }
        | CoreEvent::Drill { .. }
        | CoreEvent::ClockStepped { .. }
        | CoreEvent::Stalled { .. } => return None,
    })
}

/// A switch, as the history tells it.
pub(crate) fn transition_of(
    note: &CoreEvent,
    stages: StageTimes,
    evidence: TransitionEvidence,
) -> Option<HistoryEvent> {
    let CoreEvent::Switched {
        from,
        to,
        rule,
        reason,
        verdict,
        counted,
        ..
    } = note
    else {
        return None;
    };
    let verdict: Verdict = *verdict;
    Some(HistoryEvent::Transition(Box::new(TransitionEvent {
        from: from.strength(),
        to: to.strength(),
        rule: rule.to_string(),
        reason: reason.text.clone(),
        reason_message: reason.message.clone(),
        verdict,
        counted: *counted,
        stages,
        evidence,
    })))
}
