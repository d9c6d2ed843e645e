//! What steering remembers of one service: its protocols, what it was last brought to, and how far
//! the decision in force has come. Pure: it is handed what was seen, and when.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::bird::answer;
use crate::bird::plan::{Known, Pair, Slot, State};
use crate::config::model::{Family, Static};
use crate::failover::Strength;

use super::again::Retry;
use super::attempts::{Attempts, Order};
use super::drift::{self, Boot, Settled};
use super::kernel::{self, Kernels};
use super::mending::Mending;
use super::rehearsing::Drill;
use super::stages::Stages;
use super::way::{self, Others, Pipe, Shape};
use super::{Report, Stage, StageReport, Target, Wish};

/// One static protocol.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) protocol: Static,
    /// What the guard said last, and why if it refused; `None`: not asked yet.
    pub(super) guard: Option<Result<(), String>>,
    /// What it would do with its routes; `None`: not asked yet.
    pub(super) shape: Option<Shape>,
    pub(super) attempts: Attempts,
    pub(super) mending: Mending,
    /// That somebody undoes it again and again.
    pub(super) alarm: Option<String>,
    /// What it was told last, as the reason in BIRD.
    pub(super) told: String,
}

/// The protocols of one family.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) family: Family,
    pub(super) full: Line,
    pub(super) drain: Option<Line>,
    /// How often what reaches nobody was tried again.
    pub(super) retry: Retry,
}

/// Somebody else undid what had been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undone {
    /// When it was first seen.
    pub(super) since: Instant,
    /// Nobody did: BIRD was restarted.
    pub(super) restarted: bool,
    /// Whether BIRD was asked who did.
    pub(super) asked: bool,
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
    /// What had been reached under the wish in force and is so no more.
    pub(super) undone: Option<Undone>,
    /// What is up, and since when.
    pub(super) actual: Option<Strength>,
    pub(super) since: Instant,
    /// Why a state file could not be written, for each of the legs.
    pub(super) file_trouble: Vec<Option<String>>,
    pub(super) drill: Drill,
    /// Who else has the prefixes.
    pub(super) others: Others,
    stages: Stages,
}

impl Line {
    fn new(protocol: &Static, poll_interval: Duration, flap_window: Duration) -> Self {
        Self {
            protocol: protocol.clone(),
            guard: None,
            shape: None,
            attempts: Attempts::new(poll_interval),
            mending: Mending::new(flap_window),
            alarm: None,
            told: String::new(),
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

/// What BIRD calls a protocol between two tables.
const PIPE: &str = "Pipe";

/// The states of all protocols at one moment; without any, BIRD was not seen.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    states: Option<HashMap<String, State>>,
    /// `None`: BIRD shows one that is not understood.
    pipes: Option<Vec<Pipe>>,
    /// The protocols that bring routes into the kernel.
    pub(super) kernels: Kernels,
}

/// How many pipes a route is followed through; whoever has more knows what they do.
const PIPES_IN_A_ROW: usize = 4;

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
        let pipes = protocols.iter().filter(|protocol| protocol.proto == PIPE);
        Self {
            states: Some(states.collect()),
            pipes: pipes
                .map(|protocol| way::pipe(&protocol.name, &protocol.info))
                .collect(),
            kernels: kernel::named(protocols),
        }
    }

    /// The pipes that a route takes from one table into another, the shortest way; empty: none leads there.
    /// `None`: it cannot be told.
    pub(super) fn pipes_between(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let pipes = self.pipes.as_ref()?;
        let mut reached: Vec<(String, Vec<String>)> = vec![(from.to_owned(), Vec::new())];
        for _ in 0..PIPES_IN_A_ROW {
            let mut further = Vec::new();
            for (table, by) in &reached {
                for pipe in pipes.iter().filter(|pipe| !by.contains(&pipe.name)) {
                    let next = match &pipe.ends {
                        (one, other) if one == table => other,
                        (one, other) if other == table => one,
                        _ => continue,
                    };
                    let by: Vec<String> = by.iter().chain([&pipe.name]).cloned().collect();
                    if next == to {
                        return Some(by);
                    }
                    let new = |(table, _): &(String, Vec<String>)| table != next;
                    if reached.iter().chain(&further).all(new) {
                        further.push((next.clone(), by));
                    }
                }
            }
            reached = further;
        }
        Some(Vec::new())
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
            full: Line::new(full, poll_interval, target.flap_window),
            drain: drain(full.family).map(|protocol| Line::new(protocol, poll_interval, target.flap_window)),
            retry: Retry::default(),
        };
        Self {
            legs: target.full.iter().map(leg).collect(),
            file_trouble: vec![None; target.full.len()],
            target,
            wish: Wish::default(),
            settled: None,
            drifting: None,
            undone: None,
            actual: None,
            since: now,
            drill: Drill::default(),
            others: Others::default(),
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
            // A decision's own change never waits as a mend does, also where what it finds was undone
            // and nobody has seen that yet.
            self.undone = None;
            if !wish.hands_off {
                (self.settled, self.drifting) = (None, None);
            }
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
            (self.drifting, self.undone) = (None, None);
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
        let restarted = boot.restarted_since(&settled.boot);
        self.undone.get_or_insert(Undone {
            since: now,
            restarted,
            asked: false,
        });
        if self.drifting.is_some() {
            return None;
        }
        let text = drift::told(self, settled, view, boot)?;
        self.drifting = Some(text.clone());
        Some(text)
    }

    /// A write changed something: told if it put back what had been reached. After a restart of BIRD
    /// nobody undid it, so that it does not count.
    pub(super) fn mended(
        &mut self,
        service: usize,
        leg: usize,
        slot: Slot,
        order: Order,
        now: Instant,
    ) -> Option<Report> {
        let undone = self.undone?;
        let line = self.legs[leg].line_mut(slot)?;
        Some(Report::Mended {
            service,
            protocol: line.protocol.name.clone(),
            enabled: order == Order::Enable,
            repeated: (!undone.restarted).then(|| line.mending.made(now)),
        })
    }

    /// When that may be told; `None`: at once.
    pub(super) fn not_before(&self, leg: usize, slot: Slot, order: Order, now: Instant) -> Option<Instant> {
        let line = self.legs[leg].line(slot)?;
        let mend = self
            .undone
            .filter(|undone| !undone.restarted)
            .map(|undone| line.mending.not_before(undone.since));
        let mend = mend.filter(|due| *due > now);
        line.attempts.not_before(order, now).into_iter().chain(mend).max()
    }

    /// What mends are to be alarmed.
    pub(super) fn judge_mends(&mut self, now: Instant) {
        for line in self.legs.iter_mut().flat_map(Leg::lines_mut) {
            line.alarm = line.mending.alarm(&line.protocol.name, now);
        }
    }

    /// Those of its protocols that are the opposite of what had been reached, and of which BIRD was not
    /// asked yet who did it.
    pub(super) fn take_suspects(&mut self, view: &View) -> Vec<(usize, Slot)> {
        let (Some(undone), Some(settled)) = (&mut self.undone, &self.settled) else {
            return Vec::new();
        };
        if std::mem::replace(&mut undone.asked, true) {
            return Vec::new();
        }
        let wanted = Slot::of(settled.strength);
        let slots = [Slot::Full, Slot::Drain];
        let all = (0..self.legs.len()).flat_map(|leg| slots.map(|slot| (leg, slot)));
        all.filter(|(leg, slot)| {
            let line = self.legs[*leg].line(*slot);
            line.is_some_and(|line| match view.state(&line.protocol.name) {
                State::Up => wanted != Some(*slot),
                State::Down | State::Stopping => wanted == Some(*slot),
                State::Unknown | State::Missing | State::Starting => false,
            })
        })
        .collect()
    }

    /// The protocol of a family that is up, alone and as it is wanted, where it may be disabled and enabled
    /// again: not for a drill, and not while hands are off.
    pub(super) fn standing_alone(&self, leg: usize, view: &View) -> Option<Slot> {
        let strength = self.order().filter(|_| self.rehearses().is_none())?;
        let pair = self.legs[leg].pair(view);
        let slot = Slot::of(strength)?;
        let up = pair.get(slot)?.state == State::Up;
        (up && pair.reached(strength)).then_some(slot)
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
