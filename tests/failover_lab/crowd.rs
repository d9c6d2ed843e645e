//! A crowd of slow and broken clients on the API: it delays no failover, and memory stays bounded.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::lab::crowd::Crowd;
use crate::lab::measure::{self, Cut, median, usage};
use crate::lab::{Cadence, Flavour, Host, Lab, Plan, SERVICE4, Settings, isolated};

/// What a crowd may cost in memory: each of the 192 places with an answer of its own, which is less than
/// this for a site like the lab's.
const MEMORY: u64 = 48 * 1024;

#[test]
fn a_thousand_broken_clients_delay_no_takeover_and_fill_no_memory() {
    isolated(|| {
        let settings = Settings::standby()
            .cadence(Cadence::SLOW)
            .service("failback_delay = \"1s\"\nflap_limit = 100");
        let (lab, falconer) = Lab::stand_by(&Plan::with(Flavour::Bird), &settings)?;
        let client = lab.client(SERVICE4);
        let id = falconer.process()?.id()?;
        let before = usage(id)?.resident;
        let (mut alone, mut crowded) = (Vec::new(), Vec::new());
        for pair in 0..3 {
            let phase = Duration::from_millis(800 + 1600 * pair);
            let cut = || measure::power_cut(&lab, &falconer, &client, phase, Duration::from_secs(5));
            alone.push(cut().with_context(|| format!("alone, pair {pair}"))?);
            let _crowd = crowd(&lab)?;
            crowded.push(cut().with_context(|| format!("crowded, pair {pair}"))?);
            let now = usage(id)?.resident;
            ensure!(
                now < before + MEMORY,
                "memory went from {before} KiB to {now} KiB"
            );
        }
        let announced = |cuts: &[Cut]| median(cuts.iter().map(|cut| cut.announced));
        println!("alone {:?}: {alone:?}", announced(&alone));
        println!("crowded {:?}: {crowded:?}", announced(&crowded));
        println!("memory {before} KiB, then {} KiB", usage(id)?.resident);
        // interval + timeout + 2 x retry_interval + 0.5 s, whoever else is there.
        for cut in alone.iter().chain(&crowded) {
            ensure!(cut.announced < Duration::from_millis(8500), "late: {cut:?}");
        }
        Ok(())
    });
}

fn crowd(lab: &Lab) -> Result<Crowd> {
    let socket = lab.run_dir(Host::Hk).join("falconer.sock");
    Crowd::gather(&lab.namespace(Host::Hk), &socket, "127.0.0.1:9180".parse()?)
}
