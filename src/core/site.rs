//! All of this site's judgement: its services, its witnesses, and the checks to be made.
//!
//! The driver hands in every input through [`Site::handle`], makes the checks that come back, hands
//! what each service wants to BIRD, and comes back at [`Site::deadline`] at the latest. The same
//! inputs give the same decisions, bit for bit.

mod checks;
mod clocks;
mod isolation_episode;
mod reload;
pub mod serving;
mod stagger;
mod timers;
mod watched;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::event::{CheckStart, CommandRefused, CoreEvent, Event, Input, ProbeId};
use super::isolation::{IsolationEpisode, WitnessPasses, isolation, needed_for_takeover, witness_states};
use super::persistent::{Passes, PersistentService, PersistentState};
use super::service::{ServiceState, SiteContext};
use crate::config::model::{self, Config, MinUp, OnCutOff};
use crate::core::health::{CheckId, ProbeTracker};
use crate::model::command::DrillPlan;
use crate::model::command::OperatorCommand;
use crate::model::history::HistoryEvent;
use crate::model::snapshot::{CheckOutcome, Isolation, LastDrill, ProbeState};
use crate::model::time::{Moment, Now};
use stagger::Stagger;
use timers::Timers;
use watched::Watched;

/// A stall shorter than this is not worth a note, whatever a short time-out makes of it.
const STALL_WORTH_A_NOTE: Duration = Duration::from_millis(250);

/// This site.
///
/// Nothing that an input costs grows with the number of services: what a fact changes is marked, what
/// waits for its time has a timer, and only these are evaluated. [`Site::exhaustive`] evaluates
/// everything with every input, and decides the same.
#[derive(Clone, Debug)]
pub struct Site {
    services: Watched<ServiceState>,
    witnesses: Watched<ProbeTracker>,
    witness_policies: Vec<model::ProbeConfig>,
    min_up: MinUp,
    on_cut_off: OnCutOff,
    isolation: Isolation,
    sightings: WitnessPasses,
    cut_off: Option<IsolationEpisode>,
    /// Until when doubt is not spread over the services again.
    next_spread: Option<Moment>,
    /// The same for rounds because of a late answer.
    next_early_spread: Option<Moment>,
    last: HashMap<ProbeId, LastCheck>,
    passed: Passes,
    /// Never more than the probes themselves hold under way, which is limited.
    under_way: HashMap<CheckId, ProbeId>,
    next_id: u64,
    /// The clocks at the last input.
    clocks: Now,
    deadline: Option<Moment>,
    notes: Vec<CoreEvent>,
    /// What is remembered of services that this configuration does not name: kept for one that does
    /// (D10).
    absent: BTreeMap<String, PersistentService>,
    timers: Timers,
    /// No probe has a shorter time-out: a delay that it bears spoils nothing.
    shortest_timeout: Duration,
    /// Services that were evaluated since somebody asked.
    settled: BTreeSet<usize>,
    memory_changed: bool,
    exhaustive: bool,
    work: Work,
}

/// What the inputs so far have cost, in counts; a test holds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Inputs taken in.
    pub inputs: u64,
    /// Services evaluated.
    pub settled: u64,
    /// Probes whose timers were set.
    pub timed: u64,
}

/// A probe's last result.
#[derive(Clone, Debug, PartialEq)]
pub struct LastCheck {
    /// When it came.
    pub at: Timestamp,
    /// What it was.
    pub outcome: CheckOutcome,
    /// In words.
    pub detail: String,
    /// How long the answer took.
    pub rtt: Option<Duration>,
}

impl Site {
    /// A site that knows nothing but its configuration and what it remembered.
    pub fn new(config: &Config, memory: &PersistentState, now: Now) -> Self {
        let slots = Stagger::new(config, &memory.passed, now.mono);
        let services = config.services.iter().enumerate().map(|(index, policy)| {
            let probes = slots.group(index, &policy.probes);
            let serves = slots.group(index, &policy.serves);
            let remembered = memory.services.get(&policy.name).cloned().unwrap_or_default();
            let drill = memory.drill_of(policy, config);
            let remembered = PersistentService { drill, ..remembered }.as_of(now.wall);
            let blind = crate::config::blind_probes(config, policy);
            ServiceState::new(index, policy.clone(), &blind, (probes, serves), remembered, now)
        });
        let services: Vec<_> = services.collect();
        let witnesses = slots.group(config.services.len(), &config.witnesses);
        Self {
            services: Watched::new(services),
            isolation: isolation(
                witness_states(&config.witnesses, &witnesses),
                config.isolation.min_up,
            ),
            sightings: WitnessPasses::new(
                config.witnesses.iter().map(|witness| witness.group).collect(),
                needed_for_takeover(&config.isolation),
            ),
            witnesses: Watched::new(witnesses),
            witness_policies: config.witnesses.clone(),
            min_up: config.isolation.min_up,
            on_cut_off: config.isolation.on_cut_off,
            cut_off: None,
            next_spread: None,
            next_early_spread: None,
            last: HashMap::new(),
            passed: memory.passed.clone(),
            under_way: HashMap::new(),
            next_id: 0,
            clocks: now,
            deadline: Some(now.mono),
            notes: Vec::new(),
            absent: absent(config, memory),
            timers: Timers::default(),
            shortest_timeout: shortest_timeout(config),
            settled: BTreeSet::new(),
            memory_changed: false,
            exhaustive: false,
            work: Work::default(),
        }
    }

    /// The same site, but everything is evaluated with every input: slow, and simple enough to be
    /// held against.
    pub fn exhaustive(mut self) -> Self {
        self.exhaustive = true;
        self
    }

    /// Takes in one input, and returns the checks that are to be started at once.
    pub fn handle(&mut self, input: &Input) -> Vec<CheckStart> {
        // A refusal is for the one who asked, and asks through `ask`.
        self.ask(input).unwrap_or_default()
    }

    /// The same for an operator's wish, which may be refused.
    ///
    /// # Errors
    /// When it makes no sense now. Nothing has changed then, and no check has begun; whatever was due
    /// is still due.
    pub fn ask(&mut self, input: &Input) -> Result<Vec<CheckStart>, CommandRefused> {
        self.work.inputs += 1;
        self.take(input)?;
        // Only when nothing else came: what waits to be taken in has reported (D1).
        if input.event.is_none() {
            self.give_up_overdue(input.now);
        }
        Ok(self.proceed(input.now))
    }

    /// Leaves the standing prefixes of all services as they are (D14), or not any more: while what an
    /// operator said before the start is not known, nothing is announced that may have been withdrawn.
    /// Whatever else is announced waits for a verdict.
    pub fn hold_standing(&mut self, held: bool) {
        self.services
            .iter_mut()
            .for_each(|service| service.hold_standing(held));
    }

    /// When the driver has to come back at the latest, even if nothing happens.
    pub fn deadline(&self) -> Option<Moment> {
        self.deadline
    }

    /// What happened since the last call, in order.
    pub fn take_notes(&mut self) -> Vec<CoreEvent> {
        std::mem::take(&mut self.notes)
    }

    /// The services that were evaluated since the last call: no other wants anything new.
    pub fn take_settled(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.settled)
    }

    /// Whether [`Site::memory`] may be another than at the last call.
    pub fn take_memory_changed(&mut self) -> bool {
        std::mem::take(&mut self.memory_changed)
    }

    /// What the inputs so far have cost.
    pub fn work(&self) -> Work {
        self.work
    }

    /// The services, in the configuration's order.
    pub fn services(&self) -> &[ServiceState] {
        &self.services
    }

    /// The witnesses and their part of the configuration, in its order.
    pub fn witnesses(&self) -> impl Iterator<Item = (&model::ProbeConfig, &ProbeTracker)> {
        self.witness_policies.iter().zip(self.witnesses.iter())
    }

    /// Whether we are isolated.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// How many witnesses must be up.
    pub fn min_up(&self) -> MinUp {
        self.min_up
    }

    /// How many checks have been started and are waited for.
    pub fn checks_under_way(&self) -> usize {
        self.under_way.len()
    }

    /// A probe's last result.
    pub fn last(&self, probe: ProbeId) -> Option<&LastCheck> {
        self.last.get(&probe)
    }

    /// The probe of a check that is under way.
    pub fn probe_of(&self, check: CheckId) -> Option<ProbeId> {
        self.under_way.get(&check).copied()
    }

    /// A probe's part of the configuration.
    pub fn policy(&self, probe: ProbeId) -> Option<&model::ProbeConfig> {
        match probe {
            ProbeId::Service(service, probe) => self.services.get(service)?.policy().probes.get(probe),
            ProbeId::Witness(witness) => self.witness_policies.get(witness),
            ProbeId::Serves(service, check) => self.services.get(service)?.policy().serves.get(check),
        }
    }

    /// The service that is being drilled.
    pub fn drilled(&self) -> Option<&ServiceState> {
        self.services.iter().find(|service| service.drill().is_some())
    }

    /// Everything that speaks against a drill now, as far as the judgement knows.
    pub fn against_drill(&self, index: usize, plan: &DrillPlan) -> Vec<String> {
        let Some(service) = self.services.get(index) else {
            return vec!["there is no such service".to_owned()];
        };
        let mut against = service.against_drill(plan, self.isolation);
        against.extend(self.against_serving(index));
        if let Some(other) = self.drilled() {
            let name = &other.policy().name;
            against.push(format!("another drill is running, of {name}"));
        }
        against
    }

    /// What must survive a restart.
    pub fn memory(&self) -> PersistentState {
        let remembered = self
            .services
            .iter()
            .filter(|service| !service.remembered().is_empty());
        let services =
            remembered.map(|service| (service.policy().name.clone(), service.remembered().clone()));
        let absent = self.absent.clone().into_iter();
        PersistentState {
            services: absent.chain(services).collect(),
            passed: self.passed.clone(),
        }
    }

    /// The drill of a service that the configuration does not name has come to its end.
    pub fn stray_drill_ended(&mut self, service: &str, last: LastDrill) {
        if let Some(remembered) = self.absent.get_mut(service) {
            remembered.drill = None;
            remembered.last_drill = Some(last);
            self.memory_changed = true;
        }
    }

    fn take(&mut self, input: &Input) -> Result<(), CommandRefused> {
        let now = input.now;
        self.follow_clocks(input);
        self.notice_stall(now);
        match &input.event {
            None => Ok(()),
            Some(Event::Checked {
                id,
                outcome,
                detail,
                rtt,
            }) => {
                self.checked(now, *id, *outcome, detail, *rtt);
                Ok(())
            }
            Some(Event::Bird { service, adoption }) => {
                if let Some(service) = self.services.get_mut(*service) {
                    service.adopt(now, *adoption, &mut self.notes);
                }
                Ok(())
            }
            Some(Event::Asked { service, ask, actor }) => self.asked(now, *service, ask, actor),
            Some(Event::Drill { service, news }) => {
                if let Some(service) = self.services.get_mut(*service) {
                    service.drill_news(now, news, &mut self.notes);
                }
                Ok(())
            }
            Some(Event::Routes { service, routes }) => {
                if let Some(service) = self.services.get_mut(*service) {
                    service.take_routes(routes);
                }
                Ok(())
            }
            Some(Event::Suspended { lasted }) => {
                // Our own clock stood still meanwhile, and every delay with it.
                self.spoil(*lasted);
                self.start_anew(
                    |probe| probe.is_stall(*lasted),
                    |probe| probe.start_anew(now.mono),
                );
                Ok(())
            }
        }
    }

    fn asked(
        &mut self,
        now: Now,
        service: usize,
        ask: &OperatorCommand,
        actor: &str,
    ) -> Result<(), CommandRefused> {
        if let (OperatorCommand::Drill(_), Some(other)) = (ask, self.drilled()) {
            let name = &other.policy().name;
            return Err(CommandRefused(format!("another drill is running, of {name}")));
        }
        if let (OperatorCommand::Drill(_), Some(why)) = (ask, self.against_serving(service)) {
            return Err(CommandRefused(why));
        }
        match self.services.get_mut(service) {
            Some(service) => service.ask(now, ask, actor, self.isolation, &mut self.notes),
            None => Err(CommandRefused("there is no such service".to_owned())),
        }
    }

    /// Whoever calls later than asked was stalled: by the scheduler, a signal, or itself (D2).
    fn notice_stall(&mut self, now: Now) {
        if let Some(late) = self
            .deadline
            .map(|deadline| now.mono.since(deadline))
            .filter(|late| !late.is_zero())
        {
            // Each delay counts once, also where a refusal ends this call early.
            self.deadline = Some(now.mono);
            if late <= self.shortest_timeout / 2 {
                return;
            }
            self.spoil(late);
            self.start_anew(|probe| probe.is_gap(late), |probe| probe.break_off(now.mono));
            for service in &mut self.services {
                service.stalled(late);
            }
        }
    }

    /// Results that are under way prove nothing (D2).
    fn spoil(&mut self, late: Duration) {
        let mut spoiled = false;
        for probe in self.all_probes_mut() {
            spoiled |= probe.stalled(late);
        }
        if spoiled && late >= STALL_WORTH_A_NOTE {
            let late_ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
            let what = HistoryEvent::Stalled { late_ms };
            self.notes.push(CoreEvent::History(None, what));
        }
    }

    /// Derives anew what may have changed, and starts what is due.
    fn proceed(&mut self, now: Now) -> Vec<CheckStart> {
        self.mark_due(&now);
        self.settle_isolation(now.mono);
        self.seek_proof(now.mono);
        self.settle_services(now);
        let starts = self.start_due(now);
        self.deadline = self.timers.deadline(now.mono);
        starts
    }

    /// Marks what has to be looked at because of the time, or because of the witnesses.
    fn mark_due(&mut self, now: &Now) {
        if self.exhaustive {
            self.services.mark_all();
            self.witnesses.mark_all();
        }
        for of in self.timers.take_due_probes(now.mono) {
            match of {
                ProbeId::Service(service, _) | ProbeId::Serves(service, _) => self.services.mark(service),
                ProbeId::Witness(witness) => self.witnesses.mark(witness),
            }
            self.ask_because_of_late(now.mono, of);
        }
        let due = self.timers.take_due_services(now.mono).into_iter();
        let by_witness = self.timers.moved_by_witness(&self.sightings);
        let by_wall_clock = self.timers.moved_by_wall_clock(now);
        for service in due.chain(by_witness).chain(by_wall_clock) {
            self.services.mark(service);
        }
    }

    fn settle_services(&mut self, now: Now) {
        let around = SiteContext {
            isolation: self.isolation,
            on_cut_off: self.on_cut_off,
            sightings: &self.sightings,
        };
        let mut turned = Vec::new();
        for index in self.services.take_to_settle() {
            let Some(service) = self.services.settling(index) else {
                continue;
            };
            let served = service.serving().map(|(state, _)| state);
            service.settle(now, around, &mut self.notes);
            let serves = service.serving().map(|(state, _)| state);
            if let (Some(from), Some(to)) = (served, serves)
                && from != to
            {
                turned.push((index, from, to));
            }
            self.memory_changed |= service.take_remembered_changed();
            self.settled.insert(index);
            self.work.settled += 1;
        }
        for (index, from, to) in turned {
            self.note_serving(index, from, to);
        }
    }

    /// Sets the timers of everything that changed.
    fn set_timers(&mut self, now: &Now) {
        for index in self.services.take_to_index() {
            let Some(service) = self.services.get(index) else {
                continue;
            };
            for (at, probe) in service.probes.iter().enumerate() {
                self.timers
                    .set_probe(ProbeId::Service(index, at), probe, now.mono);
                self.work.timed += 1;
            }
            for (at, check) in service.serving_checks().iter().enumerate() {
                self.timers.set_probe(ProbeId::Serves(index, at), check, now.mono);
                self.work.timed += 1;
            }
            self.timers.set_service(index, service, now);
        }
        for index in self.witnesses.take_to_index() {
            let Some(witness) = self.witnesses.get(index) else {
                continue;
            };
            self.timers.set_probe(ProbeId::Witness(index), witness, now.mono);
            self.work.timed += 1;
        }
    }

    fn all_probes_mut(&mut self) -> impl Iterator<Item = &mut ProbeTracker> {
        self.services
            .iter_mut()
            .flat_map(|service| service.probes.iter_mut().chain(&mut service.serving.checks))
            .chain(&mut self.witnesses)
    }

    fn probe_mut(&mut self, of: ProbeId) -> Option<&mut ProbeTracker> {
        match of {
            ProbeId::Service(service, probe) => self.services.get_mut(service)?.probes.get_mut(probe),
            ProbeId::Witness(witness) => self.witnesses.get_mut(witness),
            ProbeId::Serves(service, check) => self.services.get_mut(service)?.serving.checks.get_mut(check),
        }
    }

    /// A probe's health.
    pub fn probe(&self, of: ProbeId) -> Option<&ProbeTracker> {
        match of {
            ProbeId::Service(service, probe) => self.services.get(service)?.probes.get(probe),
            ProbeId::Witness(witness) => self.witnesses.get(witness),
            ProbeId::Serves(service, check) => self.services.get(service)?.serving_checks().get(check),
        }
    }

    /// A probe's state (D1).
    pub fn state(&self, of: ProbeId) -> Option<ProbeState> {
        self.probe(of).map(ProbeTracker::state)
    }
}

/// How many services that no configuration names are remembered: names change, and the file must not
/// grow with every one that there ever was.
const ABSENT_LIMIT: usize = 1024;

fn absent(config: &Config, memory: &PersistentState) -> BTreeMap<String, PersistentService> {
    let named = |name: &String| config.services.iter().any(|service| service.name == *name);
    let absent = memory.services.iter().filter(|(name, _)| !named(name));
    let strays = memory.stray_drills(config);
    let kept = absent.take(ABSENT_LIMIT).map(|(name, remembered)| {
        let mut remembered = remembered.clone();
        if !strays.iter().any(|stray| stray.service == *name) {
            // Whoever has its protocols now ends it.
            remembered.drill = None;
        }
        (name.clone(), remembered)
    });
    kept.collect()
}

fn shortest_timeout(config: &Config) -> Duration {
    let timeouts = super::persistent::every_probe(config).map(|probe| probe.timeout);
    timeouts.min().unwrap_or(Duration::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
