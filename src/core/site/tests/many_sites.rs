//! One primary and up to five standbys on one virtual clock: lossy and slow probes, uplinks that are
//! cut, daemons that crash and come back, machines that reboot, and a primary that dies and returns.
//! No standby talks with another; the lower-ranked ones only look whether a better one announces
//! (D12). A seed is a whole history; each is played twice as long as its troubles last, so that what
//! the sites come to in the end is seen, too.

use std::time::Duration;

use crate::config::model::{self, Config, Decides, Group, MinUp, Votes};
use crate::core::simulator::{SimulatedResult, SimulatedWorld};
use crate::core::{CoreEvent, Event, InitialStrength, PersistentState, ProbeId, Simulator, Strength};
use crate::model::snapshot::{CheckOutcome, Verdict};
use crate::model::time::{Moment, Now};

use super::support::{config, histories, ms, primary, probe, secs, standby, start};

/// Histories that are played: as many as take some seconds. `cargo test --release` plays a thousand.
fn seeds() -> u64 {
    histories(100, 1_000)
}

/// How long the troubles last, and how long the calm after them.
const TROUBLE: Duration = Duration::from_secs(120);
const CALM: Duration = Duration::from_secs(90);

/// The site of the primary; the standbys follow in the order of their rank.
const PRIMARY: usize = 0;

/// splitmix64: small, seeded, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What the sites share: the real world.
struct Earth {
    dice: Dice,
    /// Percent of checks that are lost on the way.
    loss: u64,
    /// Whether the primary's service lives.
    alive: bool,
    /// Whether a site's uplink works.
    uplinks: Vec<bool>,
    /// What each site's BIRD announces.
    announced: Vec<Strength>,
}

/// The world as one site sees it.
struct View<'a> {
    earth: &'a mut Earth,
    site: usize,
}

impl SimulatedWorld for View<'_> {
    fn answer(&mut self, _: Moment, probe: ProbeId, policy: &model::ProbeConfig) -> Option<SimulatedResult> {
        let reached = self.earth.uplinks[self.site] && !self.earth.dice.chance(self.earth.loss);
        let at_home = self.site == PRIMARY;
        let delay = if at_home { 0 } else { self.earth.dice.below(300) };
        let (answered, well) = match (probe, policy.name.strip_prefix("better")) {
            (ProbeId::Witness(_), _) => (reached, true),
            (ProbeId::Serves(..), _) => (true, true),
            (ProbeId::Service(..), Some(rank)) => {
                let site: usize = rank.parse().expect("a rank");
                (
                    reached && self.earth.uplinks[site],
                    self.earth.announced[site] == Strength::Full,
                )
            }
            (ProbeId::Service(..), None) if at_home => (true, self.earth.alive),
            (ProbeId::Service(..), None) => {
                (reached && self.earth.alive && self.earth.uplinks[PRIMARY], true)
            }
        };
        let outcome = if answered && well {
            CheckOutcome::Pass
        } else {
            CheckOutcome::Fail
        };
        let after = if answered { ms(1 + delay) } else { policy.timeout };
        Some(SimulatedResult {
            after,
            outcome,
            detail: String::new(),
        })
    }
}

/// A site: its BIRD's last word is in [`Earth::announced`], and outlives its daemon.
struct Place {
    config: Config,
    /// `None`: the daemon is dead.
    daemon: Option<Simulator>,
    /// When the daemon that runs began, by the world's clock.
    began: Moment,
    memory: PersistentState,
    seen: usize,
}

struct Simulation {
    earth: Earth,
    places: Vec<Place>,
    now: Moment,
    seed: u64,
}

/// No two sites need be configured alike: thresholds and intervals differ, and whether the witnesses
/// have groups.
fn configuration(site: usize, seed: u64) -> Config {
    let mut dice = Dice(seed ^ (site as u64) << 32);
    let mut quick = |name: &str| {
        let mut quick = probe(name);
        (quick.interval, quick.timeout) = (secs(2 + dice.below(3)), ms(1_000));
        quick.fall = 2 + u32::try_from(dice.below(2)).expect("small");
        quick.rise = 1 + u32::try_from(dice.below(3)).expect("small");
        quick
    };
    if site == PRIMARY {
        let mut service = primary("web", vec![quick("home")]);
        service.flap_limit = 1_000;
        return config(vec![service], Vec::new(), 0);
    }
    let mut probes = vec![quick("ping"), quick("site")];
    for better in 1..site {
        let mut better = quick(&format!("better{better}"));
        (better.votes, better.decides) = (Votes::None, Some(Decides::Up));
        better.retry_interval = better.interval;
        probes.push(better);
    }
    let mut service = standby("web", probes);
    service.failback_delay = secs(5);
    service.failback_drain = if site.is_multiple_of(2) {
        secs(3)
    } else {
        Duration::ZERO
    };
    service.flap_limit = 1_000;
    let witnesses = vec![quick("w0"), quick("w1")];
    let mut config = config(vec![service], witnesses, 1);
    if dice.chance(50) {
        config.witnesses[1].group = Group::Far;
        config.isolation.min_up = MinUp {
            all: 0,
            near: 1,
            far: 1,
        };
    }
    config
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let standbys = 1 + usize::try_from(dice.below(5)).expect("small");
        let sites = 1 + standbys;
        let mut announced = vec![Strength::Off; sites];
        announced[PRIMARY] = Strength::Full;
        let place = |site| Place {
            config: configuration(site, seed),
            daemon: None,
            began: Moment::START,
            memory: PersistentState::default(),
            seen: 0,
        };
        let mut simulation = Self {
            earth: Earth {
                loss: dice.below(30),
                dice,
                alive: true,
                uplinks: vec![true; sites],
                announced,
            },
            places: (0..sites).map(place).collect(),
            now: Moment::START,
            seed,
        };
        for site in 0..sites {
            simulation.boot(site);
        }
        simulation
    }

    /// The daemon of a site starts, reads what it remembered and what its BIRD announces.
    fn boot(&mut self, site: usize) {
        let began = self.now;
        let place = &mut self.places[site];
        let now = Now {
            mono: Moment::START,
            wall: start().wall_at(began),
        };
        let mut daemon = Simulator::new(&place.config, &place.memory, now);
        let adoption = InitialStrength::Is(self.earth.announced[site]);
        let mut view = View {
            earth: &mut self.earth,
            site,
        };
        daemon.hand_in(Some(Event::Bird { service: 0, adoption }), &mut view);
        (place.daemon, place.began, place.seen) = (Some(daemon), began, 0);
        assert_eq!(
            place.daemon.as_ref().map(strength),
            Some(self.earth.announced[site]),
            "adopted (D10)"
        );
    }

    fn crash(&mut self, site: usize) {
        if let Some(daemon) = self.places[site].daemon.take() {
            self.places[site].memory = daemon.site().memory();
        }
    }

    fn run_until(&mut self, until: Moment) {
        loop {
            let due = |(site, place): (usize, &Place)| {
                let at = place.began + place.daemon.as_ref()?.next()?.since_start();
                Some((at, site))
            };
            let next = self.places.iter().enumerate().filter_map(due).min();
            match next {
                Some((at, site)) if at <= until => {
                    self.now = at;
                    self.step(site);
                }
                Some(_) | None => break,
            }
        }
        self.now = until;
    }

    fn step(&mut self, site: usize) {
        let place = &mut self.places[site];
        let Some(daemon) = place.daemon.as_mut() else {
            return;
        };
        let at = Moment::new(self.now.since(place.began));
        let mut view = View {
            earth: &mut self.earth,
            site,
        };
        daemon.step(at, &mut view);
        self.earth.announced[site] = strength(daemon);
        let fresh = daemon.notes()[place.seen..].to_vec();
        place.seen += fresh.len();
        for (_, note) in &fresh {
            self.judge(site, note);
        }
    }

    /// What no site may ever do.
    fn judge(&self, site: usize, note: &CoreEvent) {
        let Some((_, change)) = note.transition() else {
            return;
        };
        let place = format!("seed {}, site {site}, at {:?}: {note:?}", self.seed, self.now);
        assert_ne!(change.rule, "D11", "{place}");
        let expected = if (site == PRIMARY) == (change.to == Some(Strength::Full)) {
            Verdict::Up
        } else {
            Verdict::Down
        };
        assert_eq!(change.verdict, expected, "{place}");
        assert_ne!(change.from, change.to, "{place}");
    }

    /// One piece of bad luck, or of good luck again.
    fn trouble(&mut self) {
        let sites = self.places.len() as u64;
        let site = usize::try_from(self.earth.dice.below(sites)).expect("small");
        match self.earth.dice.below(8) {
            0 | 1 => self.earth.alive = !self.earth.alive,
            2 | 3 => self.earth.uplinks[site] = !self.earth.uplinks[site],
            4 => self.crash(site),
            5 => {
                self.crash(site);
                self.boot(site);
            }
            6 => {
                // The machine reboots: BIRD comes up silent, and the daemon with it.
                self.crash(site);
                self.earth.announced[site] = Strength::Off;
                self.boot(site);
            }
            _ => self.earth.loss = self.earth.dice.below(30),
        }
    }

    fn calm(&mut self, alive: bool) {
        self.earth.loss = 0;
        self.earth.alive = alive;
        self.earth.uplinks.fill(true);
        for site in 0..self.places.len() {
            if self.places[site].daemon.is_none() {
                self.boot(site);
            }
        }
    }
}

fn strength(daemon: &Simulator) -> Strength {
    daemon.site().services()[0]
        .stance()
        .strength()
        .expect("it was adopted")
}

fn play(seed: u64) {
    let mut simulation = Simulation::new(seed);
    simulation.run_until(Moment::new(secs(20)));
    let before: Vec<_> = simulation.earth.announced.clone();
    if simulation.earth.loss == 0 {
        assert!(
            before[1..].iter().all(|strength| *strength == Strength::Off),
            "seed {seed}: {before:?}"
        );
    }
    while simulation.now < Moment::new(TROUBLE) {
        let pause = ms(simulation.earth.dice.below(12_000));
        simulation.run_until(simulation.now + pause);
        simulation.trouble();
    }
    let alive = seed.is_multiple_of(2);
    simulation.calm(alive);
    simulation.run_until(simulation.now + CALM);
    let announced = &simulation.earth.announced;
    let mut expected = vec![Strength::Off; announced.len()];
    expected[if alive { PRIMARY } else { PRIMARY + 1 }] = Strength::Full;
    assert_eq!(*announced, expected, "seed {seed}, alive: {alive}");
}

/// Dead: the best standby announces, and it alone. Alive: the primary, and it alone.
#[test]
fn d12_after_any_troubles_exactly_the_right_site_announces() {
    let workers = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    std::thread::scope(|scope| {
        for worker in 0..workers {
            scope.spawn(move || {
                (0..seeds())
                    .filter(|seed| seed % workers == worker)
                    .for_each(play);
            });
        }
    });
}

#[test]
fn the_same_seed_is_the_same_history() {
    let notes = |seed| {
        let mut simulation = Simulation::new(seed);
        simulation.run_until(Moment::new(secs(20)));
        simulation.trouble();
        simulation.run_until(Moment::new(secs(60)));
        let of = |place: &Place| place.daemon.as_ref().map(|daemon| daemon.notes().to_vec());
        simulation.places.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(notes(7), notes(7));
    assert_ne!(notes(7), notes(8));
}

/// With no loss and no cut, a death is announced elsewhere within its bound, and by all that live:
/// none of them waits for another (D12 ranks only what overlaps).
#[test]
fn a_clean_death_is_taken_over_within_its_bound_by_every_number_of_standbys() {
    for seed in 0..seeds() / 5 {
        let mut simulation = Simulation::new(seed);
        simulation.earth.loss = 0;
        simulation.run_until(Moment::new(secs(30)));
        simulation.calm(true);
        simulation.run_until(Moment::new(secs(90)));
        simulation.earth.alive = false;
        let died = simulation.now;
        let bound = secs(4) + ms(1_000) + ms(500) * 4;
        simulation.run_until(died + bound);
        assert_eq!(simulation.earth.announced[1], Strength::Full, "seed {seed}");
        assert_eq!(simulation.earth.announced[PRIMARY], Strength::Off, "seed {seed}");
    }
}

/// Whatever happens to the standbys' own uplinks, daemons and machines: while the primary lives and
/// nothing is lost on a way that works, none of them takes anything over.
#[test]
fn d5_standbys_in_trouble_of_their_own_take_nothing_over() {
    for seed in 0..seeds() / 4 {
        let mut simulation = Simulation::new(seed);
        simulation.earth.loss = 0;
        let sites = simulation.places.len() as u64;
        while simulation.now < Moment::new(TROUBLE) {
            let pause = ms(simulation.earth.dice.below(12_000));
            simulation.run_until(simulation.now + pause);
            let announced = &simulation.earth.announced;
            let silent = announced[1..].iter().all(|strength| *strength == Strength::Off);
            assert!(silent, "seed {seed} at {:?}: {announced:?}", simulation.now);
            let site = usize::try_from(1 + simulation.earth.dice.below(sites - 1)).expect("small");
            match simulation.earth.dice.below(4) {
                0 => simulation.crash(site),
                1 => {
                    simulation.crash(site);
                    simulation.boot(site);
                }
                _ => simulation.earth.uplinks[site] = !simulation.earth.uplinks[site],
            }
        }
    }
}
