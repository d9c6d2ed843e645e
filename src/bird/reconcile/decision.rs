//! The decision in force for one service: what is wanted, what was reached of it, and which of its stages
//! were reported. Pure.

use tokio::time::Instant;

use super::report::{ReconcilerReport, StageReport, TransitionStage};
use super::stages::StageReports;
use crate::bird::plan::PairSide;
use crate::core::Strength;
use crate::core::drill::DrillIntent;
use crate::core::service::Intent;

/// A strength that was reached, and under which BIRD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReachedState {
    pub(crate) strength: Strength,
    pub(crate) run: BirdRun,
}

/// Which run of BIRD it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BirdRun {
    /// How many times we connected.
    pub(crate) connects: u64,
    /// When BIRD started, as it says, without fractions: it computes that anew every time.
    pub(crate) started_at: Option<String>,
}

impl BirdRun {
    pub(crate) fn restarted_since(&self, earlier: &Self) -> bool {
        self.connects != earlier.connects && self.started_at != earlier.started_at
    }
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

/// What is wanted of one service, and how far that is.
#[derive(Debug)]
pub(crate) struct DecisionState {
    /// The service's index.
    service: usize,
    /// Whether it is about the service's standing prefixes (D14).
    is_standing: bool,
    pub(crate) intent: Intent,
    /// What the service was seen to have been brought to, under an intent that still holds.
    pub(crate) reached: Option<ReachedState>,
    /// The drift that is not put back yet.
    pub(crate) drift: Option<String>,
    /// What had been reached under the intent in force and is so no more.
    pub(crate) undone: Option<Undone>,
    /// A drill's announcement fell without us; how.
    pub(crate) drill_lost: Option<String>,
    /// Protocols of a drill that are announced in earnest after all: their state files say so.
    pub(crate) in_earnest: Vec<String>,
    pub(crate) stages: StageReports,
}

impl DecisionState {
    /// Nothing is settled yet.
    pub(crate) fn new(service: usize, is_standing: bool) -> Self {
        Self {
            service,
            is_standing,
            intent: Intent::default(),
            reached: None,
            drift: None,
            undone: None,
            drill_lost: None,
            in_earnest: Vec::new(),
            stages: StageReports::default(),
        }
    }

    /// What of a service's intent is for this: all of it, or what it says of the standing prefixes.
    pub(crate) fn part_of(&self, intent: &Intent) -> Intent {
        if !self.is_standing {
            return intent.clone();
        }
        intent
            .standing
            .as_ref()
            .map_or_else(Intent::default, |standing| Intent {
                strength: Some(if standing.on {
                    Strength::Full
                } else {
                    Strength::Off
                }),
                hands_off: standing.hands_off,
                reason: standing.reason.clone(),
                decision: standing.decision,
                drill: None,
                standing: None,
            })
    }

    /// Whether a service's intent has another part for this than the one in force. Nothing is copied where
    /// it has not: it is asked of every service with every change.
    pub(crate) fn differs(&self, intent: &Intent) -> bool {
        match (self.is_standing, &intent.standing) {
            (false, _) => self.intent != *intent,
            (true, _) => self.intent != self.part_of(intent),
        }
    }

    /// Takes over the latest intent. What was reached under another one says nothing about drift, except
    /// while hands are off: then it says what was there when they were taken off.
    pub(crate) fn update(&mut self, intent: &Intent) {
        if intent.strength != self.intent.strength && !intent.hands_off {
            self.drift = None;
            self.reached = self
                .reached
                .take()
                .filter(|reached| Some(reached.strength) == intent.strength);
        }
        if intent.decision != self.intent.decision {
            // A decision's own change never waits as one that puts back does, also where what it finds
            // was undone and nobody has seen that yet.
            self.undone = None;
            if !intent.hands_off {
                (self.reached, self.drift) = (None, None);
            }
            self.stages = StageReports::default();
            (self.drill_lost, self.in_earnest) = (None, Vec::new());
        }
        self.intent = intent.clone();
    }

    /// What BIRD is to be brought to; `None`: nothing may be written.
    pub(crate) fn wanted(&self) -> Option<Strength> {
        self.drill_strength()
            .or(self.intent.strength)
            .filter(|_| !self.intent.hands_off)
    }

    /// What the state files are to hold; `None`: what they hold. A drill leaves no trace there, so that
    /// whatever befalls BIRD ends it.
    pub(crate) fn wanted_in_files(&self) -> Option<Strength> {
        self.intent.strength.filter(|_| !self.intent.hands_off)
    }

    /// What a drill announces just now.
    pub(crate) fn drill_strength(&self) -> Option<Strength> {
        match (self.intent.strength, self.intent.drill) {
            (Some(Strength::Off), Some(DrillIntent::Announce(strength))) if self.drill_lost.is_none() => {
                Some(strength)
            }
            (Some(Strength::Off | Strength::Drain | Strength::Full) | None, _) => None,
        }
    }

    /// Which protocols a drill that is to end had announced.
    pub(crate) fn ending_side(&self) -> Option<PairSide> {
        match self.intent.drill {
            Some(DrillIntent::End(strength)) => PairSide::of(strength),
            Some(DrillIntent::Announce(_)) | None => None,
        }
    }

    /// What was announced for a drill may be gone; it is not put back.
    pub(crate) fn lose_drill(&mut self, how: &str) {
        if self.drill_strength().is_some() {
            self.drill_lost = Some(how.to_owned());
        }
    }

    /// The report of a stage, unless it is reported already or belongs to no decision. Of standing
    /// prefixes none is reported: they are no takeover.
    pub(crate) fn stage(
        &mut self,
        stage: TransitionStage,
        protocol: &str,
        at: Instant,
    ) -> Option<ReconcilerReport> {
        let is_new = self.stages.is_new(stage, protocol);
        (is_new && !self.is_standing).then(|| {
            ReconcilerReport::Stage(StageReport {
                service: self.service,
                id: self.intent.decision,
                stage,
                at,
                protocol: protocol.to_owned(),
            })
        })
    }

    /// The report of a write that failed.
    pub(crate) fn failure(&self, text: String) -> ReconcilerReport {
        ReconcilerReport::Failed {
            service: self.service,
            standing: self.is_standing,
            text,
        }
    }

    /// Whether it is about the service's standing prefixes (D14).
    pub(crate) fn is_standing(&self) -> bool {
        self.is_standing
    }

    /// The service's index.
    pub(crate) fn service(&self) -> usize {
        self.service
    }
}
