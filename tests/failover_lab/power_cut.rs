//! The main job: a dead primary is taken over in time and given back, seen from the upstream.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::{ProbeState, Strength};

use falconer_lab::measure::{self, Cut, median};
use falconer_lab::{
    BirdConf, Cadence, Flavour, Host, Lab, PREFIX4, PREFIX6, Plan, SERVICE4, Settings, isolated, wait,
};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn d1_twenty_power_cuts_are_each_announced_in_time() {
    isolated(|| {
        // Four labs at once: each of them only waits for most of the time.
        let cuts: Vec<Cut> = std::thread::scope(|scope| {
            let labs = [0, 1, 2, 3].map(|lab| scope.spawn(move || five_cuts(lab)));
            labs.into_iter()
                .map(|lab| lab.join().expect("the lab's thread"))
                .collect::<Result<Vec<_>>>()
        })?
        .into_iter()
        .flatten()
        .collect();
        ensure!(cuts.len() == 20, "{} cuts", cuts.len());
        // interval + timeout + 2 x retry_interval + 0.5 s.
        let late = cuts
            .iter()
            .filter(|cut| cut.announced > Duration::from_millis(8500))
            .count();
        let announced = median(cuts.iter().map(|cut| cut.announced));
        let decision = median(cuts.iter().map(|cut| cut.decision));
        for cut in &cuts {
            println!("{cut:?}");
        }
        println!("median: announced {announced:?}, decision {decision:?}");
        ensure!(late == 0, "{late} of 20 were announced late: {cuts:#?}");
        ensure!(
            announced < Duration::from_millis(5500),
            "median {announced:?}: {cuts:#?}"
        );
        ensure!(
            decision < Duration::from_millis(10),
            "median of decision to UPDATE {decision:?}: {cuts:#?}"
        );
        Ok(())
    });
}

/// Five cuts in a lab of their own, spread evenly over the cadence together with the other labs'.
fn five_cuts(number: u32) -> Result<Vec<Cut>> {
    let plan = Plan {
        prefix: format!("l{number}-"),
        base: Plan::default().base.join(number.to_string()),
        upstream: if number.is_multiple_of(2) {
            Flavour::Bird
        } else {
            Flavour::Frr
        },
        ..Plan::default()
    };
    let settings = Settings::standby()
        .cadence(Cadence::SLOW)
        .service("failback_delay = \"1s\"\nflap_limit = 100");
    let (lab, falconer) = Lab::stand_by(&plan, &settings)?;
    let client = lab.client(SERVICE4);
    (0..5)
        .map(|cut| {
            let phase = Duration::from_millis(u64::from(cut * 4 + number) * 250 + 125);
            measure::power_cut(&lab, &falconer, &client, phase, Duration::from_secs(5))
                .with_context(|| format!("lab {number}, cut {cut}, phase {phase:?}"))
        })
        .collect()
}

#[test]
fn d4_a_dead_primary_is_taken_over_and_given_back_bird_rendered() {
    isolated(|| takeover_and_failback(Flavour::Bird, BirdConf::Rendered));
}

#[test]
fn d4_a_dead_primary_is_taken_over_and_given_back_frr_rendered() {
    isolated(|| takeover_and_failback(Flavour::Frr, BirdConf::Rendered));
}

#[test]
fn d4_a_dead_primary_is_taken_over_and_given_back_bird_attached() {
    isolated(|| takeover_and_failback(Flavour::Bird, BirdConf::Attached));
}

#[test]
fn d4_a_dead_primary_is_taken_over_and_given_back_frr_attached() {
    isolated(|| takeover_and_failback(Flavour::Frr, BirdConf::Attached));
}

fn takeover_and_failback(flavour: Flavour, bird_conf: BirdConf) -> Result<()> {
    let settings = Settings::standby()
        .bird_conf(bird_conf)
        .service("failback_delay = \"3s\"");
    let (lab, falconer) = Lab::stand_by(&Plan::with(flavour), &settings)?;
    let client = lab.client(SERVICE4);
    client.answered_by("cn", std::time::UNIX_EPOCH, SOON)?;
    lab.capture
        .must_be_silent(Host::Hk, falconer_lab::capture::Mark::START)?;

    let mark = lab.capture.mark()?;
    let cut = lab.power_cut(Host::Cn)?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.capture.announced(Host::Hk, prefix, mark, SOON)?;
        lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
    }
    client.answered_by("hk", cut, SOON)?;
    let service = falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;
    ensure!(
        service.actual == Strength::Full && service.exported_to.len() == 2,
        "{service:#?}"
    );
    ensure!(
        falconer.get("/v1/services/web/announced").is_ok(),
        "announced, and verified"
    );

    let mark = lab.capture.mark()?;
    let back = lab.power_back(Host::Cn)?;
    let up = falconer.until_probes(ProbeState::Up, SOON)?;
    let up = up
        .probes
        .iter()
        .filter_map(|probe| probe.last.as_ref())
        .map(|last| SystemTime::from(last.at))
        .max();
    let up = up.context("the probes were checked")?;
    let withdrawn = lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
    lab.capture.withdrawn(Host::Hk, PREFIX6, mark, SOON)?;
    // Seen a little late, for a check may have followed the one that settled it.
    let held = wait::between(up, withdrawn.at) + Duration::from_millis(600);
    ensure!(
        held > Duration::from_secs(3),
        "withdrawn {held:?} after the verdict, before failback_delay"
    );
    let served = client.answered_by("cn", back, SOON)?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Cn], SOON)?;
    }
    ensure!(client.failures(served.at).is_empty(), "the way back has no gap");
    let all = lab.capture.updates(Host::Hk, mark)?;
    ensure!(
        all.len() == 2,
        "one withdrawal a family and nothing else: {all:#?}"
    );
    Ok(())
}
