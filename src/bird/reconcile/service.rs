//! What the reconciler remembers of one service: its protocols, and how far the decision in force has
//! come. Pure: it is handed what was seen, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use super::decision::{BirdRun, DecisionState, ReachedState, Undone};
use super::drift;
use super::exports::{self, ExportReplies, ExportReply};
use super::family::{FamilyState, StaticProtocol};
use super::observation::{DrillState, ObservedDrill};
use super::report::{ReconcilerReport, TransitionStage};
use super::rivals::{HearingSessions, Rivals};
use super::routes::OtherRoutes;
use super::target::ReconcileTarget;
use super::view::ProtocolView;
use crate::bird::parse::{ProtocolState, Route};
use crate::bird::plan::PairSide;
use crate::config::model::{Family, Role, StaticProtocolConfig};
use crate::core::Strength;
use crate::core::drill::DrillIntent;

/// How long after a takeover it is asked at every poll what neighbours tell: their routers choose within seconds.
const JUST_ANNOUNCED: Duration = Duration::from_secs(30);

/// What the reconciler remembers of one service.
#[derive(Debug)]
pub(crate) struct ServiceReconciler {
    pub(crate) target: ReconcileTarget,
    pub(crate) families: Vec<FamilyState>,
    /// The names of all protocols of the service, standing ones too: none of them is a foreign one.
    pub(crate) own: Vec<String>,
    pub(crate) decision: DecisionState,
    /// What is up, and since when.
    pub(crate) actual: Option<Strength>,
    pub(crate) since: Instant,
    /// Who else has the prefixes.
    pub(crate) others: OtherRoutes,
    /// What neighbours tell of the prefixes, and which way upstreams prefer.
    pub(crate) rivals: Rivals,
}

impl ServiceReconciler {
    /// Of one service: what it announces in a takeover, and, where it has some, its standing prefixes.
    pub(crate) fn of_service(
        index: usize,
        target: &ReconcileTarget,
        poll_interval: Duration,
        now: Instant,
    ) -> Vec<Self> {
        let own: Vec<String> = target.names().cloned().collect();
        let takeover = [(target.clone(), false)];
        let standing = target.of_standing().map(|target| (target, true));
        let both = takeover.into_iter().chain(standing);
        both.map(|(target, is_standing)| {
            let decision = DecisionState::new(index, is_standing);
            Self {
                own: own.clone(),
                ..Self::new(decision, target, poll_interval, now)
            }
        })
        .collect()
    }

    pub(crate) fn new(
        decision: DecisionState,
        target: ReconcileTarget,
        poll_interval: Duration,
        now: Instant,
    ) -> Self {
        let family = |full: &StaticProtocolConfig| {
            let drain = target.drain.iter().find(|drain| drain.family == full.family);
            FamilyState::new(full, drain, poll_interval, target.flap_window)
        };
        Self {
            families: target.full.iter().map(family).collect(),
            own: target.names().cloned().collect(),
            target,
            decision,
            actual: None,
            since: now,
            others: OtherRoutes::default(),
            rivals: Rivals::default(),
        }
    }

    /// A new connection: BIRD may be another one.
    pub(crate) fn reconnected(&mut self) {
        self.decision
            .lose_drill("BIRD was restarted, or its connection was lost");
        self.protocols_mut()
            .for_each(|protocol| protocol.backoff.reconnected());
    }

    /// BIRD was seen. Returns a drift that was not there before.
    pub(crate) fn observe(&mut self, view: &ProtocolView, run: &BirdRun, now: Instant) -> Option<String> {
        let actual = self
            .families
            .iter()
            .map(|family| family.pair(view).strength())
            .min();
        if actual != self.actual {
            (self.actual, self.since) = (actual, now);
        }
        self.check_drill(view);
        let wanted = match self.decision.wanted() {
            Some(wanted) => wanted,
            None => self.decision.reached.as_ref()?.strength,
        };
        if self.has_reached(wanted, view) {
            self.protocols_mut()
                .for_each(|protocol| protocol.backoff.reached());
            (self.decision.drift, self.decision.undone) = (None, None);
            self.decision.stages.close();
            self.decision.reached = Some(ReachedState {
                strength: wanted,
                run: run.clone(),
            });
            return None;
        }
        let reached = self.decision.reached.as_ref();
        let reached = reached.filter(|reached| reached.strength == wanted)?;
        let restarted = run.restarted_since(&reached.run);
        self.decision.undone.get_or_insert(Undone {
            since: now,
            restarted,
            asked: false,
        });
        if self.decision.drift.is_some() {
            return None;
        }
        let is_frozen = self.decision.wanted().is_none();
        let text = drift::describe(
            (&self.target.service, self.decision.is_standing()),
            &self.families,
            reached,
            is_frozen,
            view,
            run,
        )?;
        self.decision.drift = Some(text.clone());
        Some(text)
    }

    /// Which protocols are seen up or down, where that is a stage of the decision in force.
    pub(crate) fn stages_seen(&mut self, view: &ProtocolView, now: Instant) -> Vec<ReconcilerReport> {
        let protocols = self.families.iter().flat_map(FamilyState::protocols);
        protocols
            .filter_map(|protocol| {
                let name = &protocol.config.name;
                let stage = match view.state(name) {
                    ProtocolState::Up => TransitionStage::Up,
                    ProtocolState::Down | ProtocolState::Missing => TransitionStage::Down,
                    ProtocolState::Unknown | ProtocolState::Starting | ProtocolState::Stopping => {
                        return None;
                    }
                };
                self.decision.stage(stage, name, now)
            })
            .collect()
    }

    /// Which repeated drift is to be alarmed.
    pub(crate) fn update_drift_alarms(&mut self, now: Instant) {
        for protocol in self.protocols_mut() {
            protocol.drift_alarm = protocol.drift_backoff.alarm(&protocol.config.name, now);
        }
    }

    /// Those of its protocols that are the opposite of what had been reached, and of which BIRD was not
    /// asked yet who did it.
    pub(crate) fn take_undone(&mut self, view: &ProtocolView) -> Vec<&mut StaticProtocol> {
        let (Some(undone), Some(reached)) = (&mut self.decision.undone, &self.decision.reached) else {
            return Vec::new();
        };
        if std::mem::replace(&mut undone.asked, true) {
            return Vec::new();
        }
        let wanted = PairSide::of(reached.strength);
        let is_opposite = |side: PairSide, protocol: &StaticProtocol| match view.state(&protocol.config.name)
        {
            ProtocolState::Up => wanted != Some(side),
            ProtocolState::Down | ProtocolState::Stopping => wanted == Some(side),
            ProtocolState::Unknown | ProtocolState::Missing | ProtocolState::Starting => false,
        };
        let families = self.families.iter_mut();
        let sides = families.flat_map(|family| {
            let drain = family.drain.as_mut().map(|drain| (PairSide::Drain, drain));
            std::iter::once((PairSide::Full, &mut family.full)).chain(drain)
        });
        sides
            .filter(|(side, protocol)| is_opposite(*side, protocol))
            .map(|(_, protocol)| protocol)
            .collect()
    }

    /// BIRD cannot be seen.
    pub(crate) fn lose_sight(&mut self, now: Instant) {
        self.decision.lose_drill("BIRD does not answer any more");
        self.rivals.lose_sight();
        if self.actual.take().is_some() {
            self.since = now;
        }
    }

    /// Whether every family is where it should be.
    pub(crate) fn has_reached(&self, wanted: Strength, view: &ProtocolView) -> bool {
        self.families
            .iter()
            .all(|family| family.pair(view).reached(wanted))
    }

    /// What an adopting daemon may settle on (D10).
    pub(crate) fn adoptable(&self, view: &ProtocolView) -> Option<Strength> {
        let mut strengths = self.families.iter().map(|family| family.pair(view).adoptable());
        let first = strengths.next()??;
        strengths.all(|other| other == Some(first)).then_some(first)
    }

    /// Whether anything of the decision in force is still on its way.
    pub(crate) fn in_progress(&self) -> bool {
        let stages = &self.decision.stages;
        let mut protocols = self.families.iter().flat_map(FamilyState::protocols);
        protocols.any(|protocol| {
            stages.awaits_export(&protocol.config.name) || stages.awaits_silence(&protocol.config.name)
        }) || self
            .ending()
            .any(|protocol| stages.awaits_gone(&protocol.config.name))
    }

    /// Whether it is asked at every poll which way upstreams prefer: a takeover runs, or one is not followed (A11).
    pub(crate) fn watches_rivals(&self, now: Instant) -> bool {
        let taking_over = self.decision.wanted() == Some(Strength::Full)
            && (self.in_progress() || now < self.since + JUST_ANNOUNCED);
        self.target.role == Role::Standby
            && !self.decision.is_standing()
            && (taking_over || self.rivals.is_unfollowed())
    }

    /// The prefixes that others' routes are looked for of: none that stand as a last resort, which are to lose (D14).
    pub(crate) fn rival_prefixes(&self) -> impl Iterator<Item = IpNet> {
        let prefixes = self.target.prefixes();
        prefixes.filter(|_| !self.decision.is_standing())
    }

    /// What neighbours tell, by family; `None`: BIRD does not say.
    pub(crate) fn take_rivals(
        &mut self,
        found: &BTreeMap<Family, Option<Vec<Route>>>,
        sessions: &HearingSessions,
        now: Instant,
    ) {
        let prefixes: Vec<IpNet> = self.rival_prefixes().collect();
        let mut routes = Vec::new();
        let families: BTreeSet<Family> = prefixes.iter().map(Family::of).collect();
        for family in families {
            match found.get(&family) {
                Some(Some(of_family)) => routes.extend_from_slice(of_family),
                // No session takes in routes of that family.
                None => {}
                Some(None) => return,
            }
        }
        self.rivals.update(&prefixes, &routes, sessions, now);
    }

    /// Which way the upstreams prefer that carry it, while they are expected to prefer ours.
    pub(crate) fn follow(&mut self, carriers: &[String], sessions: &HearingSessions, now: Instant) {
        let to_be_followed = self.target.role == Role::Standby
            && !self.decision.is_standing()
            && self.actual == Some(Strength::Full)
            && self.decision.drill_strength().is_none();
        let carriers = if to_be_followed { carriers } else { &[] };
        let prefixes: Vec<IpNet> = self.rival_prefixes().collect();
        self.rivals.follow(carriers, &prefixes, sessions, now);
    }

    /// The names of all its protocols.
    pub(crate) fn names(&self) -> Vec<String> {
        let protocols = self.families.iter().flat_map(FamilyState::protocols);
        protocols.map(|protocol| protocol.config.name.clone()).collect()
    }

    /// A standing prefix that a takeover of its own service announces, too, is carried: BIRD exports the
    /// better route alone.
    pub(crate) fn with_stronger(&self, sent: ExportReply, protocol: &StaticProtocolConfig) -> ExportReply {
        match sent {
            ExportReply::From(mut senders)
                if self.decision.is_standing()
                    && senders.iter().any(|sender| self.own.contains(sender))
                    && !senders.contains(&protocol.name) =>
            {
                senders.push(protocol.name.clone());
                ExportReply::From(senders)
            }
            ExportReply::From(_)
            | ExportReply::Dropped { .. }
            | ExportReply::Blocked(_)
            | ExportReply::NotUp
            | ExportReply::Failed(_) => sent,
        }
    }

    fn protocols_mut(&mut self) -> impl Iterator<Item = &mut StaticProtocol> {
        self.families.iter_mut().flat_map(FamilyState::protocols_mut)
    }
}

/// Drills: an announcement that no state file knows of, that is never put back once it fell, and whose
/// end is proven at the upstreams.
impl ServiceReconciler {
    /// The protocols of a drill that is to end.
    pub(crate) fn ending(&self) -> impl Iterator<Item = &StaticProtocol> {
        let side = self.decision.ending_side();
        let protocols = self.families.iter().filter_map(move |family| family.get(side?));
        protocols.filter(|protocol| !self.decision.in_earnest.contains(&protocol.config.name))
    }

    /// The protocols of a drill that is to end that are down, and that no upstream carries any more.
    pub(crate) fn ended(&self, view: &ProtocolView, replies: &ExportReplies) -> Vec<String> {
        let silent = self
            .ending()
            .filter(|protocol| is_silent(protocol, view, replies));
        silent.map(|protocol| protocol.config.name.clone()).collect()
    }

    /// How the drill stands. `enough`: each prefix is carried by enough upstreams; `problems`: what
    /// keeps it from that.
    pub(crate) fn observed_drill(
        &self,
        view: &ProtocolView,
        replies: &ExportReplies,
        enough: bool,
        problems: Vec<String>,
    ) -> Option<ObservedDrill> {
        let intent = &self.decision.intent;
        let state = match (
            intent.drill?,
            self.decision.drill_strength(),
            &self.decision.drill_lost,
        ) {
            (DrillIntent::Announce(_), Some(strength), _) if enough && self.has_reached(strength, view) => {
                DrillState::Carried
            }
            (DrillIntent::Announce(_), None, Some(how)) => DrillState::Lost(how.clone()),
            (DrillIntent::End(_), _, _) if self.ending().all(|ending| is_silent(ending, view, replies)) => {
                DrillState::Silent
            }
            (DrillIntent::Announce(_) | DrillIntent::End(_), _, _) => DrillState::Moving,
        };
        Some(ObservedDrill {
            id: intent.decision,
            state,
            problems,
        })
    }

    /// Whether BIRD still does what a drill brought it to.
    fn check_drill(&mut self, view: &ProtocolView) {
        let Some(strength) = self.decision.drill_strength() else {
            return;
        };
        let reached = self.decision.reached.as_ref();
        let was_reached = reached.is_some_and(|reached| reached.strength == strength);
        if let Some(seen) = drift::changed(&self.families, strength, view).filter(|_| was_reached) {
            let how = format!("{seen}, and it was not us: a `birdc configure` or `disable` does that");
            self.decision.lose_drill(&how);
        }
    }
}

/// Whether a protocol is down, and its routes are gone from what upstreams were sent.
fn is_silent(protocol: &StaticProtocol, view: &ProtocolView, replies: &ExportReplies) -> bool {
    let down = match view.state(&protocol.config.name) {
        ProtocolState::Down | ProtocolState::Missing => true,
        ProtocolState::Unknown | ProtocolState::Starting | ProtocolState::Up | ProtocolState::Stopping => {
            false
        }
    };
    down && exports::nobody_carries(replies, &protocol.config)
}

#[cfg(test)]
mod tests;
