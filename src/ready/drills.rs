//! The last good drill: a takeover that was never practised does not exist.

use jiff::{SignedDuration, Timestamp};

use super::facts::ReadinessFacts;
use super::services::pairs;
use crate::config::model::Role;
use crate::model::message::{CodedText, coded};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::{DrillOutcome, LastDrill, ServiceSnapshot};

/// How long a good drill counts: sessions, filters and people change within a season.
const COUNTS_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// One check a standby; a primary has no drills.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let now = facts.snapshot.at;
    let standbys = pairs(facts).filter(|(policy, _)| policy.role == Role::Standby);
    standbys
        .map(|(_, service)| of_service(service, now).service(&service.name))
        .collect()
}

fn of_service(service: &ServiceSnapshot, now: Timestamp) -> ReadinessCheck {
    let name = &service.name;
    let advice = coded!(
        "run_a_drill",
        "`falconer drill {name}` rehearses a takeover, announced as a last resort, and measures its time",
        name
    );
    let amiss = |text: CodedText| {
        ReadinessCheck::amiss(
            ReadinessCode::LastDrill,
            ReadinessLevel::Warning,
            text,
            advice.clone(),
        )
    };
    if let Some(failed) = failed_since(service) {
        let LastDrill { at, text, .. } = failed;
        let at = format!("{at:.0}");
        return amiss(coded!(
            "last_drill_failed",
            "the last drill, {at}, did not pass: {text}",
            at,
            text
        ));
    }
    let Some(passed) = service.last_good_drill else {
        return amiss(coded!("never_drilled", "no drill of a takeover ever passed"));
    };
    let ago = now.duration_since(passed);
    let days = ago.as_hours() / 24;
    if ago > COUNTS_FOR {
        return amiss(coded!(
            "drill_too_old",
            "the last good drill was {days} days ago",
            days
        ));
    }
    let passed = format!("{passed:.0}");
    ReadinessCheck::ok(
        ReadinessCode::LastDrill,
        coded!("drill_passed", "passed {passed}, {days} days ago", passed, days),
    )
}

/// The last drill, where it failed after the last good one. One that something else ended proves
/// nothing either way.
fn failed_since(service: &ServiceSnapshot) -> Option<&LastDrill> {
    let last = service.last_drill.as_ref()?;
    let later = service.last_good_drill.is_none_or(|good| last.at > good);
    match last.outcome {
        DrillOutcome::Failed if later => Some(last),
        DrillOutcome::Failed | DrillOutcome::Passed | DrillOutcome::Refused | DrillOutcome::Aborted => None,
    }
}
