//! What is evaluated only where something changed, held against what is evaluated with every input:
//! both decide the same, over random histories of several services. And the counts: what an input
//! costs does not grow with the number of services.

use proptest::prelude::*;

use super::support::*;
use crate::config::model::{Config, DailyWindow, FailbackMode, OnLoss, Quorum, Role, ServiceConfig};
use crate::core::drill::DrillEvent;
use crate::core::{Event, InitialStrength, OperatorCommand, PersistentState, ProbeId, Site, Strength};
use crate::model::command::DrillPlan;
use crate::model::command::OverrideOptions;
use crate::model::time::Moment;

#[derive(Clone, Debug)]
enum Step {
    Target(usize, Target),
    Service(usize, Target),
    All(Target),
    Cut(u64),
    Stall(u64),
    Suspended(u64),
    Ask(usize, OperatorCommand),
    Bird(usize, InitialStrength),
    News(usize, DrillEvent),
    WallClock(i64),
    Reload(Box<Config>),
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        4 => Just(Target::Alive),
        4 => Just(Target::Dead),
        2 => Just(Target::Refusing),
        1 => Just(Target::Broken),
        1 => Just(Target::Lost),
        2 => (1_u64..3_000).prop_map(|rtt| Target::Slow(ms(rtt))),
    ]
}

fn ask() -> impl Strategy<Value = OperatorCommand> {
    let terms = proptest::option::of(0_u64..120).prop_map(|seconds| OverrideOptions {
        lasting: seconds.map(secs),
        reason: None,
        drain: None,
    });
    let drill = strength().prop_map(|strength| {
        OperatorCommand::Drill(DrillPlan {
            strength,
            hold: secs(5),
            dry_run: false,
            reason: None,
        })
    });
    prop_oneof![
        2 => terms.clone().prop_map(OperatorCommand::Announce),
        2 => terms.clone().prop_map(OperatorCommand::Withdraw),
        2 => terms.prop_map(OperatorCommand::Freeze),
        4 => Just(OperatorCommand::Auto { reason: None }),
        2 => Just(OperatorCommand::Failback { reason: None }),
        2 => drill,
    ]
}

fn strength() -> impl Strategy<Value = Strength> {
    prop_oneof![Just(Strength::Off), Just(Strength::Drain), Just(Strength::Full)]
}

fn adoption() -> impl Strategy<Value = InitialStrength> {
    prop_oneof![1 => Just(InitialStrength::Mixed), 3 => strength().prop_map(InitialStrength::Is)]
}

fn news() -> impl Strategy<Value = DrillEvent> {
    prop_oneof![
        Just(DrillEvent::Kept),
        Just(DrillEvent::Carried),
        Just(DrillEvent::Silent)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_usize..20, target()).prop_map(|(probe, target)| Step::Target(probe, target)),
        6 => (0_usize..4, target()).prop_map(|(service, target)| Step::Service(service, target)),
        4 => target().prop_map(Step::All),
        4 => (100_u64..20_000).prop_map(Step::Cut),
        2 => (1_u64..10_000).prop_map(Step::Stall),
        1 => (1_u64..10_000).prop_map(Step::Suspended),
        4 => (0_usize..4, ask()).prop_map(|(service, ask)| Step::Ask(service, ask)),
        4 => (0_usize..4, adoption()).prop_map(|(service, adoption)| Step::Bird(service, adoption)),
        3 => (0_usize..4, news()).prop_map(|(service, news)| Step::News(service, news)),
        2 => (-4_000_i64..4_000).prop_map(Step::WallClock),
        1 => site().prop_map(|config| Step::Reload(Box::new(config))),
    ]
}

fn history() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let wait = prop_oneof![1 => 0_u64..50, 4 => 0_u64..8_000, 1 => 0_u64..60_000];
    proptest::collection::vec((wait, step()), 1..16)
}

/// From ten to twenty minutes past midnight, which every history begins with.
fn early() -> DailyWindow {
    DailyWindow {
        start: jiff::civil::time(0, 10, 0, 0),
        end: jiff::civil::time(0, 20, 0, 0),
        zone: jiff::tz::TimeZone::UTC,
    }
}

prop_compose! {
    fn service()(
        probes in 1_usize..4,
        primary in proptest::bool::weighted(0.2),
        (fall, rise) in (1_u32..5, 1_u32..4),
        (any, manual, withdraws, window) in any::<(bool, bool, bool, bool)>(),
        takeover_delay in prop_oneof![Just(0_u64), 1_u64..20],
        failback_delay in 0_u64..40,
        drain in prop_oneof![Just(0_u64), 1_u64..40],
        flap_limit in 1_u32..6,
        interval in 500_u64..6_000,
        timeout in 100_u64..3_000,
    ) -> ServiceConfig {
        let named = |at| {
            let mut probe = probe(&format!("p{at}"));
            (probe.fall, probe.rise, probe.interval) = (fall, rise, ms(interval));
            probe.timeout = ms(timeout.min(interval));
            probe.retry_interval = probe.retry_interval.min(probe.interval);
            probe
        };
        let mut service = standby("", (0..probes).map(named).collect());
        service.role = if primary { Role::Primary } else { Role::Standby };
        service.down_when = if any { Quorum::Any } else { Quorum::All };
        service.failback = if manual { FailbackMode::Manual } else { FailbackMode::Auto };
        service.failback_window = window.then(early);
        service.on_isolated = if withdraws { OnLoss::Withdraw } else { OnLoss::Keep };
        service.takeover_delay = secs(takeover_delay);
        service.failback_delay = secs(failback_delay);
        service.failback_drain = secs(drain);
        service.flap_limit = flap_limit;
        service
    }
}

prop_compose! {
    fn site()(
        mut services in proptest::collection::vec(service(), 1..5),
        witnesses in 0_usize..4,
        min_up in 0_usize..3,
        patience in 0_u32..4,
    ) -> Config {
        for (at, service) in services.iter_mut().enumerate() {
            service.name = format!("s{at}");
        }
        let witness = |at| {
            let mut probe = probe(&format!("w{at}"));
            probe.fall += patience;
            probe
        };
        let witnesses: Vec<_> = (0..witnesses).map(witness).collect();
        let min_up = min_up.min(witnesses.len());
        config(services, witnesses, min_up)
    }
}

/// The site as it is, driven by its world, and one that evaluates everything with every input.
struct Pair {
    bench: Bench,
    plain: Site,
    inputs: usize,
    notes: usize,
    starts: usize,
}

impl Pair {
    fn new(config: &Config) -> Self {
        let mut bench = Bench::new(config);
        bench.play = bench.play.recording();
        Self {
            plain: Site::new(config, &bench.memory, start()).exhaustive(),
            bench,
            inputs: 0,
            notes: 0,
            starts: 0,
        }
    }

    fn run_for(&mut self, millis: u64) {
        let until = self.bench.play.now().mono + ms(millis);
        while self.bench.play.step(until, &mut self.bench.world) {
            self.hold();
        }
        self.bench.play.pass(until.since(self.bench.play.now().mono));
    }

    fn hand_in(&mut self, event: Event) {
        self.bench.play.hand_in(Some(event), &mut self.bench.world);
        self.hold();
    }

    /// The other one gets the same input, and comes to the same.
    fn hold(&mut self) {
        let inputs = self.bench.play.inputs()[self.inputs..].to_vec();
        self.inputs += inputs.len();
        let (mut notes, mut starts) = (Vec::new(), Vec::new());
        for input in &inputs {
            let at = input.now.mono;
            starts.extend(
                self.plain
                    .handle(input)
                    .into_iter()
                    .map(|start| (at, start.probe)),
            );
            notes.extend(self.plain.take_notes().into_iter().map(|note| (at, note)));
        }
        let site = self.bench.play.site();
        assert_eq!(notes, self.bench.play.notes()[self.notes..], "{inputs:?}");
        assert_eq!(starts, self.bench.world.starts[self.starts..], "{inputs:?}");
        self.notes += notes.len();
        self.starts += starts.len();
        assert_eq!(self.plain.deadline(), site.deadline(), "{inputs:?}");
        assert_eq!(self.plain.memory(), site.memory());
        assert_eq!(self.plain.isolation(), site.isolation());
        for (plain, service) in self.plain.services().iter().zip(site.services()) {
            assert_eq!(plain.judgement(), service.judgement(), "{inputs:?}");
            assert_eq!(plain.intent(), service.intent(), "{inputs:?}");
        }
    }

    fn take(&mut self, step: &Step) {
        let now = self.bench.play.now();
        let services = self.bench.play.site().services().len();
        let of = |service: &usize| service % services;
        match step {
            Step::Target(at, target) => {
                let ids = self.probes();
                self.bench.world.from(now.mono, ids[at % ids.len()], *target);
            }
            Step::Service(service, target) => self.set(
                |id| matches!(id, ProbeId::Service(of_service, _) if of_service == of(service)),
                *target,
            ),
            Step::All(target) => self.set(|id| matches!(id, ProbeId::Service(..)), *target),
            Step::Cut(lasts) => {
                self.bench.world.cut(now.mono, now.mono + ms(*lasts));
            }
            Step::Stall(lasts) => self.bench.play.pass(ms(*lasts)),
            Step::Suspended(lasted) => self.hand_in(Event::Suspended { lasted: ms(*lasted) }),
            Step::Ask(service, ask) => {
                let (service, ask) = (of(service), ask.clone());
                // A refusal is an answer, too.
                let _ = self.bench.play.ask(service, ask, "root", &mut self.bench.world);
                self.hold();
            }
            Step::Bird(service, adoption) => {
                let (service, adoption) = (of(service), *adoption);
                self.hand_in(Event::Bird { service, adoption });
            }
            Step::News(service, news) => {
                let (service, news) = (of(service), news.clone());
                self.hand_in(Event::Drill { service, news });
            }
            Step::WallClock(by) => {
                let by = jiff::SignedDuration::from_secs(*by);
                self.bench.play.step_wall_clock(now.wall + by);
            }
            Step::Reload(config) => {
                self.bench.play.reconfigure(config);
                self.plain.reconfigure(config, now);
            }
        }
    }

    fn probes(&self) -> Vec<ProbeId> {
        let site = self.bench.play.site();
        let services = site.services().iter().enumerate();
        let of_services = services.flat_map(|(index, service)| {
            (0..service.probes().len()).map(move |at| ProbeId::Service(index, at))
        });
        of_services
            .chain((0..site.witnesses().count()).map(ProbeId::Witness))
            .collect()
    }

    fn set(&mut self, which: impl Fn(ProbeId) -> bool, target: Target) {
        let now = self.bench.play.now().mono;
        for id in self.probes().into_iter().filter(|id| which(*id)) {
            self.bench.world.from(now, id, target);
        }
    }
}

proptest! {
    #![proptest_config(cases(6, 256))]

    #[test]
    fn what_is_evaluated_only_where_something_changed_decides_the_same(
        config in site(),
        history in history(),
    ) {
        let mut pair = Pair::new(&config);
        for (wait, step) in &history {
            pair.run_for(*wait);
            pair.take(step);
        }
        pair.run_for(90_000);
    }
}

/// So many services with five probes each, all on one target.
fn large(services: usize) -> Config {
    let service = |at: usize| {
        standby(
            &format!("s{at}"),
            (0..5).map(|at| probe(&format!("p{at}"))).collect(),
        )
    };
    config((0..services).map(service).collect(), vec![probe("resolver")], 1)
}

/// What a check costs, in services evaluated and timers set, while all is well and while everything
/// dies at once.
fn cost_of_a_check(services: usize) -> [f64; 4] {
    let config = large(services);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.run(at_s(10));
    let before = (bench.play.site().work(), bench.world.starts.len());
    bench.run(at_s(20));
    let quiet = (bench.play.site().work(), bench.world.starts.len());
    for service in 0..services {
        for at in 0..5 {
            bench
                .world
                .from(at_s(20), ProbeId::Service(service, at), Target::Dead);
        }
    }
    bench.run(at_s(32));
    let dead = (bench.play.site().work(), bench.world.starts.len());
    let announced = bench.play.site().services().iter();
    assert!(
        announced
            .clone()
            .all(|service| service.intent().strength == Some(Strength::Full)),
        "all are dead"
    );
    let per = |more: u64, less: u64, checks: usize| (more - less) as f64 / checks as f64;
    let quiet_checks = quiet.1 - before.1;
    let dead_checks = dead.1 - quiet.1;
    [
        per(quiet.0.settled, before.0.settled, quiet_checks),
        per(quiet.0.timed, before.0.timed, quiet_checks),
        per(dead.0.settled, quiet.0.settled, dead_checks),
        per(dead.0.timed, quiet.0.timed, dead_checks),
    ]
}

/// Many enough for a cost that grows with them to stand out.
const MANY: usize = if cfg!(debug_assertions) { 100 } else { 300 };

#[test]
fn what_a_check_costs_does_not_grow_with_the_number_of_services() {
    let (small, big) = (cost_of_a_check(10), cost_of_a_check(MANY));
    for (small, big) in small.into_iter().zip(big) {
        assert!(
            big <= small * 1.5 + 1.0,
            "{small} with 10 services, {big} with {MANY}"
        );
    }
}

#[test]
fn an_input_names_the_services_that_may_want_something_new() {
    let mut site = Site::new(&large(50), &PersistentState::default(), start());
    let input = |second: u64, event| crate::core::Input {
        now: crate::model::time::Now {
            mono: Moment::new(secs(second)),
            wall: start().wall,
        },
        event,
    };
    site.handle(&input(0, None));
    assert_eq!(site.take_settled().len(), 50, "each is new");
    let adoption = InitialStrength::Is(Strength::Full);
    site.handle(&input(0, Some(Event::Bird { service: 7, adoption })));
    assert!(site.take_settled().contains(&7));
    assert_eq!(site.services()[7].intent().strength, Some(Strength::Full));
}
