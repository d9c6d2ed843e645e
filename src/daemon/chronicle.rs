//! What happened, numbered: kept in memory to be shown, and handed to the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::failover::isolation::Isolation;
use crate::failover::{Note, ProbeId, Site};
use crate::history::{Entry, Evidence, Transition, What};
use crate::metrics::{Counts, Tally};
use crate::status::snapshot::{Stages, Verdict};
use crate::store::journal::{Journal, Past, SHOWN};

use super::transition::shown_stance;

/// The latest entries, oldest first.
pub(super) type Latest = Arc<[Arc<Entry>]>;

/// The history at work.
#[derive(Debug)]
pub(super) struct Chronicle {
    next: u64,
    shown: VecDeque<Arc<Entry>>,
    latest: watch::Sender<Latest>,
    /// Whether `shown` has more than was published.
    unpublished: bool,
    journal: Journal,
    /// Entries that found no room on their way to the disk.
    lost: u64,
    counts: Tally<Counts>,
}

impl Chronicle {
    /// Goes on where the past ended.
    pub(super) fn new(past: Past, journal: Journal, counts: Tally<Counts>) -> Self {
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
    pub(super) fn latest(&self) -> watch::Receiver<Latest> {
        self.latest.subscribe()
    }

    /// How many entries were lost to the disk.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Records something; its number.
    pub(super) fn record(&mut self, at: Timestamp, service: Option<&str>, what: What) -> u64 {
        let seq = self.next;
        self.next += 1;
        let entry = Arc::new(Entry {
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
    pub(super) fn publish(&mut self) {
        if std::mem::take(&mut self.unpublished) {
            self.latest.send_replace(self.shown.iter().cloned().collect());
        }
    }

    /// Ends once everything is on disk or given up.
    pub(super) async fn finish(self) {
        self.journal.finish().await;
    }
}

/// A note of the judgement, as the history tells it, and whose it is. `None`: it is told otherwise.
pub(super) fn what_of(note: &Note, site: &Site) -> Option<(Option<usize>, What)> {
    Some(match note {
        // Those that have stages are told by who follows them.
        Note::Switched { .. } | Note::Drill { .. } => return None,
        Note::Verdict { service, from, to } => (Some(*service), What::Verdict { from: *from, to: *to }),
        Note::Probe {
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
                What::Probe {
                    name,
                    from: *from,
                    to: *to,
                    detail: detail.clone(),
                },
            )
        }
        Note::Isolation { from: _, to } => {
            let what = What::Isolated {
                isolated: *to == Isolation::Isolated,
                state: Some(to.word().to_owned()),
            };
            (None, what)
        }
        Note::Latched { service } => (Some(*service), What::Latched),
        Note::Released { .. }
        | Note::Overridden { .. }
        | Note::OverrideEnded { .. }
        | Note::FailbackAllowed { .. }
        | Note::ConsentEnded { .. } => return what_of_operator(note),
        Note::ClockStepped { by } => (
            None,
            What::ClockStepped {
                by_ms: i64::try_from(by.as_millis()).unwrap_or(i64::MAX),
            },
        ),
        Note::Stalled { late } => (
            None,
            What::Stalled {
                late_ms: u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
            },
        ),
    })
}

/// What an operator asked for, or what became of it.
fn what_of_operator(note: &Note) -> Option<(Option<usize>, What)> {
    Some(match note {
        Note::Released {
            service,
            actor,
            reason,
        } => {
            let (actor, reason) = (actor.clone(), reason.clone());
            (Some(*service), What::Released { actor, reason })
        }
        Note::Overridden { service, over } => {
            let over = over.clone();
            let what = What::Override {
                action: over.action,
                until: over.until,
                reason: over.reason,
                actor: over.actor,
            };
            (Some(*service), what)
        }
        Note::OverrideEnded {
            service,
            over,
            actor,
            reason,
        } => (
            Some(*service),
            What::OverrideEnded {
                action: over.action,
                actor: actor.clone(),
                reason: reason.clone(),
            },
        ),
        Note::FailbackAllowed {
            service,
            actor,
            reason,
        } => {
            let (actor, reason) = (actor.clone(), reason.clone());
            (Some(*service), What::FailbackAllowed { actor, reason })
        }
        Note::ConsentEnded {
            service,
            consent,
            why,
        } => {
            let (actor, text) = (consent.actor.clone(), why.clone());
            (Some(*service), What::ConsentEnded { actor, text })
        }
        Note::Switched { .. }
        | Note::Verdict { .. }
        | Note::Probe { .. }
        | Note::Isolation { .. }
        | Note::Latched { .. }
        | Note::Drill { .. }
        | Note::ClockStepped { .. }
        | Note::Stalled { .. } => return None,
    })
}

/// A switch, as the history tells it.
pub(super) fn transition_of(note: &Note, stages: Stages, evidence: Evidence) -> Option<What> {
    let Note::Switched {
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
    Some(What::Transition(Box::new(Transition {
        from: shown_stance(*from),
        to: shown_stance(*to),
        rule: rule.to_string(),
        reason: reason.clone(),
        verdict,
        counted: *counted,
        stages,
        evidence,
    })))
}
