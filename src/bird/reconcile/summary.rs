//! What a pass found, as the daemon is told: what is there, and everything that is wrong, with what to do
//! about it. Pure.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::backoff::RetryCause;
use super::exports::{ExportReach, ExportReplies, ExportReply};
use super::family::{FamilyState, StaticProtocol};
use super::observation::{Observed, ObservedService, ObservedUpstream};
use super::obstacles;
use super::service::ServiceReconciler;
use super::view::ProtocolView;
use crate::bird::parse::ProtocolState;
use crate::bird::plan::PairSide;
use crate::core::Strength;
use crate::model::snapshot::AlarmCode;

/// All of it.
pub(crate) fn all(
    services: Vec<ObservedService>,
    upstreams: Vec<ObservedUpstream>,
    bird_running_normally: bool,
    unreadable: Option<String>,
) -> Observed {
    Observed {
        at: Instant::now(),
        bird_running_normally,
        services,
        upstreams,
        problems: unreadable
            .into_iter()
            .map(|text| (AlarmCode::StateDir, text))
            .collect(),
    }
}

/// One for each service, with what was seen of its standing prefixes in it. Each comes with whether it is
/// about those, and with the service's index; the services come first, in order.
pub(crate) fn joined(all: impl Iterator<Item = (bool, usize, ObservedService)>) -> Vec<ObservedService> {
    let mut services: Vec<ObservedService> = Vec::new();
    for (is_standing, index, observed) in all {
        if !is_standing {
            services.push(observed);
        } else if let Some(service) = services.get_mut(index) {
            service.standing = Some(Box::new(observed));
        }
    }
    services
}

/// One service, while BIRD answers. `running`: BIRD neither shuts down nor reconfigures.
pub(crate) fn service(
    service: &ServiceReconciler,
    view: &ProtocolView,
    reach: ExportReach,
    replies: &ExportReplies,
    upstreams: &[ObservedUpstream],
    running: bool,
) -> ObservedService {
    let silent = service.has_reached(Strength::Off, view);
    let announced = service.actual.is_some_and(|actual| actual > Strength::Off);
    let mut problems: Vec<(AlarmCode, String)> = Vec::new();
    problems.extend(
        service
            .decision
            .drift
            .clone()
            .map(|text| (AlarmCode::Drift, text)),
    );
    for family in &service.families {
        problems.extend(
            family
                .protocols()
                .flat_map(|protocol| protocol_problems(protocol, view)),
        );
        problems.extend(unreachable_drain(service, family));
        let alarms = family
            .protocols()
            .filter_map(|protocol| protocol.drift_alarm.clone());
        problems.extend(alarms.map(|text| (AlarmCode::Drift, text)));
    }
    let mut of_drill = Vec::new();
    let unreached = reach.problems.into_iter();
    if service.decision.drill_strength().is_some() {
        of_drill.extend(unreached);
    } else if service.decision.wanted() != Some(Strength::Off) {
        problems.extend(unreached.map(|text| (AlarmCode::NotExported, text)));
    }
    let is_reported = problems.iter().any(|(code, _)| *code == AlarmCode::NotExported);
    if problems.is_empty() || (!is_reported && is_barred(service, view)) {
        let not_reached_yet = not_reached_yet(service, view);
        // What a drill does not reach is the drill's problem, and no alarm.
        if service.decision.intent.drill.is_some() {
            of_drill.extend(not_reached_yet.map(|(_, text)| text));
        } else {
            problems.extend(not_reached_yet);
        }
    }
    problems.extend(file_problems(service));
    problems.extend(foreign_announcement(service, replies));
    let quiet = service.actual == Some(Strength::Off);
    ObservedService {
        obstacles: if quiet {
            obstacles::obstacles(service, view, upstreams)
        } else {
            Some(Vec::new())
        },
        actual: service.actual,
        adopt: service.adoptable(view).filter(|_| running),
        since: service.since,
        exported_to: reach.exported_to,
        verified: silent || (announced && reach.enough),
        problems,
        drill: service.observed_drill(view, replies, reach.enough, of_drill),
        standing: None,
        rivals: service.rivals.told(),
        ways: service.rivals.ways(),
    }
}

/// One service, while BIRD does not answer.
pub(crate) fn unseen_service(service: &ServiceReconciler) -> ObservedService {
    ObservedService {
        problems: file_problems(service).collect(),
        drill: service.observed_drill(&ProtocolView::default(), &ExportReplies::new(), false, Vec::new()),
        ..ObservedService::unknown(service.since)
    }
}

fn protocol_problems(protocol: &StaticProtocol, view: &ProtocolView) -> Vec<(AlarmCode, String)> {
    let name = &protocol.config.name;
    let state = view.state(name);
    if state == ProtocolState::Missing {
        let text =
            format!("BIRD has no protocol {name}: bird.conf must define it, and BIRD must have read that");
        return vec![(AlarmCode::Drift, text)];
    }
    let failure = protocol
        .backoff
        .cause()
        .map(|failure| (failure.code, failure.text.clone()));
    let refusal = protocol
        .guard
        .as_ref()
        .and_then(|verdict| verdict.as_ref().err())
        .map(|text| {
            let so = match state {
                ProtocolState::Up | ProtocolState::Starting => {
                    "It is announced, and nothing is withdrawn because of that"
                }
                ProtocolState::Unknown
                | ProtocolState::Missing
                | ProtocolState::Down
                | ProtocolState::Stopping => "It would not be enabled",
            };
            (
                AlarmCode::ForeignRoutes,
                format!("{text}. {so}: put bird.conf right"),
            )
        });
    match (refusal, failure) {
        // A refusal says it all, and says it as it is now.
        (Some(refusal), Some((AlarmCode::ForeignRoutes, _)) | None) => vec![refusal],
        (refusal, failure) => refusal.into_iter().chain(failure).collect(),
    }
}

fn unreachable_drain(service: &ServiceReconciler, family: &FamilyState) -> Option<(AlarmCode, String)> {
    let wanted = service.decision.wanted() == Some(Strength::Drain) && family.drain.is_none();
    wanted.then(|| {
        let (name, family) = (&service.target.service, family.family.channel());
        let text =
            format!("{name} has no drain protocol for {family}: it stays as it is there (drain_protocols)");
        (AlarmCode::Drift, text)
    })
}

/// Whether an announcement that is wanted cannot come: the protocol is not there, or refused (A7).
/// The reason has an alarm of its own; who watches for what is not announced is told as well.
fn is_barred(service: &ServiceReconciler, view: &ProtocolView) -> bool {
    let wanted = match service.decision.wanted() {
        Some(wanted) if wanted > Strength::Off => wanted,
        Some(_) | None => return false,
    };
    let side = if wanted == Strength::Drain {
        PairSide::Drain
    } else {
        PairSide::Full
    };
    service
        .families
        .iter()
        .filter_map(|family| family.get(side))
        .any(|protocol| match view.state(&protocol.config.name) {
            ProtocolState::Missing => true,
            ProtocolState::Down | ProtocolState::Stopping => {
                let refused = |failure: &RetryCause| failure.code == AlarmCode::ForeignRoutes;
                protocol.backoff.cause().is_some_and(refused)
            }
            ProtocolState::Unknown | ProtocolState::Starting | ProtocolState::Up => false,
        })
}

/// Not what is wanted: it is on its way, BIRD takes its time, or it is barred.
fn not_reached_yet(service: &ServiceReconciler, view: &ProtocolView) -> Option<(AlarmCode, String)> {
    let wanted = service
        .decision
        .wanted()
        .filter(|wanted| !service.has_reached(*wanted, view))?;
    let states: Vec<String> = service
        .families
        .iter()
        .flat_map(FamilyState::protocols)
        .map(|protocol| {
            format!(
                "{} is {}",
                protocol.config.name,
                state_word(view.state(&protocol.config.name))
            )
        })
        .collect();
    let code = if wanted == Strength::Off {
        AlarmCode::Drift
    } else {
        AlarmCode::NotExported
    };
    Some((
        code,
        match (service.decision.is_standing(), wanted) {
            (false, _) => format!(
                "wanted at strength {wanted}, not there yet: {}",
                states.join(", ")
            ),
            (true, Strength::Off) => format!("standing, wanted off, not there yet: {}", states.join(", ")),
            (true, Strength::Drain | Strength::Full) => {
                format!("standing, wanted on, not there yet: {}", states.join(", "))
            }
        },
    ))
}

fn state_word(state: ProtocolState) -> &'static str {
    match state {
        ProtocolState::Unknown => "not known",
        ProtocolState::Missing => "missing",
        ProtocolState::Down => "down",
        ProtocolState::Starting => "starting",
        ProtocolState::Up => "up",
        ProtocolState::Stopping => "stopping",
    }
}

/// What an upstream carries of the service's prefixes from any other protocol, while we are silent, too.
fn foreign_announcement(service: &ServiceReconciler, replies: &ExportReplies) -> Option<(AlarmCode, String)> {
    let own = &service.own;
    let mut all: BTreeSet<(String, String, String)> = BTreeSet::new();
    for (prefix, exported) in &service.others.exported {
        let carried = exported.iter().cloned();
        all.extend(carried.map(|(upstream, protocol)| (protocol, upstream, prefix.to_string())));
    }
    let prefixes = service.target.full.iter().flat_map(|full| &full.prefixes);
    for prefix in prefixes {
        for upstream in &service.target.upstreams {
            let Some(ExportReply::From(senders)) = replies.get(&(*prefix, upstream.clone())) else {
                continue;
            };
            let foreign = senders.iter().filter(|sender| !own.contains(*sender));
            all.extend(foreign.map(|sender| (sender.clone(), upstream.clone(), prefix.to_string())));
        }
    }
    let (protocol, upstream, prefix) = all.first()?;
    let more = match all.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more of the kind)"),
    };
    Some((
        AlarmCode::ForeignAnnouncement,
        format!(
            "{upstream} announces {prefix} from protocol {protocol}, which is not ours{more}: what Falconer decides \
             does not move it; take it away, or keep it out of the export filter of {upstream}"
        ),
    ))
}

fn file_problems(service: &ServiceReconciler) -> impl Iterator<Item = (AlarmCode, String)> {
    let errors = service
        .families
        .iter()
        .filter_map(|family| family.file_error.as_ref());
    errors.map(|text| {
        let text = format!(
            "{text}. Until that is mended, a restart or `configure` of BIRD may undo what was decided"
        );
        (AlarmCode::StateDir, text)
    })
}
