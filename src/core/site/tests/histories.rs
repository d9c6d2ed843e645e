//! Long random histories: what must hold whatever happens, and that the right future is reached from
//! any past.
//!
//! - No takeover on a verdict that is not down, nor while isolated, nor while witnesses leave it open.
//! - An override wins over everything here, and freeze moves nothing.
//! - A relapse never leaves us silent: a standby falls silent only when its target is up (or it is
//!   cut off and told to withdraw then), and unclear moves nothing.
//! - Two decisions are never closer than the configured delays allow.
//! - Past its limit a latched service makes no further switch that it is latched against.
//! - A latch is told once, and not again before its release was told, over restarts too.
//! - A lost event does not exist: when the world then stands still, the right future is reached.
//! - The same inputs give the same notes, checks and intents, also when they were written down.

use proptest::prelude::*;

use super::support::*;
use crate::config::model::{Config, FailbackMode, OnLoss, Quorum, Role};
use crate::core::drill::{DrillEvent, DrillIntent};
use crate::core::event::Input;
use crate::core::{CoreEvent, Event, InitialStrength, OperatorCommand, ProbeId, Site, Stance, Strength};
use crate::model::command::DrillPlan;
use crate::model::command::OverrideOptions;
use crate::model::history::{HistoryEvent, TransitionEvent};
use crate::model::snapshot::Isolation;
use crate::model::snapshot::{OverrideAction, Verdict};
use crate::model::time::{Moment, Now};

#[derive(Clone, Debug)]
enum Step {
    Target(usize, Target),
    All(Target),
    Cut(u64),
    Stall(u64),
    Suspended(u64),
    Ask(OperatorCommand),
    Bird(InitialStrength),
    Drill(Strength),
    News(DrillEvent),
    Restart(Option<Strength>),
    WallClock(i64),
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        4 => Just(Target::Alive),
        4 => Just(Target::Dead),
        2 => Just(Target::Refusing),
        1 => Just(Target::Broken),
        1 => Just(Target::Lost),
        1 => (1_u64..3_000).prop_map(|rtt| Target::Slow(ms(rtt))),
    ]
}

fn terms() -> impl Strategy<Value = OverrideOptions> {
    proptest::option::of(0_u64..120).prop_map(|seconds| OverrideOptions {
        lasting: seconds.map(secs),
        reason: None,
        drain: None,
    })
}

fn ask() -> impl Strategy<Value = OperatorCommand> {
    prop_oneof![
        2 => terms().prop_map(OperatorCommand::Announce),
        2 => terms().prop_map(OperatorCommand::Withdraw),
        1 => terms().prop_map(OperatorCommand::Freeze),
        4 => Just(OperatorCommand::Auto { reason: None }),
        2 => Just(OperatorCommand::Failback { reason: None }),
    ]
}

fn strength() -> impl Strategy<Value = Strength> {
    prop_oneof![Just(Strength::Off), Just(Strength::Drain), Just(Strength::Full)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_usize..6, target()).prop_map(|(probe, target)| Step::Target(probe, target)),
        8 => target().prop_map(Step::All),
        3 => (100_u64..20_000).prop_map(Step::Cut),
        2 => (1_u64..10_000).prop_map(Step::Stall),
        1 => (1_u64..10_000).prop_map(Step::Suspended),
        4 => ask().prop_map(Step::Ask),
        2 => prop_oneof![Just(InitialStrength::Mixed), strength().prop_map(InitialStrength::Is)].prop_map(Step::Bird),
        4 => strength().prop_map(Step::Drill),
        6 => news().prop_map(Step::News),
        1 => proptest::option::of(strength()).prop_map(Step::Restart),
        1 => (-4_000_i64..4_000).prop_map(Step::WallClock),
    ]
}

fn news() -> impl Strategy<Value = DrillEvent> {
    let text = || "a reason".to_owned();
    prop_oneof![
        3 => Just(DrillEvent::Kept),
        3 => Just(DrillEvent::Carried),
        3 => Just(DrillEvent::Silent),
        1 => Just(DrillEvent::NotKept(text())),
        1 => Just(DrillEvent::Failed(text())),
        1 => Just(DrillEvent::Lost(text())),
        1 => Just(DrillEvent::Stop(text())),
    ]
}

fn history() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let wait = prop_oneof![1 => 0_u64..50, 4 => 0_u64..8_000, 2 => 0_u64..60_000];
    proptest::collection::vec((wait, step()), 1..30)
}

prop_compose! {
    fn policy()(
        probes in 1_usize..4,
        witnesses in 0_usize..4,
        min_up in 0_usize..3,
        primary in proptest::bool::weighted(0.2),
        (fall, rise) in (1_u32..5, 1_u32..4),
        any in any::<bool>(),
        manual in proptest::bool::weighted(0.2),
        withdraws in any::<bool>(),
        takeover_delay in prop_oneof![Just(0_u64), 1_u64..20],
        failback_delay in 0_u64..40,
        drain in prop_oneof![Just(0_u64), 1_u64..40],
        flap_limit in 1_u32..6,
        interval in 500_u64..6_000,
        patience in 0_u32..4,
    ) -> Config {
        let with = |name: String| {
            let mut probe = probe(&name);
            (probe.fall, probe.rise, probe.interval) = (fall, rise, ms(interval));
            probe.timeout = probe.timeout.min(probe.interval);
            probe
        };
        let named = |number: usize, name: &str| (0..number).map(|at| with(format!("{name}{at}"))).collect::<Vec<_>>();
        let mut service = standby("web", named(probes, "p"));
        service.role = if primary { Role::Primary } else { Role::Standby };
        service.down_when = if any { Quorum::Any } else { Quorum::All };
        service.failback = if manual { FailbackMode::Manual } else { FailbackMode::Auto };
        service.on_isolated = if withdraws { OnLoss::Withdraw } else { OnLoss::Keep };
        service.takeover_delay = secs(takeover_delay);
        service.failback_delay = secs(failback_delay);
        service.failback_drain = secs(drain);
        service.flap_limit = flap_limit;
        let mut witnesses = named(witnesses, "w");
        for witness in &mut witnesses {
            witness.fall += patience;
        }
        let min_up = min_up.min(witnesses.len());
        config(vec![service], witnesses, min_up)
    }
}

fn probe_ids(config: &Config) -> Vec<ProbeId> {
    let of_service = (0..config.services[0].probes.len()).map(|at| ProbeId::Service(0, at));
    of_service
        .chain((0..config.witnesses.len()).map(ProbeId::Witness))
        .collect()
}

/// A bench whose every input is watched.
struct Watched {
    config: Config,
    bench: Bench,
    seen: usize,
    /// Whether it is latched, as its notes tell.
    told_latched: bool,
}

impl Watched {
    fn new(config: &Config) -> Self {
        Self::beginning(config, Bench::new(config))
    }

    fn beginning(config: &Config, mut bench: Bench) -> Self {
        bench.play = bench.play.recording();
        Self {
            config: config.clone(),
            bench,
            seen: 0,
            told_latched: false,
        }
    }

    fn run_for(&mut self, millis: u64) {
        let until = self.bench.play.now().mono + ms(millis);
        while self.watching(|bench| bench.play.step(until, &mut bench.world)) {}
        self.bench.play.pass(until.since(self.bench.play.now().mono));
    }

    fn watching<T>(&mut self, act: impl FnOnce(&mut Bench) -> T) -> T {
        let before = self.bench.stance();
        let done = act(&mut self.bench);
        self.look(before);
        done
    }

    fn take(&mut self, step: &Step) {
        let ids = probe_ids(&self.config);
        let now = self.bench.play.now();
        match step {
            Step::Target(at, target) => {
                self.bench.world.from(now.mono, ids[at % ids.len()], *target);
            }
            Step::All(target) => {
                for at in 0..self.config.services[0].probes.len() {
                    self.bench.world.from(now.mono, ProbeId::Service(0, at), *target);
                }
            }
            Step::Cut(lasts) => {
                self.bench.world.cut(now.mono, now.mono + ms(*lasts));
            }
            Step::Stall(lasts) => self.bench.play.pass(ms(*lasts)),
            Step::Suspended(lasted) => {
                let event = Event::Suspended { lasted: ms(*lasted) };
                self.watching(|bench| bench.play.hand_in(Some(event), &mut bench.world));
            }
            Step::Ask(ask) => {
                // A refusal is an answer, too.
                let _ = self.watching(|bench| bench.ask(ask.clone()));
            }
            Step::Bird(adoption) => self.watching(|bench| bench.bird(0, *adoption)),
            Step::Drill(strength) => {
                let plan = DrillPlan {
                    strength: *strength,
                    hold: secs(5),
                    dry_run: false,
                    reason: None,
                };
                let _ = self.watching(|bench| bench.ask(OperatorCommand::Drill(plan)));
            }
            Step::News(news) => self.news(news.clone()),
            Step::Restart(strength) => self.restart(*strength),
            Step::WallClock(by) => {
                let by = jiff::SignedDuration::from_secs(*by);
                self.bench.play.step_wall_clock(now.wall + by);
            }
        }
    }

    fn news(&mut self, news: DrillEvent) {
        let event = Event::Drill { service: 0, news };
        self.watching(|bench| bench.play.hand_in(Some(event), &mut bench.world));
    }

    fn restart(&mut self, strength: Option<Strength>) {
        replays(self);
        let mut bench = self.bench.restart(&self.config);
        // The world goes on where it stands; its clock begins anew with ours.
        for probe in probe_ids(&self.config) {
            let stands = self.bench.world.target(self.bench.play.now().mono, probe);
            bench.world.from(Moment::START, probe, stands);
        }
        let told_latched = self.told_latched;
        *self = Self::beginning(&self.config, bench);
        self.told_latched = told_latched;
        if let Some(strength) = strength {
            self.watching(|bench| bench.bird(0, InitialStrength::Is(strength)));
        }
    }

    /// All that must hold after every single input.
    fn look(&mut self, before: Stance) {
        let notes: Vec<_> = self.bench.play.notes()[self.seen..].to_vec();
        self.seen += notes.len();
        for (at, note) in &notes {
            if let Some((_, change)) = note.transition() {
                self.switched(*at, before, change);
            } else if matches!(note, CoreEvent::History(_, HistoryEvent::Latched)) {
                assert!(!self.told_latched, "a latch is told once");
                self.told_latched = true;
            } else if matches!(note, CoreEvent::History(_, HistoryEvent::Released { .. })) {
                assert!(self.told_latched, "what is released was latched");
                self.told_latched = false;
            }
        }
        let site = self.bench.play.site();
        let now = self.bench.play.now();
        assert!(site.deadline() > Some(now.mono), "the deadline lies ahead");
        let service = &site.services()[0];
        assert_eq!(service.latched_since().is_some(), self.told_latched);
        let expected = match service.overridden().map(|over| over.action) {
            Some(OverrideAction::Announce) if service.awaits_bird() => None,
            Some(OverrideAction::Announce) => Some(Stance::Full),
            Some(OverrideAction::Withdraw) => Some(Stance::Off),
            Some(OverrideAction::Freeze) if before != Stance::Unsettled => Some(before),
            Some(OverrideAction::Freeze) | None => None,
        };
        let until = service.overridden().and_then(|over| over.until);
        let in_force = until.is_none_or(|until| until > now.wall);
        if let (Some(expected), true) = (expected, in_force) {
            assert_eq!(service.stance(), expected, "an override wins");
        }
        assert_eq!(service.intent().strength, service.stance().strength());
        let drilled = service.drill().is_some();
        assert_eq!(
            drilled,
            service.remembered().drill.is_some(),
            "whoever starts next knows"
        );
        match service.intent().drill {
            Some(DrillIntent::Announce(_)) => assert_eq!(service.stance(), Stance::Off),
            Some(DrillIntent::End(_)) => assert!(matches!(service.stance(), Stance::Off | Stance::Unsettled)),
            None => {}
        }
    }

    fn switched(&self, at: Moment, before: Stance, note: &TransitionEvent) {
        let by_isolation = note.rule == "D5";
        if matches!(&*note.rule, "D10" | "D11") {
            assert!(
                !note.counted,
                "what an operator wants, or did to BIRD, is not counted"
            );
            return;
        }
        assert_ne!(
            (note.verdict, !by_isolation),
            (Verdict::Unclear, true),
            "unclear keeps: {note:?}"
        );
        let policy = &self.config.services[0];
        let isolation = self.bench.play.site().isolation();
        let since = note.stages.decided.zip(note.stages.verdict);
        let since = since.map(|(decided, verdict)| decided.duration_since(verdict).unsigned_abs());
        let waited = |delay| since >= Some(delay);
        match (policy.role, note.to) {
            (Role::Primary, Some(Strength::Full)) => assert_eq!(note.verdict, Verdict::Up),
            (Role::Primary, _) => assert_eq!(note.verdict, Verdict::Down),
            (Role::Standby, Some(Strength::Full)) => {
                assert_eq!(
                    (note.verdict, isolation),
                    (Verdict::Down, Isolation::Connected),
                    "{note:?}"
                );
                let relapse = note.from == Some(Strength::Drain);
                assert!(relapse || waited(policy.takeover_delay), "{note:?}");
            }
            (Role::Standby, _) if by_isolation => {
                assert_eq!(
                    (isolation, policy.on_isolated),
                    (Isolation::Isolated, OnLoss::Withdraw)
                );
            }
            (Role::Standby, _) => {
                assert_eq!(note.verdict, Verdict::Up, "{note:?}");
                assert!(waited(policy.failback_delay), "{note:?}");
                assert!(
                    self.bench.play.site().services()[0].latched_since().is_none(),
                    "{note:?}"
                );
                if let Stance::Draining { since } = before {
                    assert!(at >= since + policy.failback_drain, "{note:?}");
                }
            }
        }
    }

    /// The world stands still, with everything reachable; then the right future is reached.
    fn stand_still(&mut self, alive: bool) {
        let now = self.bench.play.now().mono;
        self.bench.world.cut(now, now);
        for probe in probe_ids(&self.config) {
            let target = match probe {
                ProbeId::Service(..) if !alive => Target::Dead,
                ProbeId::Service(..) | ProbeId::Witness(_) | ProbeId::Serves(..) => Target::Alive,
            };
            self.bench.world.from(now, probe, target);
        }
        self.run_for(60_000);
        // BIRD is silent at last, whatever a drill left there.
        self.news(DrillEvent::Silent);
        let _ = self.watching(|bench| bench.ask(OperatorCommand::Auto { reason: None }));
        // It is read wherever that is waited for.
        if self.bench.play.site().services()[0].awaits_bird() {
            self.watching(|bench| bench.bird(0, InitialStrength::Is(Strength::Full)));
        }
        self.run_for(120_000);
        let _ = self.watching(|bench| bench.ask(OperatorCommand::Failback { reason: None }));
        self.run_for(120_000);
        let primary = self.config.services[0].role == Role::Primary;
        let expected = if alive == primary {
            Strength::Full
        } else {
            Strength::Off
        };
        assert_eq!(
            self.bench.strength(),
            Some(expected),
            "the right future, alive: {alive}"
        );
    }
}

/// The inputs played again, as they were and as they come back from JSON, come to the same.
fn replays(watched: &Watched) {
    let inputs = watched.bench.play.inputs();
    let Some(first) = inputs.first() else { return };
    let written = |input: &Input| {
        serde_json::from_str::<Input>(&serde_json::to_string(input).expect("written")).expect("read")
    };
    let began = Now {
        mono: Moment::START,
        wall: watched.bench.began,
    };
    assert!(first.now.mono >= began.mono);
    let mut site = Site::new(&watched.config, &watched.bench.memory, began);
    let (mut notes, mut starts) = (Vec::new(), Vec::new());
    for input in inputs.iter().map(written) {
        let at = input.now.mono;
        starts.extend(site.handle(&input).into_iter().map(|start| (at, start.probe)));
        notes.extend(site.take_notes().into_iter().map(|note| (at, note)));
    }
    let played = watched.bench.play.site();
    assert_eq!(notes, watched.bench.play.notes());
    assert_eq!(starts, watched.bench.world.starts);
    assert_eq!(site.deadline(), played.deadline());
    assert_eq!(site.memory(), played.memory());
    let intents = |site: &Site| {
        site.services()
            .iter()
            .map(|service| service.intent().clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(intents(&site), intents(played));
}

proptest! {
    #![proptest_config(cases(8, 512))]

    #[test]
    fn from_any_past_the_rules_hold_and_the_right_future_is_reached(
        config in policy(),
        history in history(),
        alive in any::<bool>(),
    ) {
        let mut watched = Watched::new(&config);
        for (wait, step) in &history {
            watched.run_for(*wait);
            watched.take(step);
        }
        watched.stand_still(alive);
        replays(&watched);
    }

    /// The one promise that has no exception: cut off alone, a standby takes nothing over.
    #[test]
    fn d5_a_single_cut_of_our_own_uplink_takes_nothing_over(
        config in policy(),
        begins in 10_000_u64..20_000,
        lasts in 0_u64..40_000,
    ) {
        prop_assume!(config.services[0].role == Role::Standby && !config.isolation.min_up.is_none());
        let mut bench = Bench::new(&config).adopting(Strength::Off);
        bench.world.cut(at_ms(begins), at_ms(begins + lasts));
        bench.run(at_ms(begins + lasts + 60_000));
        prop_assert_eq!(bench.switches(), []);
    }

    /// And its other half: a silent death is found in time, whatever the configuration.
    #[test]
    fn d1_a_death_is_taken_over_within_its_bound(config in policy(), died in 10_000_u64..20_000) {
        prop_assume!(config.services[0].role == Role::Standby);
        let mut bench = Bench::new(&config).adopting(Strength::Off);
        for at in 0..config.services[0].probes.len() {
            bench.world.from(at_ms(died), ProbeId::Service(0, at), Target::Dead);
        }
        bench.run(at_ms(died + 120_000));
        let probe = &config.services[0].probes[0];
        let rows = probe.timeout + probe.retry_interval * (probe.fall - 1);
        // One interval until the first check, one retry_interval until the others are asked, and one
        // more until a fail has followed the witnesses' pass.
        let bound = probe.interval + probe.retry_interval * 2 + rows + config.services[0].takeover_delay;
        let taken_over = bench.switches().first().map(|(at, _)| at.since(at_ms(died)));
        prop_assert!(taken_over.is_some_and(|after| after <= bound), "{:?}, at most {:?}", taken_over, bound);
    }
}

#[test]
fn memory_is_empty_where_nothing_happened() {
    assert!(Bench::new(&simple()).memory.services.is_empty());
}
