//! A state directory that takes nothing any more: reported, never fatal, and over when its cause is.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::AlarmCode;

use falconer_lab::{Falconer, Host, Lab, Plan, Settings, isolated, wait};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_full_disk_is_alarmed_and_never_fatal() {
    isolated(|| {
        refused_by(
            |state_dir| {
                let mut filler = std::fs::File::create(state_dir.join("filler"))?;
                while filler.write_all(&[0; 1024]).is_ok() {}
                Ok(())
            },
            |state_dir| Ok(std::fs::remove_file(state_dir.join("filler"))?),
        )
    });
}

#[test]
fn a_read_only_disk_is_alarmed_and_never_fatal() {
    isolated(|| {
        refused_by(
            |state_dir| mount(&["-o", "remount,ro"], state_dir),
            |state_dir| mount(&["-o", "remount,rw"], state_dir),
        )
    });
}

fn refused_by(spoil: impl Fn(&Path) -> Result<()>, mend: impl Fn(&Path) -> Result<()>) -> Result<()> {
    let lab = Lab::prepare(&Plan::default())?;
    let state_dir = lab.state_dir(Host::Hk);
    mount(&["-t", "tmpfs", "-o", "size=64k", "small"], &state_dir)?;
    spoil(&state_dir)?;
    let mut falconer = lab.falconer(&Settings::standby())?;
    falconer.start()?;
    wait::until_true("alarm of the state directory", SOON, || alarmed(&falconer))?;
    let lost = |text: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("falconer_history_lost_total "));
        line.and_then(|count| count.parse::<u64>().ok())
    };
    let count = lost(&falconer.get("/metrics")?).context("falconer_history_lost_total")?;
    ensure!(count > 0, "what is not on disk is counted");
    // It judges on, and remembers for as long as it runs.
    falconer.until("watch over a living primary", SOON, |service| {
        service
            .probes
            .iter()
            .all(|probe| probe.state == falconer::model::snapshot::ProbeState::Up)
    })?;
    ensure!(
        falconer.must(&["history"])?.contains("state_dir"),
        "the history tells of it"
    );
    mend(&state_dir)?;
    lab.power_cut(Host::Cn)?;
    wait::until_true("end of the alarm", SOON, || Ok(!alarmed(&falconer)?))?;
    ensure!(state_dir.join("history.ndjson").metadata()?.len() > 0);
    falconer.terminate()
}

fn alarmed(falconer: &Falconer) -> Result<bool> {
    let alarms = falconer.status()?.alarms;
    Ok(alarms.iter().any(|alarm| alarm.code == AlarmCode::StateDir))
}

fn mount(arguments: &[&str], at: &Path) -> Result<()> {
    let status = Command::new("mount").args(arguments).arg(at).status()?;
    ensure!(status.success(), "mount {arguments:?} {}: {status}", at.display());
    Ok(())
}
