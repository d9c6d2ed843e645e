//! The metrics of services: Falconer's decision and BIRD's state, overrides and latches, and the times
//! of transitions.

use std::fmt;

use crate::metrics::counts::{DRILLS, ServiceCounts, StageSpan};
use crate::metrics::encoder::{Encoder, family, seconds};
use crate::metrics::facts::Facts;
use crate::model::snapshot::{FollowedState, ServiceSnapshot, StandingState};
use crate::model::strength;
use crate::model::strength::Strength;

/// Verdicts, in words.
const VERDICTS: &[&str] = &["up", "down", "unclear"];
/// Strengths, in words.
const STRENGTHS: &[&str] = &["off", "drain", "full", "unknown"];
/// Whether it is served, in words.
const SERVING: &[&str] = &["yes", "no", "unknown"];
/// Overrides, in words.
const ACTIONS: &[&str] = &["announce", "withdraw", "freeze"];
/// What a transition can lead to, and its word.
const ENDS: [(Strength, &str); 3] = [
    (Strength::Off, "off"),
    (Strength::Drain, "drain"),
    (Strength::Full, "full"),
];

/// Every service as it stands.
pub(crate) fn services(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let services = || facts.snapshot.services.iter();
    page.info(
        family(
            "service",
            "The services, and whether this site is standby or primary for them.",
        ),
        services().map(|service| [("service", name(service)), ("role", service.role.word())]),
    )?;
    page.states(
        family("service_verdict", "What the probes say together (D3)."),
        VERDICTS,
        services(),
        |service, state| {
            let is = service.verdict.word() == state;
            ([("service", name(service)), ("verdict", state)], is)
        },
    )?;
    page.states(
        family(
            "service_want",
            "How strongly Falconer wants the service announced.",
        ),
        STRENGTHS,
        services(),
        |service, state| {
            let is = strength::word(service.want) == state;
            ([("service", name(service)), ("strength", state)], is)
        },
    )?;
    page.states(
        family(
            "service_actual",
            "How strongly BIRD announces the service: which of its static protocols are up.",
        ),
        STRENGTHS,
        services(),
        |service, state| {
            let is = strength::word(service.actual) == state;
            ([("service", name(service)), ("strength", state)], is)
        },
    )?;
    page.flag(
        family(
            "service_disagrees",
            "Whether BIRD does something else than Falconer wants.",
        ),
        services().map(|service| (of(service), disagrees(service))),
    )?;
    reach(page, facts)?;
    in_force(page, facts)
}

/// How far the announcements reach.
fn reach(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let services = || facts.snapshot.services.iter();
    page.flag(
        family(
            "service_announced",
            "Whether the service is announced at full, and was seen exported within the last two polls (A5).",
        ),
        services().map(|service| {
            let announced = service.is_announced(facts.now, facts.poll_interval);
            (of(service), announced)
        }),
    )?;
    page.time(
        "service_verified_timestamp",
        "When the service was last seen exported to enough upstreams; absent while it is not.",
        services().map(|service| (of(service), service.verified_at)),
    )?;
    page.flag(
        family(
            "service_exported",
            "Whether the upstream carries every prefix of the service that its families allow.",
        ),
        services().flat_map(|service| {
            service.upstreams.iter().map(move |upstream| {
                let labels = [("service", name(service)), ("upstream", upstream.as_str())];
                (labels, service.exported_to.contains(upstream))
            })
        }),
    )?;
    page.flag(
        family(
            "service_standing",
            "Whether BIRD announces the service's standing prefixes (D14); absent for a service without any.",
        ),
        services().filter_map(|service| {
            let standing = service.standing.as_ref()?;
            Some((of(service), standing.actual == StandingState::On))
        }),
    )?;
    rivals(page, facts)
}

/// Who else has the prefixes, and who prefers our routes (A11).
fn rivals(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let services = || facts.snapshot.services.iter();
    page.count(
        family(
            "service_rivals",
            "How many routes that are not ours are heard to the service's prefixes, around or inside them; absent while no session can tell.",
        ),
        services().filter_map(|service| Some((of(service), service.rivals.as_ref()?.len() as u64))),
    )?;
    page.flag(
        family(
            "service_followed",
            "Whether an upstream that carries the service prefers our route; absent where that cannot be heard, or nothing is announced (A11).",
        ),
        services().flat_map(|service| {
            service.followed.iter().filter_map(move |way| {
                let follows = match way.state {
                    FollowedState::Follows => true,
                    FollowedState::PrefersAnother => false,
                    FollowedState::CannotBeHeard => return None,
                };
                let labels = [("service", name(service)), ("upstream", way.upstream.as_str())];
                Some((labels, follows))
            })
        }),
    )
}

/// What stands above the verdict, and until when.
fn in_force(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let services = || facts.snapshot.services.iter();
    page.states(
        family(
            "service_override",
            "Whether an operator's override is in force (D11).",
        ),
        ACTIONS,
        services(),
        |service, word| {
            let over = service.overridden.as_ref();
            let is = over.is_some_and(|over| over.action.word() == word);
            ([("service", name(service)), ("action", word)], is)
        },
    )?;
    page.time(
        "service_override_until_timestamp",
        "When the override ends by itself; absent where there is none, or none with an end.",
        services().map(|service| {
            let until = service.overridden.as_ref().and_then(|over| over.until);
            (of(service), until)
        }),
    )?;
    page.flag(
        family(
            "service_latched",
            "Whether the service flapped too often and waits for an operator (D9).",
        ),
        services().map(|service| (of(service), service.latched)),
    )?;
    page.states(
        family(
            "service_serving",
            "Whether this site itself can serve the service (D16); absent where nothing checks that.",
        ),
        SERVING,
        services().filter_map(|service| Some((service, service.serving.as_ref()?))),
        |(service, serving), state| {
            let is = serving.state.word() == state;
            ([("service", name(service)), ("state", state)], is)
        },
    )?;
    page.time(
        "service_want_since_timestamp",
        "Since when Falconer wants of BIRD what it wants.",
        services().map(|service| (of(service), service.since)),
    )?;
    page.time(
        "service_deadline_timestamp",
        "When what holds the service as it is runs out by itself; absent where nothing does.",
        services().map(|service| (of(service), service.deadline)),
    )?;
    page.count(
        family("service_alarms", "Things that are wrong with the service now."),
        services().map(|service| {
            let alarms = facts.snapshot.alarms.iter();
            let own = alarms.filter(|alarm| alarm.service.as_deref() == Some(name(service)));
            (of(service), own.count() as u64)
        }),
    )
}

/// The practice of it.
pub(crate) fn drills(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let services = || facts.snapshot.services.iter();
    page.flag(
        family("service_drill", "Whether a drill is under way."),
        services().map(|service| (of(service), service.drill.is_some())),
    )?;
    page.time(
        "service_last_good_drill_timestamp",
        "When a drill of the service passed last; absent if none ever has.",
        services().map(|service| (of(service), service.last_good_drill)),
    )?;
    page.counter(
        family("service_drills", "Drills, by how they ended; dry runs are none."),
        services().flat_map(|service| {
            let counted = facts.counts.services.get(&service.name);
            DRILLS.map(|outcome| {
                let count = counted.and_then(|counted| counted.drills.get(outcome).copied());
                (
                    [("service", name(service)), ("outcome", outcome)],
                    count.unwrap_or(0),
                )
            })
        }),
    )
}

/// What was changed, and what went wrong with it.
pub(crate) fn transitions(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    let nothing = ServiceCounts::default();
    let counted = || {
        let services = facts.snapshot.services.iter();
        services.map(|service| {
            (
                service,
                facts.counts.services.get(&service.name).unwrap_or(&nothing),
            )
        })
    };
    page.counter(
        family(
            "service_transitions",
            "Changes of what Falconer wants of BIRD, by what it wanted then.",
        ),
        counted().flat_map(|(service, of_service)| {
            ENDS.map(|(to, word)| {
                let count = of_service.transitions.get(&Some(to)).copied().unwrap_or(0);
                ([("service", name(service)), ("to", word)], count)
            })
        }),
    )?;
    page.counter(
        family(
            "rule_transitions",
            "The same over all services, by the rule that decided.",
        ),
        facts
            .counts
            .rules
            .iter()
            .map(|((rule, to), count)| ([("rule", rule.as_str()), ("to", strength::word(*to))], *count)),
    )?;
    page.counter(
        family(
            "service_drifts",
            "How often BIRD was not what Falconer wants, and it was not Falconer.",
        ),
        counted().map(|(service, of_service)| (of(service), of_service.drifts)),
    )?;
    page.counter(
        family(
            "service_failures",
            "How often BIRD did not do what it was asked for the service.",
        ),
        counted().map(|(service, of_service)| (of(service), of_service.failures)),
    )
}

/// How long the stages of transitions took.
pub(crate) fn stages(page: &mut Encoder<'_>, facts: &Facts) -> fmt::Result {
    page.time(
        "service_last_transition_timestamp",
        "When Falconer last changed what it wants of BIRD; absent if it has not since its start.",
        facts.snapshot.services.iter().map(|service| {
            let decided = service.transition.as_ref().and_then(|last| last.stages.decided);
            (of(service), decided)
        }),
    )?;
    page.gauge(
        seconds(
            "service_last_transition_stage",
            "How long each stage of the last transition took.",
        ),
        facts.snapshot.services.iter().flat_map(|service| {
            StageSpan::ALL.into_iter().filter_map(move |span| {
                let took = span.of(&service.transition.as_ref()?.stages)?;
                Some(([("service", name(service)), ("stage", span.word())], took))
            })
        }),
    )?;
    page.histogram(
        seconds(
            "transition_stage",
            "How long each stage of a transition took, over all services.",
        ),
        facts
            .counts
            .stages
            .iter()
            .map(|(span, histogram)| ([("stage", span.word())], histogram)),
    )
}

fn name(service: &ServiceSnapshot) -> &str {
    &service.name
}

fn of(service: &ServiceSnapshot) -> [(&'static str, &str); 1] {
    [("service", name(service))]
}

/// What is not known yet disagrees with nothing, and a drill is meant to differ.
fn disagrees(service: &ServiceSnapshot) -> bool {
    let known = service.want.is_some() && service.actual.is_some();
    service.drill.is_none() && known && service.want != service.actual
}
