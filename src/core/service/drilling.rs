//! A service's drill: who may begin one, how it goes on, and how it ends (see [`drill`]). Its stance
//! is not touched here.
//!
//! [`drill`]: crate::core::drill

use super::{ServiceState, SiteContext};
use crate::config::duration;
use crate::config::model::{self, Role};
use crate::core::decide::Stance;
use crate::core::drill::{ActiveDrill, ActiveDrillPhase, DrillEnd, DrillEvent, END_LIMIT, RISE_LIMIT, WATCH};
use crate::core::event::{CommandRefused, CoreEvent, DrillStep};
use crate::model::command::DrillPlan;
use crate::model::snapshot::{DrillOutcome, Isolation, LastDrill, Verdict};
use crate::model::strength::Strength;
use crate::model::time::Now;

impl ServiceState {
    /// The drill under way.
    pub fn drill(&self) -> Option<&ActiveDrill> {
        self.drill.as_ref()
    }

    /// Everything that speaks against a drill now, as far as the judgement knows; none: it may begin.
    pub(crate) fn against_drill(&self, plan: &DrillPlan, isolation: Isolation) -> Vec<String> {
        let policy = &self.policy;
        let mut against = Vec::new();
        let mut is = |amiss: bool, text: &str| {
            if amiss {
                against.push(text.to_owned());
            }
        };
        is(
            policy.role == Role::Primary,
            "it has role primary, and a drill rehearses a standby",
        );
        is(
            plan.strength == Strength::Off,
            "a drill announces at strength drain or full",
        );
        match self.stance {
            Stance::Unsettled => is(true, "BIRD has not been read yet"),
            Stance::Off => {}
            Stance::Draining { .. } | Stance::Full => is(true, "it is announced already"),
        }
        is(
            self.overridden().is_some(),
            "an override is in force; `falconer auto` ends it",
        );
        is(
            self.latched_since().is_some(),
            "it is latched; `falconer auto` releases it",
        );
        match isolation {
            Isolation::Connected => {}
            Isolation::Open => is(true, "too few witnesses are known to be up"),
            Isolation::Isolated => is(true, "this site is isolated"),
            Isolation::CutOff => is(true, "this site is cut off from where the primary is"),
        }
        match self.verdict {
            Verdict::Up => {}
            Verdict::Down => is(true, "its target is down"),
            Verdict::Unclear => is(true, "whether its target is up is unclear"),
        }
        let probes = policy.probes.iter().zip(&self.probes);
        // What has no say in a takeover has none in its rehearsal either.
        let has_a_say = |probe: &model::ProbeConfig| probe.votes.in_a_verdict() || probe.decides.is_some();
        for (probe, _) in probes.filter(|(probe, health)| has_a_say(probe) && health.in_doubt()) {
            is(true, &format!("its probe {} is in doubt", probe.name));
        }
        let without_drain = policy.drain.len() < policy.full.len();
        is(
            plan.strength == Strength::Drain && without_drain,
            "it has no drain protocol for each family (drain_protocols); a drill at strength full needs none",
        );
        against
    }

    /// An operator asks for a drill.
    pub(crate) fn begin_drill(
        &mut self,
        now: Now,
        plan: &DrillPlan,
        actor: &str,
        isolation: Isolation,
        notes: &mut Vec<CoreEvent>,
    ) -> Result<(), CommandRefused> {
        let against = self.against_drill(plan, isolation);
        if !against.is_empty() || self.drill.is_some() {
            return Err(CommandRefused(format!(
                "no drill of {}: {}",
                self.policy.name,
                against.join("; ")
            )));
        }
        let announcing = match plan.strength {
            Strength::Full => &self.policy.full,
            Strength::Off | Strength::Drain => &self.policy.drain,
        };
        let protocols = announcing.iter().map(|protocol| protocol.name.clone());
        let drill = ActiveDrill::begin(plan.clone(), actor, protocols.collect(), now.wall, now.mono);
        if plan.dry_run {
            // It touches neither BIRD nor the disk, so there is nothing that could be left behind.
            self.tell_dry_run(drill, notes);
            return Ok(());
        }
        self.remembered.drill = Some(drill.record());
        self.drill = Some(drill);
        Ok(())
    }

    /// Something became known of the drill; what does not fit its phase says nothing any more.
    pub(crate) fn drill_news(&mut self, now: Now, news: &DrillEvent, notes: &mut Vec<CoreEvent>) {
        use ActiveDrillPhase::{Ending, Holding, Recording, Rising, Unverified, Watching};
        use DrillEvent::{Carried, Failed, Kept, Lost, NotKept, Silent, Stop};

        let Some(drill) = &self.drill else { return };
        let hold = drill.plan.hold;
        let aborted = |why: &String| DrillEnd::new(DrillOutcome::Aborted, why);
        match (&drill.phase, news) {
            (Recording { .. }, Kept) => self.rise(now, notes),
            (Recording { .. }, NotKept(why)) => {
                self.finish_drill(now, &DrillEnd::new(DrillOutcome::Refused, why), notes);
            }
            (Recording { .. }, Stop(why)) => {
                self.finish_drill(now, &aborted(why), notes);
            }
            (Rising { .. }, Carried) => {
                self.go_on(
                    Holding {
                        until: now.mono + hold,
                    },
                    DrillStep::Carried,
                    notes,
                );
            }
            (Rising { .. } | Holding { .. }, Failed(why)) => {
                self.fall(now, DrillEnd::new(DrillOutcome::Failed, why), notes);
            }
            (Rising { .. } | Holding { .. }, Lost(why) | Stop(why)) => {
                self.fall(now, aborted(why), notes);
            }
            (Ending { end, .. }, Silent) if end.outcome == DrillOutcome::Passed => {
                let (end, until) = (end.clone(), now.mono + WATCH);
                self.go_on(Watching { end, until }, DrillStep::Watching, notes);
            }
            // It was carried, and is not wanted: that is no pass.
            (Ending { end, give_up }, Failed(why)) if end.outcome == DrillOutcome::Passed => {
                let (end, give_up) = (DrillEnd::new(DrillOutcome::Failed, why), *give_up);
                self.go_on(Ending { end, give_up }, DrillStep::Watching, notes);
            }
            (Watching { .. }, Failed(why)) => {
                self.finish_drill(now, &DrillEnd::new(DrillOutcome::Failed, why), notes);
            }
            (Watching { .. }, Stop(why) | Lost(why)) => {
                self.finish_drill(now, &aborted(why), notes);
            }
            (Ending { end, .. } | Unverified { end: Some(end) }, Silent) => {
                let end = end.clone();
                self.finish_drill(now, &end, notes);
            }
            (Unverified { end: None }, Silent) => self.forget_drill(notes),
            (Recording { .. }, Carried | Failed(_) | Lost(_) | Silent)
            | (Rising { .. }, Kept | NotKept(_) | Silent)
            | (Holding { .. } | Watching { .. }, Kept | NotKept(_) | Carried | Silent)
            | (
                Ending { .. } | Unverified { .. },
                Kept | NotKept(_) | Carried | Failed(_) | Lost(_) | Stop(_),
            ) => {}
        }
    }

    /// What follows for the drill from everything else. A takeover has taken place already: it only
    /// ends what it took over.
    pub(crate) fn settle_drill(&mut self, now: Now, around: SiteContext<'_>, notes: &mut Vec<CoreEvent>) {
        if self.drill.is_none() {
            return;
        }
        if matches!(self.stance, Stance::Full | Stance::Draining { .. }) {
            let why = self.explain(self.judgement.why);
            let text = format!("taken over by {}: {why}", self.judgement.rule);
            let taken_over = DrillEnd::new(DrillOutcome::Aborted, text);
            return self.finish_drill(now, &taken_over, notes);
        }
        if let Some(over) = self.overridden() {
            let why = format!("an override of {} came in between", over.actor);
            self.drill_news(now, &DrillEvent::Stop(why), notes);
        }
        if around.isolation == Isolation::Isolated {
            let why = "this site became isolated".to_owned();
            self.drill_news(now, &DrillEvent::Stop(why), notes);
        }
        self.let_time_pass(now, notes);
    }

    fn let_time_pass(&mut self, now: Now, notes: &mut Vec<CoreEvent>) {
        let Some(drill) = &self.drill else { return };
        if drill.deadline().is_none_or(|deadline| deadline > now.mono) {
            return;
        }
        let limit = duration::format(RISE_LIMIT);
        match &drill.phase {
            ActiveDrillPhase::Recording { .. } => {
                let text = "state_dir did not answer in time, and nothing begins that is not written down";
                self.finish_drill(now, &DrillEnd::new(DrillOutcome::Refused, text), notes);
            }
            ActiveDrillPhase::Rising { .. } => {
                let text = format!("it was not seen to be carried by enough upstreams within {limit}");
                self.fall(now, DrillEnd::new(DrillOutcome::Failed, text), notes);
            }
            ActiveDrillPhase::Holding { .. } => {
                let strength = drill.plan.strength;
                let hold = duration::format(drill.plan.hold);
                let text = format!("announced at strength {strength} for {hold}, carried, and silent again");
                self.fall(now, DrillEnd::new(DrillOutcome::Passed, text), notes);
            }
            ActiveDrillPhase::Watching { end, .. } => {
                let end = end.clone();
                self.finish_drill(now, &end, notes);
            }
            // Nothing of it is announced while there is no BIRD, and whoever began it is not there to
            // be told anything sooner.
            ActiveDrillPhase::Ending { end, .. } if drill.left_behind => {
                let end = Some(end.clone());
                self.go_on(ActiveDrillPhase::Unverified { end }, DrillStep::Unverified, notes);
            }
            ActiveDrillPhase::Ending { end, .. } => {
                let limit = duration::format(END_LIMIT);
                let text = format!(
                    "{}; its end was not seen within {limit}: it may still be announced",
                    end.text
                );
                // What broke it off stays its outcome, also where BIRD is not there to be seen.
                let outcome = match end.outcome {
                    DrillOutcome::Aborted => DrillOutcome::Aborted,
                    DrillOutcome::Passed | DrillOutcome::Failed | DrillOutcome::Refused => {
                        DrillOutcome::Failed
                    }
                };
                self.tell_end(now, &DrillEnd::new(outcome, text), notes);
                self.go_on(
                    ActiveDrillPhase::Unverified { end: None },
                    DrillStep::Unverified,
                    notes,
                );
            }
            ActiveDrillPhase::Unverified { .. } => {}
        }
    }

    fn rise(&mut self, now: Now, notes: &mut Vec<CoreEvent>) {
        let Some(drill) = &self.drill else { return };
        self.intent.decision += 1;
        let began = DrillStep::Began {
            plan: drill.plan.clone(),
            actor: drill.actor.clone(),
        };
        let give_up = now.mono + RISE_LIMIT;
        self.go_on(ActiveDrillPhase::Rising { give_up }, began, notes);
    }

    /// BIRD is to be silent again.
    fn fall(&mut self, now: Now, end: DrillEnd, notes: &mut Vec<CoreEvent>) {
        self.intent.decision += 1;
        let give_up = now.mono + END_LIMIT;
        let step = DrillStep::Ending(end.clone());
        self.go_on(ActiveDrillPhase::Ending { end, give_up }, step, notes);
    }

    fn go_on(&mut self, phase: ActiveDrillPhase, step: DrillStep, notes: &mut Vec<CoreEvent>) {
        if let Some(drill) = &mut self.drill {
            drill.phase = phase;
        }
        self.note_drill(step, notes);
    }

    fn tell_dry_run(&self, drill: ActiveDrill, notes: &mut Vec<CoreEvent>) {
        let full = drill.plan.strength == Strength::Full;
        let protocols = if full {
            &self.policy.full
        } else {
            &self.policy.drain
        };
        let names: Vec<_> = protocols.iter().map(|protocol| protocol.name.as_str()).collect();
        let text = format!(
            "nothing speaks against it: BIRD would be told to enable {}, and to disable it again after {}",
            names.join(" and "),
            duration::format(drill.plan.hold)
        );
        let end = DrillEnd::new(DrillOutcome::Passed, text);
        let drill = Box::new(drill);
        self.note_drill(DrillStep::Ended { drill, end }, notes);
    }

    fn finish_drill(&mut self, now: Now, end: &DrillEnd, notes: &mut Vec<CoreEvent>) {
        if !matches!(
            self.drill.as_ref().map(ActiveDrill::phase),
            Some(ActiveDrillPhase::Unverified { end: None })
        ) {
            self.tell_end(now, end, notes);
        }
        self.forget_drill(notes);
    }

    fn tell_end(&mut self, now: Now, end: &DrillEnd, notes: &mut Vec<CoreEvent>) {
        let Some(drill) = &self.drill else { return };
        if end.outcome != DrillOutcome::Refused {
            self.remembered.last_drill = Some(LastDrill {
                at: now.wall,
                outcome: end.outcome,
                strength: drill.plan.strength,
                text: end.text.clone(),
            });
            if end.outcome == DrillOutcome::Passed {
                self.remembered.last_good_drill = Some(now.wall);
            }
        }
        let drill = Box::new(drill.clone());
        self.note_drill(
            DrillStep::Ended {
                drill,
                end: end.clone(),
            },
            notes,
        );
    }

    fn forget_drill(&mut self, notes: &mut Vec<CoreEvent>) {
        let drill = self.drill.take();
        self.remembered.drill = None;
        if drill.is_some_and(|drill| matches!(drill.phase, ActiveDrillPhase::Unverified { .. })) {
            self.note_drill(DrillStep::Verified, notes);
        }
    }

    fn note_drill(&self, step: DrillStep, notes: &mut Vec<CoreEvent>) {
        notes.push(CoreEvent::Drill(self.index, step));
    }
}
