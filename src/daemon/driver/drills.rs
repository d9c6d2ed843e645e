//! Drills: what speaks against one in BIRD, what BIRD and the disk say of it, and its report.

use super::state::Driver;
use crate::api::{CommandReply, ReplySender};
use crate::bird::reconcile::{DrillState, Observed, ObservedDrill, StageReport};
use crate::config::duration;
use crate::config::model::{Family, ServiceConfig};
use crate::core::drill::{ActiveDrill, ActiveDrillPhase, DrillEnd, DrillEvent};
use crate::core::event::DrillStep;
use crate::core::{Event, Input, OperatorCommand, Strength};
use crate::daemon::alarms::AlarmCondition;
use crate::daemon::drill_timer;
use crate::daemon::drill_timer::{DrillContext, DrillTimer};
use crate::model::command::DrillPlan;
use crate::model::history::HistoryEvent;
use crate::model::snapshot::{AlarmCode, BirdState, DrillOutcome, LastDrill};
use crate::store::PersistResult;

impl Driver {
    /// Those that earlier daemons left behind.
    pub(crate) fn drills_left_behind(site: &crate::core::Site) -> Vec<Option<DrillTimer>> {
        let services = site.services().iter();
        let left = services.map(|service| {
            let strength = service.drill()?.plan().strength;
            let protocols = drill_timer::protocols(service.policy(), strength);
            Some(DrillTimer::left_behind(service.intent().decision, protocols))
        });
        left.collect()
    }

    /// An operator asks for a drill: it begins, or is refused with all that speaks against it.
    pub(crate) fn take_drill(&mut self, service: usize, plan: &DrillPlan, actor: &str, answer: ReplySender) {
        let mut against = self.site.against_drill(service, plan);
        against.extend(self.against_drill(service, plan));
        if against.is_empty() {
            let input = Input {
                now: self.clock.now(),
                event: Some(Event::Asked {
                    service,
                    ask: OperatorCommand::Drill(plan.clone()),
                    actor: actor.to_owned(),
                }),
            };
            self.take_down(&input);
            match self.site.ask(&input) {
                Ok(starts) => {
                    let protocols = drill_timer::protocols(&self.config.services[service], plan.strength);
                    let mut rehearsal = DrillTimer::begin(answer, protocols, input.now.wall);
                    if let Some((seen, _)) = &self.seen {
                        rehearsal.begins_with(&seen.upstreams, &self.config.services[service].upstreams);
                    }
                    // A dry run has ended already, and is told with what follows.
                    self.drills[service] = Some(rehearsal);
                    self.flush(&starts);
                    self.flush_memory();
                    self.publication.asked();
                    if let Some(rehearsal) = &mut self.drills[service] {
                        rehearsal.kept_in(self.memory.number);
                    }
                    return;
                }
                Err(refusal) => against.push(refusal.0),
            }
        }
        let now = self.clock.now().wall;
        let end = DrillEnd {
            outcome: DrillOutcome::Refused,
            text: against.join("; "),
        };
        let mut report = drill_timer::report(&self.about(service, plan, actor, now), &end, now);
        report.problems = against;
        tracing::info!(
            service = self.name(service),
            actor,
            text = report.text,
            "drill refused"
        );
        if !plan.dry_run {
            self.record(
                Some(service),
                HistoryEvent::DrillEnded {
                    report: Box::new(report.clone()),
                },
            );
        }
        drop(answer.send(Ok(CommandReply::Drill(Box::new(report)))));
    }

    /// Everything that speaks against a drill, as far as it is known of BIRD.
    fn against_drill(&self, index: usize, plan: &DrillPlan) -> Vec<String> {
        if self.link.0.state != BirdState::Up {
            return vec!["BIRD does not answer".to_owned()];
        }
        let Some((seen, _)) = &self.seen else {
            return vec!["BIRD has not been looked at yet".to_owned()];
        };
        let mut against = Vec::new();
        if !seen.bird_running_normally {
            against.push("BIRD is busy with its configuration, a recovery or its end".to_owned());
        }
        let service = &self.config.services[index];
        let view = seen.services.get(index);
        match view.and_then(|seen| seen.actual) {
            Some(Strength::Off) => {}
            Some(strength) => against.push(format!("BIRD announces it already, at strength {strength}")),
            None => against.push("it is not known what BIRD announces of it".to_owned()),
        }
        if *self.edges.applying.borrow() {
            against.push("a new bird.conf is being applied".to_owned());
        }
        let now = self.clock.now();
        let alarms = self.site_troubles(now).into_iter();
        let alarms = alarms.chain(self.service_troubles(now, index));
        let concerning = alarms.filter(|trouble| concerns(trouble, service) && has_a_say(trouble, service));
        against.extend(concerning.map(|trouble| format!("there is an alarm: {}", trouble.text)));
        against.extend(without_upstreams(service, plan, seen));
        against
    }

    /// A record was kept, or could not be: the drill that waited for it goes on.
    pub(crate) fn tell_drills_of(&mut self, kept: &PersistResult) {
        for service in 0..self.drills.len() {
            let recording = matches!(self.phase(service), Some(ActiveDrillPhase::Recording { .. }));
            let is_in = |drill: &DrillTimer| drill.kept_with() <= kept.number;
            if !recording || !self.drills[service].as_ref().is_some_and(is_in) {
                continue;
            }
            let news = match &kept.result {
                Ok(()) => DrillEvent::Kept,
                Err(problem) => {
                    DrillEvent::NotKept(format!("nothing begins that is not written down: {problem}"))
                }
            };
            self.feed(Some(Event::Drill { service, news }));
        }
    }

    /// What a look at BIRD says of drills. One of an earlier decision says nothing.
    pub(crate) fn tell_drills_of_bird(&mut self) {
        for service in 0..self.drills.len() {
            let Some((seen, _)) = &self.seen else { return };
            let decision = self
                .site
                .services()
                .get(service)
                .map(|service| service.intent().decision);
            let Some(view) = seen.services.get(service) else {
                continue;
            };
            let Some(drill) = view.drill.clone().filter(|drill| Some(drill.id) == decision) else {
                continue;
            };
            let exported_to = view.exported_to.clone();
            let watched = matches!(
                self.phase(service),
                Some(
                    ActiveDrillPhase::Rising { .. }
                        | ActiveDrillPhase::Holding { .. }
                        | ActiveDrillPhase::Ending { .. }
                        | ActiveDrillPhase::Watching { .. }
                )
            );
            let rehearsal = self.drills.get_mut(service).and_then(Option::as_mut);
            let closed = rehearsal.and_then(|rehearsal| rehearsal.closed(&seen.upstreams));
            if let Some(why) = closed.filter(|_| watched) {
                let news = DrillEvent::Failed(why);
                self.feed(Some(Event::Drill { service, news }));
            }
            if let Some(news) = self.news_of(service, drill, &exported_to) {
                self.feed(Some(Event::Drill { service, news }));
            }
        }
    }

    fn news_of(&mut self, service: usize, seen: ObservedDrill, exported_to: &[String]) -> Option<DrillEvent> {
        let phase = self.phase(service)?;
        let (rising, holding) = (
            matches!(phase, ActiveDrillPhase::Rising { .. }),
            matches!(phase, ActiveDrillPhase::Holding { .. }),
        );
        let ending = matches!(
            phase,
            ActiveDrillPhase::Ending { .. } | ActiveDrillPhase::Unverified { .. }
        );
        let rehearsal = self.drills.get_mut(service)?.as_mut();
        match seen.state {
            DrillState::Carried if rising || holding => {
                rehearsal?.carried_by(exported_to);
                rising.then_some(DrillEvent::Carried)
            }
            DrillState::Moving if holding => {
                let why = seen.problems.join("; ");
                Some(DrillEvent::Failed(format!(
                    "not enough upstreams carry it any more: {why}"
                )))
            }
            // What stands in the way now is told at the end, if it still does then.
            DrillState::Moving if rising || ending => {
                rehearsal?.waits_for(seen.problems);
                None
            }
            DrillState::Lost(how) if rising || holding => Some(DrillEvent::Lost(how)),
            DrillState::Silent if ending => Some(DrillEvent::Silent),
            DrillState::Carried | DrillState::Moving | DrillState::Lost(_) | DrillState::Silent => None,
        }
    }

    /// BIRD did not do what it was asked.
    pub(crate) fn tell_drill_of_failure(&mut self, service: usize, text: &str) {
        let announcing = matches!(
            self.phase(service),
            Some(ActiveDrillPhase::Rising { .. } | ActiveDrillPhase::Holding { .. })
        );
        if let (true, Some(Some(rehearsal))) = (announcing, self.drills.get_mut(service)) {
            rehearsal.amiss(text);
            let news = DrillEvent::Failed(text.to_owned());
            self.feed(Some(Event::Drill { service, news }));
        }
    }

    /// What others have to tell: the history keeps it, and of a drill that a service left behind which
    /// is not configured any more nothing is left to end.
    pub(crate) fn take_told(&mut self, what: HistoryEvent) {
        let HistoryEvent::DrillEnded { report } = &what else {
            self.record(None, what);
            return;
        };
        let service = report.service.clone();
        let last = LastDrill {
            at: report.ended,
            outcome: report.outcome,
            strength: report.strength,
            text: report.text.clone(),
        };
        self.site.stray_drill_ended(&service, last);
        self.memory_stale |= self.site.take_memory_changed();
        self.history_log
            .record(self.clock.now().wall, Some(&service), what);
        self.flush_memory();
    }

    /// A stage, where it is a drill's.
    pub(crate) fn take_drill_stage(&mut self, report: &StageReport) -> bool {
        let at = self.clock.now().wall_at(self.clock.moment(report.at));
        let rehearsal = self.drills.get_mut(report.service).and_then(Option::as_mut);
        rehearsal.is_some_and(|rehearsal| rehearsal.reach(report, at))
    }

    /// Every drill under way ends, because of that.
    pub(crate) fn end_drills(&mut self, why: &str) {
        for service in 0..self.drills.len() {
            if self.phase(service).is_some() {
                let news = DrillEvent::Stop(why.to_owned());
                self.feed(Some(Event::Drill { service, news }));
            }
        }
    }

    pub(crate) fn notice_drill(&mut self, service: usize, step: &DrillStep) {
        let decision = self
            .site
            .services()
            .get(service)
            .map(|service| service.intent().decision);
        match step {
            DrillStep::Began { plan, actor } => {
                self.drill_decided(service, decision);
                let what = HistoryEvent::DrillStarted {
                    strength: plan.strength,
                    hold: duration::format(plan.hold),
                    reason: plan.reason.clone(),
                    actor: actor.clone(),
                };
                self.record(Some(service), what);
            }
            DrillStep::Ending(_) => self.drill_decided(service, decision),
            DrillStep::Ended { drill, end } => self.drill_ended(service, drill, end),
            DrillStep::Carried | DrillStep::Watching | DrillStep::Unverified | DrillStep::Verified => {}
        }
    }

    fn drill_decided(&mut self, service: usize, decision: Option<u64>) {
        if let (Some(Some(rehearsal)), Some(decision)) = (self.drills.get_mut(service), decision) {
            rehearsal.decided(decision);
        }
    }

    fn drill_ended(&mut self, service: usize, drill: &ActiveDrill, end: &DrillEnd) {
        // As it is remembered; a dry run is not.
        let remembered = self.site.services()[service].remembered().last_drill.as_ref();
        let ended = remembered.map(|last| last.at).filter(|_| !drill.plan().dry_run);
        let now = ended.unwrap_or_else(|| self.clock.now().wall);
        let rehearsal = self
            .drills
            .get_mut(service)
            .and_then(Option::take)
            .unwrap_or_default();
        let about = self.about(service, drill.plan(), drill.actor(), drill.since());
        let (report, answer) = rehearsal.report(&about, end, now);
        if !report.dry_run {
            self.record(
                Some(service),
                HistoryEvent::DrillEnded {
                    report: Box::new(report.clone()),
                },
            );
        }
        if let Some(answer) = answer {
            // The caller may have gone away.
            drop(answer.send(Ok(CommandReply::Drill(Box::new(report)))));
        }
    }

    fn about<'a>(
        &'a self,
        service: usize,
        plan: &'a DrillPlan,
        actor: &'a str,
        since: jiff::Timestamp,
    ) -> DrillContext<'a> {
        DrillContext {
            site: &self.config.site.name,
            service: &self.config.services[service],
            plan,
            actor,
            bird: self.link.0.version.as_ref().map(ToString::to_string),
            since,
        }
    }

    fn phase(&self, service: usize) -> Option<&ActiveDrillPhase> {
        Some(self.site.services().get(service)?.drill()?.phase())
    }
}

/// Whether an alarm speaks against a drill of this service: one of its own, or one of the site that a
/// takeover would meet as well.
fn concerns(trouble: &AlarmCondition, service: &ServiceConfig) -> bool {
    match (&trouble.service, trouble.code) {
        // They are told already.
        (_, AlarmCode::Override | AlarmCode::Latched | AlarmCode::NotServing) => false,
        (Some(name), _) => *name == service.name,
        (None, AlarmCode::UpstreamDown) => service.upstreams.contains(&trouble.subject),
        (None, code) => matches!(code, AlarmCode::RenderDrift | AlarmCode::StateDir),
    }
}

/// Whether what the alarm is about takes part in the verdict: a probe that does not has no say in a
/// takeover, and so none in its rehearsal. Whether this site serves is told already.
fn has_a_say(trouble: &AlarmCondition, service: &ServiceConfig) -> bool {
    let probes = service.probes.iter().chain(&service.serves);
    let silent = probes.filter(|probe| !probe.votes.in_a_verdict() && probe.decides.is_none());
    trouble.code != AlarmCode::Probe || !silent.into_iter().any(|probe| probe.name == trouble.subject)
}

/// For each family that it would announce: whether enough of its upstreams are established.
fn without_upstreams(service: &ServiceConfig, plan: &DrillPlan, seen: &Observed) -> Option<String> {
    let protocols = match plan.strength {
        Strength::Off => return None,
        Strength::Drain => &service.drain,
        Strength::Full => &service.full,
    };
    let able = |family: Family| {
        let ours = seen
            .upstreams
            .iter()
            .filter(|seen| service.upstreams.contains(&seen.name));
        ours.filter(|seen| seen.is_established() && seen.families.contains(&family))
            .count()
    };
    let short = protocols
        .iter()
        .find(|protocol| able(protocol.family) < service.min_upstreams)?;
    Some(format!(
        "{} of its upstreams are established for {}, and at least {} must be",
        able(short.family),
        short.family.channel(),
        service.min_upstreams
    ))
}
