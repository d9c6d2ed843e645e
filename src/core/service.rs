//! One service: its facts, and where it stands.

mod drilling;
mod failback;
mod failback_watch;
mod latch;
mod operator;
mod serving;
mod serving_watch;
mod standing;
mod tracked;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::decide::{Decision, DecisionFacts, DecisionReason, Rule, Stance, TimerState, judge};
use super::drill::{ActiveDrill, DrillIntent};
use super::event::{CoreEvent, InitialStrength, moment_of};
use super::isolation::WitnessPasses;
use super::persistent::{PersistentService, moved};
use super::verdict::{ProbeVote, grounds_for_down, verdict};
use super::window;
use crate::config::model::{self, Decides, FailbackMode, OnCutOff, Role, Votes};
use crate::core::health::ProbeTracker;
use crate::core::standing::StandingIntent;
use crate::core::streak::FailureSpan;
use crate::model::command::Override;
use crate::model::history::{HistoryEvent, TransitionEvent, TransitionEvidence};
use crate::model::message::{CodedText, coded};
use crate::model::snapshot::{Isolation, OverrideAction, StageTimes, Verdict};
use crate::model::strength::Strength;
use crate::model::time::{Moment, Now};
use failback_watch::FailbackWatch;
use serving_watch::ServingWatch;
use tracked::Tracked;

/// What goes by the wall clock is looked at again at least this often, so that a step of that
/// clock is noticed.
const WALL_CLOCK_LOOK: Duration = Duration::from_secs(10);

/// The next moment of those, which are the same whenever it is asked.
fn next_look(now: Moment) -> Moment {
    let past = now.since_start().as_nanos() % WALL_CLOCK_LOOK.as_nanos();
    let past = Duration::from_nanos(u64::try_from(past).unwrap_or(0));
    now + WALL_CLOCK_LOOK.saturating_sub(past)
}

/// A service can switch and be judged anew at one instant (a latch, a drain of no length); it
/// settles within this many rounds, which a test over all facts holds.
const ROUNDS_LIMIT: usize = 4;

/// One service.
#[derive(Clone, Debug)]
pub struct ServiceState {
    index: usize,
    policy: model::ServiceConfig,
    /// Its probes' health, in the configuration's order.
    pub(crate) probes: Vec<ProbeTracker>,
    /// Whether this site can serve it (D16).
    pub(crate) serving: ServingWatch,
    stance: Stance,
    stance_since: Option<Timestamp>,
    contacted: bool,
    verdict: Verdict,
    verdict_since: Moment,
    /// How long we were stalled since the verdict was reached: time in which nobody looked.
    unwatched: Duration,
    remembered: Tracked<PersistentService>,
    /// A freeze ended, and BIRD has not been read since (D10).
    thawing: bool,
    judgement: Decision,
    intent: Intent,
    drill: Option<ActiveDrill>,
    /// Whether the standing prefixes are left as they are: an operator's word may not be known yet.
    standing_held: bool,
    failback: FailbackWatch,
}

/// What we want of BIRD for one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intent {
    /// How strongly; `None`: nothing is settled yet, write nothing.
    pub strength: Option<Strength>,
    /// Write nothing to BIRD, whatever it does (freeze).
    pub hands_off: bool,
    /// Why, for BIRD's own `show protocols all` (A3).
    pub reason: String,
    /// Counts this service's decisions.
    pub decision: u64,
    /// What a drill wants. It announces only where `strength` is off, and ends also where nothing is
    /// settled yet.
    pub drill: Option<DrillIntent>,
    /// What is wanted of the standing prefixes (D14); `None` where the service has none.
    pub standing: Option<StandingIntent>,
}

impl Intent {
    /// Whether it wants the same, for whatever reason.
    pub fn wants_the_same(&self, other: &Self) -> bool {
        let Self {
            strength,
            hands_off,
            reason: _,
            decision,
            drill,
            standing,
        } = self;
        let same_standing = match (standing, &other.standing) {
            (Some(standing), Some(other)) => standing.wants_the_same(other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        (*strength, *hands_off, *decision, *drill)
            == (other.strength, other.hands_off, other.decision, other.drill)
            && same_standing
    }
}

/// What a service needs to know of its site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SiteContext<'a> {
    pub(crate) isolation: Isolation,
    pub(crate) on_cut_off: OnCutOff,
    pub(crate) sightings: &'a WitnessPasses,
}

impl ServiceState {
    pub(crate) fn new(
        index: usize,
        policy: model::ServiceConfig,
        blind: &[bool],
        (probes, serves): (Vec<ProbeTracker>, Vec<ProbeTracker>),
        remembered: PersistentService,
        now: Now,
    ) -> Self {
        let unsettled = Decision {
            to: Stance::Unsettled,
            rule: Rule::D10,
            why: DecisionReason::NotAdopted,
            deadline: None,
        };
        let left_behind = remembered.drill.as_ref();
        let drill = left_behind.map(|record| ActiveDrill::left_behind(record, now.mono));
        let failback = FailbackWatch::new(&policy, blind);
        Self {
            index,
            policy,
            probes,
            serving: ServingWatch::new(serves, now),
            stance: Stance::Unsettled,
            stance_since: None,
            contacted: false,
            verdict: Verdict::Unclear,
            verdict_since: now.mono,
            unwatched: Duration::ZERO,
            remembered: Tracked::new(remembered),
            thawing: false,
            judgement: unsettled,
            intent: Intent {
                strength: None,
                hands_off: false,
                reason: String::new(),
                // A decision of its own, so that its stages are told.
                decision: u64::from(drill.is_some()),
                drill: None,
                standing: None,
            },
            drill,
            standing_held: false,
            failback,
        }
    }

    /// Stands where `before` stood, under a configuration of its own.
    pub(crate) fn carry_over(&mut self, before: &Self) {
        self.stance = before.stance;
        self.stance_since = before.stance_since;
        self.contacted = before.contacted;
        self.verdict = before.verdict;
        self.verdict_since = before.verdict_since;
        self.unwatched = before.unwatched;
        self.remembered = before.remembered.clone();
        self.thawing = before.thawing;
        self.judgement = before.judgement;
        self.intent = before.intent.clone();
        self.drill = before.drill.clone();
        self.standing_held = before.standing_held;
        self.failback.carry_over(&before.failback);
        self.carry_serving(before);
    }

    /// The configuration's part.
    pub fn policy(&self) -> &model::ServiceConfig {
        &self.policy
    }

    /// Where it stands.
    pub fn stance(&self) -> Stance {
        self.stance
    }

    /// Since when it stands there; `None` while nothing is settled.
    pub fn stance_since(&self) -> Option<Timestamp> {
        self.stance_since
    }

    /// What its probes say together, and since when.
    pub fn verdict(&self) -> (Verdict, Moment) {
        (self.verdict, self.verdict_since)
    }

    /// Its probes, in the configuration's order.
    pub fn probes(&self) -> &[ProbeTracker] {
        &self.probes
    }

    /// The rule that decides now, and when it runs out.
    pub fn judgement(&self) -> &Decision {
        &self.judgement
    }

    /// The operator's word.
    pub fn overridden(&self) -> Option<&Override> {
        self.remembered.overridden.as_ref()
    }

    /// Since when it is latched (D9).
    pub fn latched_since(&self) -> Option<Timestamp> {
        self.remembered.latched_since
    }

    /// Whether an operator let the next failback go ahead.
    pub fn consented(&self) -> bool {
        self.remembered.consent.is_some()
    }

    /// Whether a freeze ended, and BIRD has not been read since (D10).
    pub fn is_thawing(&self) -> bool {
        self.thawing
    }

    /// Whether it waits for BIRD to be read: since the start, since a freeze ended, or because what
    /// BIRD announced could not be adopted (D10).
    pub fn awaits_bird(&self) -> bool {
        !self.contacted || self.thawing || self.stance == Stance::Unsettled
    }

    /// What must survive a restart.
    pub fn remembered(&self) -> &PersistentService {
        &self.remembered
    }

    /// Whether what must survive a restart may have changed since the last call.
    pub(crate) fn take_remembered_changed(&mut self) -> bool {
        self.remembered.take_changed()
    }

    /// Whether a pass of a witness may move it.
    pub(crate) fn awaits_witness(&self) -> bool {
        self.judgement.why == DecisionReason::WitnessAwaited
    }

    /// Whether a step of the wall clock may move it.
    pub(crate) fn goes_by_wall_clock(&self) -> bool {
        let ends = self.overridden().is_some_and(|over| over.until.is_some());
        ends || self.judgement.why == DecisionReason::WindowClosed
    }

    /// What we want of BIRD.
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// Falconer was woken `late`. A target that nobody watched has not been up that long: what
    /// protects failback is lengthened by it.
    pub(crate) fn stalled(&mut self, late: Duration) {
        if self.probes.iter().any(|probe| probe.is_stall(late)) {
            self.unwatched = self.unwatched.saturating_add(late);
        }
    }

    /// The wall clock was stepped: what is written in its time moves with it.
    pub(crate) fn wall_clock_stepped(&mut self, by: SignedDuration) {
        self.remembered.move_by(by);
        self.stance_since = self.stance_since.map(|since| moved(since, by));
    }

    /// The moment at which something may change without a new fact.
    pub(crate) fn deadline(&self, now: &Now) -> Option<Moment> {
        let until = self.overridden().and_then(|over| over.until);
        let look = self.goes_by_wall_clock().then(|| next_look(now.mono));
        let ends = until.map(|until| moment_of(now, until));
        let drill = self.drill.as_ref().and_then(ActiveDrill::deadline);
        [self.judgement.deadline, ends, look, drill]
            .into_iter()
            .flatten()
            .min()
    }

    /// BIRD has been read. The first clear answer is adopted, whoever enabled it (D10), except what a
    /// drill left behind: that is ended first. So is the first one after a freeze.
    pub(crate) fn adopt(&mut self, now: Now, adoption: InitialStrength, notes: &mut Vec<CoreEvent>) {
        if self.drill.as_ref().is_some_and(ActiveDrill::is_left_behind) {
            return;
        }
        self.contacted = true;
        let frozen = self
            .overridden()
            .is_some_and(|over| over.action == OverrideAction::Freeze);
        let thawed = !frozen && std::mem::take(&mut self.thawing);
        let stance = match adoption {
            InitialStrength::Is(Strength::Off) => Stance::Off,
            InitialStrength::Is(Strength::Drain) => Stance::Draining { since: now.mono },
            InitialStrength::Is(Strength::Full) => Stance::Full,
            InitialStrength::Mixed => Stance::Unsettled,
        };
        let from = self.stance;
        let settles = from == Stance::Unsettled && stance != Stance::Unsettled;
        let differs = from.strength() != stance.strength();
        if thawed && differs {
            notes.push(self.adopted_after_freeze(now, from, stance));
        }
        if settles || (thawed && differs) {
            self.stance = stance;
            self.stance_since = stance.strength().map(|_| now.wall);
            self.ask_for_failback(now.mono);
        }
    }

    /// What somebody made of BIRD in a freeze stands from now on, and the history tells.
    fn adopted_after_freeze(&self, now: Now, from: Stance, to: Stance) -> CoreEvent {
        let reason = match to.strength() {
            Some(strength) => {
                let strength = strength.to_string();
                coded!(
                    "adopted_after_freeze",
                    "adopted after the freeze: BIRD is at strength {strength}",
                    strength
                )
            }
            None => coded!(
                "mixed_after_freeze",
                "after the freeze: BIRD's protocols disagree, so nothing is settled"
            ),
        };
        self.transition(now, (from, to), (Rule::D10, reason), false)
    }

    /// A change of what is wanted, with what is known of it here.
    fn transition(
        &self,
        now: Now,
        (from, to): (Stance, Stance),
        (rule, reason): (Rule, CodedText),
        counted: bool,
    ) -> CoreEvent {
        self.history(HistoryEvent::Transition(Box::new(TransitionEvent {
            from: from.strength(),
            to: to.strength(),
            rule: rule.to_string(),
            reason: reason.text,
            reason_message: reason.message,
            verdict: self.verdict,
            counted,
            stages: StageTimes {
                first_fail: self.first_fail().map(|moment| now.wall_at(moment)),
                verdict: Some(now.wall_at(self.verdict_since)),
                decided: Some(now.wall),
                ..StageTimes::default()
            },
            evidence: TransitionEvidence::default(),
        })))
    }

    fn history(&self, what: HistoryEvent) -> CoreEvent {
        CoreEvent::History(Some(self.index), what)
    }

    /// Derives everything from the facts as they are now.
    pub(crate) fn settle(&mut self, now: Now, around: SiteContext<'_>, notes: &mut Vec<CoreEvent>) {
        if self
            .overridden()
            .and_then(|over| over.until)
            .is_some_and(|until| until <= now.wall)
        {
            self.end_override(None, None, notes);
        }
        self.settle_serving(now);
        for _ in 0..ROUNDS_LIMIT {
            // What a blind probe says depends on where we stand.
            self.notice_silence(now.mono);
            self.settle_verdict(now, notes);
            self.judgement = judge(&self.facts(now, around));
            if !self.switch(now, notes) {
                break;
            }
        }
        let there = (self.stance, self.verdict) == (self.starting_point(), Verdict::Up);
        if self.remembered.imposed && self.contacted && there {
            self.remembered.imposed = false;
        }
        self.settle_drill(now, around, notes);
        self.notice_silence(now.mono);
        self.follow_failback(now.mono);
        self.intent.strength = self.stance.strength();
        self.intent.drill = self.drill.as_ref().and_then(ActiveDrill::rehearsal);
        // What a drill announces is ended before hands are taken off.
        let frozen = self
            .overridden()
            .map_or(self.thawing, |over| over.action == OverrideAction::Freeze);
        self.intent.hands_off = self.intent.drill.is_none() && frozen;
        self.intent.reason = self.reason_for_bird();
        self.intent.standing = self.standing_intent();
    }

    /// Where it stands before a switch that counts towards the latch; the verdict up leads there.
    fn starting_point(&self) -> Stance {
        match self.policy.role {
            Role::Standby => Stance::Off,
            Role::Primary => Stance::Full,
        }
    }

    /// Why BIRD is to be as it is, by the facts of now: it is told with every write, also with one
    /// that only mends.
    fn reason_for_bird(&self) -> String {
        let drilled = self.drill.as_ref().and_then(ActiveDrill::reason_for_bird);
        drilled.unwrap_or_else(|| {
            let Decision { rule, why, .. } = self.judgement;
            format!("falconer {rule}: {}", self.explain(why))
        })
    }

    fn settle_verdict(&mut self, now: Now, notes: &mut Vec<CoreEvent>) {
        let said = verdict(&self.ballots(), self.policy.down_when, self.policy.up_when);
        if said == self.verdict {
            return;
        }
        notes.push(self.history(HistoryEvent::Verdict {
            from: self.verdict,
            to: said,
        }));
        self.verdict = said;
        self.verdict_since = now.mono;
        self.unwatched = Duration::ZERO;
        // Unclear keeps it, as it keeps everything; a death is another outage than the one that it was
        // given for.
        if said == Verdict::Down {
            self.failback.retry = None;
            self.end_consent("its target went down again", notes);
        }
    }

    fn ballots(&self) -> Vec<ProbeVote> {
        let probes = self.policy.probes.iter().enumerate();
        probes
            .map(|(at, policy)| ProbeVote {
                state: self.counted_state(at),
                votes: policy.votes,
                decides: policy.decides,
            })
            .collect()
    }

    /// The rows of fails that could count towards a verdict down, or may begin with a check that is
    /// out. With each the index of its probe.
    fn failing(&self, now: Moment) -> impl Iterator<Item = (usize, FailureSpan)> {
        let probes = self.policy.probes.iter().zip(&self.probes).enumerate();
        probes.filter_map(move |(at, (policy, probe))| {
            let counts = could_count_down(policy) && !self.is_voided(at);
            let fails = probe.fails(now).filter(|_| counts)?;
            Some((at, fails))
        })
    }

    /// Whether there are any.
    pub(crate) fn is_failing(&self, now: Moment) -> bool {
        self.failing(now).next().is_some()
    }

    /// Those that no witness has told from a cut of our own uplink yet (D5).
    pub(crate) fn unproven(&self, now: Moment, sightings: &WitnessPasses) -> Vec<(usize, FailureSpan)> {
        let alone = |at: usize| self.policy.probes[at].fall <= 1;
        self.failing(now)
            .filter(|(at, fails)| !sightings.prove(*fails, alone(*at)))
            .collect()
    }

    /// When the latest row began that a verdict down stands on.
    fn first_fail(&self) -> Option<Moment> {
        self.blames().map(|(_, blame)| blame.first).max()
    }

    /// The fails that a verdict down stands on, and whether each row is of a single fail. What was
    /// voided after an isolation needs no proof any more: it was down before.
    fn blames(&self) -> impl Iterator<Item = (bool, FailureSpan)> {
        let grounds = grounds_for_down(&self.ballots(), self.policy.down_when);
        grounds.into_iter().filter_map(|at| {
            let blame = self.probes[at].rows().blame()?;
            Some((self.policy.probes[at].fall <= 1, blame))
        })
    }

    fn is_proven(&self, sightings: &WitnessPasses) -> bool {
        self.blames().all(|(alone, fails)| sightings.prove(fails, alone))
    }

    fn facts(&self, now: Now, around: SiteContext<'_>) -> DecisionFacts {
        let policy = &self.policy;
        let after = |since: Moment, delay: Duration| match since + delay {
            due if due <= now.mono => TimerState::Now,
            due => TimerState::At(due),
        };
        DecisionFacts {
            role: policy.role,
            stance: self.stance,
            contacted: self.contacted,
            thawing: self.thawing,
            imposed: self.remembered.imposed,
            verdict: self.verdict,
            isolation: around.isolation,
            on_cut_off: around.on_cut_off,
            proven: self.is_proven(around.sightings),
            holds_unserved: self.holds_unserved(),
            on_isolated: policy.on_isolated,
            overridden: self.overridden().map(|over| over.action),
            latched: self.latched_since().is_some(),
            takeover: after(self.verdict_since, policy.takeover_delay),
            failback: after(self.verdict_since, policy.failback_delay + self.unwatched),
            window: self.window(now),
            consent_missing: policy.failback == FailbackMode::Manual && !self.consented(),
            drains: !policy.failback_drain.is_zero() && !policy.drain.is_empty(),
            drained: match self.stance {
                Stance::Draining { since } => after(since, policy.failback_drain),
                Stance::Unsettled | Stance::Off | Stance::Full => TimerState::Now,
            },
            handed_over: after(self.draining_since(now), self.drain_of_withdrawal()),
            confirms: self.confirms(),
            confirmed: self.is_confirmed(),
            confirm: after(self.draining_since(now), policy.failback_confirm),
            retry: match self.failback.retry {
                Some(retry) if self.confirms() => after(retry.at, Duration::ZERO),
                Some(_) | None => TimerState::Now,
            },
            now: now.mono,
        }
    }

    /// Now, unless it drains already.
    fn draining_since(&self, now: Now) -> Moment {
        match self.stance {
            Stance::Draining { since } => since,
            Stance::Unsettled | Stance::Off | Stance::Full => now.mono,
        }
    }

    /// How long an operator's withdrawal drains; not at all where there is nothing to drain with.
    fn drain_of_withdrawal(&self) -> Duration {
        let asked = self.overridden().and_then(|over| over.drain);
        asked
            .filter(|_| !self.policy.drain.is_empty())
            .unwrap_or_default()
    }

    fn window(&self, now: Now) -> TimerState {
        match &self.policy.failback_window {
            None => TimerState::Now,
            Some(_) if self.consented() => TimerState::Now,
            Some(daily) if window::is_open(daily, now.wall) => TimerState::Now,
            Some(daily) => window::next_opening(daily, now.wall).map_or(TimerState::Never, |opening| {
                TimerState::At(moment_of(&now, opening))
            }),
        }
    }

    /// Goes where the judgement says. False: we stand there already.
    fn switch(&mut self, now: Now, notes: &mut Vec<CoreEvent>) -> bool {
        let Decision { to, rule, why, .. } = self.judgement;
        let from = self.stance;
        if to == from {
            return false;
        }
        let counted = self.counts(from, to, rule);
        // Told by the facts that led here: some count for nothing where it stands from now on.
        let transition = self.transition(now, (from, to), (rule, self.reason(why)), counted);
        self.stance = to;
        self.stance_since = Some(now.wall);
        if to == Stance::Off || (to != Stance::Full && !self.confirms()) {
            // It is used up: the transition tells.
            self.remembered.consent = None;
        }
        self.thawing = false;
        self.remembered.imposed = why.is_imposed() && to == self.starting_point();
        self.failback_switched(now.mono, why);
        self.intent.decision += 1;
        notes.push(transition);
        if counted {
            self.count(now, notes);
        }
        true
    }
}

/// Whether a verdict down could rest on such a probe.
pub(crate) fn could_count_down(policy: &model::ProbeConfig) -> bool {
    matches!(policy.votes, Votes::Both | Votes::Down) || policy.decides == Some(Decides::Down)
}
