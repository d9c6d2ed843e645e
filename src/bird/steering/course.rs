//! What steering remembers of one service: its protocols, what it was last brought to, and how far
//! the decision in force has come. Pure: it is handed what was seen, and when.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::bird::answer;
use crate::bird::plan::{Known, Pair, Slot, State};
use crate::config::model::{Family, Static};
use crate::failover::Strength;

use super::attempts::Attempts;
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
    stages: Stages,
}

/// A strength that was reached, and under which BIRD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    strength: Strength,
    boot: Boot,
}

/// Which run of BIRD it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Boot {
    /// How many times we connected.
    pub(super) connects: u64,
    /// When BIRD started, as it says, without fractions: it computes that anew every time.
    pub(super) at: Option<String>,
}

impl Boot {
    fn restarted_since(&self, earlier: &Self) -> bool {
        self.connects != earlier.connects && self.at != earlier.at
    }
}

/// The decision in force, and which of its stages are reported already.
#[derive(Debug)]
struct Stages {
    id: u64,
    /// Whether writes still belong to it: once it is reached, a write only mends.
    open: bool,
    done: BTreeSet<(Stage, String)>,
}

impl Stages {
    fn new(id: u64) -> Self {
        Self {
            id,
            open: true,
            done: BTreeSet::new(),
        }
    }
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
    states: Option<std::collections::HashMap<String, State>>,
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
            stages: Stages::new(0),
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
        if wish.id != self.stages.id {
            self.stages = Stages::new(wish.id);
        }
        self.wish = wish.clone();
    }

    /// What is to be done about BIRD; `None`: nothing may be.
    pub(super) fn order(&self) -> Option<Strength> {
        self.wish.strength.filter(|_| !self.wish.hands_off)
    }

    /// A new connection.
    pub(super) fn reconnected(&mut self) {
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
            self.stages.open = false;
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
        let text = self.drift(settled, view, boot)?;
        self.drifting = Some(text.clone());
        Some(text)
    }

    /// BIRD cannot be seen.
    pub(super) fn lose_sight(&mut self, now: Instant) {
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

    /// What is not as it was brought to be, in words. Nothing while it only moves: BIRD restarts a
    /// protocol by itself when its definition changes.
    fn drift(&self, settled: &Settled, view: &View, boot: &Boot) -> Option<String> {
        let changes: Vec<(State, &str)> = self
            .legs
            .iter()
            .flat_map(|leg| changes(leg, settled.strength, view))
            .collect();
        let (state, _) = *changes.first()?;
        let seen: Vec<String> = changes.iter().map(|(state, name)| words(*state, name)).collect();
        let restarted = boot.restarted_since(&settled.boot);
        let cause = match (restarted, state) {
            (_, State::Missing) => "BIRD's configuration does not define it any more",
            (true, State::Down) => {
                "BIRD was restarted, and did not take the state from our file: bird.conf must include it, and BIRD's \
                 user must be able to read it"
            }
            (true, _) => "BIRD was restarted, and did not come up as it was",
            (false, _) => {
                "It was not us: a `birdc enable` or `disable` does that, a `configure undo` or an expired undo timer, \
                 and a `configure` where bird.conf does not include the state file"
            }
        };
        let mend = match (self.order(), state) {
            (None, _) => "It is left as it is, because the service is frozen",
            (Some(_), State::Missing) => "It cannot be put back before bird.conf defines it again",
            (Some(_), _) => "It is put back",
        };
        let service = &self.target.service;
        let command = if state == State::Up {
            "announce"
        } else {
            "withdraw"
        };
        let (strength, seen) = (settled.strength, seen.join(" and "));
        Some(format!(
            "{service} was at strength {strength}, and now {seen}. {cause}. {mend}. What would have stuck is `falconer \
             {command} {service}`"
        ))
    }

    /// A stage, unless it is reported already or belongs to no decision.
    pub(super) fn stage(
        &mut self,
        service: usize,
        stage: Stage,
        protocol: &str,
        at: Instant,
    ) -> Option<StageReport> {
        let follows = |before| self.stages.done.contains(&(before, protocol.to_owned()));
        let due = match stage {
            Stage::EnableSent | Stage::DisableSent => self.stages.open,
            Stage::EnableAnswered | Stage::Up => follows(Stage::EnableSent),
            Stage::Exported => follows(Stage::Up),
            Stage::DisableAnswered | Stage::Down => follows(Stage::DisableSent),
        };
        (due && self.stages.done.insert((stage, protocol.to_owned()))).then(|| StageReport {
            service,
            id: self.stages.id,
            stage,
            at,
            protocol: protocol.to_owned(),
        })
    }

    /// Whether a protocol was enabled for the decision in force, and is not seen exported yet.
    pub(super) fn awaits_export(&self, protocol: &str) -> bool {
        let done = |stage| self.stages.done.contains(&(stage, protocol.to_owned()));
        done(Stage::EnableSent) && !done(Stage::Exported) && !done(Stage::DisableSent)
    }

    /// Whether anything of the decision in force is still on its way.
    pub(super) fn moving(&self) -> bool {
        let mut lines = self
            .legs
            .iter()
            .flat_map(Leg::lines)
            .map(|line| line.protocol.name.as_str());
        lines.any(|name| self.awaits_export(name) || self.awaits_silence(name))
    }

    /// The names of all its protocols.
    pub(super) fn names(&self) -> Vec<String> {
        self.legs
            .iter()
            .flat_map(Leg::lines)
            .map(|line| line.protocol.name.clone())
            .collect()
    }

    /// Whether a protocol was disabled for the decision in force, and is not seen down yet.
    fn awaits_silence(&self, protocol: &str) -> bool {
        let done = |stage| self.stages.done.contains(&(stage, protocol.to_owned()));
        done(Stage::DisableSent) && !done(Stage::Down)
    }
}

/// The protocols of a family that are the opposite of what `strength` means.
fn changes<'a>(leg: &'a Leg, strength: Strength, view: &View) -> Vec<(State, &'a str)> {
    let up = |slot| match (strength, slot) {
        (Strength::Off, _) | (Strength::Full, Slot::Drain) | (Strength::Drain, Slot::Full) => false,
        (Strength::Full, Slot::Full) | (Strength::Drain, Slot::Drain) => true,
    };
    let nothing_to_drain_with = strength == Strength::Drain && leg.drain.is_none();
    [Slot::Full, Slot::Drain]
        .into_iter()
        .filter(|_| !nothing_to_drain_with)
        .filter_map(|slot| Some((slot, leg.line(slot)?.protocol.name.as_str())))
        .map(|(slot, name)| (slot, view.state(name), name))
        .filter(|(slot, state, _)| match state {
            State::Up => !up(*slot),
            State::Down | State::Missing => up(*slot),
            State::Unknown | State::Starting | State::Stopping => false,
        })
        .map(|(_, state, name)| (state, name))
        .collect()
}

fn words(state: State, name: &str) -> String {
    match state {
        State::Missing => format!("BIRD has no {name}"),
        State::Down => format!("{name} is down"),
        State::Up => format!("{name} is up"),
        State::Unknown | State::Starting | State::Stopping => format!("{name} is between two states"),
    }
}

#[cfg(test)]
mod tests;
