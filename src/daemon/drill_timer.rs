//! A drill, followed through its stages until it has ended: what its report is made of.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::api::ReplySender;
use crate::bird::reconcile::{ObservedUpstream, StageReport};
use crate::config::duration;
use crate::config::model;
use crate::core::Strength;
use crate::core::drill::DrillEnd;
use crate::model::BgpState;
use crate::model::command::DrillPlan;
use crate::model::drill::{DrillReport, SCHEMA};
use crate::model::snapshot::{DrillOutcome, StageTimes};

use super::stage_timer::StageTimer;

/// The most problems that a report names: a drill has a few, or one over and over in other words.
const PROBLEMS: usize = 20;

/// One drill, followed.
#[derive(Debug, Default)]
pub(crate) struct DrillTimer {
    /// Who waits for the report. One who has gone away stops nothing.
    answer: Option<ReplySender>,
    /// The version of the memory that holds its record.
    kept_with: u64,
    /// The decisions that it took so far: to announce, and to be silent again.
    decisions: Vec<u64>,
    timer: StageTimer,
    stages: StageTimes,
    exported_to: Vec<String>,
    /// Since when each session stands that stood when it began, or when it was first seen to carry it, as
    /// BIRD said then.
    sessions: BTreeMap<String, Option<String>>,
    problems: Vec<String>,
    /// What stands in its way now, up or down.
    pending: Vec<String>,
}

/// What a report says of a drill besides what was followed.
pub(crate) struct DrillContext<'a> {
    pub(crate) site: &'a str,
    pub(crate) service: &'a model::ServiceConfig,
    pub(crate) plan: &'a DrillPlan,
    pub(crate) actor: &'a str,
    pub(crate) bird: Option<String>,
    pub(crate) since: Timestamp,
}

impl DrillTimer {
    /// One that was asked for.
    pub(crate) fn begin(answer: ReplySender, protocols: usize, at: Timestamp) -> Self {
        Self {
            answer: Some(answer),
            kept_with: u64::MAX,
            timer: StageTimer::new(protocols),
            stages: StageTimes {
                decided: Some(at),
                ..StageTimes::default()
            },
            ..Self::default()
        }
    }

    /// One that was left behind by a daemon that is no more; the decision that ends it.
    pub(crate) fn left_behind(decision: u64, protocols: usize) -> Self {
        Self {
            decisions: vec![decision],
            timer: StageTimer::new(protocols),
            ..Self::default()
        }
    }

    /// Its record is in that version of the memory.
    pub(crate) fn kept_in(&mut self, version: u64) {
        self.kept_with = version;
    }

    /// The version of the memory that holds its record.
    pub(crate) fn kept_with(&self) -> u64 {
        self.kept_with
    }

    /// It took a decision under that number.
    pub(crate) fn decided(&mut self, decision: u64) {
        self.decisions.push(decision);
    }

    /// A protocol reached a stage. False: of another decision.
    pub(crate) fn reach(&mut self, report: &StageReport, at: Timestamp) -> bool {
        if !self.decisions.contains(&report.id) {
            return false;
        }
        self.timer.reach(report, at, &mut self.stages);
        true
    }

    /// Upstreams were seen to carry it.
    pub(crate) fn carried_by(&mut self, upstreams: &[String]) {
        let new = upstreams.iter().filter(|name| !self.exported_to.contains(name));
        let new: Vec<_> = new.cloned().collect();
        self.exported_to.extend(new);
        self.pending.clear();
    }

    /// These of its upstreams' sessions stand as it begins.
    pub(crate) fn begins_with(&mut self, upstreams: &[ObservedUpstream], own: &[String]) {
        let standing = upstreams
            .iter()
            .filter(|seen| seen.is_established() && own.contains(&seen.name));
        self.sessions
            .extend(standing.map(|seen| (seen.name.clone(), seen.since.clone())));
    }

    /// What became of a session that carried it, or that stood when it began; `None`: all of them stand as
    /// they did.
    pub(crate) fn closed(&mut self, upstreams: &[ObservedUpstream]) -> Option<String> {
        for seen in upstreams {
            let carried = self.exported_to.contains(&seen.name);
            // A BIRD that does not answer says nothing of its sessions; its own end is told as that.
            if seen.state == BgpState::Unknown || !(carried || self.sessions.contains_key(&seen.name)) {
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
            if !seen.is_established() {
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
    pub(crate) fn amiss(&mut self, problem: &str) {
        if self.problems.len() < PROBLEMS && !self.problems.iter().any(|known| known == problem) {
            self.problems.push(problem.to_owned());
        }
    }

    /// This stands in its way now, whatever did before.
    pub(crate) fn waits_for(&mut self, problems: Vec<String>) {
        self.pending = problems;
        self.pending.truncate(PROBLEMS);
    }

    /// The time of each stage so far.
    pub(crate) fn stages(&self) -> &StageTimes {
        &self.stages
    }

    /// Its report, and who waits for it.
    pub(crate) fn report(
        mut self,
        about: &DrillContext<'_>,
        end: &DrillEnd,
        ended: Timestamp,
    ) -> (DrillReport, Option<ReplySender>) {
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
pub(crate) fn report(about: &DrillContext<'_>, end: &DrillEnd, ended: Timestamp) -> DrillReport {
    DrillReport {
        schema: SCHEMA,
        site: about.site.to_owned(),
        service: about.service.name.clone(),
        prefixes: about.service.prefixes.clone(),
        strength: about.plan.strength,
        dry_run: about.plan.dry_run,
        hold: duration::format(about.plan.hold),
        actor: about.actor.to_owned(),
        reason: about.plan.reason.clone(),
        bird: about.bird.clone(),
        started: about.since,
        ended,
        outcome: end.outcome,
        text: end.text.clone(),
        stages: StageTimes::default(),
        upstreams: about.service.upstreams.clone(),
        exported_to: Vec::new(),
        problems: Vec::new(),
    }
}

/// How many static protocols announce a service so strongly.
pub(crate) fn protocols(service: &model::ServiceConfig, strength: Strength) -> usize {
    match strength {
        Strength::Off => 0,
        Strength::Drain => service.drain.len(),
        Strength::Full => service.full.len(),
    }
}
