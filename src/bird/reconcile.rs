//! Steering: BIRD is brought to what is wanted of it, held there, and watched (A1 to A7).
//!
//! One task. It is handed the latest wishes through a `watch`, reads BIRD, compares, writes only
//! the difference, and reports what it saw. Nothing is queued: whatever happened in between, the
//! next look at BIRD starts from what is wanted now. What to write is decided in [`plan`] and
//! [`guard`]; what to want is decided by the daemon.
//!
//! [`plan`]: super::plan
//! [`guard`]: super::guard

mod again;
mod backoff;
mod cause;
mod drift;
mod drill;
mod exports;
mod kernel;
mod mending;
mod observed;
mod queries;
mod report_queue;
mod service;
mod stages;
mod state_files;
mod task;
mod way;
mod writes;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::bird::client::BirdClient;
use crate::bird::parse::OwnNextHop;
use crate::config::model::{self, Family, StaticProtocolConfig};
use crate::core::Strength;
use crate::core::drill::DrillIntent;
use crate::metrics::shared::SharedNumber;
use crate::model::snapshot::{AlarmCode, Obstacle};

/// The state of an upstream that BIRD does not have.
pub const MISSING: &str = "missing";

/// The state of an upstream that BIRD has not told.
pub const UNREAD: &str = "unknown";

/// What is steered, and where the state files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconcilerConfig {
    /// The services, in the configuration's order. [`DesiredStates`] and [`ReconcilerReport`]s count like this.
    pub targets: Vec<ReconcileTarget>,
    /// Every upstream of the configuration, in its order.
    pub upstreams: Vec<String>,
    /// `site.run_dir`: the state files are in its directory `bird` (A6).
    pub run_dir: PathBuf,
    /// BIRD's control socket: whoever owns it must be able to read the state files.
    pub socket: PathBuf,
    /// How often BIRD is held against what is wanted when nothing happens.
    pub poll_interval: Duration,
}

impl ReconcilerConfig {
    /// What of the configuration concerns steering.
    pub fn new(config: &model::Config) -> Self {
        Self {
            targets: config.services.iter().map(ReconcileTarget::new).collect(),
            upstreams: config
                .upstreams
                .iter()
                .map(|upstream| upstream.name.clone())
                .collect(),
            run_dir: config.site.run_dir.clone(),
            socket: config.bird.socket.clone(),
            poll_interval: config.bird.poll_interval,
        }
    }
}

/// One service, as far as BIRD is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconcileTarget {
    /// The service's name.
    pub service: String,
    /// Its static protocols of strength full, one a family.
    pub full: Vec<StaticProtocolConfig>,
    /// Those of strength drain, one a family; may be empty.
    pub drain: Vec<StaticProtocolConfig>,
    /// The upstreams that are to carry it.
    pub upstreams: Vec<String>,
    /// How many of them must, for every prefix (A5).
    pub min_upstreams: usize,
    /// Over how long mends are counted (A1).
    pub flap_window: Duration,
}

impl ReconcileTarget {
    /// What of a service's configuration concerns steering.
    pub fn new(service: &model::ServiceConfig) -> Self {
        Self {
            service: service.name.clone(),
            full: service.full.clone(),
            drain: service.drain.clone(),
            upstreams: service.upstreams.clone(),
            min_upstreams: service.min_upstreams,
            flap_window: service.flap_window,
        }
    }
}

/// What is wanted for one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredState {
    /// How strongly it is to be announced; `None`: not settled yet, nothing is written (D10).
    pub strength: Option<Strength>,
    /// Write nothing, whatever BIRD does; it is still watched (D11).
    pub hands_off: bool,
    /// Why, for `show protocols all` (A3). The client makes it fit for BIRD.
    pub reason: String,
    /// The decision's number: its stages are reported under it, once each.
    pub id: u64,
    /// What a drill wants besides: an announcement only where `strength` is off, an end also where
    /// nothing is settled.
    pub drill: Option<DrillIntent>,
}

/// What is wanted, one for each of [`ReconcilerConfig::targets`]. One that is missing is not settled.
pub type DesiredStates = Arc<[DesiredState]>;

/// What steering has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum ReconcilerReport {
    /// After every full look at BIRD, and as often while there is no BIRD to look at.
    Seen(Observed),
    /// A decision got one step further.
    Stage(StageReport),
    /// BIRD is not what it was brought to, and it was not us. Once each time; while it lasts it is
    /// among the problems of [`ObservedService`].
    Drift {
        /// The service's index.
        service: usize,
        /// What was seen, what is done about it, and the command that would have stuck.
        text: String,
    },
    /// What somebody else changed was put back. Once for each write.
    Mended {
        /// The service's index.
        service: usize,
        /// The static protocol.
        protocol: String,
        /// Whether it was enabled; else it was disabled.
        enabled: bool,
        /// How often it was so far; `None`: BIRD was restarted, and that is not counted.
        repeated: Option<Repeated>,
    },
    /// A write failed, or was forbidden by the guard; it is tried again. Once for each new reason.
    Failed {
        /// The service's index.
        service: usize,
        /// What failed and why.
        text: String,
    },
}

/// How often somebody else's change of one protocol was put back (A1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// How often within the service's `flap_window`, this time included.
    pub times: usize,
    /// How long the next mend will wait once it is seen undone again.
    pub wait: Duration,
}

/// A decision got one step further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageReport {
    /// The service's index.
    pub service: usize,
    /// [`DesiredState::id`].
    pub id: u64,
    /// The step.
    pub stage: TransitionStage,
    /// When, to the millisecond.
    pub at: Instant,
    /// The static protocol that it was taken with.
    pub protocol: String,
}

/// The steps from a decision to what comes of it, for one static protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransitionStage {
    /// `enable` was handed to the connection.
    EnableSent,
    /// BIRD accepted it.
    EnableAnswered,
    /// The protocol was seen up.
    Up,
    /// Every prefix of it was seen exported to enough upstreams.
    Exported,
    /// `disable` was handed to the connection.
    DisableSent,
    /// BIRD accepted it.
    DisableAnswered,
    /// The protocol was seen down, its routes gone.
    Down,
    /// No upstream was seen to carry any of it; only asked for where a drill ends.
    Gone,
}

/// A full look at BIRD.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// When it ended.
    pub at: Instant,
    /// BIRD answers, is up and running, and no graceful-restart recovery holds anything back.
    pub bird_running_normally: bool,
    /// One for each of [`ReconcilerConfig::targets`].
    pub services: Vec<ObservedService>,
    /// One for each of [`ReconcilerConfig::upstreams`].
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
}

/// How a drill stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedDrill {
    /// The wish's number that this was seen under.
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
        }
    }
}

/// One upstream's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedUpstream {
    /// The BGP protocol's name.
    pub name: String,
    /// BIRD's word, such as "Established" or "Active"; [`MISSING`] where BIRD has no such protocol;
    /// "unknown" while BIRD does not answer.
    pub state: String,
    /// BIRD's last error of the session.
    pub error: Option<String>,
    /// Whether the session is established.
    pub established: bool,
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
            state: UNREAD.to_owned(),
            error: None,
            established: false,
            since: None,
            families: Vec::new(),
            channels: Vec::new(),
            neighbor: None,
            passes_gateways_on: false,
        }
    }

    /// Its channel of a family.
    pub fn channel(&self, family: Family) -> Option<&SeenChannel> {
        self.channels.iter().find(|channel| channel.family == family)
    }
}

/// Steering at work. Dropping it ends the task; BIRD stays as it is.
#[derive(Debug)]
pub struct Reconciler {
    task: AbortOnDropHandle<()>,
    steps: SharedNumber,
}

impl Reconciler {
    /// Its task. The end of it closes the channel of the reports.
    pub(crate) fn task(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// How many steps it has taken so far: of one that works, more with every question and every poll.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }
}

/// Starts steering. The task ends when the handle or the sender of the wishes is dropped.
///
/// A receiver of reports that is slow loses the oldest of them, and never delays a write.
pub fn spawn(
    client: BirdClient,
    setup: ReconcilerConfig,
    wishes: watch::Receiver<DesiredStates>,
    reports: mpsc::Sender<ReconcilerReport>,
) -> Reconciler {
    let task = task::ReconcilerTask::new(&client, setup, wishes, reports);
    Reconciler {
        steps: task.steps.clone(),
        task: AbortOnDropHandle::new(tokio::spawn(task.run())),
    }
}
