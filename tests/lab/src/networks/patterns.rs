//! The ways to announce and to die that docs/patterns.md compares, and how one of them is measured.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::record::{ClientRun, Run};
use super::{Always, Announcer, BELOW_PEERS, BLOCK, HALVES, Networks, NetworksPlan};
use crate::client::Served;
use crate::measure;
use crate::topology::{Host, PREFIX4};
use crate::{Cadence, Flavour, Settings, wait};

/// The standby's cadence.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long a takeover may take after the last ghost is gone.
const TAKEOVER: Duration = Duration::from_secs(40);
/// How long is watched at least after the ghost's end.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// How standby and primary announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Both the same /24, the standby on takeover.
    Equal,
    /// The same, and the primary always prepends its own AS twice.
    PrimaryPrepends,
    /// The primary the /23, the standby both its halves on takeover.
    MoreSpecific,
    /// The same, and the standby announces the /23 all the time, below what its ISP hears from its peers.
    Standing,
    /// No takeover: the standby always announces the same /24 with three prepends.
    AlwaysPrepended,
    /// No takeover: the standby always announces the covering /23.
    AlwaysCovering,
}

/// How the primary loses its power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCut {
    /// Its ISP loses the carrier.
    Carrier,
    /// Behind a switch: its ISP sees silence.
    Silent,
    /// The same, and it knew before, and handed over.
    Foreseen,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is announced, in the table's words.
    pub announced: &'static str,
    /// How the primary's ISP notices, in the table's words.
    pub noticed: &'static str,
    pattern: Pattern,
    cut: PowerCut,
    /// The hold time at the primary's ISP, in seconds.
    hold: u32,
    bfd: bool,
}

const EQUAL: &str = "the same /24 on takeover";

/// The table's rows.
pub const CASES: [Case; 12] = [
    case(EQUAL, "carrier lost", Pattern::Equal, 90).carrier(),
    case(EQUAL, "hold time 90 s", Pattern::Equal, 90),
    case(EQUAL, "hold time 30 s", Pattern::Equal, 30),
    case(EQUAL, "hold time 20 s", Pattern::Equal, 20),
    case(EQUAL, "hold time 9 s", Pattern::Equal, 9),
    case(EQUAL, "BFD, 300 ms x 3", Pattern::Equal, 90).bfd(),
    case(
        "the same /24 on takeover; the primary always prepends twice",
        "hold time 90 s",
        Pattern::PrimaryPrepends,
        90,
    ),
    case(
        "**the primary a /23, both /24 on takeover**",
        "hold time 90 s",
        Pattern::MoreSpecific,
        90,
    ),
    case(
        "the primary a /23, both /24 on takeover; the standby the /23 all the time, with the ISP's community for less preference",
        "hold time 90 s",
        Pattern::Standing,
        90,
    ),
    case(
        "the same /24 on takeover; the primary hands over before it goes down",
        "hold time 90 s",
        Pattern::Equal,
        90,
    )
    .foreseen(),
    case(
        "no takeover: always the same /24, prepended three times",
        "hold time 90 s",
        Pattern::AlwaysPrepended,
        90,
    ),
    case(
        "no takeover: always the covering /23",
        "hold time 90 s",
        Pattern::AlwaysCovering,
        90,
    ),
];

const fn case(announced: &'static str, noticed: &'static str, pattern: Pattern, hold: u32) -> Case {
    Case {
        announced,
        noticed,
        pattern,
        cut: PowerCut::Silent,
        hold,
        bfd: false,
    }
}

impl Case {
    const fn carrier(self) -> Self {
        Self {
            cut: PowerCut::Carrier,
            ..self
        }
    }

    const fn foreseen(self) -> Self {
        Self {
            cut: PowerCut::Foreseen,
            ..self
        }
    }

    const fn bfd(self) -> Self {
        Self { bfd: true, ..self }
    }

    /// Builds the networks below `base`, cuts the primary's power at this part of the standby's interval, and
    /// watches until all clients are served by the standby and the ghost is gone.
    pub fn measure(&self, isp_a: Flavour, phase: f64, prefix: &str, base: &Path) -> Result<Run> {
        let (primary, standby) = self.sites();
        let plan = NetworksPlan {
            isp_a,
            hold: self.hold,
            bfd: self.bfd,
            prefix: prefix.to_owned(),
            base: base.to_owned(),
            ..NetworksPlan::new(primary, standby)
        };
        let mut networks = Networks::start(&plan)?;
        let begin = wait::now();
        match &networks.falconer {
            Some(falconer) => measure::until_phase(falconer, INTERVAL.mul_f64(phase), INTERVAL)?,
            None => wait::pass(Duration::from_secs(2)),
        }
        let cut = match self.cut {
            PowerCut::Carrier => networks.power_cut_with_carrier()?,
            PowerCut::Silent => networks.power_cut()?,
            PowerCut::Foreseen => networks.shut_down()?,
        };
        let before = networks.served(begin, cut);
        let ghost = Duration::from_secs(self.hold.into());
        networks.until_served_by(Host::Hk, ghost + TAKEOVER)?;
        if self.cut == PowerCut::Silent && !self.bfd {
            wait::pass((ghost + AFTERWARDS).saturating_sub(wait::between(cut, wait::now())));
        }
        let after = networks.served(cut, wait::now() - Duration::from_millis(450));
        let clients = before.into_iter().zip(after);
        let clients = clients.map(|((network, before), (_, after))| {
            let run = client_run(&before, &after);
            (network.name().to_owned(), run)
        });
        Ok(Run {
            announced: self.announced.to_owned(),
            noticed: self.noticed.to_owned(),
            isp_a: format!("{isp_a:?}"),
            cut_after_check_s: tenths(INTERVAL.mul_f64(phase)),
            clients: clients.collect::<BTreeMap<_, _>>(),
        })
    }

    /// Who announces at the primary and at the standby.
    fn sites(&self) -> (Announcer, Announcer) {
        let same = || Announcer::always(&[PREFIX4]);
        let prepended = |prepend| {
            let always = Always::of(&[PREFIX4]);
            Announcer::Bird(Always { prepend, ..always })
        };
        match self.pattern {
            Pattern::Equal if self.cut == PowerCut::Foreseen => {
                (steered_primary(), steered(standby("").more_probe(PRIMARY_SAYS)))
            }
            Pattern::Equal => (same(), steered(standby(""))),
            Pattern::PrimaryPrepends => (prepended(2), steered(standby(""))),
            Pattern::MoreSpecific => (Announcer::always(&[BLOCK]), steered(standby(&halves()))),
            Pattern::Standing => (Announcer::always(&[BLOCK]), steered(standing())),
            Pattern::AlwaysPrepended => (same(), prepended(3)),
            Pattern::AlwaysCovering => (same(), Announcer::always(&[BLOCK])),
        }
    }
}

/// A probe of what the primary says of its own announcement.
pub const PRIMARY_SAYS: &str = "name = \"announced\"\ntype = \"http\"\n\
    url = \"http://198.18.0.1:9180/v1/services/web/announced\"\non_no_answer = \"error\"\n\
    error_status = [\"300-502\", \"504-599\"]\nvotes = \"up\"\ndecides = \"down\"";

/// The keys of a service whose takeover announces the halves of the primary's block.
pub fn halves() -> String {
    format!("prefixes = {HALVES:?}\nprimary_prefixes = [\"{BLOCK}\"]")
}

/// A standby that announces the block all the time, below what its ISP hears from its peers.
pub fn standing() -> Settings {
    let (high, low) = BELOW_PEERS;
    standby(&format!("{}\nstanding = [\"{BLOCK}\"]", halves()))
        .upstream(&format!("standing_communities = [\"{high}:{low}\"]"))
}

/// A site that Falconer steers.
pub fn steered(settings: Settings) -> Announcer {
    Announcer::Falconer(Box::new(settings))
}

/// A primary that Falconer steers.
pub fn steered_primary() -> Announcer {
    steered(Settings::primary().cadence(Cadence::SLOW))
}

/// A standby with the usual cadence and witnesses, and with these keys of its service.
pub fn standby(service: &str) -> Settings {
    Settings::standby()
        .cadence(Cadence::SLOW)
        .service(&format!("failback_delay = \"5s\"\nflap_limit = 1000\n{service}"))
}

fn client_run(before: &Served, after: &Served) -> ClientRun {
    ClientRun {
        before: before.answers.clone(),
        after: after.answers.clone(),
        without_service_s: tenths(after.without_service),
        longest_gap_s: tenths(after.longest_gap),
        failed_fetches: after.failed,
    }
}

/// Seconds, with one decimal.
fn tenths(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}
