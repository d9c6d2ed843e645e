//! The witnesses: would they prove that it is the primary that died, and not our own uplink (D5)?

use super::facts::ReadinessFacts;
use crate::config::model::{Group, MinUp, OnCutOff, Role};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::{ProbeSnapshot, ProbeState};
use crate::ready::wording::{list, verb};

/// The witnesses, all in one.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let witnesses = &facts.snapshot.witnesses;
    let min_up = facts.config.isolation.min_up;
    // Of a primary witnesses only inform: its probes look at home.
    let standby = facts
        .config
        .services
        .iter()
        .any(|service| service.role == Role::Standby);
    let worst = if standby {
        ReadinessLevel::No
    } else {
        ReadinessLevel::Warning
    };
    if witnesses.is_empty() {
        let text = "none is configured: the loss of our own uplink would look like the death of a primary";
        return vec![ReadinessCheck::ok(ReadinessCode::Witnesses, text)];
    }
    let missing: Vec<&ProbeSnapshot> = witnesses
        .iter()
        .filter(|witness| witness.state != ProbeState::Up)
        .collect();
    let up = witnesses.len() - missing.len();
    let are = verb(up, "is", "are");
    let count = format!("{up} of {} witnesses {are} up, {min_up} needed", witnesses.len());
    let said: Vec<String> = missing.iter().map(|witness| said(witness)).collect();
    let why = list(&said);
    let enough = enough(facts, min_up);
    vec![if facts.snapshot.cut_off {
        let (level, then) = match facts.config.isolation.on_cut_off {
            OnCutOff::Hold => (worst, "takes nothing over"),
            OnCutOff::Takeover => (ReadinessLevel::Warning, "takes over all the same"),
        };
        let text = format!("this site is cut off from where the primary is, and {then}: {count}; {why}");
        ReadinessCheck::amiss(
            ReadinessCode::Witnesses,
            level,
            text,
            "mend the way there, or the far witnesses",
        )
    } else if !enough && facts.snapshot.isolated {
        let text = format!("this site is isolated, and takes nothing over: {count}; {why}");
        ReadinessCheck::amiss(
            ReadinessCode::Witnesses,
            worst,
            text,
            "mend this site's uplink, or the witnesses",
        )
    } else if !enough {
        let text = format!("not known to be connected, so nothing is taken over: {count}; {why}");
        ReadinessCheck::amiss(
            ReadinessCode::Witnesses,
            worst,
            text,
            "mend what the witnesses' errors name; at a start they take seconds",
        )
    } else if missing.is_empty() {
        ReadinessCheck::ok(ReadinessCode::Witnesses, count)
    } else {
        let text = format!("{count}; {why}");
        ReadinessCheck::amiss(
            ReadinessCode::Witnesses,
            ReadinessLevel::Warning,
            text,
            "mend those that do not answer, before the others fail too",
        )
    }]
}

/// Whether as many witnesses are up as are needed, of all and of each group.
fn enough(facts: &ReadinessFacts<'_>, min_up: MinUp) -> bool {
    let witnesses = facts.config.witnesses.iter().zip(&facts.snapshot.witnesses);
    let met = |of: Option<Group>, needed: usize| {
        let members = witnesses
            .clone()
            .filter(|(policy, _)| of.is_none_or(|of| of == policy.group));
        members.filter(|(_, seen)| seen.state == ProbeState::Up).count() >= needed
    };
    met(None, min_up.all) && met(Some(Group::Near), min_up.near) && met(Some(Group::Far), min_up.far)
}

fn said(witness: &ProbeSnapshot) -> String {
    let last = witness
        .last
        .as_ref()
        .map_or("not asked yet", |last| last.detail.as_str());
    match witness.never_passed {
        true => format!("{} never passed (D20): {last}", witness.name),
        false => format!("{}: {last}", witness.name),
    }
}
