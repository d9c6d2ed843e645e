//! Sites to try the judgement on: the article's configuration in plain values, and a world that
//! follows a script. Shared by the unit tests of the core and the daemon.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a question about one kind of event leaves out all others, also those to come"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::model::{
    self, CheckConfig, Config, ExecConfig, FailbackMode, MinUp, OnCutOff, OnLoss, Quorum, Role,
    ServiceConfig, StaticProtocolConfig, Votes,
};
use crate::core::simulator::{SimulatedResult, SimulatedWorld};
use crate::core::stance_word;
use crate::core::{
    CoreEvent, Event, InitialStrength, OperatorCommand, PersistentState, ProbeId, Simulator, Stance, Strength,
};
use crate::model::history::HistoryEvent;
use crate::model::snapshot::Isolation;
use crate::model::snapshot::{CheckOutcome, ProbeState, Verdict};
use crate::model::time::{Moment, Now};

/// How long the way there and back takes, unless a script says otherwise.
pub(crate) const RTT: Duration = Duration::from_millis(1);

/// How many random histories of a kind are played: a few without optimization, more with it, and
/// `FALCONER_HISTORIES` times as many where that is set.
pub(crate) fn histories(debug: u64, release: u64) -> u64 {
    let times = std::env::var("FALCONER_HISTORIES").ok();
    let times = times.map_or(1, |times| times.parse().expect("FALCONER_HISTORIES is a number"));
    times * if cfg!(debug_assertions) { debug } else { release }
}

/// The step of a sweep: a fine one with optimization.
pub(crate) fn every(debug: usize, release: usize) -> usize {
    if cfg!(debug_assertions) { debug } else { release }
}

/// [`histories`] for proptest.
pub(crate) fn cases(debug: u64, release: u64) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases: u32::try_from(histories(debug, release)).unwrap_or(u32::MAX),
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    }
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn at_ms(millis: u64) -> Moment {
    Moment::new(ms(millis))
}

pub(crate) fn at_s(secs: u64) -> Moment {
    at_ms(secs * 1000)
}

/// The daemon's start in the tests.
pub(crate) fn start() -> Now {
    start_at("2026-01-01T00:00:00Z")
}

pub(crate) fn start_at(wall: &str) -> Now {
    Now {
        mono: Moment::START,
        wall: wall.parse().expect("a time in a test"),
    }
}

/// A probe with the article's numbers.
pub(crate) fn probe(name: &str) -> model::ProbeConfig {
    let command = vec!["/bin/true".to_owned()];
    model::ProbeConfig {
        name: name.to_owned(),
        check: CheckConfig::Exec(ExecConfig { command }),
        interval: secs(5),
        timeout: secs(2),
        retry_interval: ms(500),
        fall: 3,
        rise: 2,
        votes: Votes::Both,
        decides: None,
        group: model::Group::Near,
    }
}

/// A standby with every default.
pub(crate) fn standby(name: &str, probes: Vec<model::ProbeConfig>) -> ServiceConfig {
    let prefixes = vec!["198.51.100.0/24".parse().expect("a prefix")];
    let of = |name: String| StaticProtocolConfig {
        name,
        family: model::Family::V4,
        prefixes: prefixes.clone(),
    };
    ServiceConfig {
        serves: Vec::new(),
        on_not_serving: model::OnNotServing::Announce,
        name: name.to_owned(),
        role: Role::Standby,
        upstreams: vec!["isp_upstream".to_owned()],
        min_upstreams: 1,
        down_when: Quorum::All,
        up_when: Quorum::All,
        takeover_delay: Duration::ZERO,
        failback: FailbackMode::Auto,
        failback_delay: secs(30),
        failback_window: None,
        failback_drain: Duration::ZERO,
        failback_confirm: secs(30),
        flap_limit: 3,
        flap_window: secs(3600),
        on_isolated: OnLoss::Keep,
        rank: 1,
        full: vec![of(format!("{name}_v4"))],
        drain: vec![of(format!("{name}_v4_drain"))],
        standing: Vec::new(),
        prefixes,
        primary_prefixes: Vec::new(),
        standing_prefixes: Vec::new(),
        probes,
    }
}

/// A primary with every default.
pub(crate) fn primary(name: &str, probes: Vec<model::ProbeConfig>) -> ServiceConfig {
    ServiceConfig {
        role: Role::Primary,
        down_when: Quorum::Any,
        ..standby(name, probes)
    }
}

/// A site of these services and witnesses.
pub(crate) fn config(
    services: Vec<ServiceConfig>,
    witnesses: Vec<model::ProbeConfig>,
    min_up: usize,
) -> Config {
    Config {
        site: model::SiteConfig {
            name: "hk1".to_owned(),
            state_dir: "/var/lib/falconer".into(),
            run_dir: "/run/falconer".into(),
        },
        bird: model::BirdConfig {
            socket: "/run/bird/bird.ctl".into(),
            timeout: secs(5),
            poll_interval: secs(1),
            binary: "/usr/sbin/bird".into(),
            on_exit: OnLoss::Keep,
        },
        render: None,
        router: None,
        upstreams: Vec::new(),
        peers: Vec::new(),
        services,
        witnesses,
        isolation: model::IsolationConfig {
            min_up: MinUp::of_all(min_up),
            on_cut_off: OnCutOff::Hold,
        },
        api: model::ApiConfig {
            socket: "/run/falconer/falconer.sock".into(),
            listen: None,
            allow: Vec::new(),
            names: Vec::new(),
        },
        log: model::LogConfig {
            level: tracing::Level::INFO,
            format: model::LogFormat::Text,
        },
    }
}

/// The article's standby: ping and site, both needed, and one witness.
pub(crate) fn article() -> Config {
    let service = standby("web", vec![probe("ping"), probe("site")]);
    config(vec![service], vec![probe("resolver")], 1)
}

/// One probe and one witness.
pub(crate) fn simple() -> Config {
    config(
        vec![standby("web", vec![probe("ping")])],
        vec![probe("resolver")],
        1,
    )
}

/// How what is probed behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// It answers after [`RTT`].
    Alive,
    /// It answers after that long.
    Slow(Duration),
    /// It is silent.
    Dead,
    /// It refuses, after [`RTT`].
    Refusing,
    /// The check cannot be made.
    Broken,
    /// The check never reports.
    Lost,
}

/// A world that follows a script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    targets: BTreeMap<ProbeId, BTreeMap<Moment, Target>>,
    uplink: BTreeMap<Moment, bool>,
    /// Every check that began.
    pub(crate) starts: Vec<(Moment, ProbeId)>,
}

impl Script {
    /// From `at` on this is how the target of `probe` behaves; alive before.
    pub(crate) fn from(&mut self, at: Moment, probe: ProbeId, target: Target) -> &mut Self {
        self.targets.entry(probe).or_default().insert(at, target);
        self
    }

    /// This site's own uplink is cut for a while.
    pub(crate) fn cut(&mut self, from: Moment, until: Moment) -> &mut Self {
        self.uplink.insert(from, false);
        self.uplink.insert(until, true);
        self
    }

    pub(crate) fn target(&self, at: Moment, probe: ProbeId) -> Target {
        let timeline = self.targets.get(&probe);
        let latest = timeline.and_then(|timeline| timeline.range(..=at).next_back());
        latest.map_or(Target::Alive, |(_, target)| *target)
    }

    fn uplink(&self, at: Moment) -> bool {
        self.uplink.range(..=at).next_back().is_none_or(|(_, up)| *up)
    }

    fn reached(&self, at: Moment, probe: ProbeId, after: Duration) -> bool {
        let there = |target| matches!(target, Target::Alive | Target::Slow(_) | Target::Refusing);
        self.uplink(at)
            && self.uplink(at + after)
            && there(self.target(at, probe))
            && there(self.target(at + after, probe))
    }

    /// When checks of this probe began, from `from` on.
    pub(crate) fn starts_of(&self, probe: ProbeId, from: Moment) -> Vec<Moment> {
        let of = self.starts.iter().filter(|(at, of)| *of == probe && *at >= from);
        of.map(|(at, _)| *at).collect()
    }
}

impl SimulatedWorld for Script {
    fn answer(&mut self, at: Moment, probe: ProbeId, policy: &model::ProbeConfig) -> Option<SimulatedResult> {
        self.starts.push((at, probe));
        let silent = (policy.timeout, CheckOutcome::Fail);
        let answered = |after, outcome| match self.reached(at, probe, after) {
            true => (after, outcome),
            false => silent,
        };
        let (after, outcome) = match self.target(at, probe) {
            Target::Alive => answered(RTT, CheckOutcome::Pass),
            Target::Slow(rtt) => answered(rtt, CheckOutcome::Pass),
            Target::Dead => silent,
            Target::Refusing => answered(RTT, CheckOutcome::Fail),
            Target::Broken => (RTT, CheckOutcome::Error),
            Target::Lost => return None,
        };
        let detail = format!("{outcome:?}").to_lowercase();
        Some(SimulatedResult {
            after,
            outcome,
            detail,
        })
    }
}

pub(crate) const PING: ProbeId = ProbeId::Service(0, 0);
pub(crate) const SITE: ProbeId = ProbeId::Service(0, 1);
pub(crate) const WITNESS: ProbeId = ProbeId::Witness(0);

/// A site, its world, and BIRD as a standby finds it.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) play: Simulator,
    pub(crate) world: Script,
    /// What it remembered at its start.
    pub(crate) memory: PersistentState,
    /// When that was.
    pub(crate) began: jiff::Timestamp,
}

impl Bench {
    /// At its start; BIRD has not been read.
    pub(crate) fn new(config: &Config) -> Self {
        Self::with(config, &PersistentState::default(), start())
    }

    /// Every probe was seen to pass before (D20).
    pub(crate) fn with(config: &Config, memory: &PersistentState, now: Now) -> Self {
        let mut memory = memory.clone();
        memory.prove(config, now.wall);
        Self::remembering(config, &memory, now)
    }

    /// It remembers just that.
    pub(crate) fn remembering(config: &Config, memory: &PersistentState, now: Now) -> Self {
        Self {
            play: Simulator::new(config, memory, now),
            world: Script::default(),
            memory: memory.clone(),
            began: now.wall,
        }
    }

    /// BIRD is read at once and announces so much of every service.
    pub(crate) fn adopting(mut self, strength: Strength) -> Self {
        for service in 0..self.play.site().services().len() {
            self.bird(service, InitialStrength::Is(strength));
        }
        self
    }

    pub(crate) fn bird(&mut self, service: usize, adoption: InitialStrength) {
        self.play
            .hand_in(Some(Event::Bird { service, adoption }), &mut self.world);
    }

    pub(crate) fn run(&mut self, until: Moment) -> &mut Self {
        self.play.run_until(until, &mut self.world);
        self
    }

    pub(crate) fn run_for(&mut self, by: Duration) -> &mut Self {
        self.run(self.play.now().mono + by)
    }

    pub(crate) fn ask(&mut self, ask: OperatorCommand) -> Result<(), crate::core::CommandRefused> {
        self.play.ask(0, ask, "root", &mut self.world)
    }

    /// The site's process dies and comes back at once, with what it remembers and what BIRD does.
    pub(crate) fn restart(&self, config: &Config) -> Self {
        let memory = self.play.site().memory();
        let now = Now {
            mono: Moment::START,
            wall: self.play.now().wall,
        };
        Self::with(config, &memory, now)
    }

    pub(crate) fn stance(&self) -> Stance {
        self.play.site().services()[0].stance()
    }

    pub(crate) fn strength(&self) -> Option<Strength> {
        self.stance().strength()
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.play.site().services()[0].verdict().0
    }

    pub(crate) fn state(&self, probe: ProbeId) -> ProbeState {
        self.play
            .site()
            .state(probe)
            .expect("a probe of the configuration")
    }

    /// When the first service switched, from where and to where, with the rule.
    pub(crate) fn switches(&self) -> Vec<(Moment, String)> {
        let notes = self.play.notes().iter();
        let switched = notes.filter_map(|(at, note)| {
            let (_, change) = note.transition().filter(|(service, _)| *service == 0)?;
            let (from, to) = (stance_word(change.from), stance_word(change.to));
            Some((*at, format!("{from} -> {to} by {}", change.rule)))
        });
        switched.collect()
    }

    /// When the probe changed its state, and to what.
    pub(crate) fn turns(&self, probe: ProbeId) -> Vec<(Moment, ProbeState)> {
        let notes = self.play.notes().iter();
        let service = match probe {
            ProbeId::Service(service, _) | ProbeId::Serves(service, _) => Some(service),
            ProbeId::Witness(_) => None,
        };
        let of = &self.play.site().policy(probe).expect("it is configured").name;
        let turned = notes.filter_map(|(at, note)| match note {
            CoreEvent::History(whose, HistoryEvent::Probe { name, to, .. })
                if (*whose, name) == (service, of) =>
            {
                Some((*at, *to))
            }
            _ => None,
        });
        turned.collect()
    }

    /// When the first service's verdict changed, and to what.
    pub(crate) fn verdicts(&self) -> Vec<(Moment, Verdict)> {
        let notes = self.play.notes().iter();
        let changed = notes.filter_map(|(at, note)| match note {
            CoreEvent::History(Some(0), HistoryEvent::Verdict { to, .. }) => Some((*at, *to)),
            _ => None,
        });
        changed.collect()
    }

    /// When the site's isolation changed, and to what.
    pub(crate) fn isolations(&self) -> Vec<(Moment, Isolation)> {
        let notes = self.play.notes().iter();
        let changed = notes.filter_map(|(at, note)| match note {
            CoreEvent::History(_, HistoryEvent::Isolated { state, .. }) => Some((*at, (*state)?)),
            _ => None,
        });
        changed.collect()
    }

    pub(crate) fn count(&self, wanted: impl Fn(&CoreEvent) -> bool) -> usize {
        self.play.notes().iter().filter(|(_, note)| wanted(note)).count()
    }
}
