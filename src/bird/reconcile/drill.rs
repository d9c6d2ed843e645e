//! Drills in steering: an announcement that no state file knows of, that is never put back once it
//! fell, and whose end is proven at the upstreams.

use crate::bird::plan::{PairSide, State};
use crate::core::Strength;
use crate::core::drill::DrillIntent;

use super::backoff::SwitchAction;
use super::exports::{self, ExportReplies};
use super::service::{ProtocolView, ServiceReconciler, StaticProtocol};
use super::task::{PassAbort, ReconcilerTask};
use super::{DrillState, ObservedDrill, TransitionStage, drift};

/// What is remembered of a drill besides its wish.
#[derive(Debug, Default)]
pub(crate) struct DrillMemory {
    /// It fell without us; how.
    lost: Option<String>,
    /// Protocols that are announced in earnest after all: their state files say so.
    in_earnest: Vec<String>,
}

impl ServiceReconciler {
    /// What a drill announces just now.
    pub(crate) fn rehearses(&self) -> Option<Strength> {
        match (self.wish.strength, self.wish.drill) {
            (Some(Strength::Off), Some(DrillIntent::Announce(strength))) if self.drill.lost.is_none() => {
                Some(strength)
            }
            (Some(Strength::Off | Strength::Drain | Strength::Full) | None, _) => None,
        }
    }

    /// The protocols of a drill that is to end.
    pub(crate) fn ending(&self) -> impl Iterator<Item = &StaticProtocol> {
        let slot = match self.wish.drill {
            Some(DrillIntent::End(strength)) => PairSide::of(strength),
            Some(DrillIntent::Announce(_)) | None => None,
        };
        let lines = self.legs.iter().filter_map(move |leg| leg.line(slot?));
        lines.filter(|line| !self.drill.in_earnest.contains(&line.protocol.name))
    }

    /// What was announced for a drill may be gone; it is not put back.
    pub(crate) fn lose_drill(&mut self, how: &str) {
        if self.rehearses().is_some() {
            self.drill.lost = Some(how.to_owned());
        }
    }

    /// Whether BIRD still does what a drill brought it to.
    pub(crate) fn look_after_drill(&mut self, view: &ProtocolView) {
        let Some(strength) = self.rehearses() else { return };
        let stood = self
            .settled
            .as_ref()
            .is_some_and(|settled| settled.strength == strength);
        if let Some(seen) = drift::changed(self, strength, view).filter(|_| stood) {
            let how = format!("{seen}, and it was not us: a `birdc configure` or `disable` does that");
            self.lose_drill(&how);
        }
    }

    /// How the drill stands. `enough`: each prefix is carried by enough upstreams; `problems`: what
    /// keeps it from that.
    pub(crate) fn seen_drill(
        &self,
        view: &ProtocolView,
        answers: &ExportReplies,
        enough: bool,
        problems: Vec<String>,
    ) -> Option<ObservedDrill> {
        let state = match (self.wish.drill?, self.rehearses()) {
            (DrillIntent::Announce(_), Some(strength)) if enough && self.reached(strength, view) => {
                DrillState::Carried
            }
            (DrillIntent::Announce(_), None) if self.drill.lost.is_some() => {
                DrillState::Lost(self.drill.lost.clone().unwrap_or_default())
            }
            (DrillIntent::End(_), _) if self.ending().all(|line| is_silent(line, view, answers)) => {
                DrillState::Silent
            }
            (DrillIntent::Announce(_) | DrillIntent::End(_), _) => DrillState::Moving,
        };
        Some(ObservedDrill {
            id: self.wish.id,
            state,
            problems,
        })
    }
}

/// Whether a protocol is down, and its routes are gone from what upstreams were sent.
fn is_silent(line: &StaticProtocol, view: &ProtocolView, answers: &ExportReplies) -> bool {
    let down = match view.state(&line.protocol.name) {
        State::Down | State::Missing => true,
        State::Unknown | State::Starting | State::Up | State::Stopping => false,
    };
    down && exports::nobody_carries(answers, &line.protocol)
}

impl ReconcilerTask {
    /// Nothing is settled yet, and a drill was left behind: what it announced is silenced, before
    /// what BIRD announces is adopted (D10).
    pub(crate) async fn retract(
        &mut self,
        service: usize,
        leg: usize,
        view: &ProtocolView,
    ) -> Result<(), PassAbort> {
        let course = &self.courses[service];
        let slot = match course.wish.drill {
            Some(DrillIntent::End(strength)) if course.wish.strength.is_none() => PairSide::of(strength),
            Some(DrillIntent::End(_) | DrillIntent::Announce(_)) | None => None,
        };
        let Some(slot) = slot.filter(|slot| course.legs[leg].pair(view).silence(*slot).is_some()) else {
            return Ok(());
        };
        let Some(line) = course.legs[leg].line(slot) else {
            return Ok(());
        };
        // A takeover came in the middle of the drill, and then our end.
        let name = line.protocol.name.clone();
        match self.files.says_enabled(&name).await {
            Some(true) => {
                self.courses[service].drill.in_earnest.push(name);
                Ok(())
            }
            Some(false) => self.write(service, leg, slot, SwitchAction::Disable).await,
            // What may be announced in earnest is not silenced on a guess; the next look asks again.
            None => Ok(()),
        }
    }

    /// The proof that nobody carries any more what a drill announced.
    pub(crate) async fn prove_silence(&mut self, view: &ProtocolView) -> Result<(), PassAbort> {
        for service in 0..self.courses.len() {
            let course = &self.courses[service];
            let awaited = course
                .ending()
                .filter(|line| course.awaits_gone(&line.protocol.name));
            let protocols: Vec<_> = awaited.map(|line| line.protocol.clone()).collect();
            for protocol in protocols {
                self.heed_wishes()?;
                let mut answers = ExportReplies::new();
                let course = &self.courses[service];
                self.ask_sent(&self.urgent, course, &protocol, &mut answers)
                    .await?;
                self.tell_gone(service, view, &answers);
            }
        }
        Ok(())
    }

    /// What every upstream was sent of drills that are to end.
    pub(crate) async fn ask_endings(&self, answers: &mut ExportReplies) -> Result<(), PassAbort> {
        for course in &self.courses {
            for line in course.ending() {
                self.ask_sent(&self.patient, course, &line.protocol, answers)
                    .await?;
            }
        }
        Ok(())
    }

    /// Reports which protocols of ending drills nobody carries.
    pub(crate) fn tell_gone(&mut self, service: usize, view: &ProtocolView, answers: &ExportReplies) {
        let course = &self.courses[service];
        let silent = course.ending().filter(|line| is_silent(line, view, answers));
        let names: Vec<_> = silent.map(|line| line.protocol.name.clone()).collect();
        for name in names {
            self.stage(service, TransitionStage::Gone, &name);
        }
    }
}
