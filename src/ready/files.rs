//! The files: `state_dir`, the state files that BIRD reads, and bird.conf.

use super::facts::Facts;
use super::{Check, Code, Level};
use crate::status::snapshot::AlarmCode;

/// What of readiness depends on a disk. None of it keeps a takeover from happening.
pub(super) fn check(facts: &Facts<'_>) -> Vec<Check> {
    let mut checks = state_dir(facts);
    checks.push(rendered_file(facts));
    checks
}

fn state_dir(facts: &Facts<'_>) -> Vec<Check> {
    let alarms = facts.snapshot.alarms.iter();
    let said = alarms
        .filter(|alarm| alarm.code == AlarmCode::StateDir)
        .map(|alarm| alarm.text.clone());
    let mut said: Vec<String> = said.collect();
    if said.is_empty() {
        said.extend(facts.disk.state_dir.clone().err());
    }
    let dir = facts.config.site.state_dir.display().to_string();
    if said.is_empty() {
        return vec![Check::ok(Code::StateDir, "can be written").subject(&dir)];
    }
    let amiss = said.into_iter().map(|text| {
        let advice = "mend it: a takeover works without it, but what was decided may not survive a restart";
        Check::amiss(Code::StateDir, Level::Warning, text, advice).subject(&dir)
    });
    amiss.collect()
}

fn rendered_file(facts: &Facts<'_>) -> Check {
    let Some(render) = &facts.config.render else {
        return Check::ok(Code::RenderedFile, "bird.conf is your own (no [render])");
    };
    let output = render.output.display().to_string();
    let mut alarms = facts.snapshot.alarms.iter();
    match alarms.find(|alarm| alarm.code == AlarmCode::RenderDrift) {
        None => Check::ok(Code::RenderedFile, "is what the configuration renders").subject(&output),
        Some(alarm) => {
            let advice = "look at the difference: `falconer render --diff`";
            Check::amiss(Code::RenderedFile, Level::Warning, alarm.text.clone(), advice).subject(&output)
        }
    }
}
