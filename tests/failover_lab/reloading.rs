//! A changed falconer.toml while Falconer runs: what did not change is not touched, and a file that is
//! wrong changes nothing. And what the two files, falconer.toml and bird.conf, may become without it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::{AlarmCode, ServiceSnapshot, Strength};
use rustix::process::Signal;

use falconer_lab::bird;
use falconer_lab::capture::Mark;
use falconer_lab::{Falconer, Host, Lab, PREFIX4, PREFIX6, Plan, Settings, isolated, wait};

const SOON: Duration = Duration::from_secs(20);
/// The files are looked at every ten seconds.
const LOOKED: Duration = Duration::from_secs(30);

/// Another service, beside the lab's own, that no probe will ever touch.
const OTHER: &str = "[[service]]\nname = \"other\"\nrole = \"standby\"\nprefixes = [\"192.0.3.0/24\"]\n\
     [[service.probe]]\nname = \"here\"\ntype = \"exec\"\ncommand = [\"/bin/true\"]\n";

/// Replaces a part of falconer.toml.
fn edit(falconer: &Falconer, from: &str, to: &str) -> Result<()> {
    let toml = std::fs::read_to_string(falconer.configuration())?;
    ensure!(toml.contains(from), "no {from:?} in {toml}");
    Ok(std::fs::write(
        falconer.configuration(),
        toml.replacen(from, to, 1),
    )?)
}

/// A lab whose primary is dead and taken over, beside another service.
fn outage() -> Result<(Lab, Falconer)> {
    let settings = Settings::standby().more(OTHER);
    let (lab, falconer) = Lab::stand_by(&Plan::default(), &settings)?;
    lab.power_cut(Host::Cn)?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
    }
    falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;
    Ok((lab, falconer))
}

fn alarms(falconer: &Falconer) -> Result<Vec<String>> {
    let alarms = falconer.status()?.alarms.into_iter();
    let drifts = alarms.filter(|alarm| alarm.code == AlarmCode::RenderDrift);
    Ok(drifts.map(|alarm| alarm.text).collect())
}

fn until_alarm(falconer: &Falconer, words: &str) -> Result<()> {
    wait::until_true(&format!("alarm with {words:?}"), LOOKED, || {
        Ok(alarms(falconer)?.iter().any(|text| text.contains(words)))
    })
    .with_context(|| format!("there is {:?}", alarms(falconer)))
}

fn until_no_alarm(falconer: &Falconer, words: &str) -> Result<()> {
    wait::until_true(&format!("end of the alarm with {words:?}"), LOOKED, || {
        Ok(!alarms(falconer)?.iter().any(|text| text.contains(words)))
    })
    .with_context(|| format!("there is {:?}", alarms(falconer)))
}

/// What a reload must leave as it was.
fn must_go_on(before: &ServiceSnapshot, after: &ServiceSnapshot) -> Result<()> {
    ensure!(after.since == before.since, "{before:#?} became {after:#?}");
    ensure!(
        after.want == Strength::Full && after.actual == Strength::Full,
        "{after:#?}"
    );
    ensure!(
        after.verified_at >= before.verified_at,
        "{before:#?} became {after:#?}"
    );
    for (before, after) in before.probes.iter().zip(&after.probes) {
        ensure!(after.state == before.state, "{before:#?} became {after:#?}");
        ensure!(after.streak >= before.streak, "{before:#?} became {after:#?}");
    }
    Ok(())
}

#[test]
fn a_reload_in_an_outage_sends_no_update_and_what_did_not_change_goes_on() {
    isolated(|| {
        let (lab, falconer) = outage()?;
        let mark = lab.capture.mark()?;
        let cases = [
            (
                "failback_delay = \"1s\"",
                "failback_delay = \"5m\"",
                "service web: failback_delay",
            ),
            ("/bin/true", "/bin/false", "service other, probe here: command"),
            ("name = \"other\"", "name = \"else\"", "other is let go"),
        ];
        for (from, to, said) in cases {
            let before = falconer.service()?;
            edit(&falconer, from, to)?;
            let answer = falconer.must(&["reload"])?;
            ensure!(answer.contains(said), "no {said:?} in {answer}");
            ensure!(
                !answer.contains("site.") && !answer.contains("probe ping"),
                "{answer}"
            );
            must_go_on(&before, &falconer.service()?)?;
            falconer.get("/v1/services/web/announced")?;
        }
        // A new name stands in no bird.conf yet, and that is said.
        let answer = falconer.must(&["reload"])?;
        ensure!(
            answer.contains("nothing changed") && answer.contains("falconer render --apply"),
            "{answer}"
        );
        let service = falconer.service()?;
        falconer.process()?.signal(Signal::HUP)?;
        wait::until_true("answer to SIGHUP", SOON, || {
            Ok(falconer
                .must(&["history"])?
                .contains("by SIGHUP: nothing changed"))
        })?;
        must_go_on(&service, &falconer.service()?)?;
        let since = wait::now();
        falconer.until_checked(since, SOON)?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

#[test]
fn a_wrong_file_changes_nothing_by_reload_or_by_sighup() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        edit(&falconer, "fall = 3", "fal = 3")?;
        let output = falconer.cli(&["reload"])?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(78), "{output:?}");
        for word in ["did you mean", "fall", "the old configuration stays in force"] {
            ensure!(said.contains(word), "no {word:?} in {said}");
        }
        falconer.process()?.signal(Signal::HUP)?;
        wait::until_true("answer to SIGHUP", SOON, || {
            Ok(falconer.must(&["history"])?.contains("by SIGHUP: refused"))
        })?;
        // What can be read and not rendered is as wrong.
        edit(&falconer, "fal = 3", "fall = 3")?;
        let part = lab.directory(Host::Hk).join("etc/bird-templates/parts/log.conf");
        std::fs::write(&part, "log {{ stder }} all;\n")?;
        let output = falconer.cli(&["reload"])?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(78) && said.contains("stder"),
            "{output:?}"
        );
        std::fs::write(&part, "log stderr all;\n")?;
        // What takes a restart is not taken over in part.
        edit(&falconer, "[log]\nlevel = \"debug\"", "[log]\nlevel = \"info\"")?;
        edit(&falconer, "failback_delay = \"1s\"", "failback_delay = \"5m\"")?;
        let output = falconer.cli(&["reload"])?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(1) && said.contains("[log] (level) changed"),
            "{output:?}"
        );
        // And it does its work as before.
        lab.power_cut(Host::Cn)?;
        lab.upstream.until_sites(PREFIX4, &[Host::Hk], SOON)?;
        lab.power_back(Host::Cn)?;
        lab.upstream.until_sites(PREFIX4, &[Host::Cn], SOON)
    });
}

#[test]
fn a9_a_bird_that_is_down_and_whose_binary_cannot_be_run_is_alarmed_and_tried_again() {
    isolated(|| {
        let lab = Lab::prepare(&Plan::default())?;
        let mut falconer = lab.falconer(&Settings::standby())?;
        let binary = lab.directory(Host::Hk).join("bird-that-comes-later");
        let named = format!("binary = \"{}\"", bird::binary().display());
        edit(&falconer, &named, &format!("binary = \"{}\"", binary.display()))?;
        falconer.start()?;
        until_alarm(&falconer, "there is no such program")?;
        ensure!(!lab.standby.configuration().exists());
        std::os::unix::fs::symlink(bird::binary(), &binary)?;
        wait::until_true("rendered bird.conf", LOOKED, || {
            Ok(lab.standby.configuration().exists())
        })?;
        until_no_alarm(&falconer, "there is no such program")
    });
}

#[test]
fn a9_a_file_that_differs_from_what_is_rendered_or_from_what_bird_runs_is_alarmed() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        ensure!(alarms(&falconer)?.is_empty(), "{:?}", alarms(&falconer));
        let file = lab.standby.configuration();
        let ours = std::fs::read_to_string(&file)?;
        std::fs::write(&file, format!("{ours}# by hand\n"))?;
        until_alarm(&falconer, "was changed by somebody else")?;
        until_alarm(&falconer, "BIRD does not run what")?;
        let shown = falconer.must(&["status"])?;
        ensure!(shown.contains("BIRD does not run what"), "{shown}");
        // BIRD reads it: only the other one is left.
        lab.standby.birdc("configure")?;
        until_no_alarm(&falconer, "BIRD does not run what")?;
        until_alarm(&falconer, "was changed by somebody else")?;
        // Put back without BIRD being told.
        std::fs::write(&file, &ours)?;
        until_no_alarm(&falconer, "was changed by somebody else")?;
        until_alarm(&falconer, "BIRD does not run what")?;
        lab.standby.birdc("configure")?;
        until_no_alarm(&falconer, "BIRD does not run what")?;
        // A template or a version that would give another file now is no edit by hand.
        let part = lab.directory(Host::Hk).join("etc/bird-templates/parts/log.conf");
        std::fs::write(&part, "log stderr all;\n# changed\n")?;
        until_alarm(&falconer, "is not what the configuration would render now")?;
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}
