//! What the clients of three networks see of a power cut that the primary's ISP does not notice.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::{FollowedState, Strength};

use falconer_lab::isolate::BASE;
use falconer_lab::measure::{self, longest, median};
use falconer_lab::networks::patterns::{PRIMARY_SAYS, halves, standby, standing, steered, steered_primary};
use falconer_lab::networks::{Announcer, BLOCK, Network, Networks, NetworksPlan};
use falconer_lab::{Cadence, Falconer, Flavour, Host, PREFIX4, Settings, isolated, wait};

const SOON: Duration = Duration::from_secs(30);

/// The longest time without service that a client may have: interval + timeout + 2 x retry_interval + 0.5 s.
const IN_TIME: Duration = Duration::from_millis(8500);

/// A probe of the primary's block in our own BIRD. It proves little alone: the ISP may keep the route of the
/// session from before the power cut until its next keepalive, and drop it then for a moment.
const BLOCK_HEARD: &str =
    "name = \"heard\"\ntype = \"bird-route\"\nprefix = \"198.51.100.0/23\"\nvotes = \"up\"";

#[test]
fn d14_more_specifics_reach_every_client_at_once_and_are_given_back_without_a_gap() {
    isolated(|| {
        // For a longer run: FALCONER_LAB_CUTS=20.
        let cuts: u32 = std::env::var("FALCONER_LAB_CUTS").map_or(Ok(1), |cuts| cuts.parse())?;
        // Several labs at once: each of them only waits for most of the time.
        let labs = cuts.min(4);
        let outages = std::thread::scope(|scope| {
            let labs: Vec<_> = (0..labs)
                .map(|lab| scope.spawn(move || cuts_of_a_lab(lab, labs, cuts)))
                .collect();
            labs.into_iter()
                .map(|lab| lab.join().expect("the lab's thread"))
                .collect::<Result<Vec<_>>>()
        })?
        .concat();
        let (middle, most) = (median(outages.iter().copied()), longest(outages.iter().copied()));
        println!(
            "{} cuts: the longest time without service of any client: median {middle:?}, longest {most:?}",
            outages.len()
        );
        ensure!(outages.len() == cuts as usize && most < IN_TIME, "{outages:?}");
        ensure!(
            cuts < 20 || middle < Duration::from_millis(5500),
            "median {middle:?}: {outages:?}"
        );
        Ok(())
    });
}

/// Every `labs`-th cut, in networks of their own; FRR is the primary's ISP in half of them.
fn cuts_of_a_lab(lab: u32, labs: u32, cuts: u32) -> Result<Vec<Duration>> {
    let standby = standby(&halves())
        .upstream("import = \"services\"")
        .more_probe(PRIMARY_SAYS)
        .more_probe(BLOCK_HEARD);
    let primary = Settings::primary()
        .cadence(Cadence::SLOW)
        .service(&format!("prefixes = [\"{BLOCK}\"]"));
    let plan = NetworksPlan {
        isp_a: if lab.is_multiple_of(2) {
            Flavour::Bird
        } else {
            Flavour::Frr
        },
        prefix: format!("n{lab}-"),
        base: Path::new(BASE).join(lab.to_string()),
        ..NetworksPlan::new(steered(primary), steered(standby))
    };
    let mut networks = Networks::start(&plan)?;
    (lab..cuts)
        .step_by(labs as usize)
        .map(|cut| cut_and_back(&mut networks, cut, cuts).with_context(|| format!("cut {cut}")))
        .collect()
}

/// One power cut, and the return of power. Returns the longest time without service of any client.
fn cut_and_back(networks: &mut Networks, number: u32, of: u32) -> Result<Duration> {
    let interval = Duration::from_secs(5);
    measure::until_phase(
        falconer(networks)?,
        interval * (2 * number + 1) / (2 * of),
        interval,
    )?;
    let cut = networks.power_cut()?;
    networks.until_served_by(Host::Hk, SOON)?;
    let outages = networks.served(cut, wait::now());
    let back = networks.power_back()?;
    given_back(networks, back)?;
    Ok(longest(outages.into_iter().map(|(_, served)| served.longest_gap)))
}

/// Waits until the primary serves everybody again, and holds that nobody noticed.
fn given_back(networks: &Networks, back: SystemTime) -> Result<()> {
    networks.until_served_by(Host::Cn, SOON * 2)?;
    falconer(networks)?.until_actual(Strength::Off, SOON)?;
    networks.until_served_by(Host::Cn, SOON)?;
    for (network, served) in networks.served(back, wait::now()) {
        ensure!(
            served.without_service < Duration::from_secs(1),
            "failback, client in {network}: {served:?}"
        );
    }
    Ok(())
}

fn falconer(networks: &Networks) -> Result<&Falconer> {
    networks.falconer.as_ref().context("a standby with Falconer")
}

#[test]
fn a11_an_upstream_that_still_prefers_the_ghost_is_named_until_it_follows() {
    isolated(|| {
        let standby = standby("").upstream("import = \"services\"");
        let plan = NetworksPlan {
            isp_a: Flavour::Frr,
            hold: 9,
            second_upstream: true,
            ..NetworksPlan::new(Announcer::always(&[PREFIX4]), steered(standby))
        };
        let mut networks = Networks::start(&plan)?;
        let cut = networks.power_cut()?;
        let falconer = falconer(&networks)?;
        falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;
        let named = falconer.until(
            "word of the ghost at the transit",
            Duration::from_secs(2),
            |service| {
                let transit = service.followed.iter().find(|way| way.upstream == "transit");
                transit.is_some_and(|way| way.state == FollowedState::PrefersAnother)
            },
        );
        named.with_context(|| networks.tables())?;
        let status = falconer.must(&["status"])?;
        ensure!(status.contains("transit still prefers another way"), "{status}");
        networks.until_served_by(Host::Hk, SOON)?;
        falconer.until("word that the transit follows", SOON, |service| {
            let transit = service.followed.iter().find(|way| way.upstream == "transit");
            transit.is_some_and(|way| way.state == FollowedState::Follows)
        })?;
        for (network, served) in networks.served(cut, wait::now()) {
            let in_time = served.longest_gap < IN_TIME;
            ensure!(
                network != Network::IspB || in_time,
                "client in {network}: {served:?}"
            );
        }
        Ok(())
    });
}

#[test]
fn d14_what_stands_all_the_time_draws_no_client_of_a_living_primary() {
    isolated(|| {
        let mut networks = Networks::start(&NetworksPlan::new(
            Announcer::always(&[BLOCK]),
            steered(standing()),
        ))?;
        let begin = wait::now();
        measure::until_phase(
            falconer(&networks)?,
            Duration::from_secs(4),
            Duration::from_secs(5),
        )?;
        let cut = networks.power_cut()?;
        for (network, served) in networks.served(begin, cut) {
            ensure!(
                served.answers.keys().eq(["cn"]) && served.failed == 0,
                "client in {network}: {served:?}"
            );
        }
        networks.until_served_by(Host::Hk, SOON)?;
        for (network, served) in networks.served(cut, wait::now()) {
            ensure!(served.longest_gap < IN_TIME, "client in {network}: {served:?}");
        }
        Ok(())
    });
}

#[test]
fn d11_a_primary_that_hands_over_before_it_goes_down_loses_no_fetch() {
    isolated(|| {
        let plan = NetworksPlan::new(steered_primary(), steered(standby("").more_probe(PRIMARY_SAYS)));
        let mut networks = Networks::start(&plan)?;
        let told = networks.shut_down()?;
        networks.until_served_by(Host::Hk, SOON)?;
        for (network, served) in networks.served(told, wait::now()) {
            ensure!(served.failed == 0, "client in {network}: {served:?}");
        }
        Ok(())
    });
}
