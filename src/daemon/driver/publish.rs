//! What goes out to be read: the snapshot and its alarms.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::state::Driver;
use crate::daemon::alarms::{AlarmChanges, AlarmCondition};
use crate::model::history::HistoryEvent;
use crate::model::message::{CodedText, coded};
use crate::model::snapshot::{AlarmCode, BirdState};
use crate::model::time::Now;

/// So many polls without a look at BIRD are told.
const UNSEEN_POLLS: u32 = 5;
/// However often it is polled: a look at a large site takes its time.
const UNSEEN_AT_LEAST: Duration = Duration::from_secs(5);

impl Driver {
    /// Publishes a snapshot where one is due. `all`: nothing waits to be taken in.
    pub(crate) fn publish_if_due(&mut self, all: bool) {
        self.waiting.give_up_if_due();
        if !self.publication.is_due(all) {
            return;
        }
        let began = Instant::now();
        let now = self.clock.now();
        self.renew_alarms(now);
        let changes = self.alarms.take_changes();
        self.tell(now, changes);
        self.history_log.publish();
        let mut snapshot = self.view(now).snapshot(self.alarms.list());
        snapshot.ready = Some(self.edges.ready.borrow_and_update().as_of(now.wall).summary());
        self.snapshot.send_replace(Arc::new(snapshot));
        if self.seen.is_some() {
            self.looked.send_replace(true);
        }
        self.publication.done(began);
    }

    /// Brings the alarms up to date, as far as something changed.
    fn renew_alarms(&mut self, now: Now) {
        let changed = self.unusable.renew(&self.edges.probe_set);
        self.alarms.mark(changed);
        let troubles = self.site_troubles(now);
        self.alarms.renew(now.wall, None, troubles);
        for service in self.alarms.take_stale() {
            let troubles = self.service_troubles(now, service);
            self.alarms.renew(now.wall, Some(service), troubles);
        }
    }

    /// Everything that is wrong with a service now.
    pub(crate) fn service_troubles(&self, now: Now, service: usize) -> Vec<AlarmCondition> {
        let mut troubles = self.view(now).service_troubles(service);
        troubles.extend_from_slice(self.unusable.of(Some(service)));
        troubles
    }

    /// Everything that is wrong with the site itself now.
    pub(crate) fn site_troubles(&self, now: Now) -> Vec<AlarmCondition> {
        let mut troubles = self.view(now).site_troubles();
        troubles.extend(self.unseen(now));
        troubles.extend_from_slice(self.unusable.of(None));
        let bird_conf = self.edges.bird_conf.borrow().clone();
        let drifts = [("file", bird_conf.file), ("BIRD", bird_conf.running)];
        troubles.extend(drifts.into_iter().filter_map(|(subject, text)| {
            Some(AlarmCondition {
                code: AlarmCode::RenderDrift,
                service: None,
                subject: subject.to_owned(),
                text: text?.into(),
            })
        }));
        let lost = match self.history_log.lost() {
            0 => None,
            lost => Some(coded!(
                "history_lost",
                "{lost} entries of the history were lost: the disk is too slow",
                lost
            )),
        };
        let on_disk = [
            ("state", self.memory_trouble.clone().map(CodedText::from)),
            ("history", self.history_trouble.clone().map(CodedText::from)),
            ("queue", lost),
        ];
        troubles.extend(on_disk.into_iter().filter_map(|(subject, problem)| {
            let (code, subject) = (AlarmCode::StateDir, subject.to_owned());
            Some(AlarmCondition {
                code,
                service: None,
                subject,
                text: problem?,
            })
        }));
        troubles
    }

    /// BIRD answers, and has not been looked at for five polls: what is shown of it may be out of date.
    fn unseen(&self, now: Now) -> Option<AlarmCondition> {
        let since = match &self.seen {
            Some((seen, _)) => self.clock.moment(seen.at),
            None => self.now_at_start.mono,
        };
        let limit = (self.config.bird.poll_interval * UNSEEN_POLLS).max(UNSEEN_AT_LEAST);
        let age = now.mono.since_start().saturating_sub(since.since_start());
        let up = self.link.0.state == BirdState::Up;
        (up && age > limit).then(|| AlarmCondition {
            code: AlarmCode::BirdDown,
            service: None,
            subject: "unseen".to_owned(),
            text: coded!(
                "bird_not_read",
                "BIRD was not read for {UNSEEN_POLLS} polls: its state as shown may be out of date, and commands may not reach it",
                UNSEEN_POLLS
            ),
        })
    }

    fn tell(&mut self, now: Now, changes: AlarmChanges) {
        for trouble in changes.raised {
            tracing::warn!(
                code = trouble.code.word(),
                service = trouble.service,
                text = trouble.text.text,
                "alarm raised"
            );
            let what = HistoryEvent::Alarm {
                code: trouble.code,
                text: Some(trouble.text.text),
                message: trouble.text.message,
            };
            self.history_log
                .record(now.wall, trouble.service.as_deref(), what);
        }
        for (code, service, subject) in changes.cleared {
            tracing::info!(code = code.word(), service, subject, "alarm cleared");
            self.history_log.record(
                now.wall,
                service.as_deref(),
                HistoryEvent::Alarm {
                    code,
                    text: None,
                    message: None,
                },
            );
        }
    }
}
