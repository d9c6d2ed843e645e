//! Whether this site serves its services (D16), as it is shown; and what speaks against that, in words.

use super::{LastCheck, Site};
use crate::core::event::{CoreEvent, ProbeId};
use crate::model::history::HistoryEvent;
use crate::model::message::{CodedText, coded};
use crate::model::serving::{ServingRoute, ServingState};
use crate::model::snapshot::ServingSnapshot;
use crate::model::snapshot::{ProbeSnapshot, ProbeState, ResultSnapshot};

/// Something that keeps a service from being served here, or from being proved to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingProblem {
    /// How much it says.
    pub kind: ServingProblemKind,
    /// The check's name, or the address.
    pub subject: String,
    /// In words.
    pub text: CodedText,
}

/// How much a problem says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServingProblemKind {
    /// It is not served here.
    No,
    /// Its check fails, and never passed: the check may be wrong, or it was never served here (D20).
    NeverPassed,
    /// Nothing is known yet, or any more.
    Unknown,
}

impl Site {
    /// Whether this site serves a service; `None`: nothing checks that.
    pub fn serving(&self, index: usize) -> Option<ServingSnapshot> {
        let service = self.services.get(index)?;
        let (state, since) = service.serving()?;
        let checks = 0..service.serving_checks().len();
        Some(ServingSnapshot {
            state,
            on_not_serving: service.policy().on_not_serving,
            checks: checks
                .filter_map(|at| self.shown(ProbeId::Serves(index, at)))
                .collect(),
            routes: service.serving_routes().to_vec(),
            since,
        })
    }

    /// A probe as the snapshot shows it.
    pub fn shown(&self, of: ProbeId) -> Option<ProbeSnapshot> {
        let (policy, probe) = (self.policy(of)?, self.probe(of)?);
        Some(ProbeSnapshot {
            name: policy.name.clone(),
            kind: policy.check.type_name().to_owned(),
            state: probe.state(),
            streak: probe.rows().streak(),
            last: self.last(of).map(shown_last),
            never_passed: !probe.has_passed(),
        })
    }

    /// Whether this site serves a service changed.
    pub(crate) fn note_serving(&mut self, index: usize, from: ServingState, to: ServingState) {
        let text = self.serving(index).map(|serving| problem_words(&serving));
        let text = text.unwrap_or_default();
        let what = HistoryEvent::Serving { from, to, text };
        self.notes.push(CoreEvent::History(Some(index), what));
    }

    /// Why this site would not serve a service if it announced it now, or why nobody knows; none: it would.
    pub(crate) fn against_serving(&self, index: usize) -> Option<String> {
        let serving = self.serving(index)?;
        let words = problem_words(&serving);
        match serving.state {
            ServingState::Yes => None,
            ServingState::No => Some(format!("this site does not serve it: {words}")),
            ServingState::Unknown => Some(format!("it is not known whether this site serves it: {words}")),
        }
    }
}

/// Everything that speaks against it, the most certain first.
pub fn problems(serving: &ServingSnapshot) -> Vec<ServingProblem> {
    let routes = serving.routes.iter().filter_map(route_problem);
    let checks = serving.checks.iter().filter_map(check_problem);
    let mut problems: Vec<_> = routes.chain(checks).collect();
    problems.sort_by_key(|problem| problem.kind);
    problems
}

/// The same in one text; empty: nothing.
pub fn problem_words(serving: &ServingSnapshot) -> String {
    let texts = problems(serving).into_iter().map(|problem| problem.text.text);
    texts.collect::<Vec<_>>().join("; ")
}

fn route_problem(route: &ServingRoute) -> Option<ServingProblem> {
    let address = route.address.to_string();
    let answer = CodedText {
        text: route.answer.clone(),
        message: route.answer_message.clone(),
    };
    let (kind, text) = match route.serves {
        Some(true) => return None,
        Some(false) => (
            ServingProblemKind::No,
            coded!(
                "address_not_served",
                "{address} is not served here: {answer}",
                address,
                answer
            ),
        ),
        None => (
            ServingProblemKind::Unknown,
            coded!(
                "address_not_known",
                "where {address} would go is not known: {answer}",
                address,
                answer
            ),
        ),
    };
    Some(ServingProblem {
        kind,
        subject: address,
        text,
    })
}

fn check_problem(check: &ProbeSnapshot) -> Option<ServingProblem> {
    let name = &check.name;
    let detail = check
        .last
        .as_ref()
        .map_or("not checked yet", |last| last.detail.as_str());
    let (kind, text) = match (check.state, check.never_passed, &check.last) {
        (ProbeState::Up, _, _) => return None,
        (ProbeState::Down, _, _) => (
            ServingProblemKind::No,
            coded!("serves_down", "check {name} is down: {detail}", name, detail),
        ),
        (ProbeState::Unknown, true, Some(_)) => (
            ServingProblemKind::NeverPassed,
            coded!(
                "serves_never_passed",
                "check {name} never passed: {detail}",
                name,
                detail
            ),
        ),
        (ProbeState::Unknown, _, _) => (
            ServingProblemKind::Unknown,
            coded!(
                "serves_unknown",
                "check {name} is unknown: {detail}",
                name,
                detail
            ),
        ),
    };
    Some(ServingProblem {
        kind,
        subject: name.clone(),
        text,
    })
}

fn shown_last(last: &LastCheck) -> ResultSnapshot {
    ResultSnapshot {
        at: last.at,
        result: last.outcome,
        detail: last.detail.clone(),
        rtt_ms: last.rtt.map(|rtt| (rtt.as_secs_f64() * 1e6).round() / 1e3),
    }
}
