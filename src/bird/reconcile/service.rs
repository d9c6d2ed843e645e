//! What steering remembers of one service: its protocols, what it was last brought to, and how far
//! the decision in force has come. Pure: it is handed what was seen, and when.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::bird::parse;
use crate::bird::plan::{KnownState, PairSide, ProtocolPair, State};
use crate::config::model::{Family, StaticProtocolConfig};
use crate::core::Strength;

use super::again::Retry;
use super::backoff::{Backoff, SwitchAction};
use super::drift::{self, BirdRun, ReachedState};
use super::drill::DrillMemory;
use super::kernel::{self, Kernels};
use super::mending::Mending;
use super::stages::StageReports;
use super::way::{self, Others, Pipe, Shape};
use super::{DesiredState, ReconcileTarget, ReconcilerReport, StageReport, TransitionStage};

/// One static protocol.
#[derive(Debug)]
pub(crate) struct StaticProtocol {
    pub(crate) protocol: StaticProtocolConfig,
    /// What the guard said last, and why if it refused; `None`: not asked yet.
    pub(crate) guard: Option<Result<(), String>>,
    /// What it would do with its routes; `None`: not asked yet.
    pub(crate) shape: Option<Shape>,
    pub(crate) attempts: Backoff,
    pub(crate) mending: Mending,
    /// That somebody undoes it again and again.
    pub(crate) alarm: Option<String>,
    /// What it was told last, as the reason in BIRD.
    pub(crate) told: String,
}

/// The protocols of one family.
#[derive(Debug)]
pub(crate) struct FamilyState {
    pub(crate) family: Family,
    pub(crate) full: StaticProtocol,
    pub(crate) drain: Option<StaticProtocol>,
    /// How often what reaches nobody was tried again.
    pub(crate) retry: Retry,
}

/// Somebody else undid what had been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undone {
    /// When it was first seen.
    pub(crate) since: Instant,
    /// Nobody did: BIRD was restarted.
    pub(crate) restarted: bool,
    /// Whether BIRD was asked who did.
    pub(crate) asked: bool,
}

/// What steering remembers of one service.
#[derive(Debug)]
pub(crate) struct ServiceReconciler {
    pub(crate) target: ReconcileTarget,
    pub(crate) legs: Vec<FamilyState>,
    pub(crate) wish: DesiredState,
    /// What it was seen to have been brought to, under a wish that still stands.
    pub(crate) settled: Option<ReachedState>,
    /// The drift that is not mended yet.
    pub(crate) drifting: Option<String>,
    /// What had been reached under the wish in force and is so no more.
    pub(crate) undone: Option<Undone>,
    /// What is up, and since when.
    pub(crate) actual: Option<Strength>,
    pub(crate) since: Instant,
    /// Why a state file could not be written, for each of the legs.
    pub(crate) file_trouble: Vec<Option<String>>,
    pub(crate) drill: DrillMemory,
    /// Who else has the prefixes.
    pub(crate) others: Others,
    stages: StageReports,
}

impl StaticProtocol {
    fn new(protocol: &StaticProtocolConfig, poll_interval: Duration, flap_window: Duration) -> Self {
        Self {
            protocol: protocol.clone(),
            guard: None,
            shape: None,
            attempts: Backoff::new(poll_interval),
            mending: Mending::new(flap_window),
            alarm: None,
            told: String::new(),
        }
    }

    /// A guard that spoke before counts for what is up or cannot be seen. To enable it is asked anew.
    fn known(&self, view: &ProtocolView) -> KnownState {
        let state = view.state(&self.protocol.name);
        let fits = match state {
            State::Up | State::Starting | State::Unknown => self.guard.as_ref().map(Result::is_ok),
            State::Missing | State::Down | State::Stopping => None,
        };
        KnownState {
            state,
            fits,
            routed: None,
        }
    }
}

impl FamilyState {
    /// What is known of the pair before anything is asked.
    pub(crate) fn pair(&self, view: &ProtocolView) -> ProtocolPair {
        ProtocolPair {
            full: self.full.known(view),
            drain: self.drain.as_ref().map(|line| line.known(view)),
        }
    }

    pub(crate) fn line(&self, slot: PairSide) -> Option<&StaticProtocol> {
        match slot {
            PairSide::Full => Some(&self.full),
            PairSide::Drain => self.drain.as_ref(),
        }
    }

    pub(crate) fn line_mut(&mut self, slot: PairSide) -> Option<&mut StaticProtocol> {
        match slot {
            PairSide::Full => Some(&mut self.full),
            PairSide::Drain => self.drain.as_mut(),
        }
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &StaticProtocol> {
        std::iter::once(&self.full).chain(&self.drain)
    }

    fn lines_mut(&mut self) -> impl Iterator<Item = &mut StaticProtocol> {
        std::iter::once(&mut self.full).chain(&mut self.drain)
    }

    /// The protocol that announces this family now.
    pub(crate) fn announcing(&self, view: &ProtocolView) -> Option<&StaticProtocol> {
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
pub(crate) struct ProtocolView {
    states: Option<HashMap<String, State>>,
    /// `None`: BIRD shows one that is not understood.
    pipes: Option<Vec<Pipe>>,
    /// The protocols that bring routes into the kernel.
    pub(crate) kernels: Kernels,
}

/// How many pipes a route is followed through; whoever has more knows what they do.
const PIPES_IN_A_ROW: usize = 4;

impl ProtocolView {
    /// What `show protocols` said.
    pub(crate) fn new(protocols: &[parse::ProtocolRow]) -> Self {
        let state = |state| match state {
            parse::ProtocolState::Down => State::Down,
            parse::ProtocolState::Up => State::Up,
            // A word of a BIRD to come: it is neither at rest nor at work.
            parse::ProtocolState::Start | parse::ProtocolState::Other => State::Starting,
            parse::ProtocolState::Stop | parse::ProtocolState::Flush => State::Stopping,
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
    pub(crate) fn pipes_between(&self, from: &str, to: &str) -> Option<Vec<String>> {
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
    pub(crate) fn state(&self, name: &str) -> State {
        match &self.states {
            None => State::Unknown,
            Some(states) => states.get(name).copied().unwrap_or(State::Missing),
        }
    }
}

impl ServiceReconciler {
    pub(crate) fn new(target: ReconcileTarget, poll_interval: Duration, now: Instant) -> Self {
        let drain = |family| target.drain.iter().find(|protocol| protocol.family == family);
        let leg = |full: &StaticProtocolConfig| FamilyState {
            family: full.family,
            full: StaticProtocol::new(full, poll_interval, target.flap_window),
            drain: drain(full.family)
                .map(|protocol| StaticProtocol::new(protocol, poll_interval, target.flap_window)),
            retry: Retry::default(),
        };
        Self {
            legs: target.full.iter().map(leg).collect(),
            file_trouble: vec![None; target.full.len()],
            target,
            wish: DesiredState::default(),
            settled: None,
            drifting: None,
            undone: None,
            actual: None,
            since: now,
            drill: DrillMemory::default(),
            others: Others::default(),
            stages: StageReports::default(),
        }
    }

    /// Takes the latest wish. What was settled under another one says nothing about drift, except
    /// while hands are off: then it says what was there when they were taken off.
    pub(crate) fn take(&mut self, wish: &DesiredState) {
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
            self.stages = StageReports::default();
            self.drill = DrillMemory::default();
        }
        self.wish = wish.clone();
    }

    /// What is to be done about BIRD; `None`: nothing may be.
    pub(crate) fn order(&self) -> Option<Strength> {
        self.rehearses()
            .or(self.wish.strength)
            .filter(|_| !self.wish.hands_off)
    }

    /// What the state files are to say; `None`: what they say. A drill leaves no trace there, so that
    /// whatever befalls BIRD ends it.
    pub(crate) fn lasting_order(&self) -> Option<Strength> {
        self.wish.strength.filter(|_| !self.wish.hands_off)
    }

    /// A new connection: BIRD may be another one.
    pub(crate) fn reconnected(&mut self) {
        self.lose_drill("BIRD was restarted, or its connection was lost");
        self.legs
            .iter_mut()
            .flat_map(FamilyState::lines_mut)
            .for_each(|line| line.attempts.reconnected());
    }

    /// BIRD was seen. Returns a drift that was not there before.
    pub(crate) fn observe(&mut self, view: &ProtocolView, boot: &BirdRun, now: Instant) -> Option<String> {
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
                .flat_map(FamilyState::lines_mut)
                .for_each(|line| line.attempts.reached());
            (self.drifting, self.undone) = (None, None);
            self.stages.close();
            self.settled = Some(ReachedState {
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
    pub(crate) fn mended(
        &mut self,
        service: usize,
        leg: usize,
        slot: PairSide,
        order: SwitchAction,
        now: Instant,
    ) -> Option<ReconcilerReport> {
        let undone = self.undone?;
        let line = self.legs[leg].line_mut(slot)?;
        Some(ReconcilerReport::Mended {
            service,
            protocol: line.protocol.name.clone(),
            enabled: order == SwitchAction::Enable,
            repeated: (!undone.restarted).then(|| line.mending.made(now)),
        })
    }

    /// When that may be told; `None`: at once.
    pub(crate) fn not_before(
        &self,
        leg: usize,
        slot: PairSide,
        order: SwitchAction,
        now: Instant,
    ) -> Option<Instant> {
        let line = self.legs[leg].line(slot)?;
        let mend = self
            .undone
            .filter(|undone| !undone.restarted)
            .map(|undone| line.mending.not_before(undone.since));
        let mend = mend.filter(|due| *due > now);
        line.attempts.not_before(order, now).into_iter().chain(mend).max()
    }

    /// What mends are to be alarmed.
    pub(crate) fn judge_mends(&mut self, now: Instant) {
        for line in self.legs.iter_mut().flat_map(FamilyState::lines_mut) {
            line.alarm = line.mending.alarm(&line.protocol.name, now);
        }
    }

    /// Those of its protocols that are the opposite of what had been reached, and of which BIRD was not
    /// asked yet who did it.
    pub(crate) fn take_suspects(&mut self, view: &ProtocolView) -> Vec<(usize, PairSide)> {
        let (Some(undone), Some(settled)) = (&mut self.undone, &self.settled) else {
            return Vec::new();
        };
        if std::mem::replace(&mut undone.asked, true) {
            return Vec::new();
        }
        let wanted = PairSide::of(settled.strength);
        let slots = [PairSide::Full, PairSide::Drain];
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
    pub(crate) fn standing_alone(&self, leg: usize, view: &ProtocolView) -> Option<PairSide> {
        let strength = self.order().filter(|_| self.rehearses().is_none())?;
        let pair = self.legs[leg].pair(view);
        let slot = PairSide::of(strength)?;
        let up = pair.get(slot)?.state == State::Up;
        (up && pair.reached(strength)).then_some(slot)
    }

    /// BIRD cannot be seen.
    pub(crate) fn lose_sight(&mut self, now: Instant) {
        self.lose_drill("BIRD does not answer any more");
        if self.actual.take().is_some() {
            self.since = now;
        }
    }

    /// What is up: the weakest over the families.
    fn strength(&self, view: &ProtocolView) -> Option<Strength> {
        self.legs.iter().map(|leg| leg.pair(view).strength()).min()
    }

    /// Whether every family is where it should be.
    pub(crate) fn reached(&self, wanted: Strength, view: &ProtocolView) -> bool {
        self.legs.iter().all(|leg| leg.pair(view).reached(wanted))
    }

    /// What an adopting daemon may settle on (D10).
    pub(crate) fn adoptable(&self, view: &ProtocolView) -> Option<Strength> {
        let mut strengths = self.legs.iter().map(|leg| leg.pair(view).adoptable());
        let first = strengths.next()??;
        strengths.all(|other| other == Some(first)).then_some(first)
    }

    /// A stage, unless it is told already or belongs to no decision.
    pub(crate) fn stage(
        &mut self,
        service: usize,
        stage: TransitionStage,
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
    pub(crate) fn awaits_export(&self, protocol: &str) -> bool {
        self.stages.awaits_export(protocol)
    }

    /// Whether anything of the decision in force is still on its way.
    pub(crate) fn moving(&self) -> bool {
        let mut lines = self
            .legs
            .iter()
            .flat_map(FamilyState::lines)
            .map(|line| line.protocol.name.as_str());
        lines.any(|name| self.stages.awaits_export(name) || self.stages.awaits_silence(name))
            || self.ending().any(|line| self.awaits_gone(&line.protocol.name))
    }

    /// Whether a protocol was seen down, and not that no upstream carries it.
    pub(crate) fn awaits_gone(&self, protocol: &str) -> bool {
        self.stages.awaits_gone(protocol)
    }

    /// The names of all its protocols.
    pub(crate) fn names(&self) -> Vec<String> {
        self.legs
            .iter()
            .flat_map(FamilyState::lines)
            .map(|line| line.protocol.name.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests;
