//! What is not a dead primary: one sense alone, and the standby's own path.

use std::time::Duration;

use anyhow::{Result, ensure};
use falconer::model::snapshot::{ProbeState, Strength, Verdict};
use rustix::process::Signal;

use falconer_lab::faults::Loss;
use falconer_lab::{Falconer, Host, Lab, PREFIX4, Plan, Settings, isolated};

const SOON: Duration = Duration::from_secs(20);

/// Waits until this probe alone is down, and has been for a while, and holds that nothing was announced.
fn only_down(
    lab: &Lab,
    falconer: &Falconer,
    probe: &str,
    fault: impl FnOnce(&Lab) -> Result<()>,
) -> Result<()> {
    let mark = lab.capture.mark()?;
    fault(lab)?;
    let service = falconer.until(&format!("probe {probe} down for long"), SOON, |service| {
        service
            .probes
            .iter()
            .any(|it| it.name == probe && it.state == ProbeState::Down && it.streak >= 10)
    })?;
    ensure!(
        service.verdict == Verdict::Unclear && service.actual == Strength::Off,
        "{service:#?}"
    );
    lab.capture.must_be_silent(Host::Hk, mark)
}

#[test]
fn d3_ping_or_http_dead_alone_is_no_takeover() {
    isolated(|| {
        let (mut lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        only_down(&lab, &falconer, "ping", |lab| lab.lose(Loss::Ping).map(drop))?;
        lab.find_again(Loss::Ping)?;
        falconer.until_probes(ProbeState::Up, SOON)?;
        only_down(&lab, &falconer, "site", |lab| lab.lose(Loss::Tcp).map(drop))?;
        lab.find_again(Loss::Tcp)?;
        falconer.until_probes(ProbeState::Up, SOON)?;
        only_down(&lab, &falconer, "site", |lab| {
            lab.service(Host::Cn)?.signal(Signal::STOP)
        })?;
        lab.service(Host::Cn)?.signal(Signal::CONT)?;
        falconer.until_probes(ProbeState::Up, SOON)?;
        only_down(&lab, &falconer, "site", |lab| {
            lab.answer_with(Host::Cn, Some(503))
        })?;
        lab.answer_with(Host::Cn, None)?;
        falconer.until_probes(ProbeState::Up, SOON)?;
        let mark = lab.capture.mark()?;
        lab.kill_service(Host::Cn)?;
        only_down(&lab, &falconer, "site", |_| Ok(()))?;
        lab.start_service(Host::Cn)?;
        falconer.until_probes(ProbeState::Up, SOON)?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

#[test]
fn d5_the_standbys_own_uplink_is_no_takeover() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        isolated_and_back(
            &lab,
            &falconer,
            |lab| lab.power_cut(Host::Hk).map(drop),
            |lab| lab.power_back(Host::Hk).map(drop),
        )?;
        isolated_and_back(
            &lab,
            &falconer,
            |lab| lab.unplug(Host::Hk).map(drop),
            |lab| lab.plug_in(Host::Hk).map(drop),
        )
    });
}

fn isolated_and_back(
    lab: &Lab,
    falconer: &Falconer,
    cut: impl FnOnce(&Lab) -> Result<()>,
    heal: impl FnOnce(&Lab) -> Result<()>,
) -> Result<()> {
    let mark = lab.capture.mark()?;
    cut(lab)?;
    falconer.until("probes that fail for long", SOON, |service| {
        service
            .probes
            .iter()
            .all(|probe| probe.state == ProbeState::Down && probe.streak >= 10)
    })?;
    let status = falconer.status()?;
    ensure!(
        status.isolated,
        "its uplink is cut, and it says it is not isolated: {status:#?}"
    );
    heal(lab)?;
    falconer.until("a clear view of a living primary", SOON, |service| {
        service.verdict == Verdict::Up && service.actual == Strength::Off
    })?;
    falconer_lab::wait::until_true("a view that is not isolated", SOON, || {
        Ok(!falconer.status()?.isolated)
    })?;
    lab.until_sessions(Host::Hk)?;
    lab.capture.must_be_silent(Host::Hk, mark)
}

/// The standby's default routes, for `ip`.
fn default_routes(verb: &str) -> String {
    ["203.0.113.1", "2001:db8:113::1"]
        .map(|gateway| format!("route {verb} default via {gateway}\n"))
        .concat()
}

#[test]
fn d1_d5_an_uplink_that_our_own_kernel_has_lost_is_an_error_everywhere_and_no_takeover() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        let mark = lab.capture.mark()?;
        let standby = lab.namespace(Host::Hk);
        standby.ip_batch(&default_routes("del"))?;
        let service = falconer.until("probes that cannot be made", SOON, |service| {
            service
                .probes
                .iter()
                .all(|probe| probe.state == ProbeState::Unknown && probe.streak >= 10)
        })?;
        ensure!(
            service.verdict == Verdict::Unclear && service.actual == Strength::Off,
            "{service:#?}"
        );
        let status = falconer.status()?;
        ensure!(
            status
                .witnesses
                .iter()
                .all(|witness| witness.state == ProbeState::Unknown),
            "{status:#?}"
        );
        standby.ip_batch(&default_routes("add"))?;
        falconer.until("a clear view of a living primary", SOON, |service| {
            service.verdict == Verdict::Up
        })?;
        lab.capture.must_be_silent(Host::Hk, mark)?;
        lab.power_cut(Host::Cn)?;
        lab.capture.announced(Host::Hk, PREFIX4, mark, SOON).map(drop)
    });
}

#[test]
fn d5_a_primary_that_dies_during_the_isolation_is_taken_over_on_fresh_evidence() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        let mark = lab.capture.mark()?;
        lab.power_cut(Host::Hk)?;
        falconer.until("probes that fail", SOON, |service| {
            service.probes.iter().all(|probe| probe.state == ProbeState::Down)
        })?;
        lab.power_cut(Host::Cn)?;
        lab.capture.must_be_silent(Host::Hk, mark)?;
        let healed = lab.power_back(Host::Hk)?;
        let seen = lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
        // Three fresh fails: not before timeout + 2 x retry_interval, a little less for the cut's own time.
        let after = falconer_lab::wait::between(healed, seen.at);
        ensure!(
            after > Duration::from_millis(500),
            "announced {after:?} after the uplink was back"
        );
        lab.upstream.until_sites(PREFIX4, &[Host::Hk], SOON)
    });
}

#[test]
fn d5_one_of_two_witnesses_is_enough_for_a_takeover() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        lab.lose(Loss::FirstWitness)?;
        falconer_lab::wait::until_true("a witness down", SOON, || {
            Ok(falconer
                .status()?
                .witnesses
                .iter()
                .any(|witness| witness.state == ProbeState::Down))
        })?;
        let mark = lab.capture.mark()?;
        lab.power_cut(Host::Cn)?;
        lab.capture.announced(Host::Hk, PREFIX4, mark, SOON).map(drop)
    });
}
