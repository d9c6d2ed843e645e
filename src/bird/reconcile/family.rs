//! The static protocols of one service and one address family, and what is remembered of each. Pure.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::decision::DecisionState;
use super::drift_backoff::DriftBackoff;
use super::re_enable::ReEnable;
use super::routes::RouteFacts;
use super::view::ProtocolView;
use crate::bird::parse::ProtocolState;
use crate::bird::plan::{KnownState, PairSide, ProtocolPair, SwitchAction};
use crate::config::model::{Family, StaticProtocolConfig};

/// One static protocol.
#[derive(Debug)]
pub(crate) struct StaticProtocol {
    pub(crate) config: StaticProtocolConfig,
    /// What the guard said last, and why if it refused; `None`: not asked yet.
    pub(crate) guard: Option<Result<(), String>>,
    /// What it would do with its routes; `None`: not asked yet.
    pub(crate) routes: Option<RouteFacts>,
    pub(crate) backoff: Backoff,
    pub(crate) drift_backoff: DriftBackoff,
    /// That somebody undoes it again and again.
    pub(crate) drift_alarm: Option<String>,
    /// The reason that BIRD was given with the last write.
    pub(crate) last_reason: String,
}

/// The protocols of one family.
#[derive(Debug)]
pub(crate) struct FamilyState {
    pub(crate) family: Family,
    pub(crate) full: StaticProtocol,
    pub(crate) drain: Option<StaticProtocol>,
    /// How often what reaches nobody was enabled again.
    pub(crate) re_enable: ReEnable,
    /// Why a state file could not be written.
    pub(crate) file_error: Option<String>,
}

impl StaticProtocol {
    fn new(config: &StaticProtocolConfig, poll_interval: Duration, flap_window: Duration) -> Self {
        Self {
            config: config.clone(),
            guard: None,
            routes: None,
            backoff: Backoff::new(poll_interval),
            drift_backoff: DriftBackoff::new(flap_window),
            drift_alarm: None,
            last_reason: String::new(),
        }
    }

    /// A guard that spoke before counts for what is up or cannot be seen. To enable it is asked anew.
    fn known(&self, view: &ProtocolView) -> KnownState {
        let state = view.state(&self.config.name);
        let fits = match state {
            ProtocolState::Up | ProtocolState::Starting | ProtocolState::Unknown => {
                self.guard.as_ref().map(Result::is_ok)
            }
            ProtocolState::Missing | ProtocolState::Down | ProtocolState::Stopping => None,
        };
        KnownState {
            state,
            fits,
            routed: None,
        }
    }

    /// When that may be written; `None`: at once. What somebody else undid is put back ever more slowly.
    pub(crate) fn not_before(
        &self,
        decision: &DecisionState,
        action: SwitchAction,
        now: Instant,
    ) -> Option<Instant> {
        let put_back = decision
            .undone
            .filter(|undone| !undone.restarted)
            .map(|undone| self.drift_backoff.not_before(undone.since))
            .filter(|due| *due > now);
        self.backoff
            .not_before(action, now)
            .into_iter()
            .chain(put_back)
            .max()
    }
}

impl FamilyState {
    pub(crate) fn new(
        full: &StaticProtocolConfig,
        drain: Option<&StaticProtocolConfig>,
        poll_interval: Duration,
        flap_window: Duration,
    ) -> Self {
        let protocol = |config| StaticProtocol::new(config, poll_interval, flap_window);
        Self {
            family: full.family,
            full: protocol(full),
            drain: drain.map(protocol),
            re_enable: ReEnable::default(),
            file_error: None,
        }
    }

    /// What is known of the pair before anything is asked.
    pub(crate) fn pair(&self, view: &ProtocolView) -> ProtocolPair {
        ProtocolPair {
            full: self.full.known(view),
            drain: self.drain.as_ref().map(|drain| drain.known(view)),
        }
    }

    pub(crate) fn get(&self, side: PairSide) -> Option<&StaticProtocol> {
        match side {
            PairSide::Full => Some(&self.full),
            PairSide::Drain => self.drain.as_ref(),
        }
    }

    pub(crate) fn get_mut(&mut self, side: PairSide) -> Option<&mut StaticProtocol> {
        match side {
            PairSide::Full => Some(&mut self.full),
            PairSide::Drain => self.drain.as_mut(),
        }
    }

    pub(crate) fn protocols(&self) -> impl Iterator<Item = &StaticProtocol> {
        std::iter::once(&self.full).chain(&self.drain)
    }

    pub(crate) fn protocols_mut(&mut self) -> impl Iterator<Item = &mut StaticProtocol> {
        std::iter::once(&mut self.full).chain(&mut self.drain)
    }

    /// The protocol that announces this family now.
    pub(crate) fn announcing(&self, view: &ProtocolView) -> Option<&StaticProtocol> {
        self.get(PairSide::of(self.pair(view).strength())?)
    }

    /// The protocol that is up, alone and as it is wanted, where it may be disabled and enabled again:
    /// not for a drill, and not while hands are off.
    pub(crate) fn alone_up(&self, decision: &DecisionState, view: &ProtocolView) -> Option<PairSide> {
        let strength = decision
            .wanted()
            .filter(|_| decision.drill_strength().is_none())?;
        let pair = self.pair(view);
        let side = PairSide::of(strength)?;
        let up = pair.get(side)?.state == ProtocolState::Up;
        (up && pair.reached(strength)).then_some(side)
    }
}
