//! Answers of the primary that take 300 ms to 1.5 s, and faults at times that nobody chose: a cut of our
//! own uplink is no takeover, and a power cut is one in time. FALCONER_LAB_CUTS asks for more faults
//! than a few, FALCONER_LAB_SEED for the same ones again.

use anstream::println;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use falconer::model::snapshot::{ProbeState, Strength, Verdict};

use super::judgement::recorded;
use falconer_lab::capture::{Mark, SeenUpdate};
use falconer_lab::draw::{self, Draw};
use falconer_lab::measure::{longest, median};
use falconer_lab::slow::{LONGEST_ANSWER, LONGEST_REQUEST};
use falconer_lab::{Cadence, Falconer, Host, Lab, PREFIX4, PREFIX6, Plan, Settings, isolated, wait};

const SOON: Duration = Duration::from_secs(30);
/// Between two looks at a lab. Several stand side by side, and each look costs Falconer an answer.
const PAUSE: Duration = Duration::from_millis(200);
/// How many labs stand side by side, more of them for more faults: each only waits for most of the time.
const LABS: RangeInclusive<u64> = 6..=12;
/// How many faults each is to have where there are many.
const FAULTS_EACH: u64 = 10;
/// How many faults there are, in place of a few.
const CUTS: &str = "FALCONER_LAB_CUTS";

/// For BIRD, and for a machine that has other things to do.
const ALLOWANCE: Duration = Duration::from_millis(500);

/// A way to watch the primary, its cadence in words and in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Setup {
    cadence: Cadence,
    interval: Duration,
    timeout: Duration,
    retry: Duration,
    down_when: &'static str,
}

/// The usual one: most answers take longer than `retry_interval`, and so each check is followed up.
const USUAL: Setup = Setup {
    cadence: Cadence::SLOW,
    interval: Duration::from_secs(5),
    timeout: Duration::from_secs(2),
    retry: Duration::from_millis(500),
    down_when: "all",
};
/// Either of them by itself, the second with a `retry_interval` that no answer exceeds; in turn.
const SETUPS: [Setup; 3] = [
    USUAL,
    Setup {
        down_when: "any",
        ..USUAL
    },
    Setup {
        cadence: Cadence {
            timeout: "3s",
            retry_interval: "2s",
            ..Cadence::SLOW
        },
        timeout: Duration::from_secs(3),
        retry: Duration::from_secs(2),
        ..USUAL
    },
];

impl Setup {
    /// When the last UPDATE is due at the latest after a death. The first check that stays unanswered
    /// begins within `interval`. By D1 it and those after it settle it in `timeout + (fall - 1) x
    /// retry_interval`. By D5 a witness's pass has to begin when the first should have been answered, and
    /// a fail after it: where answers take long, that is the later of the two.
    fn latest(&self) -> Duration {
        let by_witness = LONGEST_ANSWER.max(self.retry) + self.retry;
        self.interval + self.timeout + self.by_rows().max(by_witness) + ALLOWANCE
    }

    /// The earliest that a death is confirmed: the first check that stays unanswered was out already.
    fn earliest(&self) -> Duration {
        self.timeout + self.by_rows() - LONGEST_REQUEST
    }

    fn by_rows(&self) -> Duration {
        self.retry * (self.cadence.fall - 1)
    }
}

/// A lab and the Falconer that watches in it.
struct Site {
    setup: Setup,
    lab: Lab,
    falconer: Falconer,
}

#[test]
fn the_slow_way_takes_as_long_as_it_says_and_nothing_else_does() {
    isolated(|| {
        let seed = draw::seed()?;
        println!("FALCONER_LAB_SEED={seed}");
        let plan = Plan {
            slow: Some(seed),
            ..Plan::default()
        };
        let lab = Lab::start(&plan)?;
        let standby = lab.namespace(Host::Hk);
        let times = |target: &str| -> Result<Vec<Duration>> {
            let said = standby.run("ping", &["-c20", "-i0.05", "-W2", target])?;
            let times = said.lines().filter_map(|line| line.split_once("time="));
            let times = times.filter_map(|(_, rest)| rest.trim_end_matches(" ms").parse::<f64>().ok());
            Ok(times.map(|ms| Duration::from_secs_f64(ms / 1000.0)).collect())
        };
        let slow = times("198.18.0.1")?;
        let bounds = Duration::from_millis(300)..LONGEST_ANSWER + Duration::from_millis(100);
        ensure!(
            slow.len() == 20 && slow.iter().all(|time| bounds.contains(time)),
            "{slow:?}"
        );
        let fast = times("192.0.2.53")?;
        ensure!(
            fast.len() == 20 && longest(fast.iter().copied()) < Duration::from_millis(100),
            "{fast:?}"
        );
        let fetched = wait::now();
        standby.inside(|| {
            let mut connection = TcpStream::connect(("198.18.0.1", 80))?;
            connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")?;
            Ok(connection.read_to_string(&mut String::new())?)
        })?;
        let took = wait::between(fetched, wait::now());
        ensure!(bounds.contains(&took), "a fetch took {took:?}");
        lab.must_be_slow()
    });
}

#[test]
fn d5_a_cut_of_our_own_uplink_behind_slow_answers_announces_nothing() {
    isolated(|| {
        let cuts = in_labs(12, own_cuts)?;
        let of_kind = |kind| cuts.iter().filter(|cut| **cut == kind).count();
        println!(
            "{} cuts of the own uplink: {} silent, {} with the interface down, {} both; no UPDATE",
            cuts.len(),
            of_kind(OwnCut::Silent),
            of_kind(OwnCut::Down),
            of_kind(OwnCut::SilentThenDown)
        );
        Ok(())
    });
}

#[test]
fn d1_a_power_cut_behind_slow_answers_is_taken_over_in_time() {
    isolated(|| {
        let cuts = in_labs(6, power_cuts)?;
        for setup in SETUPS {
            let of_setup = cuts.iter().filter(|cut| cut.setup == setup);
            tell_times(&format!("{setup:?}"), of_setup.copied());
        }
        tell_times("all", cuts.iter().copied());
        Ok(())
    });
}

fn tell_times(what: &str, cuts: impl Iterator<Item = PowerCut>) {
    let cuts: Vec<_> = cuts.collect();
    let times = || cuts.iter().map(|cut| cut.announced);
    println!(
        "{} power cuts: slowest {:?}, median {:?}, allowed {:?}: {what}",
        cuts.len(),
        longest(times()),
        median(times()),
        longest(cuts.iter().map(|cut| cut.setup.latest())),
    );
}

/// Spreads faults over labs that stand side by side: as many as are asked for, else `few`.
fn in_labs<T: Send>(few: u64, faults: impl Fn(&Site, u64, Draw) -> Result<Vec<T>> + Sync) -> Result<Vec<T>> {
    let count = match std::env::var(CUTS) {
        Ok(text) => text.parse().with_context(|| format!("{CUTS} is {text:?}"))?,
        Err(_) => few,
    };
    let labs = count.div_ceil(FAULTS_EACH).clamp(*LABS.start(), *LABS.end());
    let seed = draw::seed()?;
    println!("FALCONER_LAB_SEED={seed}");
    let one = |number: u64| {
        let share = (count + labs - 1 - number) / labs;
        let mut draw = Draw::new(seed.wrapping_add(number));
        let site = slow_site(number, draw.number())?;
        let done = faults(&site, share, draw);
        // What was seen on a way that broke proves nothing, whatever it was.
        site.lab.must_be_slow()?;
        let done = done?;
        Ok(done)
    };
    let outcomes: Vec<Result<Vec<T>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..labs).map(|number| scope.spawn(move || one(number))).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|outcome| outcome.map_err(|_| anyhow!("a lab's thread panicked"))?)
            .collect()
    });
    let mut all = Vec::new();
    for (number, outcome) in outcomes.into_iter().enumerate() {
        all.extend(outcome.with_context(|| format!("lab {number}"))?);
    }
    ensure!(
        u64::try_from(all.len())? == count,
        "{} of {count} faults were made",
        all.len()
    );
    Ok(all)
}

fn slow_site(number: u64, seed: u64) -> Result<Site> {
    let plan = Plan {
        prefix: format!("l{number}-"),
        base: Plan::default().base.join(number.to_string()),
        slow: Some(seed),
        ..Plan::default()
    };
    let setup = SETUPS[usize::try_from(number)? % SETUPS.len()];
    let keys = format!(
        "failback_delay = \"1s\"\nflap_limit = 1000\ndown_when = \"{}\"",
        setup.down_when
    );
    let settings = Settings::standby().cadence(setup.cadence).service(&keys);
    let (lab, falconer) = Lab::watch(&plan, &settings)?;
    until_well(&lab, &falconer)?;
    Ok(Site { setup, lab, falconer })
}

/// Waits until nothing is amiss: all probes and witnesses are up, and the sessions stand, so that an
/// UPDATE would be seen.
fn until_well(lab: &Lab, falconer: &Falconer) -> Result<()> {
    wait::until_every(PAUSE, "clear view of a living primary", SOON, || {
        let status = falconer.status()?;
        let service = status.services.first().context("Falconer has no service")?;
        let mut probes = service.probes.iter().chain(&status.witnesses);
        let well = probes.all(|probe| probe.state == ProbeState::Up)
            && !status.isolated
            && service.verdict == Verdict::Up
            && service.actual == Strength::Off;
        let sessions = || -> Result<bool> {
            Ok(lab.standby.established("isp_upstream")? && lab.standby.established("isp_upstream6")?)
        };
        Ok((well && sessions()?).then_some(()))
    })
}

/// How our own uplink is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnCut {
    /// Nothing is answered.
    Silent,
    /// The interface is down, and the kernel knows no way: checks are errors.
    Down,
    /// First the one, then the other.
    SilentThenDown,
}

impl OwnCut {
    /// Cuts our own uplink for that long.
    fn last(self, lab: &Lab, time: Duration) -> Result<()> {
        match self {
            Self::Silent => {
                lab.power_cut(Host::Hk)?;
                wait::pass(time);
                lab.power_back(Host::Hk).map(drop)
            }
            Self::Down => {
                interface(lab, DOWN)?;
                wait::pass(time);
                interface(lab, UP)
            }
            Self::SilentThenDown => {
                lab.power_cut(Host::Hk)?;
                wait::pass(time / 2);
                interface(lab, DOWN)?;
                wait::pass(time / 2);
                interface(lab, UP)?;
                lab.power_back(Host::Hk).map(drop)
            }
        }
    }
}

/// The standby's interface, and with it its default routes.
const DOWN: &str = "link set wan0 down\n";
const UP: &str = "link set wan0 up\n\
    route add default via 203.0.113.1\n\
    route add default via 2001:db8:113::1 dev wan0 onlink\n";

fn interface(lab: &Lab, lines: &str) -> Result<()> {
    lab.namespace(Host::Hk).ip_batch(lines)
}

/// Cuts our own uplink again and again, and holds that nothing was announced, and nothing decided.
fn own_cuts(site: &Site, count: u64, mut draw: Draw) -> Result<Vec<OwnCut>> {
    let Site { setup, lab, falconer } = site;
    let decided = recorded(falconer, "transition")?;
    let mut cuts = Vec::new();
    for number in 0..count {
        // Most cuts are silent ones.
        let cut = draw.one_of([
            OwnCut::Silent,
            OwnCut::Silent,
            OwnCut::Down,
            OwnCut::SilentThenDown,
        ]);
        let (phase, time) = (draw.millis(0, 5000), draw.millis(1000, 12_000));
        wait::pass(phase);
        let what = || format!("cut {number}, {cut:?}, after {phase:?}, for {time:?}, {setup:?}");
        cut.last(lab, time).with_context(what)?;
        until_well(lab, falconer).with_context(what)?;
        lab.capture
            .must_be_silent(Host::Hk, Mark::START)
            .with_context(what)?;
        let since = recorded(falconer, "transition")? - decided;
        ensure!(since == 0, "{since} decisions: {}", what());
        cuts.push(cut);
    }
    Ok(cuts)
}

/// How long a power cut took to the last UPDATE.
#[derive(Clone, Copy, Debug)]
struct PowerCut {
    setup: Setup,
    announced: Duration,
}

/// Cuts the primary's power again and again, and holds that each cut is announced in time, and none
/// before it could be known.
fn power_cuts(site: &Site, count: u64, mut draw: Draw) -> Result<Vec<PowerCut>> {
    let Site { setup, lab, falconer } = site;
    let mut cuts = Vec::new();
    for number in 0..count {
        let phase = draw.millis(0, 5000);
        wait::pass(phase);
        let mark = lab.capture.mark()?;
        let cut = lab.power_cut(Host::Cn)?;
        let seen = both(|prefix| lab.capture.announced(Host::Hk, prefix, mark, SOON))?;
        let [first, announced] = seen.map(|seen| wait::between(cut, seen.at));
        let (earliest, latest) = (setup.earliest(), setup.latest());
        ensure!(
            first >= earliest && announced <= latest,
            "cut {number}, after {phase:?}: announced {first:?} and {announced:?} after it, which is not between \
             {earliest:?} and {latest:?}: {setup:?}"
        );
        cuts.push(PowerCut {
            setup: *setup,
            announced,
        });
        let mark = lab.capture.mark()?;
        lab.power_back(Host::Cn)?;
        both(|prefix| lab.capture.withdrawn(Host::Hk, prefix, mark, SOON))?;
        until_well(lab, falconer).with_context(|| format!("after cut {number}"))?;
        for prefix in [PREFIX4, PREFIX6] {
            lab.upstream.until_sites(prefix, &[Host::Cn], SOON)?;
        }
    }
    Ok(cuts)
}

/// What is seen of both prefixes, the earlier first.
fn both(seen: impl Fn(&str) -> Result<SeenUpdate>) -> Result<[SeenUpdate; 2]> {
    let mut both = [seen(PREFIX4)?, seen(PREFIX6)?];
    both.sort_by_key(|seen| seen.at);
    Ok(both)
}
