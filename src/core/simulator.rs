//! A site on virtual time: what the daemon is to a [`Site`] in real time, this is where time is made
//! up and the world is a script. For `falconer simulate`, and for proofs.
//!
//! It makes no checks, reads no clock, and knows nothing of BIRD beyond what it is told.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::{CheckStart, CommandRefused, CoreEvent, Event, Input, ProbeId};
use super::persistent::PersistentState;
use super::site::Site;
use crate::config::model::{self, Config};
use crate::model::command::OperatorCommand;
use crate::model::snapshot::CheckOutcome;
use crate::model::time::{Moment, Now};

/// What the world answers to checks.
pub trait SimulatedWorld {
    /// What comes of a check of `probe` that begins at `at`; `None`: it never reports.
    fn answer(&mut self, at: Moment, probe: ProbeId, policy: &model::ProbeConfig) -> Option<SimulatedResult>;
}

/// What comes of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedResult {
    /// After how long; past the probe's time-out it is a fail at the time-out.
    pub after: Duration,
    /// Pass, fail or error.
    pub outcome: CheckOutcome,
    /// In words.
    pub detail: String,
}

/// A site and its virtual time.
#[derive(Clone, Debug)]
pub struct Simulator {
    site: Site,
    now: Now,
    /// Events to come, by their moment, and in the order in which they were put there.
    coming: BTreeMap<(Moment, u64), Event>,
    put: u64,
    notes: Vec<(Moment, CoreEvent)>,
    inputs: Option<Vec<Input>>,
}

impl Simulator {
    /// A site at its start; nothing has been asked of it yet.
    pub fn new(config: &Config, memory: &PersistentState, now: Now) -> Self {
        Self {
            site: Site::new(config, memory, now),
            now,
            coming: BTreeMap::new(),
            put: 0,
            notes: Vec::new(),
            inputs: None,
        }
    }

    /// Keeps every input from here on, to be replayed.
    pub fn recording(mut self) -> Self {
        self.inputs = Some(Vec::new());
        self
    }

    /// The site goes over to a new configuration. What was recorded before cannot be replayed
    /// beyond this.
    pub fn reconfigure(&mut self, config: &Config) {
        self.site.reconfigure(config, self.now);
    }

    /// The site.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What time it is.
    pub fn now(&self) -> Now {
        self.now
    }

    /// Everything that happened so far, in order.
    pub fn notes(&self) -> &[(Moment, CoreEvent)] {
        &self.notes
    }

    /// The same, when nothing more is to happen.
    pub fn into_notes(self) -> Vec<(Moment, CoreEvent)> {
        self.notes
    }

    /// The inputs that were kept.
    pub fn inputs(&self) -> &[Input] {
        self.inputs.as_deref().unwrap_or_default()
    }

    /// Puts an event into the future (or the present).
    pub fn put(&mut self, at: Moment, event: Event) {
        self.coming.insert((at, self.put), event);
        self.put += 1;
    }

    /// When something happens next, if nothing is put before it.
    pub fn next(&self) -> Option<Moment> {
        let event = self.coming.first_key_value().map(|((at, _), _)| *at);
        [event, self.site.deadline()].into_iter().flatten().min()
    }

    /// Lets time pass up to and including `until`.
    pub fn run_until(&mut self, until: Moment, world: &mut impl SimulatedWorld) {
        while self.step(until, world) {}
        self.pass(until.since(self.now.mono));
    }

    /// Lets happen what happens next, but nothing that lies beyond `until`. False: nothing did.
    pub fn step(&mut self, until: Moment, world: &mut impl SimulatedWorld) -> bool {
        let Some(at) = self.next().filter(|&at| at <= until) else {
            return false;
        };
        self.pass(at.since(self.now.mono));
        let ripe = self.coming.first_entry().filter(|entry| entry.key().0 <= at);
        let event = ripe.map(|entry| entry.remove());
        self.hand_in(event, world);
        true
    }

    /// Lets time pass without a look at it, as a stalled daemon does.
    pub fn pass(&mut self, by: Duration) {
        let then = self.now.mono + by;
        self.now = Now {
            mono: then,
            wall: self.now.wall_at(then),
        };
    }

    /// Moves the wall clock, and nothing else.
    pub fn step_wall_clock(&mut self, to: jiff::Timestamp) {
        self.now.wall = to;
    }

    /// Hands in an event now; `None`: only that time has passed.
    pub fn hand_in(&mut self, event: Option<Event>, world: &mut impl SimulatedWorld) {
        let input = Input { now: self.now, event };
        let starts = self.site.handle(&input);
        self.follow(input, &starts, world);
    }

    /// An operator asks for something now.
    ///
    /// # Errors
    /// What the site says against it.
    pub fn ask(
        &mut self,
        service: usize,
        ask: OperatorCommand,
        actor: &str,
        world: &mut impl SimulatedWorld,
    ) -> Result<(), CommandRefused> {
        let actor = actor.to_owned();
        let event = Some(Event::Asked { service, ask, actor });
        let input = Input { now: self.now, event };
        let asked = self.site.ask(&input);
        let starts = asked.as_deref().unwrap_or_default();
        self.follow(input, starts, world);
        asked.map(drop)
    }

    fn follow(&mut self, input: Input, starts: &[CheckStart], world: &mut impl SimulatedWorld) {
        if let Some(inputs) = &mut self.inputs {
            inputs.push(input);
        }
        let at = self.now.mono;
        self.notes
            .extend(self.site.take_notes().into_iter().map(|note| (at, note)));
        for start in starts {
            let Some(policy) = self.site.policy(start.probe) else {
                continue;
            };
            let timeout = policy.timeout;
            if let Some(answer) = world.answer(at, start.probe, policy) {
                let (after, event) = report(*start, answer, timeout);
                self.put(at + after, event);
            }
        }
    }
}

/// The result of a check as the one who makes it reports it: it obeys the time-out.
fn report(start: CheckStart, answer: SimulatedResult, timeout: Duration) -> (Duration, Event) {
    let late = answer.after > timeout;
    let outcome = if late { CheckOutcome::Fail } else { answer.outcome };
    let after = answer.after.min(timeout);
    let answered = !late && outcome == CheckOutcome::Pass;
    let event = Event::Checked {
        id: start.id,
        outcome,
        detail: if late {
            "no answer in time".to_owned()
        } else {
            answer.detail
        },
        rtt: answered.then_some(after),
    };
    (after, event)
}

#[cfg(test)]
mod tests;
