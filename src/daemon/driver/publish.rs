//! What goes out to be read: the snapshot and its alarms.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Driver, SNAPSHOT_EVERY};
use crate::daemon::alarms::{Changes, Trouble};
use crate::history::What;
use crate::status::snapshot::{AlarmCode, BirdState};
use crate::time::Now;

/// So many polls without a look at BIRD are told.
const UNSEEN_POLLS: u32 = 5;
/// However often it is polled: a look at a large site takes its time.
const UNSEEN_AT_LEAST: Duration = Duration::from_secs(5);

impl Driver {
    pub(super) fn publish_if_due(&mut self) {
        self.waiting.give_up_if_due();
        if !self.stale || self.published + SNAPSHOT_EVERY > Instant::now() {
            return;
        }
        let now = self.clock.now();
        let troubles = self.troubles(now);
        let (alarms, changes) = self.alarms.look(now.wall, &troubles);
        self.tell(now, changes);
        let mut snapshot = self.view(now).snapshot(alarms);
        snapshot.ready = Some(self.edges.ready.borrow_and_update().as_of(now.wall).summary());
        self.snapshot.send_replace(Arc::new(snapshot));
        if self.seen.is_some() {
            self.looked.send_replace(true);
        }
        self.stale = false;
        self.published = Instant::now();
    }

    /// Everything that is wrong now.
    pub(super) fn troubles(&self, now: Now) -> Vec<Trouble> {
        let mut troubles = self.view(now).troubles();
        troubles.extend(self.unseen(now));
        troubles.extend(self.edges.senses.troubles());
        let bird_conf = self.edges.bird_conf.borrow().clone();
        let drifts = [("file", bird_conf.file), ("BIRD", bird_conf.running)];
        troubles.extend(drifts.into_iter().filter_map(|(subject, text)| {
            Some(Trouble {
                code: AlarmCode::RenderDrift,
                service: None,
                subject: subject.to_owned(),
                text: text?,
            })
        }));
        let lost = match self.chronicle.lost() {
            0 => None,
            lost => Some(format!(
                "{lost} entries of the history were lost: the disk is too slow"
            )),
        };
        let on_disk = [
            ("state", &self.memory_trouble),
            ("history", &self.history_trouble),
            ("queue", &lost),
        ];
        troubles.extend(on_disk.into_iter().filter_map(|(subject, problem)| {
            let (code, subject) = (AlarmCode::StateDir, subject.to_owned());
            Some(Trouble {
                code,
                service: None,
                subject,
                text: problem.clone()?,
            })
        }));
        troubles
    }

    /// BIRD answers, and has not been looked at for five polls: what is shown of it may be out of date.
    fn unseen(&self, now: Now) -> Option<Trouble> {
        let since = match &self.seen {
            Some((seen, _)) => self.clock.moment(seen.at),
            None => self.now_at_start.mono,
        };
        let limit = (self.config.bird.poll_interval * UNSEEN_POLLS).max(UNSEEN_AT_LEAST);
        let age = now.mono.since_start().saturating_sub(since.since_start());
        let up = self.link.0.state == BirdState::Up;
        (up && age > limit).then(|| Trouble {
            code: AlarmCode::BirdDown,
            service: None,
            subject: "unseen".to_owned(),
            text: format!(
                "BIRD has not been looked at for {UNSEEN_POLLS} polls: what is shown of it may be out of date, and nothing may be sent to it"
            ),
        })
    }

    fn tell(&mut self, now: Now, changes: Changes) {
        for trouble in changes.raised {
            tracing::warn!(
                code = trouble.code.word(),
                service = trouble.service,
                text = trouble.text,
                "alarm"
            );
            let what = What::Alarm {
                code: trouble.code,
                text: Some(trouble.text),
            };
            self.chronicle.record(now.wall, trouble.service.as_deref(), what);
        }
        for (code, service, subject) in changes.cleared {
            tracing::info!(code = code.word(), service, subject, "alarm cleared");
            self.chronicle
                .record(now.wall, service.as_deref(), What::Alarm { code, text: None });
        }
    }
}
