//! Whether this site itself could serve the clients that a takeover brings here (D16).

use super::facts::ReadinessFacts;
use super::services::pairs;
use crate::config::model::{self, Role};
use crate::core::site::serving::{ServingProblem, ServingProblemKind, problems};
use crate::model::message::{CodedText, coded, list};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel, ask_again};
use crate::model::snapshot::ServiceSnapshot;
use crate::model::snapshot::ServingSnapshot;

pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let of_service = |(policy, service): (&model::ServiceConfig, &ServiceSnapshot)| {
        let checks = match (&service.serving, policy.serves.is_empty(), policy.role) {
            (Some(serving), false, _) => told(policy, serving),
            (None, false, _) => vec![amiss(
                ReadinessLevel::Warning,
                coded!("serving_not_shown_yet", "its checks of serving are not shown yet"),
                ask_again(),
            )],
            (_, true, Role::Standby) => vec![unchecked(policy)],
            // Its probes look at home.
            (_, true, Role::Primary) => Vec::new(),
        };
        let name = &service.name;
        checks
            .into_iter()
            .map(|check| check.service(name))
            .collect::<Vec<_>>()
    };
    pairs(facts).flat_map(of_service).collect()
}

/// Nothing proves it, and nothing speaks against it.
fn unchecked(policy: &model::ServiceConfig) -> ReadinessCheck {
    let prefixes = list(&policy.prefixes);
    amiss(
        ReadinessLevel::Ok,
        coded!(
            "serving_unchecked",
            "nothing checks whether this site can serve {prefixes}",
            prefixes
        ),
        coded!(
            "add_serves",
            "add a `[[service.serves]]` that asks an address inside the prefix, at this host or behind its tunnel"
        ),
    )
}

fn told(policy: &model::ServiceConfig, serving: &ServingSnapshot) -> Vec<ReadinessCheck> {
    let problems = problems(serving).into_iter();
    let problems = problems.map(|problem| problem_check(policy, problem));
    let warnings = serving.routes.iter().filter_map(|route| {
        let text = CodedText {
            text: route.warning.clone()?,
            message: route.warning_message.clone(),
        };
        let advice = coded!(
            "set_rp_filter",
            "set it to 2 (loose), or let the answers leave by the same interface"
        );
        Some(amiss(ReadinessLevel::Warning, text, advice).subject(&route.address.to_string()))
    });
    let mut checks: Vec<_> = problems.chain(warnings).collect();
    if checks.is_empty() {
        let names: Vec<&String> = serving.checks.iter().map(|check| &check.name).collect();
        let names = list(&names);
        checks.push(ReadinessCheck::ok(
            ReadinessCode::Serving,
            coded!(
                "serves_here",
                "this site can serve it: {names} passed, and the kernel would deliver",
                names
            ),
        ));
    }
    checks
}

fn problem_check(policy: &model::ServiceConfig, problem: ServingProblem) -> ReadinessCheck {
    let ServingProblem { kind, subject, text } = problem;
    let name = &policy.name;
    let (level, advice) = match (kind, policy.role) {
        (ServingProblemKind::Unknown, _) => (ReadinessLevel::Warning, ask_again()),
        (ServingProblemKind::No | ServingProblemKind::NeverPassed, Role::Standby) => (
            ReadinessLevel::No,
            coded!(
                "make_it_serve",
                "a takeover would bring clients here that nobody serves: put the address on `lo`, or a route to \
                 where it is served, and see `falconer explain {name}` (docs/serving.md)",
                name
            ),
        ),
        (ServingProblemKind::No | ServingProblemKind::NeverPassed, Role::Primary) => (
            ReadinessLevel::Warning,
            coded!(
                "look_at_home",
                "clients that come here may not be served: see `falconer explain {name}` (docs/serving.md)",
                name
            ),
        ),
    };
    amiss(level, text, advice).subject(&subject)
}

fn amiss(level: ReadinessLevel, text: impl Into<CodedText>, advice: impl Into<CodedText>) -> ReadinessCheck {
    ReadinessCheck::amiss(ReadinessCode::Serving, level, text, advice)
}
