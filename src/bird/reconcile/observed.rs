//! What a look at BIRD amounts to for the daemon: what is there, and everything that is wrong, with
//! what to do about it. Pure.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::bird::plan::{PairSide, State};
use crate::core::Strength;
use crate::model::snapshot::AlarmCode;

use super::backoff::RetryCause;
use super::exports::{ExportReach, ExportReplies, ExportReply};
use super::service::{FamilyState, ProtocolView, ServiceReconciler, StaticProtocol};
use super::way;
use super::{Observed, ObservedService, ObservedUpstream};

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

/// One service, while BIRD answers. `running`: BIRD neither shuts down nor reconfigures.
pub(crate) fn service(
    course: &ServiceReconciler,
    view: &ProtocolView,
    reach: ExportReach,
    answers: &ExportReplies,
    upstreams: &[ObservedUpstream],
    running: bool,
) -> ObservedService {
    let silent = course.reached(Strength::Off, view);
    let announced = course.actual.is_some_and(|actual| actual > Strength::Off);
    let mut problems: Vec<(AlarmCode, String)> = Vec::new();
    problems.extend(course.drifting.clone().map(|text| (AlarmCode::Drift, text)));
    for leg in &course.legs {
        problems.extend(leg.lines().flat_map(|line| line_problems(line, view)));
        problems.extend(unreachable_drain(course, leg));
        let alarms = leg.lines().filter_map(|line| line.alarm.clone());
        problems.extend(alarms.map(|text| (AlarmCode::Drift, text)));
    }
    let mut of_drill = Vec::new();
    let unheard = reach.problems.into_iter();
    if course.rehearses().is_some() {
        of_drill.extend(unheard);
    } else if course.order() != Some(Strength::Off) {
        problems.extend(unheard.map(|text| (AlarmCode::NotExported, text)));
    }
    let told = problems.iter().any(|(code, _)| *code == AlarmCode::NotExported);
    if problems.is_empty() || (!told && is_barred(course, view)) {
        let unexplained = unexplained(course, view);
        // What a drill does not reach is the drill's problem, and no alarm.
        if course.wish.drill.is_some() {
            of_drill.extend(unexplained.map(|(_, text)| text));
        } else {
            problems.extend(unexplained);
        }
    }
    problems.extend(file_problems(course));
    problems.extend(foreign_announcement(course, answers));
    let quiet = course.actual == Some(Strength::Off);
    ObservedService {
        obstacles: if quiet {
            way::obstacles(course, view, upstreams)
        } else {
            Some(Vec::new())
        },
        actual: course.actual,
        adopt: course.adoptable(view).filter(|_| running),
        since: course.since,
        exported_to: reach.exported_to,
        verified: silent || (announced && reach.enough),
        problems,
        drill: course.seen_drill(view, answers, reach.enough, of_drill),
    }
}

/// One service, while BIRD does not answer.
pub(crate) fn unseen_service(course: &ServiceReconciler) -> ObservedService {
    ObservedService {
        problems: file_problems(course).collect(),
        drill: course.seen_drill(&ProtocolView::default(), &ExportReplies::new(), false, Vec::new()),
        ..ObservedService::unknown(course.since)
    }
}

fn line_problems(line: &StaticProtocol, view: &ProtocolView) -> Vec<(AlarmCode, String)> {
    let name = &line.protocol.name;
    let state = view.state(name);
    if state == State::Missing {
        let text =
            format!("BIRD has no protocol {name}: bird.conf must define it, and BIRD must have read that");
        return vec![(AlarmCode::Drift, text)];
    }
    let trouble = line
        .attempts
        .trouble()
        .map(|trouble| (trouble.code, trouble.text.clone()));
    let refusal = line
        .guard
        .as_ref()
        .and_then(|verdict| verdict.as_ref().err())
        .map(|text| {
            let so = match state {
                State::Up | State::Starting => "It is announced, and nothing is withdrawn because of that",
                State::Unknown | State::Missing | State::Down | State::Stopping => "It would not be enabled",
            };
            (
                AlarmCode::ForeignRoutes,
                format!("{text}. {so}: put bird.conf right"),
            )
        });
    match (refusal, trouble) {
        // A refusal says it all, and says it as it is now.
        (Some(refusal), Some((AlarmCode::ForeignRoutes, _)) | None) => vec![refusal],
        (refusal, trouble) => refusal.into_iter().chain(trouble).collect(),
    }
}

fn unreachable_drain(course: &ServiceReconciler, leg: &FamilyState) -> Option<(AlarmCode, String)> {
    let wanted = course.order() == Some(Strength::Drain) && leg.drain.is_none();
    wanted.then(|| {
        let (name, family) = (&course.target.service, leg.family.channel());
        let text =
            format!("{name} has no drain protocol for {family}: it stays as it is there (drain_protocols)");
        (AlarmCode::Drift, text)
    })
}

/// Whether an announcement that is wanted cannot come: the protocol is not there, or refused (A7).
/// The reason has an alarm of its own; who watches for what is not announced is told as well.
fn is_barred(course: &ServiceReconciler, view: &ProtocolView) -> bool {
    let wanted = match course.order() {
        Some(wanted) if wanted > Strength::Off => wanted,
        Some(_) | None => return false,
    };
    let slot = if wanted == Strength::Drain {
        PairSide::Drain
    } else {
        PairSide::Full
    };
    course
        .legs
        .iter()
        .filter_map(|leg| leg.line(slot))
        .any(|line| match view.state(&line.protocol.name) {
            State::Missing => true,
            State::Down | State::Stopping => {
                let refused = |trouble: &RetryCause| trouble.code == AlarmCode::ForeignRoutes;
                line.attempts.trouble().is_some_and(refused)
            }
            State::Unknown | State::Starting | State::Up => false,
        })
}

/// Not what is wanted: it is on its way, BIRD takes its time, or it is barred.
fn unexplained(course: &ServiceReconciler, view: &ProtocolView) -> Option<(AlarmCode, String)> {
    let wanted = course.order().filter(|wanted| !course.reached(*wanted, view))?;
    let states: Vec<String> = course
        .legs
        .iter()
        .flat_map(FamilyState::lines)
        .map(|line| {
            format!(
                "{} is {}",
                line.protocol.name,
                word(view.state(&line.protocol.name))
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
        format!(
            "wanted at strength {wanted}, not there yet: {}",
            states.join(", ")
        ),
    ))
}

fn word(state: State) -> &'static str {
    match state {
        State::Unknown => "not known",
        State::Missing => "missing",
        State::Down => "down",
        State::Starting => "starting",
        State::Up => "up",
        State::Stopping => "stopping",
    }
}

/// What an upstream carries of the service's prefixes from any other protocol, while we are silent, too.
fn foreign_announcement(course: &ServiceReconciler, answers: &ExportReplies) -> Option<(AlarmCode, String)> {
    let own = course.names();
    let mut all: BTreeSet<(String, String, String)> = BTreeSet::new();
    for (prefix, exported) in &course.others.exported {
        let told = exported.iter().cloned();
        all.extend(told.map(|(upstream, protocol)| (protocol, upstream, prefix.to_string())));
    }
    let prefixes = course.target.full.iter().flat_map(|full| &full.prefixes);
    for prefix in prefixes {
        for upstream in &course.target.upstreams {
            let Some(ExportReply::From(senders)) = answers.get(&(*prefix, upstream.clone())) else {
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

fn file_problems(course: &ServiceReconciler) -> impl Iterator<Item = (AlarmCode, String)> {
    course.file_trouble.iter().flatten().map(|text| {
        let text = format!(
            "{text}. Until that is mended, a restart or `configure` of BIRD may undo what was decided"
        );
        (AlarmCode::StateDir, text)
    })
}
