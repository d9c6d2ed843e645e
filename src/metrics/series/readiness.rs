//! The metrics of readiness and of drills.

use std::fmt;

use crate::metrics::encoder::{Encoder, family};
use crate::metrics::facts::Facts;
use crate::model::readiness::ReadinessLevel;

/// Levels, in words.
const LEVELS: &[&str] = &["ok", "warning", "no"];

/// What was found out last.
pub(crate) fn readiness(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let ready = &facts.ready;
    page.states(
        family(
            "readiness",
            "Whether Falconer would take over if the primary died now.",
        ),
        LEVELS,
        [ready.level],
        |level, word| ([("level", word)], level.word() == word),
    )?;
    page.time(
        "readiness_timestamp",
        "When that was found out.",
        [([], Some(ready.at))],
    )?;
    let checks = [ReadinessLevel::Ok, ReadinessLevel::Warning, ReadinessLevel::No].map(|level| {
        let found = ready.checks.iter().filter(|check| check.level == level);
        ([("level", level.word())], found.count() as u64)
    });
    page.count(
        family(
            "readiness_checks",
            "What readiness was made of, by what came of each check.",
        ),
        checks,
    )
}
