//! The witnesses: would they prove that it is the primary that died, and not our own uplink (D5)?

use super::facts::ReadinessFacts;
use crate::config::model::{Group, MinUp, OnCutOff, Role};
use crate::model::message::{CodedText, coded, list};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::{ProbeSnapshot, ProbeState};
use crate::ready::wording::last_result;

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
        let text = coded!(
            "no_witness_configured",
            "none is configured: the loss of our own uplink would look like the death of a primary"
        );
        return vec![ReadinessCheck::ok(ReadinessCode::Witnesses, text)];
    }
    let missing: Vec<&ProbeSnapshot> = witnesses
        .iter()
        .filter(|witness| witness.state != ProbeState::Up)
        .collect();
    let up = witnesses.len() - missing.len();
    let (all, needed) = (witnesses.len(), min_up.to_string());
    let count = coded!(
        "witnesses_up",
        "witnesses up: {up} of {all}, {needed} needed",
        up,
        all,
        needed
    );
    let said: Vec<CodedText> = missing.iter().map(|witness| said(witness)).collect();
    let why = list(&said);
    let enough = enough(facts, min_up);
    vec![if facts.snapshot.cut_off {
        cut_off(facts.config.isolation.on_cut_off, worst, &count, &why)
    } else if !enough {
        too_few(facts.snapshot.isolated, worst, &count, &why)
    } else if missing.is_empty() {
        ReadinessCheck::ok(ReadinessCode::Witnesses, count)
    } else {
        let text = coded!("some_witnesses_missing", "{count}; {why}", count, why);
        let advice = coded!(
            "fix_witnesses_in_time",
            "fix those that do not answer, before the others fail, too"
        );
        ReadinessCheck::amiss(ReadinessCode::Witnesses, ReadinessLevel::Warning, text, advice)
    }]
}

/// The near witnesses answer, and the far ones do not.
fn cut_off(then: OnCutOff, worst: ReadinessLevel, count: &CodedText, why: &CodedText) -> ReadinessCheck {
    let (level, text) = match then {
        OnCutOff::Hold => (
            worst,
            coded!(
                "cut_off_would_not_take_over",
                "this site is cut off from the primary's site, and takes nothing over: {count}; {why}",
                count,
                why
            ),
        ),
        OnCutOff::Takeover => (
            ReadinessLevel::Warning,
            coded!(
                "cut_off_would_take_over",
                "this site is cut off from the primary's site, and takes over nevertheless: {count}; {why}",
                count,
                why
            ),
        ),
    };
    let advice = coded!(
        "fix_path_or_far_witnesses",
        "fix the path there, or the far witnesses"
    );
    ReadinessCheck::amiss(ReadinessCode::Witnesses, level, text, advice)
}

/// Too few are up, or known to be up.
fn too_few(isolated: bool, worst: ReadinessLevel, count: &CodedText, why: &CodedText) -> ReadinessCheck {
    let (text, advice) = match isolated {
        true => (
            coded!(
                "isolated_would_not_take_over",
                "this site is isolated, and takes nothing over: {count}; {why}",
                count,
                why
            ),
            coded!(
                "fix_uplink_or_witnesses",
                "fix this site's uplink, or the witnesses"
            ),
        ),
        false => (
            coded!(
                "connection_unknown",
                "it is unknown whether this site is connected, so nothing is taken over: {count}; {why}",
                count,
                why
            ),
            coded!(
                "fix_witness_errors",
                "fix what the witnesses' errors name; after a start the first results take seconds"
            ),
        ),
    };
    ReadinessCheck::amiss(ReadinessCode::Witnesses, worst, text, advice)
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

fn said(witness: &ProbeSnapshot) -> CodedText {
    let (name, last) = (&witness.name, last_result(witness));
    match witness.never_passed {
        true => coded!(
            "witness_never_passed",
            "{name} never passed (D20): {last}",
            name,
            last
        ),
        false => coded!("witness_said", "{name}: {last}", name, last),
    }
}
