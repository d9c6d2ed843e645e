//! What happens to BIRD or to Falconer while the primary is dead, or while all is well, and what the
//! upstream must and must not see of it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::{ProbeState, Strength};

use falconer_lab::capture::Mark;
use falconer_lab::{
    BirdConf, Falconer, Flavour, Host, Lab, PREFIX4, PREFIX6, Plan, Settings, isolated, wait,
};

const SOON: Duration = Duration::from_secs(20);

/// A lab whose primary is dead and taken over.
fn outage(flavour: Flavour, bird_conf: BirdConf) -> Result<(Lab, Falconer)> {
    let (lab, falconer) = Lab::stand_by(&Plan::with(flavour), &Settings::standby().bird_conf(bird_conf))?;
    lab.power_cut(Host::Cn)?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
    }
    falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;
    Ok((lab, falconer))
}

/// How often BIRD said in its log that it has a new configuration.
fn reconfigured(lab: &Lab) -> Result<usize> {
    let log = std::fs::read_to_string(lab.standby.process()?.log())?;
    Ok(log.lines().filter(|line| line.ends_with("Reconfigured")).count())
}

#[test]
fn a6_reconfiguring_bird_in_an_outage_is_not_seen_by_the_upstream_rendered() {
    isolated(|| reconfiguration(BirdConf::Rendered));
}

#[test]
fn a6_reconfiguring_bird_in_an_outage_is_not_seen_by_the_upstream_attached() {
    isolated(|| reconfiguration(BirdConf::Attached));
}

fn reconfiguration(bird_conf: BirdConf) -> Result<()> {
    let (lab, falconer) = outage(Flavour::Bird, bird_conf)?;
    // No decision is needed, so nobody is there to take one.
    falconer.freeze()?;
    let mark = lab.capture.mark()?;
    for how in ["configure", "configure soft"] {
        lab.standby.birdc(how)?;
    }
    let before = reconfigured(&lab)?;
    lab.standby.hang_up()?;
    wait::until_true("reconfiguration", SOON, || Ok(reconfigured(&lab)? > before))?;
    lab.standby.birdc("show status")?;
    lab.capture.must_be_silent(Host::Hk, mark)?;
    falconer.thaw()?;
    let since = wait::now();
    falconer.until_checked(since, SOON)?;
    lab.capture.must_be_silent(Host::Hk, mark)
}

#[test]
fn a6_bird_killed_and_started_again_in_an_outage_announces_again_bird() {
    isolated(|| crash_of_bird(Flavour::Bird, BirdConf::Rendered));
}

#[test]
fn a6_bird_killed_and_started_again_in_an_outage_announces_again_frr() {
    isolated(|| crash_of_bird(Flavour::Frr, BirdConf::Attached));
}

fn crash_of_bird(flavour: Flavour, bird_conf: BirdConf) -> Result<()> {
    let (mut lab, falconer) = outage(flavour, bird_conf)?;
    falconer.freeze()?;
    lab.standby.kill()?;
    lab.upstream.until_sites(PREFIX4, &[], SOON)?;
    let mark = lab.capture.mark()?;
    lab.standby.start()?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.capture.announced(Host::Hk, prefix, mark, SOON)?;
        lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
    }
    falconer.thaw()?;
    let service = falconer.until("verified announcement", SOON, |service| {
        service.verified_at.is_some() && service.actual == Strength::Full
    })?;
    ensure!(service.want == Strength::Full, "{service:#?}");
    Ok(())
}

#[test]
fn a4_a_death_while_bird_is_gone_is_announced_when_it_is_back() {
    isolated(|| {
        let (mut lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        lab.standby.kill()?;
        lab.power_cut(Host::Cn)?;
        falconer.until("want of an announcement", SOON, |service| {
            service.want == Strength::Full
        })?;
        let mark = lab.capture.mark()?;
        lab.standby.start()?;
        lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
        lab.capture.announced(Host::Hk, PREFIX6, mark, SOON)?;
        falconer
            .until("verified announcement", SOON, |service| {
                service.verified_at.is_some()
            })
            .map(drop)
    });
}

#[test]
fn a4_a_death_while_bird_is_frozen_is_announced_when_it_thaws() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        lab.standby.freeze()?;
        lab.power_cut(Host::Cn)?;
        falconer.until("want of an announcement", SOON, |service| {
            service.want == Strength::Full
        })?;
        let mark = lab.capture.mark()?;
        lab.standby.thaw()?;
        lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
        falconer
            .until("verified announcement", SOON, |service| {
                service.verified_at.is_some()
            })
            .map(drop)
    });
}

#[test]
fn a6_bird_restarted_while_standing_by_says_nothing() {
    isolated(|| {
        let (mut lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        for kill in [true, false] {
            if kill {
                lab.standby.kill()?;
            } else {
                lab.standby.terminate()?;
            }
            lab.standby.start()?;
            lab.until_sessions(Host::Hk)?;
            let since = wait::now();
            falconer.until_checked(since, SOON)?;
        }
        let service = falconer.service()?;
        ensure!(service.actual == Strength::Off, "{service:#?}");
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

#[test]
fn d10_falconer_gone_and_back_while_standing_by_causes_no_update() {
    isolated(|| {
        let (lab, mut falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        gone_and_back(&mut falconer, ProbeState::Up)?;
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

#[test]
fn d10_falconer_gone_and_back_in_an_outage_causes_no_update() {
    isolated(|| {
        let (lab, mut falconer) = outage(Flavour::Bird, BirdConf::Rendered)?;
        let mark = lab.capture.mark()?;
        gone_and_back(&mut falconer, ProbeState::Down)?;
        let service = falconer.until("adopted announcement", SOON, |service| {
            service.verified_at.is_some()
        })?;
        ensure!(service.want == Strength::Full, "{service:#?}");
        lab.capture.must_be_silent(Host::Hk, mark)?;
        // And it still gives back.
        lab.power_back(Host::Cn)?;
        lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
        Ok(())
    });
}

/// Killed, stopped and asked to end, and started again each time, until its probes are settled.
fn gone_and_back(falconer: &mut Falconer, settled: ProbeState) -> Result<()> {
    falconer.kill()?;
    falconer.start()?;
    falconer.until_probes(settled, SOON)?;
    falconer.terminate()?;
    falconer.start()?;
    falconer.until_probes(settled, SOON)?;
    falconer.freeze()?;
    wait::pass(Duration::from_secs(3));
    falconer.thaw()?;
    let since = wait::now();
    falconer.until_checked(since, SOON)?;
    falconer.until_probes(settled, SOON).map(drop)
}

#[test]
fn d10_a_reboot_in_an_outage_comes_up_silent_and_takes_over_anew() {
    isolated(|| {
        let (mut lab, mut falconer) = outage(Flavour::Bird, BirdConf::Rendered)?;
        falconer.kill()?;
        lab.standby.kill()?;
        falconer.forget_run_dir()?;
        lab.upstream.until_sites(PREFIX4, &[], SOON)?;
        let mark = lab.capture.mark()?;
        lab.standby.start()?;
        lab.until_sessions(Host::Hk)?;
        lab.capture.must_be_silent(Host::Hk, mark)?;
        falconer.start()?;
        lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
        lab.capture.announced(Host::Hk, PREFIX6, mark, SOON).map(drop)
    });
}

#[test]
fn a1_an_operators_disable_in_an_outage_is_mended() {
    isolated(|| {
        let (lab, falconer) = outage(Flavour::Bird, BirdConf::Rendered)?;
        let mark = lab.capture.mark()?;
        lab.standby.birdc("disable web_v4")?;
        let gone = lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
        let back = lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
        let silent = wait::between(gone.at, back.at);
        ensure!(
            silent < Duration::from_millis(1500),
            "mended after {silent:?}, poll_interval is 1 s"
        );
        falconer.until("verified announcement", SOON, |service| {
            service.verified_at.is_some()
        })?;
        Ok(())
    });
}

#[test]
fn a10_a_second_falconer_for_the_same_bird_says_who_holds_it_and_ends() {
    isolated(|| {
        let (lab, _falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        let other = lab.falconer(&Settings::standby())?;
        let output = other.cli(&["run"]).context("a second falconer run")?;
        ensure!(output.status.code() == Some(1), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(said.contains("hk"), "it does not say who holds it: {said}");
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}
