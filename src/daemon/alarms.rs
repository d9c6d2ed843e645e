//! What is wrong, and since when: kept from snapshot to snapshot, and renewed only where something
//! changed that it depends on.
//!
//! The site's own alarms are renewed with every snapshot: there are as many as upstreams and
//! witnesses. A service's are renewed when the judgement evaluated it, when BIRD was seen to have
//! another problem with it, or when the name of a probe's target got another address. So what the
//! alarms of a snapshot cost does not grow with the number of services.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::config::Config;
use crate::metrics::shared::SharedNumber;
use crate::model::message::CodedText;
use crate::model::snapshot::{Alarm, AlarmCode};

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlarmCondition {
    /// What kind of thing.
    pub(crate) code: AlarmCode,
    /// Which service, where it is one's.
    pub(crate) service: Option<String>,
    /// What tells it from others of its kind: an upstream's name, a probe's; may be empty.
    pub(crate) subject: String,
    /// In words, with what to do about it.
    pub(crate) text: CodedText,
}

/// What is wrong, and since when.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    /// By the service's place in the configuration; `None`: the site's own. Nobody without alarms.
    standing: BTreeMap<Option<usize>, Vec<Standing>>,
    /// Services of which something changed that their alarms depend on.
    stale: BTreeSet<usize>,
    changes: AlarmChanges,
    renewed: SharedNumber,
}

/// An alarm that stands.
#[derive(Debug)]
struct Standing {
    subject: String,
    alarm: Alarm,
}

/// What changed since somebody asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct AlarmChanges {
    /// Went wrong.
    pub(crate) raised: Vec<AlarmCondition>,
    /// Is well again: code, service, subject.
    pub(crate) cleared: Vec<(AlarmCode, Option<String>, String)>,
}

impl Alarms {
    /// Something changed that the alarms of these services depend on.
    pub(crate) fn mark(&mut self, services: impl IntoIterator<Item = usize>) {
        self.stale.extend(services);
    }

    /// The services whose alarms are to be renewed; they count as renewed now.
    pub(crate) fn take_stale(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.stale)
    }

    /// Takes in everything that is wrong now with a service, or, `None`, with the site itself. What was
    /// wrong before keeps its beginning.
    pub(crate) fn renew(&mut self, now: Timestamp, of: Option<usize>, troubles: Vec<AlarmCondition>) {
        if of.is_some() {
            self.renewed.add(1);
        }
        let mut before: BTreeMap<_, _> = self
            .standing
            .remove(&of)
            .unwrap_or_default()
            .into_iter()
            .map(|standing| {
                (
                    (standing.alarm.code, standing.subject),
                    (standing.alarm.service, standing.alarm.since),
                )
            })
            .collect();
        let mut since_of: BTreeMap<(AlarmCode, String), Timestamp> = BTreeMap::new();
        let mut standing = Vec::with_capacity(troubles.len());
        for trouble in troubles {
            let key = (trouble.code, trouble.subject.clone());
            let known = before.remove(&key).map(|(_, since)| since);
            let known = known.or_else(|| since_of.get(&key).copied());
            if known.is_none() {
                self.changes.raised.push(trouble.clone());
            }
            let since = known.unwrap_or(now);
            since_of.insert(key, since);
            standing.push(Standing {
                subject: trouble.subject,
                alarm: Alarm {
                    code: trouble.code,
                    service: trouble.service,
                    text: trouble.text.text,
                    message: trouble.text.message,
                    since,
                },
            });
        }
        let cleared = before
            .into_iter()
            .map(|((code, subject), (service, _))| (code, service, subject));
        self.changes.cleared.extend(cleared);
        if !standing.is_empty() {
            self.standing.insert(of, standing);
        }
    }

    /// Goes over to another configuration: alarms move with the names of the services. Those of a
    /// service that is gone are cleared, and every other is renewed.
    pub(crate) fn follow(&mut self, old: &Config, new: &Config) {
        let place = |index: usize| {
            let name = &old.services.get(index)?.name;
            new.services.iter().position(|service| service.name == *name)
        };
        for (of, standing) in std::mem::take(&mut self.standing) {
            match of.map(place) {
                None => {
                    self.standing.insert(None, standing);
                }
                Some(Some(index)) => {
                    self.standing.insert(Some(index), standing);
                }
                Some(None) => self.changes.cleared.extend(
                    standing
                        .into_iter()
                        .map(|standing| (standing.alarm.code, standing.alarm.service, standing.subject)),
                ),
            }
        }
        self.stale = (0..new.services.len()).collect();
    }

    /// Everything that stands, the oldest first.
    pub(crate) fn list(&self) -> Vec<Alarm> {
        let standing = self.standing.values().flatten();
        let mut alarms: Vec<Alarm> = standing.map(|standing| standing.alarm.clone()).collect();
        alarms.sort_by_key(|alarm| alarm.since);
        alarms
    }

    /// What changed since the last call.
    pub(crate) fn take_changes(&mut self) -> AlarmChanges {
        std::mem::take(&mut self.changes)
    }

    /// How often the alarms of a service were renewed.
    #[cfg(test)]
    pub(crate) fn renewed(&self) -> SharedNumber {
        self.renewed.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::site::tests::support::{config, probe, standby};

    fn trouble(service: Option<&str>, subject: &str, text: &str) -> AlarmCondition {
        AlarmCondition {
            code: AlarmCode::UpstreamDown,
            service: service.map(str::to_owned),
            subject: subject.to_owned(),
            text: text.into(),
        }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What is wrong with the site itself is looked at.
    fn look(alarms: &mut Alarms, at: i64, troubles: &[AlarmCondition]) -> AlarmChanges {
        alarms.renew(second(at), None, troubles.to_vec());
        alarms.take_changes()
    }

    #[test]
    fn an_alarm_keeps_its_beginning_while_its_text_changes() {
        let mut alarms = Alarms::default();
        look(&mut alarms, 1, &[trouble(None, "isp", "Active")]);
        let changes = look(&mut alarms, 2, &[trouble(None, "isp", "Idle")]);
        let list = alarms.list();
        assert_eq!((list[0].since, list[0].text.as_str()), (second(1), "Idle"));
        assert_eq!(changes, AlarmChanges::default());
    }

    #[test]
    fn what_goes_wrong_is_raised_once_and_what_is_well_again_is_cleared_once() {
        let mut alarms = Alarms::default();
        let isp = || trouble(None, "isp", "Active");
        assert_eq!(look(&mut alarms, 1, &[isp()]).raised.len(), 1);
        assert_eq!(look(&mut alarms, 2, &[]).cleared.len(), 1);
        assert_eq!(look(&mut alarms, 3, &[]), AlarmChanges::default());
        look(&mut alarms, 4, &[isp()]);
        assert_eq!(alarms.list()[0].since, second(4));
    }

    #[test]
    fn two_troubles_of_one_kind_and_subject_are_raised_as_one_and_both_are_listed() {
        let mut alarms = Alarms::default();
        let both = [trouble(None, "isp", "one"), trouble(None, "isp", "other")];
        assert_eq!(look(&mut alarms, 1, &both).raised.len(), 1);
        assert_eq!(look(&mut alarms, 2, &both[1..]), AlarmChanges::default());
        assert_eq!(look(&mut alarms, 3, &both), AlarmChanges::default());
        let since: Vec<_> = alarms.list().iter().map(|alarm| alarm.since).collect();
        assert_eq!(since, [second(1), second(1)]);
        assert_eq!(look(&mut alarms, 4, &[]).cleared.len(), 1);
    }

    #[test]
    fn who_is_not_renewed_keeps_what_stands() {
        let mut alarms = Alarms::default();
        alarms.renew(second(2), Some(1), vec![trouble(Some("mail"), "", "broken")]);
        alarms.renew(second(1), Some(0), vec![trouble(Some("web"), "", "broken")]);
        alarms.take_changes();
        alarms.renew(second(3), Some(0), Vec::new());
        let changes = alarms.take_changes();
        assert_eq!(
            changes.cleared,
            [(AlarmCode::UpstreamDown, Some("web".to_owned()), String::new())]
        );
        let services: Vec<_> = alarms.list().into_iter().map(|alarm| alarm.service).collect();
        assert_eq!(services, [Some("mail".to_owned())]);
    }

    #[test]
    fn after_a_reload_alarms_follow_the_names_and_those_of_a_service_that_is_gone_are_cleared() {
        let with = |names: &[&str]| {
            let services = names.iter().map(|name| standby(name, vec![probe("ping")]));
            config(services.collect(), Vec::new(), 0)
        };
        let mut alarms = Alarms::default();
        for (at, name) in ["gone", "web"].into_iter().enumerate() {
            alarms.renew(second(1), Some(at), vec![trouble(Some(name), "", "broken")]);
        }
        alarms.take_changes();
        alarms.follow(&with(&["gone", "web"]), &with(&["web", "new"]));
        assert_eq!(alarms.take_stale(), BTreeSet::from([0, 1]));
        alarms.renew(second(2), Some(0), vec![trouble(Some("web"), "", "broken")]);
        let changes = alarms.take_changes();
        assert_eq!((changes.raised.len(), changes.cleared.len()), (0, 1));
        assert_eq!(changes.cleared[0].1.as_deref(), Some("gone"));
        assert_eq!(alarms.list()[0].since, second(1));
    }
}
