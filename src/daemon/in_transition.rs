//! Whether a takeover or a failback is under way: no apply starts then (A9).

use std::time::Duration;

use jiff::Timestamp;

use crate::model::Snapshot;
use crate::model::snapshot::{OverrideAction, ServiceSnapshot, Strength};

/// A change of strength that has not come to its end by then is not under way but stuck, and a new
/// bird.conf may be just what mends it.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// The service that is changing its strength, in words; `None`: all is calm.
pub(crate) fn under_way(snapshot: &Snapshot, now: Timestamp) -> Option<String> {
    let name = changing(snapshot, now)?;
    Some(format!(
        "{name} has a transition or drill in progress: bird.conf is not replaced now; try again when \
         `falconer status` shows that it is done"
    ))
}

/// The name of the service that is changing its strength.
pub(crate) fn changing(snapshot: &Snapshot, now: Timestamp) -> Option<&str> {
    let service = snapshot.services.iter().find(|service| changes(service, now))?;
    Some(&service.name)
}

fn changes(service: &ServiceSnapshot, now: Timestamp) -> bool {
    if service.drill.is_some() {
        return true;
    }
    let frozen = service
        .overridden
        .as_ref()
        .is_some_and(|over| over.action == OverrideAction::Freeze);
    if frozen || service.want.is_none() {
        return false;
    }
    if service.want == Strength::Drain {
        return true;
    }
    let recent = service
        .since
        .is_some_and(|since| now.duration_since(since).unsigned_abs() < STUCK_AFTER);
    recent && (service.want != service.actual || !through(service))
}

/// Whether the last change of strength came to its end.
fn through(service: &ServiceSnapshot) -> bool {
    service.transition.as_ref().is_none_or(|last| {
        if last.to == Strength::Off {
            last.stages.down.is_some()
        } else {
            last.stages.exported.is_some()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T20:40:40Z";

    /// The one service of a recorded snapshot, with its want as old as said.
    fn snapshot(age: i64, change: impl FnOnce(&mut ServiceSnapshot)) -> (Snapshot, Timestamp) {
        let now: Timestamp = NOW.parse().unwrap();
        let text = include_str!("../../tests/fixtures/status/overridden.json");
        let mut snapshot: Snapshot = serde_json::from_str(text).unwrap();
        snapshot.services.truncate(1);
        let service = &mut snapshot.services[0];
        service.overridden = None;
        service.transition = None;
        (service.want, service.actual) = (Some(Strength::Off), Some(Strength::Off));
        service.since = Some(now - jiff::SignedDuration::from_secs(age));
        change(service);
        (snapshot, now)
    }

    #[test]
    fn a9_no_apply_starts_while_a_service_changes_its_strength() {
        // What it is, its age in seconds, what is wanted, what BIRD has, and whether a transition is under way.
        type Case = (&'static str, i64, Option<Strength>, Option<Strength>, bool);
        let cases: [Case; 8] = [
            ("silent", 5, Some(Strength::Off), Some(Strength::Off), false),
            ("announced", 5, Some(Strength::Full), Some(Strength::Full), false),
            ("taking over", 5, Some(Strength::Full), Some(Strength::Off), true),
            ("giving back", 5, Some(Strength::Off), Some(Strength::Full), true),
            (
                "draining",
                500,
                Some(Strength::Drain),
                Some(Strength::Drain),
                true,
            ),
            ("not settled", 5, None, Some(Strength::Off), false),
            ("stuck", 61, Some(Strength::Full), Some(Strength::Off), false),
            ("protocol gone", 5, Some(Strength::Full), None, true),
        ];
        for (what, age, want, actual, expected) in cases {
            let (snapshot, now) = snapshot(age, |service| (service.want, service.actual) = (want, actual));
            assert_eq!(under_way(&snapshot, now).is_some(), expected, "{what}");
        }
    }

    #[test]
    fn a9_a_takeover_that_is_not_exported_yet_is_under_way() {
        let transition = crate::model::snapshot::TransitionSnapshot {
            from: Some(Strength::Off),
            to: Some(Strength::Full),
            rule: "D4".to_owned(),
            reason: String::new(),
            stages: crate::model::snapshot::StageTimes::default(),
        };
        let (mut snapshot, now) = snapshot(5, |service| {
            (service.want, service.actual) = (Some(Strength::Full), Some(Strength::Full));
            service.transition = Some(transition);
        });
        assert!(under_way(&snapshot, now).is_some());
        let last = snapshot.services[0].transition.as_mut().unwrap();
        last.stages.exported = Some(now);
        assert_eq!(under_way(&snapshot, now), None);
    }

    #[test]
    fn a9_a_frozen_service_stops_no_apply() {
        let (snapshot, now) = snapshot(5, |service| {
            service.want = Some(Strength::Full);
            service.overridden = Some(crate::model::snapshot::OverrideSnapshot {
                action: OverrideAction::Freeze,
                until: None,
                reason: None,
                actor: "ann".to_owned(),
            });
        });
        assert_eq!(under_way(&snapshot, now), None);
    }
}
