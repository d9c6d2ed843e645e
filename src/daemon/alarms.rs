//! What is wrong, and since when.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::status::snapshot::{Alarm, AlarmCode};

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What kind of thing.
    pub(super) code: AlarmCode,
    /// Which service, where it is one's.
    pub(super) service: Option<String>,
    /// What tells it from others of its kind: an upstream's name, a probe's; may be empty.
    pub(super) subject: String,
    /// In words, with what to do about it.
    pub(super) text: String,
}

/// What is wrong, and since when.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    since: BTreeMap<(AlarmCode, Option<String>, String), Timestamp>,
}

/// What changed with the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Went wrong.
    pub(super) raised: Vec<Trouble>,
    /// Is well again: code, service, subject.
    pub(super) cleared: Vec<(AlarmCode, Option<String>, String)>,
}

impl Alarms {
    /// Takes in everything that is wrong now; what was wrong before keeps its beginning.
    pub(super) fn look(&mut self, now: Timestamp, troubles: &[Trouble]) -> (Vec<Alarm>, Changes) {
        let mut before = std::mem::take(&mut self.since);
        let mut changes = Changes::default();
        let mut alarms = Vec::new();
        for trouble in troubles {
            let key = (trouble.code, trouble.service.clone(), trouble.subject.clone());
            let since = before.remove(&key);
            if since.is_none() && !self.since.contains_key(&key) {
                changes.raised.push(trouble.clone());
            }
            let since = *self.since.entry(key).or_insert(since.unwrap_or(now));
            alarms.push(Alarm {
                code: trouble.code,
                service: trouble.service.clone(),
                text: trouble.text.clone(),
                since,
            });
        }
        changes.cleared = before.into_keys().collect();
        alarms.sort_by_key(|alarm| alarm.since);
        (alarms, changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(subject: &str, text: &str) -> Trouble {
        Trouble {
            code: AlarmCode::UpstreamDown,
            service: None,
            subject: subject.to_owned(),
            text: text.to_owned(),
        }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_alarm_keeps_its_beginning_while_its_text_changes() {
        let mut alarms = Alarms::default();
        alarms.look(second(1), &[trouble("isp", "Active")]);
        let (list, changes) = alarms.look(second(2), &[trouble("isp", "Idle")]);
        assert_eq!((list[0].since, list[0].text.as_str()), (second(1), "Idle"));
        assert_eq!(changes, Changes::default());
    }

    #[test]
    fn what_goes_wrong_is_raised_once_and_what_is_well_again_is_cleared_once() {
        let mut alarms = Alarms::default();
        assert_eq!(
            alarms.look(second(1), &[trouble("isp", "Active")]).1.raised.len(),
            1
        );
        let (_, changes) = alarms.look(second(2), &[]);
        assert_eq!(changes.cleared.len(), 1);
        assert_eq!(alarms.look(second(3), &[]).1, Changes::default());
        assert_eq!(
            alarms.look(second(4), &[trouble("isp", "Active")]).0[0].since,
            second(4)
        );
    }
}
