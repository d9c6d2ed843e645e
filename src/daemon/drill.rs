//! A drill, followed through its stages until it has ended: what its report is made of.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::api;
use crate::bird::steering::{SeenUpstream, Stage, StageReport, UNREAD};
use crate::config::duration;
use crate::config::model;
use crate::drill::{Report, SCHEMA};
use crate::failover::Strength;
use crate::failover::drill::{End, Plan};
use crate::status::snapshot::{DrillOutcome, Stages};

use super::transition::{shown_strength, slot};

/// Who waits for a report. One who has gone away stops nothing.
pub(super) type Answer = oneshot::Sender<Result<Report, api::Refusal>>;

/// The most problems that a report names: a drill has a few, or one over and over in other words.
const PROBLEMS: usize = 20;

/// One drill, followed.
#[derive(Debug, Default)]
pub(super) struct Rehearsal {
    answer: Option<Answer>,
    /// The version of the memory that holds its record.
    kept_with: u64,
    /// The decisions that it took so far: to announce, and to be silent again.
    decisions: Vec<u64>,
    protocols: usize,
    reached: BTreeMap<(Stage, String), Timestamp>,
    stages: Stages,
    exported_to: Vec<String>,
    /// Since when each session stands that stood when it began, or when it was first seen to carry it, as
    /// BIRD said then.
    sessions: BTreeMap<String, Option<String>>,
    problems: Vec<String>,
    /// What stands in its way now, up or down.
    pending: Vec<String>,
}

/// What a report says of a drill besides what was followed.
pub(super) struct About<'a> {
    pub(super) site: &'a str,
    pub(super) service: &'a model::Service,
    pub(super) plan: &'a Plan,
    pub(super) actor: &'a str,
    pub(super) bird: Option<String>,
    pub(super) since: Timestamp,
}

impl Rehearsal {
    /// One that was asked for.
    pub(super) fn begin(answer: Answer, protocols: usize, at: Timestamp) -> Self {
        Self {
            answer: Some(answer),
            kept_with: u64::MAX,
            protocols,
            stages: Stages {
                decided: Some(at),
                ..Stages::default()
            },
            ..Self::default()
        }
    }

    /// One that was left behind by a daemon that is no more; the decision that ends it.
    pub(super) fn left_behind(decision: u64, protocols: usize) -> Self {
        Self {
            decisions: vec![decision],
            protocols,
            ..Self::default()
        }
    }

    /// Its record is in that version of the memory.
    pub(super) fn kept_in(&mut self, version: u64) {
        self.kept_with = version;
    }

    /// The version of the memory that holds its record.
    pub(super) fn kept_with(&self) -> u64 {
        self.kept_with
    }

    /// It took a decision under that number.
    pub(super) fn decided(&mut self, decision: u64) {
        self.decisions.push(decision);
    }

    /// A protocol reached a stage. False: of another decision.
    pub(super) fn reach(&mut self, report: &StageReport, at: Timestamp) -> bool {
        if !self.decisions.contains(&report.id) {
            return false;
        }
        self.reached
            .entry((report.stage, report.protocol.clone()))
            .or_insert(at);
        let of_stage = self
            .reached
            .iter()
            .filter(|((stage, _), _)| *stage == report.stage);
        if of_stage.clone().count() >= self.protocols {
            *slot(&mut self.stages, report.stage) = of_stage.map(|(_, at)| *at).max();
        }
        true
    }

    /// Upstreams were seen to carry it.
    pub(super) fn carried_by(&mut self, upstreams: &[String]) {
        let new = upstreams.iter().filter(|name| !self.exported_to.contains(name));
        let new: Vec<_> = new.cloned().collect();
        self.exported_to.extend(new);
        self.pending.clear();
    }

    /// These of its upstreams' sessions stand as it begins.
    pub(super) fn begins_with(&mut self, upstreams: &[SeenUpstream], own: &[String]) {
        let standing = upstreams
            .iter()
            .filter(|seen| seen.established && own.contains(&seen.name));
        self.sessions
            .extend(standing.map(|seen| (seen.name.clone(), seen.since.clone())));
    }

    /// What became of a session that carried it, or that stood when it began; `None`: all of them stand as
    /// they did.
    pub(super) fn closed(&mut self, upstreams: &[SeenUpstream]) -> Option<String> {
        for seen in upstreams {
            let carried = self.exported_to.contains(&seen.name);
            // A BIRD that does not answer says nothing of its sessions; its own end is told as that.
            if seen.state == UNREAD || !(carried || self.sessions.contains_key(&seen.name)) {
                continue;
            }
            let stood = self
                .sessions
                .entry(seen.name.clone())
                .or_insert(seen.since.clone());
            let error = seen.error.as_deref().map(|error| format!(" ({error})"));
            let error = error.unwrap_or_default();
            let did = if carried {
                "carried it"
            } else {
                "stood when it began"
            };
            if !seen.established {
                return Some(format!(
                    "{} {did}, and its session is {} now{error}: the neighbour may not take it",
                    seen.name, seen.state
                ));
            }
            if *stood != seen.since {
                return Some(format!(
                    "{} {did}, and its session was closed and is a new one now{error}: the neighbour may not take it",
                    seen.name
                ));
            }
        }
        None
    }

    /// Something was found amiss.
    pub(super) fn amiss(&mut self, problem: &str) {
        if self.problems.len() < PROBLEMS && !self.problems.iter().any(|known| known == problem) {
            self.problems.push(problem.to_owned());
        }
    }

    /// This stands in its way now, whatever did before.
    pub(super) fn waits_for(&mut self, problems: Vec<String>) {
        self.pending = problems;
        self.pending.truncate(PROBLEMS);
    }

    /// The time of each stage so far.
    pub(super) fn stages(&self) -> &Stages {
        &self.stages
    }

    /// Its report, and who waits for it.
    pub(super) fn report(
        mut self,
        about: &About<'_>,
        end: &End,
        ended: Timestamp,
    ) -> (Report, Option<Answer>) {
        let mut report = report(about, end, ended);
        if end.outcome == DrillOutcome::Failed {
            for problem in std::mem::take(&mut self.pending) {
                self.amiss(&problem);
            }
        }
        let order = &about.service.upstreams;
        report.exported_to = order
            .iter()
            .filter(|name| self.exported_to.contains(name))
            .cloned()
            .collect();
        (report.stages, report.problems) = (self.stages, self.problems);
        (report, self.answer)
    }
}

/// The report of a drill of which nothing was followed.
pub(super) fn report(about: &About<'_>, end: &End, ended: Timestamp) -> Report {
    Report {
        schema: SCHEMA,
        site: about.site.to_owned(),
        service: about.service.name.clone(),
        prefixes: about.service.prefixes.clone(),
        strength: shown_strength(Some(about.plan.strength)),
        dry_run: about.plan.dry_run,
        hold: duration::format(about.plan.hold),
        actor: about.actor.to_owned(),
        reason: about.plan.reason.clone(),
        bird: about.bird.clone(),
        started: about.since,
        ended,
        outcome: end.outcome,
        text: end.text.clone(),
        stages: Stages::default(),
        upstreams: about.service.upstreams.clone(),
        exported_to: Vec::new(),
        problems: Vec::new(),
    }
}

/// How many static protocols announce a service so strongly.
pub(super) fn protocols(service: &model::Service, strength: Strength) -> usize {
    match strength {
        Strength::Off => 0,
        Strength::Drain => service.drain.len(),
        Strength::Full => service.full.len(),
    }
}
