//! A world with real times, and the truth about it: the primary lives or dies, our own uplink is cut or
//! not, or only the way to where the primary is; answers take from a millisecond to the time-out, a cut
//! may show as errors, the way to the primary may come back later than the way to a witness, and a
//! witness may be ill by itself. Configurations differ as in life: services of both roles, votes,
//! `decides`, intervals, thresholds and groups of witnesses. [`super::outages`] plays longer histories in it.
//!
//! - The primary lives and only our uplink is ill: no takeover, and nothing of a primary role moves.
//! - It lives, and only the way to it and to the far witnesses is cut: no takeover by `hold`.
//! - Dead for longer than D1 says, while the witnesses answer: announced; by a primary role withdrawn.

use std::time::Duration;

use super::support::*;
use crate::config::model::{self, Config, Decides, Group, MinUp, OnCutOff, Quorum, Role, Votes};
use crate::core::simulator::{SimulatedResult, SimulatedWorld, Simulator};
use crate::core::{Event, InitialStrength, PersistentState, ProbeId, Strength};
use crate::model::snapshot::CheckOutcome;
use crate::model::time::Moment;

/// splitmix64: small, seeded, and the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.roll() % (to - from + 1)
    }

    pub(crate) fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        let at = self.roll() % values.len() as u64;
        values[usize::try_from(at).expect("small")]
    }
}

/// How a probe's target answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// The longest and the shortest answer.
    pub(crate) longest: u64,
    shortest: u64,
    /// How much later than our uplink the way there works again.
    lag: Duration,
    leads: Leads,
}

/// What a check has to cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leads {
    /// Nothing: it stays on this host.
    Home,
    /// Our own uplink.
    Near,
    /// Our own uplink, and the way to where the primary is.
    Far,
}

/// From when on, and until when.
pub(crate) type Span = (Moment, Moment);

#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) dice: Dice,
    /// Our own uplink is cut.
    pub(crate) cuts: Vec<Span>,
    /// The way to where the primary is, is cut.
    pub(crate) far_cuts: Vec<Span>,
    /// In a cut, checks that begin in it cannot be made at all.
    pub(crate) shows_errors: bool,
    /// When what a service's probes ask is dead, by service; silent, or refusing.
    pub(crate) deaths: Vec<Vec<Span>>,
    pub(crate) refuses: bool,
    pub(crate) ways: Vec<(ProbeId, Way)>,
    /// A witness that is ill by itself.
    pub(crate) ill: Option<(ProbeId, Moment, Moment)>,
    /// Services that are announced at full now: what votes for failback there is blind (D8).
    pub(crate) at_full: Vec<bool>,
    /// The checks of such probes that passed, by service and start.
    pub(crate) heard: Vec<(usize, Moment)>,
}

impl Truth {
    /// Nothing is wrong yet.
    pub(crate) fn new(config: &Config, ways: Vec<(ProbeId, Way)>, dice: Dice) -> Self {
        Self {
            dice,
            cuts: Vec::new(),
            far_cuts: Vec::new(),
            shows_errors: false,
            deaths: vec![Vec::new(); config.services.len()],
            refuses: false,
            ways,
            ill: None,
            at_full: vec![false; config.services.len()],
            heard: Vec::new(),
        }
    }

    fn way(&self, probe: ProbeId) -> Way {
        let of = self.ways.iter().find(|(of, _)| *of == probe);
        of.expect("every probe has a way").1
    }

    fn cuts_of(&self, way: Way) -> impl Iterator<Item = Span> {
        let (own, far) = match way.leads {
            Leads::Home => (&[][..], &[][..]),
            Leads::Near => (&self.cuts[..], &[][..]),
            Leads::Far => (&self.cuts[..], &self.far_cuts[..]),
        };
        own.iter().chain(far).copied()
    }
}

pub(crate) fn overlap(from: Moment, until: Moment, cut: Span) -> bool {
    from < cut.1 && until >= cut.0
}

impl SimulatedWorld for Truth {
    fn answer(&mut self, at: Moment, probe: ProbeId, policy: &model::ProbeConfig) -> Option<SimulatedResult> {
        let way = self.way(probe);
        let after = ms(self.dice.between(way.shortest, way.longest));
        let cut = self
            .cuts_of(way)
            .any(|(from, until)| overlap(at, at + after, (from, until + way.lag)));
        let begun_in_cut = self.cuts_of(way).any(|(from, until)| from <= at && at < until);
        let ill = self
            .ill
            .is_some_and(|(of, from, until)| of == probe && overlap(at, at + after, (from, until)));
        let deaths = match probe {
            ProbeId::Service(service, _) => &self.deaths[service][..],
            ProbeId::Witness(_) | ProbeId::Serves(..) => &[],
        };
        let dead = deaths.iter().any(|&death| overlap(at, at + after, death));
        let refused = self.refuses && deaths.iter().any(|&(from, until)| from <= at && at < until);
        let of = match (probe, policy.votes) {
            (ProbeId::Service(service, _), Votes::Failback) => Some(service),
            (ProbeId::Service(..) | ProbeId::Serves(..) | ProbeId::Witness(_), _) => None,
        };
        let blind = of.is_some_and(|service| self.at_full[service]);
        let (after, outcome) = match () {
            () if begun_in_cut && self.shows_errors => (RTT, CheckOutcome::Error),
            () if cut || ill => (policy.timeout, CheckOutcome::Fail),
            () if refused || blind => (after, CheckOutcome::Fail),
            () if dead => (policy.timeout, CheckOutcome::Fail),
            () => (after, CheckOutcome::Pass),
        };
        let passed = of.filter(|_| outcome == CheckOutcome::Pass);
        self.heard.extend(passed.map(|service| (service, at)));
        let detail = String::new();
        Some(SimulatedResult {
            after,
            outcome,
            detail,
        })
    }
}

/// `fall`: from how many on.
pub(crate) fn random_probe(dice: &mut Dice, name: &str, fall: u64) -> model::ProbeConfig {
    let mut probe = probe(name);
    probe.interval = ms(dice.one_of(&[1_000, 5_000, 5_000, 12_000]));
    probe.timeout = ms(dice.one_of(&[800, 2_000, 2_000, 3_000])).min(probe.interval);
    probe.retry_interval = ms(dice.one_of(&[200, 500, 500, 800])).min(probe.interval);
    probe.fall = u32::try_from(dice.between(fall, 5)).expect("small");
    probe.rise = u32::try_from(dice.between(1, 3)).expect("small");
    probe
}

fn counts_down(probe: &&model::ProbeConfig) -> bool {
    matches!(probe.votes, Votes::Both | Votes::Down)
}

fn random_service(dice: &mut Dice, name: &str, fall: u64) -> model::ServiceConfig {
    let count = dice.between(1, 4);
    let probes = (0..count).map(|at| random_probe(dice, &format!("p{at}"), fall));
    let probes = probes.collect();
    let mut service = match dice.between(0, 4) {
        0 => primary(name, probes),
        _ => standby(name, probes),
    };
    service.down_when = dice.one_of(&[Quorum::All, Quorum::Any, Quorum::AtLeast(2)]);
    for probe in &mut service.probes[1..] {
        (probe.votes, probe.decides) = dice.one_of(&[
            (Votes::Both, None),
            (Votes::Both, None),
            (Votes::Down, None),
            (Votes::Up, None),
            (Votes::Up, Some(Decides::Down)),
            (Votes::None, Some(Decides::Up)),
            (Votes::None, None),
        ]);
    }
    let voters = service.probes.iter().filter(counts_down).count();
    if voters < 2 && service.down_when == Quorum::AtLeast(2) {
        service.down_when = Quorum::All;
    }
    service.flap_limit = 1_000;
    service
}

pub(crate) fn random_config(dice: &mut Dice, fall: u64) -> Config {
    let services = dice.between(1, 3);
    let services = (0..services).map(|at| random_service(dice, &format!("s{at}"), fall));
    let services = services.collect();
    let witnesses = dice.between(1, 4);
    let witnesses: Vec<_> = (0..witnesses)
        .map(|at| random_probe(dice, &format!("w{at}"), 2))
        .collect();
    let min_up = dice.between(1, witnesses.len() as u64);
    let mut config = config(services, witnesses, usize::try_from(min_up).expect("small"));
    if dice.between(0, 1) == 0 {
        group(dice, &mut config);
    }
    config
}

/// Some of the witnesses stand beside the primary, and groups are asked for.
fn group(dice: &mut Dice, config: &mut Config) {
    for witness in &mut config.witnesses {
        witness.group = dice.one_of(&[Group::Near, Group::Far]);
    }
    let mut some_of = |of: Group| {
        let members = config.witnesses.iter().filter(|witness| witness.group == of);
        match members.count() as u64 {
            0 => 0,
            members => usize::try_from(dice.between(1, members)).expect("small"),
        }
    };
    let (near, far) = (some_of(Group::Near), some_of(Group::Far));
    config.isolation.min_up = MinUp { all: 0, near, far };
    config.isolation.on_cut_off = dice.one_of(&[OnCutOff::Hold, OnCutOff::Takeover]);
}

fn policies(config: &Config) -> Vec<(ProbeId, model::ProbeConfig)> {
    let services = config.services.iter().enumerate();
    let of_services = services.flat_map(|(index, service)| {
        let probes = service.probes.iter().enumerate();
        probes.map(move |(at, policy)| (ProbeId::Service(index, at), policy.clone()))
    });
    let witnesses = config.witnesses.iter().enumerate();
    of_services
        .chain(witnesses.map(|(at, policy)| (ProbeId::Witness(at), policy.clone())))
        .collect()
}

fn leads(config: &Config, probe: ProbeId, policy: &model::ProbeConfig) -> Leads {
    let at_home =
        |service| matches!(service, ProbeId::Service(at, _) if config.services[at].role == Role::Primary);
    match (probe, policy.group) {
        (ProbeId::Serves(..), _) => Leads::Home,
        (service, _) if at_home(service) => Leads::Home,
        (ProbeId::Service(..), _) | (ProbeId::Witness(_), Group::Far) => Leads::Far,
        (ProbeId::Witness(_), Group::Near) => Leads::Near,
    }
}

/// Answer times of every length up to the time-out; the same every time, or from half of it on. `lags`:
/// answers come soon, and the way to the primary is back later than that to the witnesses. A row of
/// `fall` fails that began in the cut, when no witness was asked, still begins one check or more after it.
pub(crate) fn ways(dice: &mut Dice, config: &Config, lags: bool) -> Vec<(ProbeId, Way)> {
    let mut ways = Vec::new();
    for (probe, policy) in policies(config) {
        let timeout = u64::try_from(policy.timeout.as_millis()).expect("small");
        let longest = match (probe, dice.between(0, 2)) {
            (_, 0) => dice.between(1, 20),
            (ProbeId::Service(..) | ProbeId::Serves(..), _) if lags => dice.between(1, 20),
            (ProbeId::Witness(_), _) => dice.between(1, 100),
            (ProbeId::Service(..) | ProbeId::Serves(..), _) => dice.between(1, timeout - 1),
        };
        let shortest = if dice.between(0, 1) == 0 {
            longest
        } else {
            longest.div_ceil(2)
        };
        let lag = match probe {
            ProbeId::Service(..) if lags => {
                let percent = u32::try_from(dice.between(0, 99)).expect("small");
                policy.retry_interval * (policy.fall - 2) * percent / 100
            }
            ProbeId::Service(..) | ProbeId::Witness(_) | ProbeId::Serves(..) => Duration::ZERO,
        };
        let leads = leads(config, probe, &policy);
        let way = Way {
            longest,
            shortest,
            lag,
            leads,
        };
        ways.push((probe, way));
    }
    ways
}

/// Every probe has answered often enough for its answer times to be known.
pub(crate) const WARM_UP: u64 = 90_000;

/// All is well for long enough: a standby is silent, and a primary announces.
pub(crate) fn begin(config: &Config, truth: &mut Truth) -> Simulator {
    let mut play = Simulator::new(config, &PersistentState::default(), start());
    for (service, policy) in config.services.iter().enumerate() {
        let adoption = InitialStrength::Is(at_rest(policy));
        play.hand_in(Some(Event::Bird { service, adoption }), truth);
    }
    play.run_until(at_ms(WARM_UP), truth);
    play
}

/// What is right while the target lives.
pub(crate) fn at_rest(service: &model::ServiceConfig) -> Strength {
    match service.role {
        Role::Standby => Strength::Off,
        Role::Primary => Strength::Full,
    }
}

fn switches(play: &Simulator) -> Vec<(Moment, usize)> {
    let notes = play.notes().iter();
    let switched = notes.filter_map(|(at, note)| Some((*at, note.transition()?.0)));
    switched.collect()
}

/// A witness that can be missed, ill around a cut.
fn ill_witness(dice: &mut Dice, config: &Config, begins: u64) -> Option<(ProbeId, Moment, Moment)> {
    let min_up = config.isolation.min_up;
    let group = config.witnesses[0].group;
    let members = config.witnesses.iter().filter(|witness| witness.group == group);
    let of_group = match group {
        Group::Near => min_up.near,
        Group::Far => min_up.far,
    };
    let spare = config.witnesses.len() > min_up.all && members.count() > of_group;
    (spare && dice.between(0, 3) == 0).then(|| {
        let from = begins.saturating_sub(dice.between(0, 9_000));
        (ProbeId::Witness(0), at_ms(from), at_ms(begins + 60_000))
    })
}

/// The primary lives. What a cut of our own uplink, or of the way to the primary alone, makes of it.
fn cut(seed: u64, lags: bool, far: bool) -> Vec<(Moment, usize)> {
    let mut dice = Dice(seed);
    let mut config = random_config(&mut dice, 2);
    if far {
        // Something tells the one cut from the other, and is obeyed.
        config.witnesses[0].group = Group::Far;
        config.isolation.min_up.far = config.isolation.min_up.far.max(1);
        config.isolation.on_cut_off = OnCutOff::Hold;
    }
    let ways = ways(&mut dice, &config, lags);
    let begins = WARM_UP + dice.between(0, 12_000);
    let lasts = dice.one_of(&[30, 300, 1_000, 2_000, 3_000, 6_000, 20_000]);
    let lasts = dice.between(1, lasts);
    let ill = match far {
        true => None,
        false => ill_witness(&mut dice, &config, begins),
    };
    let shows_errors = dice.between(0, 3) == 0;
    let mut truth = Truth {
        shows_errors,
        ill,
        ..Truth::new(&config, ways, dice)
    };
    let cuts = match far {
        true => &mut truth.far_cuts,
        false => &mut truth.cuts,
    };
    cuts.push((at_ms(begins), at_ms(begins + lasts)));
    let mut play = begin(&config, &mut truth);
    play.run_until(at_ms(begins + lasts + 40_000), &mut truth);
    switches(&play)
}

fn wrong_switches(seeds: std::ops::Range<u64>, lags: bool, far: bool) -> Vec<u64> {
    seeds.filter(|&seed| !cut(seed, lags, far).is_empty()).collect()
}

#[test]
fn d5_the_primary_lives_and_only_our_uplink_is_ill_no_takeover() {
    assert_eq!(
        wrong_switches(0..histories(25, 5_000), false, false),
        [0_u64; 0],
        "seeds"
    );
}

#[test]
fn d5_and_none_where_the_way_to_the_primary_is_back_later_by_less_than_a_row() {
    assert_eq!(
        wrong_switches(0..histories(25, 5_000), true, false),
        [0_u64; 0],
        "seeds"
    );
}

#[test]
fn d5_the_primary_lives_and_only_the_way_to_it_is_cut_no_takeover() {
    assert_eq!(
        wrong_switches(0..histories(25, 5_000), false, true),
        [0_u64; 0],
        "seeds"
    );
}

/// At most how long after the death its takeover may come: the first check, doubt, the slowest row,
/// and the check that follows the witnesses' pass.
fn bound(config: &Config, service: &model::ServiceConfig, ways: &[(ProbeId, Way)]) -> Duration {
    let voters = || service.probes.iter().filter(counts_down);
    let longest = |of: fn(&model::ProbeConfig) -> Duration| voters().map(of).max().unwrap_or_default();
    let first = longest(|probe| probe.interval);
    let row = longest(|probe| probe.timeout + probe.retry_interval * (probe.fall - 1));
    let retry = longest(|probe| probe.retry_interval);
    let asked = config
        .witnesses
        .iter()
        .map(|witness| witness.retry_interval)
        .max();
    let answer = ways.iter().map(|(_, way)| way.longest).max().unwrap_or_default();
    first + row + retry * 2 + asked.unwrap_or_default() * 2 + ms(answer) * 2
}

#[test]
fn d1_dead_for_longer_than_d1_says_and_not_isolated_is_announced() {
    for seed in 0..histories(25, 5_000) {
        let mut dice = Dice(seed);
        let config = random_config(&mut dice, 1);
        let ways = ways(&mut dice, &config, false);
        let died = at_ms(WARM_UP + dice.between(0, 12_000));
        let refuses = dice.between(0, 1) == 0;
        let mut truth = Truth {
            refuses,
            ..Truth::new(&config, ways.clone(), dice)
        };
        truth.deaths.fill(vec![(died, died + secs(3600))]);
        let mut play = begin(&config, &mut truth);
        assert_eq!(switches(&play), [], "seed {seed}");
        play.run_until(died + secs(60), &mut truth);
        for (index, service) in config.services.iter().enumerate() {
            let switched: Vec<_> = switches(&play);
            let mut switched = switched.iter().filter(|(_, of)| *of == index);
            let after = switched.next().map(|(at, _)| at.since(died));
            let bound = bound(&config, service, &ways);
            assert!(
                after.is_some_and(|after| after <= bound) && switched.next().is_none(),
                "seed {seed}, service {index}: {after:?}, at most {bound:?}"
            );
            let strength = play.site().services()[index].stance().strength();
            assert_ne!(strength, Some(at_rest(service)), "seed {seed}, service {index}");
        }
    }
}
