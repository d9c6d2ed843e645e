//! The snapshot's shape: stable from the first release. More may be added; nothing is renamed or
//! removed without raising [`SCHEMA`]. Times are RFC 3339, UTC, with milliseconds, or null.

use super::message::Message;
use super::millis;
use super::serving::{OnNotServing, ServingRoute, ServingState};
use crate::model::bgp_state::BgpState;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::model::strength::Strength;

/// The version of this shape.
pub const SCHEMA: u32 = 1;

/// Everything that Falconer shows of itself at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The site's name.
    pub site: String,
    /// Falconer's version.
    pub version: String,
    /// When the daemon started.
    #[serde(with = "millis")]
    pub since: Timestamp,
    /// When this snapshot was taken.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// Whether too few witnesses answer (D5).
    pub isolated: bool,
    /// Whether the near witnesses answer and the far ones do not (D5).
    #[serde(default)]
    pub cut_off: bool,
    /// BIRD's control socket.
    pub bird: BirdSnapshot,
    /// One a service, in the configuration's order.
    pub services: Vec<ServiceSnapshot>,
    /// One an upstream, in the configuration's order.
    pub upstreams: Vec<UpstreamSnapshot>,
    /// One a witness, in the configuration's order.
    pub witnesses: Vec<ProbeSnapshot>,
    /// One a tunnel.
    pub tunnels: Vec<serde_json::Value>,
    /// The lease, where one is configured.
    pub lease: Option<serde_json::Value>,
    /// What is wrong, oldest first.
    pub alarms: Vec<Alarm>,
    /// Whether we would take over if the primary died now; null until that was looked at.
    #[serde(default)]
    pub ready: Option<super::readiness::ReadinessSummary>,
}

/// BIRD, seen over its control socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BirdSnapshot {
    /// Whether it answers.
    pub state: BirdState,
    /// As its greeting says, such as "2.0.12".
    pub version: Option<String>,
    /// Since when it is in this state.
    #[serde(with = "crate::model::millis::option")]
    pub since: Option<Timestamp>,
    /// What is wrong with the socket.
    pub error: Option<String>,
    /// When its protocols and routes were last read; null: not yet.
    #[serde(default, with = "crate::model::millis::option")]
    pub read_at: Option<Timestamp>,
}

/// Whether a service is announced, for those who ask from another site (D17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// At full, and verified within the last two polls.
    Announced,
    /// BIRD was read within the last two polls, and it is not.
    NotAnnounced,
    /// BIRD does not answer, or was not read within the last two polls.
    CannotTell,
}

/// Whether this site is connected, as its witnesses tell (D5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Enough witnesses are up.
    Connected,
    /// Unknown witnesses leave it open.
    Open,
    /// So many are down that `min_up` cannot be met.
    Isolated,
    /// The near witnesses meet it and the far ones cannot: the way to where the primary is, is cut.
    CutOff,
}

/// Whether BIRD answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BirdState {
    /// It answers.
    Up,
    /// It is there and too slow, or has no room for us.
    Busy,
    /// It is not there, or we may not talk to it.
    #[default]
    Down,
}

/// A service: our verdict and BIRD's reality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceSnapshot {
    /// Its name.
    pub name: String,
    /// `standby` or `primary`.
    pub role: Role,
    /// Its prefixes.
    pub prefixes: Vec<ipnet::IpNet>,
    /// The static protocols that carry it at strength full.
    pub protocols: Vec<String>,
    /// How its prefixes relate to the primary's (D14).
    #[serde(default)]
    pub pattern: PrefixPattern,
    /// What the primary announces.
    #[serde(default)]
    pub primary_prefixes: Vec<ipnet::IpNet>,
    /// What is announced all the time, as a last resort; null: nothing (D14).
    #[serde(default)]
    pub standing: Option<StandingSnapshot>,
    /// What its probes say together.
    pub verdict: Verdict,
    /// What we want of BIRD.
    #[serde(with = "crate::model::strength::or_unknown")]
    pub want: Option<Strength>,
    /// Which static protocols are up: the weakest over the families.
    #[serde(with = "crate::model::strength::or_unknown")]
    pub actual: Option<Strength>,
    /// Upstreams that are to carry it, in the configuration's order.
    pub upstreams: Vec<String>,
    /// Upstreams that carry every prefix of their families.
    pub exported_to: Vec<String>,
    /// When BIRD last showed it announced in the sense of A5: its protocols of strength full up,
    /// and carried by at least `min_upstreams` upstreams. Null while it is anything less.
    #[serde(default, with = "crate::model::millis::option")]
    pub verified_at: Option<Timestamp>,
    /// The rule that decides, such as "D4".
    pub rule: String,
    /// The same in words.
    pub reason: String,
    /// The same as code and arguments, where the text has a code.
    #[serde(default)]
    pub reason_message: Option<Message>,
    /// Since when we want what we want.
    #[serde(with = "crate::model::millis::option")]
    pub since: Option<Timestamp>,
    /// When the rule that decides runs out by itself, where it does.
    #[serde(with = "crate::model::millis::option")]
    pub deadline: Option<Timestamp>,
    /// The operator's word, where there is one (D11).
    #[serde(rename = "override")]
    pub overridden: Option<OverrideSnapshot>,
    /// Whether it flapped too often and waits for an operator (D9).
    pub latched: bool,
    /// Its probes, in the configuration's order.
    pub probes: Vec<ProbeSnapshot>,
    /// The last time that we changed what we want, with the time of each stage.
    #[serde(default)]
    pub transition: Option<TransitionSnapshot>,
    /// The drill under way.
    #[serde(default)]
    pub drill: Option<DrillSnapshot>,
    /// The last drill that came to an end; refusals and dry runs are none.
    #[serde(default)]
    pub last_drill: Option<LastDrill>,
    /// When a drill passed last.
    #[serde(default, with = "crate::model::millis::option")]
    pub last_good_drill: Option<Timestamp>,
    /// While it is silent: what would keep a takeover from being carried; none: nothing that BIRD shows.
    /// Null while not all of that was looked at.
    #[serde(default)]
    pub obstacles: Option<Vec<Obstacle>>,
    /// The routes to one of its prefixes, or covering or inside one, that are not ours, at most 32. Null while
    /// nobody could tell us of one: BIRD was not asked, or no session takes in such routes.
    #[serde(default)]
    pub rivals: Option<Vec<RivalRoute>>,
    /// While a standby is announced at full: whether each upstream that carries it prefers our route (A11).
    #[serde(default)]
    pub followed: Vec<FollowedUpstream>,
    /// Whether this site itself can serve it (D16); null without `[[service.serves]]`.
    #[serde(default)]
    pub serving: Option<ServingSnapshot>,
}

/// A route to one of a service's prefixes, or covering or inside one, that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RivalRoute {
    /// What it leads to.
    pub prefix: ipnet::IpNet,
    /// The BGP protocol of the local BIRD that it was heard from.
    pub upstream: String,
    /// Its AS path as BIRD shows it, from the neighbour to the origin; null where BIRD shows none.
    pub as_path: Option<String>,
    /// Where it comes from.
    pub origin_as: Option<u32>,
    /// Since when it is heard.
    #[serde(with = "crate::model::millis::option")]
    pub since: Option<Timestamp>,
}

/// Whether an upstream that carries our route prefers it. BGP tells a neighbour the best route alone: one
/// that tells us another way to our prefixes does not use ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedUpstream {
    /// The upstream.
    pub upstream: String,
    /// Which way it prefers.
    pub state: FollowedState,
    /// Since when.
    #[serde(with = "crate::model::millis::option")]
    pub since: Option<Timestamp>,
}

/// Which way an upstream prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowedState {
    /// It told us the other route before, and does not any more.
    Follows,
    /// It tells us another route to what we announce, or inside it.
    PrefersAnother,
    /// It never told us the other route, or takes part in no session that could: nothing is known.
    CannotBeHeard,
}

/// How a service's prefixes relate to the primary's (D14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrefixPattern {
    /// They are the same: where a dead primary's route is kept, it may win.
    #[default]
    Equal,
    /// They lie inside: they win everywhere.
    MoreSpecific,
}

/// What is announced all the time, as a last resort (D14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingSnapshot {
    /// The prefixes.
    pub prefixes: Vec<ipnet::IpNet>,
    /// The static protocols that carry them.
    pub protocols: Vec<String>,
    /// What we want of BIRD.
    pub want: StandingState,
    /// What BIRD does: on where all the protocols are up.
    pub actual: StandingState,
    /// Upstreams that carry every prefix of their families.
    pub exported_to: Vec<String>,
}

/// Whether standing prefixes are announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StandingState {
    /// They are.
    On,
    /// They are not.
    Off,
    /// Nobody can say.
    Unknown,
}

impl StandingState {
    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Unknown => "unknown",
        }
    }
}

/// A drill under way: the service is announced without being wanted, and will be silent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillSnapshot {
    /// How strongly it announces.
    pub strength: Strength,
    /// How far it is.
    pub phase: DrillPhase,
    /// Since when it is under way.
    #[serde(with = "millis")]
    pub since: Timestamp,
    /// When its announcement ends by itself, once it has been seen to stand.
    #[serde(with = "crate::model::millis::option")]
    pub until: Option<Timestamp>,
    /// Who: a user's name or "uid N".
    pub actor: String,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// The time of each stage.
    pub stages: StageTimes,
}

/// How far a drill is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillPhase {
    /// It is being written to `state_dir`; BIRD knows nothing of it.
    Recording,
    /// BIRD is to announce it; nobody has seen that it does.
    Rising,
    /// It is announced, and carried by enough upstreams.
    Holding,
    /// BIRD is to be silent again; nobody has seen that it is.
    Ending,
    /// It should have been silent long ago, and nobody has seen that it is.
    Unverified,
}

/// A drill that came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDrill {
    /// When it ended.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// How.
    pub outcome: DrillOutcome,
    /// How strongly it announced.
    pub strength: Strength,
    /// What came of it, in words.
    pub text: String,
}

/// How a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DrillOutcome {
    /// It was announced, carried, and is silent again, all of it seen.
    Passed,
    /// BIRD or an upstream did not do its part.
    Failed,
    /// It never began.
    Refused,
    /// Something else came first: a takeover, an operator, the end of BIRD or of Falconer.
    Aborted,
}

impl ServiceSnapshot {
    /// Whether BIRD was seen to announce it at full within the last two polls. A wall clock that
    /// stepped either way makes the last look too old to count, until the next one.
    pub fn is_announced(&self, now: Timestamp, poll_interval: Duration) -> bool {
        let fresh = |verified| is_fresh(verified, now, poll_interval);
        self.actual == Strength::Full && self.verified_at.is_some_and(fresh)
    }

    /// The same for another site, which must not take "I do not know" for a no (D17).
    pub fn announcement(&self, bird: &BirdSnapshot, now: Timestamp, poll_interval: Duration) -> Announcement {
        let fresh = |read| is_fresh(read, now, poll_interval);
        let known = bird.state == BirdState::Up && bird.read_at.is_some_and(fresh) && self.actual.is_some();
        match (known, self.is_announced(now, poll_interval)) {
            (false, _) => Announcement::CannotTell,
            (true, true) => Announcement::Announced,
            (true, false) => Announcement::NotAnnounced,
        }
    }
}

fn is_fresh(at: Timestamp, now: Timestamp, poll_interval: Duration) -> bool {
    now.duration_since(at).unsigned_abs() <= poll_interval * 2
}

/// One change of what we want of BIRD, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionSnapshot {
    /// From; `unknown` where nothing was settled.
    #[serde(with = "crate::model::strength::or_unknown")]
    pub from: Option<Strength>,
    /// To.
    #[serde(with = "crate::model::strength::or_unknown")]
    pub to: Option<Strength>,
    /// The rule that decided, such as "D4".
    pub rule: String,
    /// The same in words.
    pub reason: String,
    /// The time of each stage.
    pub stages: StageTimes,
}

/// When each stage of a transition was reached; null where it was not, or does not apply. Over
/// several static protocols, the last of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageTimes {
    /// The first failed check behind a verdict down began.
    #[serde(with = "crate::model::millis::option")]
    pub first_fail: Option<Timestamp>,
    /// The verdict was reached.
    #[serde(with = "crate::model::millis::option")]
    pub verdict: Option<Timestamp>,
    /// The decision was taken.
    #[serde(with = "crate::model::millis::option")]
    pub decided: Option<Timestamp>,
    /// `enable` was sent to BIRD.
    #[serde(with = "crate::model::millis::option")]
    pub enable_sent: Option<Timestamp>,
    /// BIRD accepted it.
    #[serde(with = "crate::model::millis::option")]
    pub enable_answered: Option<Timestamp>,
    /// The static protocol was seen up.
    #[serde(with = "crate::model::millis::option")]
    pub up: Option<Timestamp>,
    /// Every prefix was seen exported to enough upstreams.
    #[serde(with = "crate::model::millis::option")]
    pub exported: Option<Timestamp>,
    /// `disable` was sent to BIRD.
    #[serde(with = "crate::model::millis::option")]
    pub disable_sent: Option<Timestamp>,
    /// BIRD accepted it.
    #[serde(with = "crate::model::millis::option")]
    pub disable_answered: Option<Timestamp>,
    /// The static protocol was seen down, its routes gone.
    #[serde(with = "crate::model::millis::option")]
    pub down: Option<Timestamp>,
    /// No upstream was seen to carry any of it any more. Only asked for in drills.
    #[serde(
        with = "crate::model::millis::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub gone: Option<Timestamp>,
    /// None of the upstreams from which the other route can be heard tells it any more (A11).
    #[serde(
        with = "crate::model::millis::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub followed: Option<Timestamp>,
}

impl StageTimes {
    /// Those that were reached, in the order in which they were.
    pub fn reached(&self) -> Vec<(Timestamp, &'static str)> {
        let mut reached: Vec<(Timestamp, &'static str)> = [
            (self.first_fail, "first fail"),
            (self.verdict, "verdict"),
            (self.decided, "decided"),
            (self.enable_sent, "enable sent"),
            (self.enable_answered, "enable answered"),
            (self.up, "up"),
            (self.exported, "exported"),
            (self.disable_sent, "disable sent"),
            (self.disable_answered, "disable answered"),
            (self.down, "down"),
            (self.gone, "gone"),
            (self.followed, "followed"),
        ]
        .into_iter()
        .filter_map(|(at, stage)| at.map(|at| (at, stage)))
        .collect();
        reached.sort_by_key(|(at, _)| *at);
        reached
    }
}

/// What would keep a takeover from being carried, or from being proved to be: on the way of the real
/// route, from its static protocol out of the sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// Whether a takeover would fail because of it; else it is not provable, or enough upstreams are left.
    pub certain: bool,
    /// The static protocol.
    pub protocol: String,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub advice: String,
}

/// What a service's verdict means for the announcement (D4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Announce while the target is down.
    Standby,
    /// Announce while the target is up.
    Primary,
}

/// What the probes of a service say together (D3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The target is up.
    Up,
    /// The target is down.
    Down,
    /// The probes do not settle it.
    Unclear,
}

/// An operator's word against the automatic decision (D11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideSnapshot {
    /// What the operator wants.
    pub action: OverrideAction,
    /// When it ends by itself.
    #[serde(with = "crate::model::millis::option")]
    pub until: Option<Timestamp>,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Who: a user's name or "uid N".
    pub actor: String,
}

/// What an operator can want (D11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverrideAction {
    /// Be announced, at full.
    Announce,
    /// Be silent, at once.
    Withdraw,
    /// Leave BIRD alone.
    Freeze,
}

/// A probe or a witness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeSnapshot {
    /// Its name.
    pub name: String,
    /// Its type, such as "icmp".
    #[serde(rename = "type")]
    pub kind: String,
    /// What its rows say (D1).
    pub state: ProbeState,
    /// How many results of the kind of the last one stand in a row.
    pub streak: u32,
    /// The last result.
    pub last: Option<ResultSnapshot>,
    /// It was never seen to pass, and takes part in no verdict until it does (D20).
    #[serde(default)]
    pub never_passed: bool,
}

/// What a probe's rows say (D1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeState {
    /// Up.
    Up,
    /// Down.
    Down,
    /// Not known: at start, after errors, and after an isolation.
    Unknown,
}

/// A check's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultSnapshot {
    /// When it came.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// What it was.
    pub result: CheckOutcome,
    /// In words, such as "connection refused".
    pub detail: String,
    /// How long the answer took, in milliseconds, where there was one.
    pub rtt_ms: Option<f64>,
}

/// What came of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// The target is well.
    Pass,
    /// The target is not well, or silent.
    Fail,
    /// The check could not be made: it says nothing of the target.
    Error,
}

/// A BGP session of the local BIRD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamSnapshot {
    /// The protocol's name in BIRD.
    pub name: String,
    /// BIRD's word: "Established", "Active", "Idle", ...; "missing" without such a protocol;
    /// "unknown" while BIRD does not answer.
    pub state: BgpState,
    /// Since when, by our own clock.
    #[serde(with = "crate::model::millis::option")]
    pub since: Option<Timestamp>,
    /// BIRD's last error of the session.
    pub error: Option<String>,
}

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// What kind of thing.
    pub code: AlarmCode,
    /// Which service, where it is one's.
    pub service: Option<String>,
    /// In words, with what to do about it.
    pub text: String,
    /// The same as code and arguments, where the text has a code.
    #[serde(default)]
    pub message: Option<Message>,
    /// Since when.
    #[serde(with = "millis")]
    pub since: Timestamp,
}

/// The kinds of alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmCode {
    /// Announced, but carried by fewer than `min_upstreams` upstreams.
    NotExported,
    /// BIRD is not what we want it to be, and it was not us.
    Drift,
    /// A static protocol has other routes or channels than the configured ones (A7).
    ForeignRoutes,
    /// An upstream carries one of the service's prefixes from a protocol that is not ours (A5).
    ForeignAnnouncement,
    /// Too few witnesses answer.
    Isolated,
    /// The near witnesses answer and the far ones do not.
    CutOff,
    /// Flapped too often.
    Latched,
    /// An operator's override is in force.
    Override,
    /// BIRD does not answer.
    BirdDown,
    /// An upstream is not established.
    UpstreamDown,
    /// The state directory cannot be read or written.
    StateDir,
    /// bird.conf is not what we would render.
    RenderDrift,
    /// The lease.
    Lease,
    /// A tunnel.
    Tunnel,
    /// A probe that cannot prove anything: its checks cannot be made, or its target lies inside an
    /// announced prefix.
    Probe,
    /// This site would not serve the service's clients (D16).
    NotServing,
    /// A drill's end could not be verified: it may still be announced.
    Drill,
    /// An upstream has preferred another way for five minutes while we announce (A11).
    Rival,
}

impl AlarmCode {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::NotExported,
        Self::Drift,
        Self::ForeignRoutes,
        Self::ForeignAnnouncement,
        Self::Isolated,
        Self::CutOff,
        Self::Latched,
        Self::Override,
        Self::BirdDown,
        Self::UpstreamDown,
        Self::StateDir,
        Self::RenderDrift,
        Self::Lease,
        Self::Tunnel,
        Self::Probe,
        Self::NotServing,
        Self::Drill,
        Self::Rival,
    ];
}

/// Whether a service's clients would be served here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServingSnapshot {
    /// What the checks and the kernel say together.
    pub state: ServingState,
    /// What becomes of a takeover while it does not serve.
    pub on_not_serving: OnNotServing,
    /// Its checks, in the configuration's order.
    pub checks: Vec<ProbeSnapshot>,
    /// Where the kernel would send packets to the addresses that the checks ask; none before they are known.
    pub routes: Vec<ServingRoute>,
    /// Since when it is in this state.
    #[serde(with = "super::millis")]
    pub since: Timestamp,
}
