//! The last act: what clients in three networks see of a power cut that the primary's ISP does not notice.

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use anstream::println;
use anyhow::{Context, Result, anyhow, ensure};

use falconer_lab::networks::patterns::{halves, standby, steered};
use falconer_lab::networks::{Announcer, BLOCK, HALVES, Network, Networks, NetworksPlan};
use falconer_lab::{Host, isolate, wait};

use crate::story::{bold, good, seconds};

/// The longest that the act may take.
const ACT: Duration = Duration::from_secs(30);
/// interval + timeout + 2 x retry_interval + 0.5 s.
const IN_TIME: Duration = Duration::from_millis(8500);

/// Brings the networks up beside the other acts.
pub(crate) fn prepare() -> JoinHandle<Result<Networks>> {
    std::thread::spawn(|| {
        let base = Path::new(isolate::BASE).join("networks");
        std::fs::create_dir_all(&base)?;
        Networks::start(&NetworksPlan {
            prefix: "three-".to_owned(),
            base,
            ..NetworksPlan::new(Announcer::always(&[BLOCK]), steered(standby(&halves())))
        })
    })
}

/// Cuts the primary's power, and tells how long each client was not served.
pub(crate) fn perform(networks: JoinHandle<Result<Networks>>) -> Result<()> {
    let networks = networks
        .join()
        .map_err(|_| anyhow!("the networks' thread panicked"))?;
    let mut networks = networks.context("bringing up three networks")?;
    println!("\n{}", bold("The same power cut, seen from three networks"));
    println!(
        "  Two ISPs that peer, and the transit of both. The primary is behind a switch: its ISP keeps the dead route for"
    );
    println!(
        "  up to 90 s (the hold time). The primary announces {BLOCK}; the takeover announces {} and {}.",
        HALVES[0], HALVES[1]
    );
    let cut = networks.power_cut()?;
    networks.until_served_by(Host::Hk, ACT)?;
    for (network, served) in networks.served(cut, wait::now()) {
        let whose = match network {
            Network::IspA => "the primary's ISP",
            Network::IspB => "the standby's ISP",
            Network::Transit => "the transit",
        };
        let gap = seconds(served.longest_gap);
        println!("  client in {whose:<18} not served for {gap:>9}, then by hk");
        ensure!(served.longest_gap < IN_TIME, "client in {network}: {served:?}");
    }
    println!(
        "{}",
        good("More-specific prefixes win everywhere at once; docs/patterns.md has what the other ways cost.")
    );
    Ok(())
}
