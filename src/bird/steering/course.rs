//! What steering remembers of one service: its protocols, what it was last brought to, and how far
//! the decision in force has come. Pure: it is handed what was seen, and when.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::bird::answer;
use crate::bird::plan::{Known, Pair, Slot, State};
use crate::config::model::{Family, Static};
use crate::failover::Strength;

use super::attempts::Attempts;
use super::drift::{self, Boot, Settled};
use super::rehearsing::Drill;
use super::stages::Stages;
use super::{Stage, StageReport, Target, Wish};

/// One static protocol.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) protocol: Static,
    /// What the guard said last, and why if it refused; `None`: not asked yet.
    pub(super) guard: Option<Result<(), String>>,
    pub(super) attempts: Attempts,
}

/// The protocols of one family.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) family: Family,
    pub(super) full: Line,
    pub(super) drain: Option<Line>,
}

/// What steering remembers of one service.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) target: Target,
    pub(super) legs: Vec<Leg>,
    pub(super) wish: Wish,
    /// What it was seen to have been brought to, under a wish that still stands.
    pub(super) settled: Option<Settled>,
    /// The drift that is not mended yet.
    pub(super) drifting: Option<String>,
    /// What is up, and since when.
    pub(super) actual: Option<Strength>,
    pub(super) since: Instant,
    /// Why a state file could not be written, for each of the legs.
    pub(super) file_trouble: Vec<Option<String>>,
    pub(super) drill: Drill,
    stages: Stages,
}

impl Line {
    fn new(protocol: &Static, poll_interval: Duration) -> Self {
        Self {
            protocol: protocol.clone(),
            guard: None,
            attempts: Attempts::new(poll_interval),
        }
    }

    /// A guard that spoke before counts for what is up or cannot be seen. To enable it is asked anew.
    fn known(&self, view: &View) -> Known {
        let state = view.state(&self.protocol.name);
        let fits = match state {
            State::Up | State::Starting | State::Unknown => self.guard.as_ref().map(Result::is_ok),
            State::Missing | State::Down | State::Stopping => None,
        };
        Known {
            state,
            fits,
            routed: None,
        }
    }
}

impl Leg {
    /// What is known of the pair before anything is asked.
    pub(super) fn pair(&self, view: &View) -> Pair {
        Pair {
            full: self.full.known(view),
            drain: self.drain.as_ref().map(|line| line.known(view)),
        }
    }

    pub(super) fn line(&self, slot: Slot) -> Option<&Line> {
        match slot {
            Slot::Full => Some(&self.full),
            Slot::Drain => self.drain.as_ref(),
        }
    }

    pub(super) fn line_mut(&mut self, slot: Slot) -> Option<&mut Line> {
        match slot {
            Slot::Full => Some(&mut self.full),
            Slot::Drain => self.drain.as_mut(),
        }
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        std::iter::once(&self.full).chain(&self.drain)
    }

    fn lines_mut(&mut self) -> impl Iterator<Item = &mut Line> {
        std::iter::once(&mut self.full).chain(&mut self.drain)
    }

    /// The protocol that announces this family now.
    pub(super) fn announcing(&self, view: &View) -> Option<&Line> {
        match self.pair(view).strength() {
            Strength::Off => None,
            Strength::Drain => self.drain.as_ref(),
            Strength::Full => Some(&self.full),
        }
    }
}

/// The states of all protocols at one moment; without any, BIRD was not seen.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    states: Option<HashMap<String, State>>,
}

impl View {
    /// What `show protocols` said.
    pub(super) fn new(protocols: &[answer::Protocol]) -> Self {
        let state = |state| match state {
            answer::State::Down => State::Down,
            answer::State::Up => State::Up,
            // A word of a BIRD to come: it is neither at rest nor at work.
            answer::State::Start | answer::State::Other => State::Starting,
            answer::State::Stop | answer::State::Flush => State::Stopping,
        };
        let states = protocols
            .iter()
            .map(|protocol| (protocol.name.clone(), state(protocol.state)));
        Self {
            states: Some(states.collect()),
        }
    }

    /// The state of a protocol.
    pub(super) fn state(&self, name: &str) -> State {
        match &self.states {
            None => State::Unknown,
            Some(states) => states.get(name).copied().unwrap_or(State::Missing),
        }
    }
}

impl Course {
    pub(super) fn new(target: Target, poll_interval: Duration, now: Instant) -> Self {
        let drain = |family| target.drain.iter().find(|protocol| protocol.family == family);
        let leg = |full: &Static| Leg {
            family: full.family,
            full: Line::new(full, poll_interval),
            drain: drain(full.family).map(|protocol| Line::new(protocol, poll_interval)),
        };
        Self {
            legs: target.full.iter().map(leg).collect(),
            file_trouble: vec![None; target.full.len()],
            target,
            wish: Wish::default(),
            settled: None,
            drifting: None,
            actual: None,
            since: now,
            drill: Drill::default(),
            stages: Stages::default(),
        }
    }

    /// Takes the latest wish. What was settled under another one says nothing about drift, except
    /// while hands are off: then it says what was there when they were taken off.
    pub(super) fn take(&mut self, wish: &Wish) {
        if wish.strength != self.wish.strength && !wish.hands_off {
            self.drifting = None;
            self.settled = self
                .settled
                .take()
                .filter(|settled| Some(settled.strength) == wish.strength);
        }
        if wish.id != self.wish.id {
            self.stages = Stages::default();
            self.drill = Drill::default();
        }
        self.wish = wish.clone();
    }

    /// What is to be done about BIRD; `None`: nothing may be.
    pub(super) fn order(&self) -> Option<Strength> {
        self.rehearses()
            .or(self.wish.strength)
            .filter(|_| !self.wish.hands_off)
    }

    /// What the state files are to say; `None`: what they say. A drill leaves no trace there, so that
    /// whatever befalls BIRD ends it.
    pub(super) fn lasting_order(&self) -> Option<Strength> {
        self.wish.strength.filter(|_| !self.wish.hands_off)
    }

    /// A new connection: BIRD may be another one.
    pub(super) fn reconnected(&mut self) {
        self.lose_drill("BIRD was restarted, or its connection was lost");
        self.legs
            .iter_mut()
            .flat_map(Leg::lines_mut)
            .for_each(|line| line.attempts.reconnected());
    }

    /// BIRD was seen. Returns a drift that was not there before.
    pub(super) fn observe(&mut self, view: &View, boot: &Boot, now: Instant) -> Option<String> {
        let actual = self.strength(view);
        if actual != self.actual {
            (self.actual, self.since) = (actual, now);
        }
        self.look_after_drill(view);
        let wanted = match self.order() {
            Some(wanted) => wanted,
            None => self.settled.as_ref()?.strength,
        };
        if self.reached(wanted, view) {
            self.legs
                .iter_mut()
                .flat_map(Leg::lines_mut)
                .for_each(|line| line.attempts.reached());
            self.drifting = None;
            self.stages.close();
            self.settled = Some(Settled {
                strength: wanted,
                boot: boot.clone(),
            });
            return None;
        }
        let settled = self
            .settled
            .as_ref()
            .filter(|settled| settled.strength == wanted)?;
        if self.drifting.is_some() {
            return None;
        }
        let text = drift::told(self, settled, view, boot)?;
        self.drifting = Some(text.clone());
        Some(text)
    }

    /// BIRD cannot be seen.
    pub(super) fn lose_sight(&mut self, now: Instant) {
        self.lose_drill("BIRD does not answer any more");
        if self.actual.take().is_some() {
            self.since = now;
        }
    }

    /// What is up: the weakest over the families.
    fn strength(&self, view: &View) -> Option<Strength> {
        self.legs.iter().map(|leg| leg.pair(view).strength()).min()
    }

    /// Whether every family is where it should be.
    pub(super) fn reached(&self, wanted: Strength, view: &View) -> bool {
        self.legs.iter().all(|leg| leg.pair(view).reached(wanted))
    }

    /// What an adopting daemon may settle on (D10).
    pub(super) fn adoptable(&self, view: &View) -> Option<Strength> {
        let mut strengths = self.legs.iter().map(|leg| leg.pair(view).adoptable());
        let first = strengths.next()??;
        strengths.all(|other| other == Some(first)).then_some(first)
    }

    /// A stage, unless it is told already or belongs to no decision.
    pub(super) fn stage(
        &mut self,
        service: usize,
        stage: Stage,
        protocol: &str,
        at: Instant,
    ) -> Option<StageReport> {
        self.stages.tell(stage, protocol).then(|| StageReport {
            service,
            id: self.wish.id,
            stage,
            at,
            protocol: protocol.to_owned(),
        })
    }

    /// Whether a protocol was enabled for the decision in force, and is not seen exported yet.
    pub(super) fn awaits_export(&self, protocol: &str) -> bool {
        self.stages.awaits_export(protocol)
    }

    /// Whether anything of the decision in force is still on its way.
    pub(super) fn moving(&self) -> bool {
        let mut lines = self
            .legs
            .iter()
            .flat_map(Leg::lines)
            .map(|line| line.protocol.name.as_str());
        lines.any(|name| self.stages.awaits_export(name) || self.stages.awaits_silence(name))
            || self.ending().any(|line| self.awaits_gone(&line.protocol.name))
    }

    /// Whether a protocol was seen down, and not that no upstream carries it.
    pub(super) fn awaits_gone(&self, protocol: &str) -> bool {
        self.stages.awaits_gone(protocol)
    }

    /// The names of all its protocols.
    pub(super) fn names(&self) -> Vec<String> {
        self.legs
            .iter()
            .flat_map(Leg::lines)
            .map(|line| line.protocol.name.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests;
