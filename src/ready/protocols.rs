//! The static protocols: are they in BIRD, with the right routes and channels (A7), and as wanted?

use jiff::{SignedDuration, Timestamp};

use super::facts::ReadinessFacts;
use super::services::pairs;
use crate::bird::guard;
use crate::bird::parse::ProtocolRow;
use crate::config::model::{self, Role, StaticProtocolConfig};
use crate::model::message::{CodedText, coded, list};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::{
    AlarmCode, DrillPhase, DrillSnapshot, OverrideAction, ServiceSnapshot, Strength, Verdict,
};
use crate::model::strength;
use crate::ready::wording::{load_rendered_file, text_of};

/// BIRD takes milliseconds to seconds for a change; what takes longer is stuck.
const CHANGING: SignedDuration = SignedDuration::from_secs(10);

/// The protocols of every service, and their states; nothing while BIRD does not say.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let mut checks = Vec::new();
    for (policy, service) in pairs(facts) {
        if let Some(protocols) = &facts.bird.protocols {
            checks.extend(there(facts, policy, |name| protocols.get(name)));
        }
        checks.extend(state(policy, service, facts.snapshot.at));
    }
    checks
}

/// Whether they are there, and what they ought to be.
fn there<'a>(
    facts: &ReadinessFacts<'_>,
    policy: &model::ServiceConfig,
    of_bird: impl Fn(&str) -> Option<&'a ProtocolRow>,
) -> Vec<ReadinessCheck> {
    let name = &policy.name;
    // Without a drain protocol we still take over; we only give back less gently.
    let lines = policy.full.iter().map(|line| (line, ReadinessLevel::No));
    let others = policy.drain.iter().chain(&policy.standing);
    let lines = lines.chain(others.map(|line| (line, ReadinessLevel::Warning)));
    let mut checks: Vec<ReadinessCheck> = lines
        .filter_map(|(line, level)| match of_bird(&line.name) {
            None => Some(missing(facts, line, level)),
            Some(_) => foreign(facts, line, level),
        })
        .collect();
    if checks.is_empty() {
        checks.extend(alarmed(facts, name));
    }
    if checks.is_empty() {
        let names: Vec<&String> = policy.statics().map(|line| &line.name).collect();
        let names = list(&names);
        let text = coded!(
            "protocols_as_configured",
            "in BIRD with exactly the configured prefixes: {names}",
            names
        );
        checks.push(ReadinessCheck::ok(ReadinessCode::Protocols, text));
    }
    checks.into_iter().map(|check| check.service(name)).collect()
}

fn missing(facts: &ReadinessFacts<'_>, line: &StaticProtocolConfig, level: ReadinessLevel) -> ReadinessCheck {
    let (name, channel) = (&line.name, line.family.channel());
    let advice = match &facts.config.render {
        Some(_) => load_rendered_file(),
        None => coded!(
            "add_static_protocol",
            "add it to bird.conf (docs/attach.md): `protocol static {name} {{ disabled; include ...; {channel}; route ...; }}`",
            name,
            channel
        ),
    };
    ReadinessCheck::amiss(
        ReadinessCode::Protocols,
        level,
        coded!("no_protocol", "BIRD has no protocol {name}", name),
        advice,
    )
    .subject(name)
}

/// What the guard says of it, where it was asked.
fn foreign(
    facts: &ReadinessFacts<'_>,
    line: &StaticProtocolConfig,
    level: ReadinessLevel,
) -> Option<ReadinessCheck> {
    let refusal = guard::check(line, facts.bird.found.get(&line.name)?).err()?;
    let (name, channel, routes) = (&line.name, line.family.channel(), list(&line.prefixes));
    let advice = coded!(
        "correct_protocol",
        "correct bird.conf: Falconer enables {name} only with one {channel} channel and exactly these routes: {routes}",
        name,
        channel,
        routes
    );
    Some(ReadinessCheck::amiss(ReadinessCode::Protocols, level, refusal.to_string(), advice).subject(name))
}

/// What steering's own look at them found, where it was not asked again.
fn alarmed(facts: &ReadinessFacts<'_>, service: &str) -> Vec<ReadinessCheck> {
    let alarms = facts.snapshot.alarms.iter();
    let foreign = alarms
        .filter(|alarm| alarm.code == AlarmCode::ForeignRoutes && alarm.service.as_deref() == Some(service));
    foreign
        .map(|alarm| {
            let advice = coded!(
                "correct_bird_conf",
                "correct bird.conf: `birdc show static NAME` shows the routes that it has"
            );
            ReadinessCheck::amiss(
                ReadinessCode::Protocols,
                ReadinessLevel::No,
                text_of(alarm),
                advice,
            )
        })
        .collect()
}

/// Whether BIRD does what we want, and we want what the verdict says.
fn state(policy: &model::ServiceConfig, service: &ServiceSnapshot, now: Timestamp) -> Option<ReadinessCheck> {
    let name = &service.name;
    let frozen = service
        .overridden
        .as_ref()
        .is_some_and(|over| over.action == OverrideAction::Freeze);
    let changing = service
        .since
        .is_some_and(|since| now.duration_since(since).abs() < CHANGING);
    let explain = coded!(
        "see_explain",
        "`falconer explain {name}` says what it waits for",
        name
    );
    let (wanted, actual) = (strength::word(service.want), strength::word(service.actual));
    let check = if service.actual.is_none() || frozen {
        return None;
    } else if let Some(drill) = &service.drill {
        of_drill(drill)
    } else if service.want.is_none() {
        let (rule, reason) = (&service.rule, reason_of(service));
        let text = coded!(
            "not_settled",
            "nothing is decided yet ({rule}: {reason})",
            rule,
            reason
        );
        ReadinessCheck::amiss(ReadinessCode::State, ReadinessLevel::Warning, text, explain)
    } else if service.want != service.actual && !changing {
        let level = if service.want == Strength::Off {
            ReadinessLevel::Warning
        } else {
            ReadinessLevel::No
        };
        let text = coded!(
            "strength_differs",
            "wanted {wanted}, but BIRD is at {actual}",
            wanted,
            actual
        );
        ReadinessCheck::amiss(
            ReadinessCode::State,
            level,
            text,
            coded!("see_status", "`falconer status` says what is wrong in BIRD"),
        )
    } else if held_back(policy, service) {
        let level = if service.deadline.is_some() || changing {
            ReadinessLevel::Warning
        } else {
            ReadinessLevel::No
        };
        ReadinessCheck::amiss(ReadinessCode::State, level, down_text(service), explain)
    } else {
        ReadinessCheck::ok(
            ReadinessCode::State,
            coded!(
                "strength_as_wanted",
                "wanted {wanted}, and BIRD is at {actual}",
                wanted,
                actual
            ),
        )
    };
    Some(check.service(name))
}

/// The target is down, and something holds the takeover back.
fn down_text(service: &ServiceSnapshot) -> CodedText {
    let (rule, reason) = (&service.rule, reason_of(service));
    coded!(
        "down_not_taken_over",
        "the target is down, but not taken over ({rule}: {reason})",
        rule,
        reason
    )
}

/// It is announced without being wanted, and that is as it should be, unless it does not end.
fn of_drill(drill: &DrillSnapshot) -> ReadinessCheck {
    if drill.phase == DrillPhase::Unverified {
        let actor = &drill.actor;
        let text = coded!(
            "drill_not_seen_over",
            "the drill that {actor} began should be over, but its end was not seen",
            actor
        );
        return ReadinessCheck::amiss(
            ReadinessCode::State,
            ReadinessLevel::Warning,
            text,
            coded!(
                "see_protocols_and_status",
                "see `birdc show protocols` and `falconer status`"
            ),
        );
    }
    ReadinessCheck::ok(
        ReadinessCode::State,
        coded!("drill_under_way", "a drill is under way"),
    )
}

/// The reason of its state, with its message.
fn reason_of(service: &ServiceSnapshot) -> CodedText {
    CodedText {
        text: service.reason.clone(),
        message: service.reason_message.clone(),
    }
}

/// Whether a takeover is due and does not come. An override is a check of its own.
fn held_back(policy: &model::ServiceConfig, service: &ServiceSnapshot) -> bool {
    policy.role == Role::Standby
        && service.verdict == Verdict::Down
        && service.want == Strength::Off
        && service.overridden.is_none()
}
