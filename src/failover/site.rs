//! All of this site's judgement: its services, its witnesses, and the checks to be made.
//!
//! The driver hands in every input through [`Site::handle`], makes the checks that come back, hands
//! what each service wants to BIRD, and comes back at [`Site::deadline`] at the latest. The same
//! inputs give the same decisions, bit for bit.

mod checks;
mod cut_off;
mod reconfigure;
mod slots;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::drill::Plan;
use super::event::{Ask, Event, Input, Note, ProbeId, Refusal, Start};
use super::isolation::{Isolation, Sightings, isolation};
use super::memory::{Memory, Passes, Remembered};
use super::service::{Service, Surroundings};
use crate::config::model::{self, Config};
use crate::health::{CheckId, Probe};
use crate::status::snapshot::{Outcome, ProbeState};
use crate::time::{Moment, Now};
use cut_off::CutOff;
use slots::Slots;

/// A stall shorter than this is not worth a note, whatever a short time-out makes of it.
const STALL_WORTH_A_NOTE: Duration = Duration::from_millis(250);

/// This site.
#[derive(Clone, Debug)]
pub struct Site {
    services: Vec<Service>,
    witnesses: Vec<Probe>,
    witness_policies: Vec<model::Probe>,
    min_up: usize,
    isolation: Isolation,
    sightings: Sightings,
    cut_off: Option<CutOff>,
    last: HashMap<ProbeId, Last>,
    passed: Passes,
    /// Never more than the probes themselves hold under way, which is limited.
    under_way: HashMap<CheckId, ProbeId>,
    next_id: u64,
    deadline: Option<Moment>,
    notes: Vec<Note>,
    /// What is remembered of services that this configuration does not name: kept for one that does
    /// (D10).
    absent: BTreeMap<String, Remembered>,
}

/// A probe's last result.
#[derive(Clone, Debug, PartialEq)]
pub struct Last {
    /// When it came.
    pub at: Timestamp,
    /// What it was.
    pub outcome: Outcome,
    /// In words.
    pub detail: String,
    /// How long the answer took.
    pub rtt: Option<Duration>,
}

impl Site {
    /// A site that knows nothing but its configuration and what it remembered.
    pub fn new(config: &Config, memory: &Memory, now: Now) -> Self {
        let slots = Slots::new(config, &memory.passed, now.mono);
        let services = config.services.iter().enumerate().map(|(index, policy)| {
            let probes = slots.group(index, &policy.probes);
            let remembered = memory.services.get(&policy.name).cloned().unwrap_or_default();
            Service::new(index, policy.clone(), probes, remembered, now)
        });
        let services = services.collect();
        let witnesses = slots.group(config.services.len(), &config.witnesses);
        Self {
            services,
            isolation: isolation(witnesses.iter().map(Probe::state), config.isolation.min_up),
            sightings: Sightings::new(witnesses.len(), config.isolation.min_up),
            witnesses,
            witness_policies: config.witnesses.clone(),
            min_up: config.isolation.min_up,
            cut_off: None,
            last: HashMap::new(),
            passed: memory.passed.clone(),
            under_way: HashMap::new(),
            next_id: 0,
            deadline: Some(now.mono),
            notes: Vec::new(),
            absent: absent(config, memory),
        }
    }

    /// Takes in one input, and returns the checks that are to be started at once.
    pub fn handle(&mut self, input: &Input) -> Vec<Start> {
        // A refusal is for the one who asked, and asks through `ask`.
        self.ask(input).unwrap_or_default()
    }

    /// The same for an operator's wish, which may be refused.
    ///
    /// # Errors
    /// When it makes no sense now. Nothing has changed then, and no check has begun; whatever was due
    /// is still due.
    pub fn ask(&mut self, input: &Input) -> Result<Vec<Start>, Refusal> {
        self.take(input)?;
        Ok(self.proceed(input.now))
    }

    /// When the driver has to come back at the latest, even if nothing happens.
    pub fn deadline(&self) -> Option<Moment> {
        self.deadline
    }

    /// What happened since the last call, in order.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// The services, in the configuration's order.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The witnesses and their part of the configuration, in its order.
    pub fn witnesses(&self) -> impl Iterator<Item = (&model::Probe, &Probe)> {
        self.witness_policies.iter().zip(&self.witnesses)
    }

    /// Whether we are isolated.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// How many witnesses must be up.
    pub fn min_up(&self) -> usize {
        self.min_up
    }

    /// How many checks have been started and are waited for.
    pub fn checks_under_way(&self) -> usize {
        self.under_way.len()
    }

    /// A probe's last result.
    pub fn last(&self, probe: ProbeId) -> Option<&Last> {
        self.last.get(&probe)
    }

    /// The probe of a check that is under way.
    pub fn probe_of(&self, check: CheckId) -> Option<ProbeId> {
        self.under_way.get(&check).copied()
    }

    /// A probe's part of the configuration.
    pub fn policy(&self, probe: ProbeId) -> Option<&model::Probe> {
        match probe {
            ProbeId::Service(service, probe) => self.services.get(service)?.policy().probes.get(probe),
            ProbeId::Witness(witness) => self.witness_policies.get(witness),
        }
    }

    /// The service that is being drilled.
    pub fn drilled(&self) -> Option<&Service> {
        self.services.iter().find(|service| service.drill().is_some())
    }

    /// Everything that speaks against a drill now, as far as the judgement knows.
    pub fn against_drill(&self, service: usize, plan: &Plan) -> Vec<String> {
        let Some(service) = self.services.get(service) else {
            return vec!["there is no such service".to_owned()];
        };
        let mut against = service.against_drill(plan, self.isolation);
        if let Some(other) = self.drilled() {
            let name = &other.policy().name;
            against.push(format!(
                "a drill of {name} is under way, and one at a time is enough"
            ));
        }
        against
    }

    /// What must survive a restart.
    pub fn memory(&self) -> Memory {
        let remembered = self
            .services
            .iter()
            .filter(|service| !service.remembered().is_empty());
        let services =
            remembered.map(|service| (service.policy().name.clone(), service.remembered().clone()));
        let absent = self.absent.clone().into_iter();
        Memory {
            services: absent.chain(services).collect(),
            passed: self.passed.clone(),
        }
    }

    fn take(&mut self, input: &Input) -> Result<(), Refusal> {
        let now = input.now;
        self.notice_stall(now.mono);
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
            Some(Event::Suspended { lasted }) => {
                // Our own clock stood still meanwhile, and every delay with it.
                self.spoil(*lasted);
                Ok(())
            }
        }
    }

    fn asked(&mut self, now: Now, service: usize, ask: &Ask, actor: &str) -> Result<(), Refusal> {
        if let (Ask::Drill(_), Some(other)) = (ask, self.drilled()) {
            let name = &other.policy().name;
            return Err(Refusal(format!(
                "a drill of {name} is under way, and one at a time is enough"
            )));
        }
        match self.services.get_mut(service) {
            Some(service) => service.ask(now, ask, actor, self.isolation, &mut self.notes),
            None => Err(Refusal("there is no such service".to_owned())),
        }
    }

    /// Whoever calls later than asked was stalled: by the scheduler, a signal, or itself (D2).
    fn notice_stall(&mut self, now: Moment) {
        if let Some(late) = self
            .deadline
            .map(|deadline| now.since(deadline))
            .filter(|late| !late.is_zero())
        {
            // Each delay counts once, also where a refusal ends this call early.
            self.deadline = Some(now);
            self.spoil(late);
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
            self.notes.push(Note::Stalled { late });
        }
    }

    /// Derives everything anew, and starts what is due.
    fn proceed(&mut self, now: Now) -> Vec<Start> {
        self.give_up_overdue(now);
        self.settle_isolation(now.mono);
        self.seek_witnesses(now.mono);
        let around = Surroundings {
            isolation: self.isolation,
            sightings: &self.sightings,
        };
        for service in &mut self.services {
            service.settle(now, around, &mut self.notes);
        }
        let starts = self.start_due(now.mono);
        self.deadline = self.next_deadline(now);
        starts
    }

    fn next_deadline(&self, now: Now) -> Option<Moment> {
        let checks = self.all_probes().map(|(_, probe)| probe.due()).min();
        let pulse = self
            .all_probes()
            .filter_map(|(_, probe)| probe.pulse())
            .min()
            .map(|pulse| now.mono + pulse);
        let services = self
            .services
            .iter()
            .filter_map(|service| service.deadline(&now))
            .min();
        [checks, pulse, services].into_iter().flatten().min()
    }

    fn all_probes(&self) -> impl Iterator<Item = (ProbeId, &Probe)> {
        let of_services = self.services.iter().enumerate().flat_map(|(index, service)| {
            let probes = service.probes.iter().enumerate();
            probes.map(move |(at, probe)| (ProbeId::Service(index, at), probe))
        });
        let witnesses = self.witnesses.iter().enumerate();
        of_services.chain(witnesses.map(|(index, probe)| (ProbeId::Witness(index), probe)))
    }

    fn all_probes_mut(&mut self) -> impl Iterator<Item = &mut Probe> {
        self.services
            .iter_mut()
            .flat_map(|service| &mut service.probes)
            .chain(&mut self.witnesses)
    }

    fn probe_mut(&mut self, of: ProbeId) -> Option<&mut Probe> {
        match of {
            ProbeId::Service(service, probe) => self.services.get_mut(service)?.probes.get_mut(probe),
            ProbeId::Witness(witness) => self.witnesses.get_mut(witness),
        }
    }

    /// A probe's health.
    pub fn probe(&self, of: ProbeId) -> Option<&Probe> {
        match of {
            ProbeId::Service(service, probe) => self.services.get(service)?.probes.get(probe),
            ProbeId::Witness(witness) => self.witnesses.get(witness),
        }
    }

    /// A probe's state (D1).
    pub fn state(&self, of: ProbeId) -> Option<ProbeState> {
        self.probe(of).map(Probe::state)
    }
}

/// How many services that no configuration names are remembered: names change, and the file must not
/// grow with every one that there ever was.
const ABSENT_LIMIT: usize = 1024;

fn absent(config: &Config, memory: &Memory) -> BTreeMap<String, Remembered> {
    let named = |name: &String| config.services.iter().any(|service| service.name == *name);
    let absent = memory.services.iter().filter(|(name, _)| !named(name));
    absent
        .take(ABSENT_LIMIT)
        .map(|(name, remembered)| (name.clone(), remembered.clone()))
        .collect()
}

#[cfg(test)]
pub(super) mod tests;
