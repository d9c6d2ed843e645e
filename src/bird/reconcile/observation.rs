//! What a full pass found in BIRD, service by service and upstream by upstream.

use std::net::IpAddr;

use ipnet::IpNet;
use tokio::time::Instant;

use crate::bird::parse::OwnNextHop;
use crate::config::model::Family;
use crate::core::Strength;
use crate::model::BgpState;
use crate::model::snapshot::{AlarmCode, FollowedState, Obstacle};

/// What a full pass found.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// When it ended.
    pub at: Instant,
    /// BIRD answers, is up and running, and no graceful-restart recovery holds anything back.
    pub bird_running_normally: bool,
    /// One for each of [`super::ReconcilerConfig::targets`].
    pub services: Vec<ObservedService>,
    /// One for each of [`super::ReconcilerConfig::upstreams`].
    pub upstreams: Vec<ObservedUpstream>,
    /// What is wrong and no single service's, with what to do about it.
    pub problems: Vec<(AlarmCode, String)>,
}

/// What BIRD does for one service.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedService {
    /// Which of its protocols are up: the weakest over the families. `None`: BIRD does not answer.
    pub actual: Option<Strength>,
    /// What an adopting daemon settles on (D10). `None` while BIRD does not answer or is not
    /// running normally, a protocol is missing or moving, or the families disagree.
    pub adopt: Option<Strength>,
    /// Since when `actual` is what it is, as far as it was watched.
    pub since: Instant,
    /// The upstreams that carry every prefix of their families (A5).
    pub exported_to: Vec<String>,
    /// Announced: each prefix is carried by enough upstreams (A5). Silent: nothing of it is up or
    /// being removed.
    pub verified: bool,
    /// What is wrong, with what to do about it.
    pub problems: Vec<(AlarmCode, String)>,
    /// While it is silent: what would keep a takeover from being carried; `None` while not all of that
    /// was looked at.
    pub obstacles: Option<Vec<Obstacle>>,
    /// How the drill stands that is wanted.
    pub drill: Option<ObservedDrill>,
    /// The same of its standing prefixes; `None` where it has none (D14).
    pub standing: Option<Box<ObservedService>>,
    /// The routes of others to its prefixes, around or inside them, at most [`super::RIVALS_SHOWN`]; `None` while
    /// nobody could tell of one.
    pub rivals: Option<Vec<ObservedRival>>,
    /// While a standby is announced at full: which way each upstream prefers that carries it (A11).
    pub ways: Vec<PreferredWay>,
}

/// A route of somebody else to a service's prefixes, around or inside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedRival {
    /// What it leads to.
    pub prefix: IpNet,
    /// The BGP protocol that it was heard from.
    pub session: String,
    /// As BIRD shows it.
    pub as_path: Option<String>,
    /// Where it comes from.
    pub origin_as: Option<u32>,
    /// Since when it is heard.
    pub since: Instant,
}

/// Which way an upstream prefers that carries our route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreferredWay {
    /// The upstream.
    pub upstream: String,
    /// Which way.
    pub state: FollowedState,
    /// Since when.
    pub since: Instant,
}

/// How a drill stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedDrill {
    /// The decision's number that this was seen under.
    pub id: u64,
    /// How far it is.
    pub state: DrillState,
    /// What stands in its way.
    pub problems: Vec<String>,
}

/// How far a drill is, by BIRD's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrillState {
    /// On its way, up or down.
    Moving,
    /// What was to be announced is, and enough upstreams carry it (A5).
    Carried,
    /// What was announced fell without us, and is not put back; how.
    Lost(String),
    /// What was to be silent is, and no upstream carries it.
    Silent,
}

impl ObservedService {
    /// One that has not been looked at.
    pub fn unknown(since: Instant) -> Self {
        Self {
            actual: None,
            adopt: None,
            since,
            exported_to: Vec::new(),
            verified: false,
            problems: Vec::new(),
            obstacles: None,
            drill: None,
            standing: None,
            rivals: None,
            ways: Vec::new(),
        }
    }
}

/// One upstream's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedUpstream {
    /// The BGP protocol's name.
    pub name: String,
    /// Its state; "missing" where BIRD has no such protocol, "unknown" while BIRD does not answer.
    pub state: BgpState,
    /// BIRD's last error of the session.
    pub error: Option<String>,
    /// Since when it is in its state, as BIRD says; `None` while nobody said.
    pub since: Option<String>,
    /// The families of its channels.
    pub families: Vec<Family>,
    /// What of those channels decides on what is sent; empty while nobody said.
    pub channels: Vec<SeenChannel>,
    /// The neighbour's address.
    pub neighbor: Option<IpAddr>,
    /// Whether BIRD passes a route's own gateway on as its next hop.
    pub passes_gateways_on: bool,
}

/// A channel of an upstream's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenChannel {
    /// Its family.
    pub family: Family,
    /// The table that it exports.
    pub table: String,
    /// The export filter, by its name or in BIRD's word.
    pub filter: String,
    /// Whether it is up and takes in any route at all, as far as BIRD shows of its import filter.
    pub takes_in: bool,
    /// The next hop that it names where a route has none.
    pub next_hop: OwnNextHop,
    /// Its export limit, where that was reached and BIRD holds back what is beyond it.
    pub limit_hit: Option<LimitHit>,
}

/// An export limit that was reached ("[HIT]").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitHit {
    /// The number.
    pub limit: u64,
    /// How many routes are exported now. BIRD 2 holds back what is new also where there is room again.
    pub exported: u64,
}

impl ObservedUpstream {
    /// One that has not been looked at.
    pub fn unknown(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            state: BgpState::Unknown,
            error: None,
            since: None,
            families: Vec::new(),
            channels: Vec::new(),
            neighbor: None,
            passes_gateways_on: false,
        }
    }

    /// Whether it carries routes.
    pub fn is_established(&self) -> bool {
        self.state == BgpState::Established
    }

    /// Its channel of a family.
    pub fn channel(&self, family: Family) -> Option<&SeenChannel> {
        self.channels.iter().find(|channel| channel.family == family)
    }
}
