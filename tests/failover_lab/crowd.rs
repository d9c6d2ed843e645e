//! A crowd of slow and broken clients on the API, and hostile targets beside the honest ones: they delay no
//! failover, and memory stays bounded.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use falconer_lab::crowd::Crowd;
use falconer_lab::hostile::{self, Hostile};
use falconer_lab::measure::{self, Cut, median, usage};
use falconer_lab::{Cadence, Flavour, Host, Lab, Plan, SERVICE4, Settings, isolated};

/// What a crowd and hostile targets may cost in memory: each of the 192 places with an answer of its own, and
/// each of a dozen checks with what it has read; which is less than this for a site like the lab's.
const MEMORY: u64 = 48 * 1024;

#[test]
fn a_thousand_broken_clients_and_twelve_hostile_targets_delay_no_takeover_and_fill_no_memory() {
    isolated(|| {
        let settings = Settings::standby()
            .cadence(Cadence::SLOW)
            .service("failback_delay = \"1s\"\nflap_limit = 100")
            .more(&hostile::service());
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
            let hostile = Hostile::gather(&lab.namespace(Host::Client))?;
            let asked = hostile.asked();
            crowded.push(cut().with_context(|| format!("crowded, pair {pair}"))?);
            let more = hostile
                .asked()
                .into_iter()
                .zip(asked)
                .map(|(now, then)| now - then);
            println!(
                "the hostile targets were asked {:?}",
                more.clone().collect::<Vec<_>>()
            );
            ensure!(
                more.min() > Some(0),
                "a hostile target was not asked in the outage"
            );
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
