//! An instrument that was never seen to work proves nothing (D20): a route that this session cannot
//! carry, and a target that was mistyped, at the first start and in a reload, are no death of a primary
//! that lives all along.

use std::time::Duration;

use anyhow::{Result, ensure};
use falconer::model::snapshot::{ProbeState, Strength, Verdict};

use falconer_lab::capture::Mark;
use falconer_lab::falconer::set;
use falconer_lab::{
    BirdConf, Cadence, Falconer, Host, Lab, PREFIX4, PREFIX6, Plan, Settings, bird_conf, isolated, wait,
};

const SOON: Duration = Duration::from_secs(20);
/// The bird-route probe as docs/attach.md has it, and as `check` advises it.
const ROUTE: &str = "name = \"route\"\ntype = \"bird-route\"\nprefix = \"198.51.100.0/24\"\n\
    protocol = \"isp_upstream\"\nvotes = \"failback\"\ndecides = \"down\"";

/// Probes that are wrong from the first day on: an address at which nobody is, and a port at which
/// connections are refused.
fn mistyped() -> Settings {
    let mut probes = Settings::usual_probes();
    set(&mut probes[0], "target", "198.18.0.99");
    set(&mut probes[1], "url", "http://198.18.0.1:8080/healthz");
    Settings::standby().probes(probes)
}

/// Waits until these probes were asked often and never passed, and holds that nothing came of it.
fn nothing_comes_of_it(lab: &Lab, falconer: &Falconer, unproven: &[&str]) -> Result<()> {
    // As often in a row as would be a death several times over.
    let many = Cadence::FAST.fall * 5;
    let since = wait::now();
    let service = falconer.until("probes that never passed", SOON, |service| {
        let mut named = service
            .probes
            .iter()
            .filter(|probe| unproven.contains(&probe.name.as_str()));
        named.all(|probe| probe.never_passed && probe.streak >= many)
    })?;
    falconer.until_checked(since, SOON)?;
    for probe in &service.probes {
        let is_unproven = unproven.contains(&probe.name.as_str());
        ensure!(
            (probe.state == ProbeState::Unknown) == is_unproven,
            "{probe:#?} of {service:#?}"
        );
    }
    ensure!(
        service.verdict != Verdict::Down && service.want == Strength::Off && service.actual == Strength::Off,
        "{service:#?}"
    );
    lab.capture.must_be_silent(Host::Hk, Mark::START)
}

/// Holds that status and readiness name each of them.
fn they_are_named(falconer: &Falconer, unproven: &[&str], ready: i32) -> Result<()> {
    let status = falconer.must(&["status"])?;
    let output = falconer.cli(&["ready"])?;
    let said = String::from_utf8_lossy(&output.stdout);
    for name in unproven {
        let row = format!("web/{name}");
        let row = status.lines().find(|line| line.starts_with(&row));
        ensure!(
            row.is_some_and(|row| row.contains("never passed")),
            "status does not name {name}:\n{status}"
        );
        ensure!(
            said.contains(&format!("probe {name} never passed")),
            "ready does not name {name}:\n{said}"
        );
    }
    ensure!(
        output.status.code() == Some(ready),
        "ready ended with {}, not {ready}:\n{said}",
        output.status
    );
    Ok(())
}

#[test]
fn d20_a_route_that_the_session_cannot_carry_is_no_death_of_a_living_primary() {
    isolated(|| {
        let settings = Settings::standby()
            .bird_conf(BirdConf::Attached)
            .more_probe(ROUTE);
        let mut lab = Lab::prepare(&Plan::default())?;
        let mut text = bird_conf::steered(Host::Hk, &lab.run_dir(Host::Hk));
        for prefix in [PREFIX4, PREFIX6] {
            let import = format!("import where net ~ [ {prefix} ];");
            ensure!(text.contains(&import), "no {import} in {text}");
            text = text.replace(&import, "import none;");
        }
        lab.standby.configure_with(&text)?;
        lab.standby.start()?;
        lab.until_sessions(Host::Hk)?;
        let mut falconer = lab.falconer(&settings)?;
        falconer.start()?;
        nothing_comes_of_it(&lab, &falconer, &["route"])?;
        // The others still settle it.
        they_are_named(&falconer, &["route"], 1)?;
        let mark = lab.capture.mark()?;
        lab.power_cut(Host::Cn)?;
        for prefix in [PREFIX4, PREFIX6] {
            lab.capture.announced(Host::Hk, prefix, mark, SOON)?;
        }
        Ok(())
    });
}

#[test]
fn d20_a_target_mistyped_at_the_first_start_is_no_death_and_is_named_rendered() {
    isolated(|| mistyped_at_the_first_start(BirdConf::Rendered));
}

#[test]
fn d20_a_target_mistyped_at_the_first_start_is_no_death_and_is_named_attached() {
    isolated(|| mistyped_at_the_first_start(BirdConf::Attached));
}

fn mistyped_at_the_first_start(bird_conf: BirdConf) -> Result<()> {
    let (lab, falconer) = Lab::watch(&Plan::default(), &mistyped().bird_conf(bird_conf))?;
    nothing_comes_of_it(&lab, &falconer, &["ping", "site"])?;
    they_are_named(&falconer, &["ping", "site"], 2)?;
    // Put right, it does its work.
    falconer.configure(&Settings::standby().bird_conf(bird_conf))?;
    falconer.must(&["reload"])?;
    falconer.until_probes(ProbeState::Up, SOON)?;
    let mark = lab.capture.mark()?;
    lab.power_cut(Host::Cn)?;
    lab.capture.announced(Host::Hk, PREFIX4, mark, SOON).map(drop)
}

#[test]
fn d20_a_target_mistyped_in_a_reload_is_no_death_and_is_named() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        falconer.configure(&mistyped())?;
        falconer.must(&["reload"])?;
        nothing_comes_of_it(&lab, &falconer, &["ping", "site"])?;
        they_are_named(&falconer, &["ping", "site"], 2)
    });
}
