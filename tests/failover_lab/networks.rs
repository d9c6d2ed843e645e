//! What the clients of three networks see of a power cut that the primary's ISP does not notice.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use falconer_lab::measure::{self, longest, median};
use falconer_lab::networks::patterns::{PRIMARY_SAYS, halves, standby, steered, steered_primary};
use falconer_lab::networks::{Announcer, BLOCK, Networks, NetworksPlan};
use falconer_lab::{Host, isolated, wait};

const SOON: Duration = Duration::from_secs(30);

/// The longest time without service that a client may have: interval + timeout + 2 x retry_interval + 0.5 s.
const IN_TIME: Duration = Duration::from_millis(8500);

#[test]
fn more_specifics_reach_every_client_while_the_ghost_stands() {
    isolated(|| {
        // For a longer run: FALCONER_LAB_CUTS=20.
        let cuts = std::env::var("FALCONER_LAB_CUTS").map_or(Ok(1), |cuts| cuts.parse())?;
        let plan = NetworksPlan::new(Announcer::always(&[BLOCK]), steered(standby(&halves())));
        let mut networks = Networks::start(&plan)?;
        let outages = (0..cuts)
            .map(|cut| cut_and_back(&mut networks, cut, cuts))
            .collect::<Result<Vec<_>>>()?;
        let (middle, most) = (median(outages.iter().copied()), longest(outages.into_iter()));
        println!(
            "{cuts} cuts: the longest time without service of any client: median {middle:?}, longest {most:?}"
        );
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

/// One power cut, and the return of power. Returns the longest time without service of any client.
fn cut_and_back(networks: &mut Networks, number: u32, of: u32) -> Result<Duration> {
    let falconer = networks.falconer.as_ref().context("a standby with Falconer")?;
    let interval = Duration::from_secs(5);
    measure::until_phase(falconer, interval * (2 * number + 1) / (2 * of), interval)?;
    let cut = networks.power_cut()?;
    networks.until_served_by(Host::Hk, SOON)?;
    let outages = networks.served(cut, wait::now());
    println!("cut {number}: {outages:?}");
    for (network, served) in &outages {
        ensure!(served.longest_gap < IN_TIME, "client in {network}: {served:?}");
    }
    let back = networks.power_back()?;
    networks.until_served_by(Host::Cn, SOON)?;
    for (network, served) in networks.served(back, wait::now()) {
        ensure!(
            served.without_service < Duration::from_secs(1),
            "failback, client in {network}: {served:?}"
        );
    }
    Ok(longest(outages.into_iter().map(|(_, served)| served.longest_gap)))
}
