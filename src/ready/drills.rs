//! The last good drill: a takeover that was never practised does not exist.

use jiff::{SignedDuration, Timestamp};

use super::facts::ReadinessFacts;
use super::services::pairs;
use crate::config::model::Role;
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
    let advice = format!(
        "`falconer drill {}` rehearses a takeover as a last resort, timed",
        service.name
    );
    let amiss = |text: String| {
        ReadinessCheck::amiss(
            ReadinessCode::LastDrill,
            ReadinessLevel::Warning,
            text,
            advice.as_str(),
        )
    };
    if let Some(failed) = failed_since(service) {
        let LastDrill { at, text, .. } = failed;
        return amiss(format!("the last drill, {at:.0}, did not pass: {text}"));
    }
    let Some(passed) = service.last_good_drill else {
        return amiss("a takeover was never drilled".to_owned());
    };
    let ago = now.duration_since(passed);
    let days = ago.as_hours() / 24;
    if ago > COUNTS_FOR {
        return amiss(format!("the last good drill was {days} days ago"));
    }
    ReadinessCheck::ok(
        ReadinessCode::LastDrill,
        format!("passed {passed:.0}, {days} days ago"),
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
