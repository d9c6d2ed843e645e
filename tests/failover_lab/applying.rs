//! A new bird.conf into a BIRD that runs (A9): kept if nothing is lost by it, and undone if something is.

use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::{AlarmCode, Strength};

use falconer_lab::capture::Mark;
use falconer_lab::{Falconer, Host, Lab, PREFIX4, PREFIX6, Plan, Settings, isolated, wait};

const SOON: Duration = Duration::from_secs(20);
/// `confirm_within` of the lab, and some time for the machine.
const UNDONE_WITHIN: Duration = Duration::from_secs(14);
/// A line that changes nothing of what BIRD does.
const CHANGED: &str = "# changed";

/// A lab whose primary is dead and taken over.
fn outage() -> Result<(Lab, Falconer)> {
    let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
    lab.power_cut(Host::Cn)?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
    }
    falconer.until("takeover at its end", SOON, |service| {
        service.verified_at.is_some()
            && service
                .transition
                .as_ref()
                .is_some_and(|last| last.stages.exported.is_some())
    })?;
    Ok((lab, falconer))
}

/// Changes a part of the template.
fn change_template(lab: &Lab) -> Result<()> {
    let part = lab.directory(Host::Hk).join("etc/bird-templates/parts/log.conf");
    Ok(std::fs::write(part, format!("log stderr all;\n{CHANGED}\n"))?)
}

/// Names a wrong AS for the upstream of IPv6.
fn break_upstream6(falconer: &Falconer) -> Result<()> {
    let toml = std::fs::read_to_string(falconer.configuration())?;
    let right = "neighbor_as = 64500";
    let at = toml.rfind(right).context("no neighbour")?;
    let broken = format!("{}neighbor_as = 64999{}", &toml[..at], &toml[at + right.len()..]);
    Ok(std::fs::write(falconer.configuration(), broken)?)
}

fn on_disk(lab: &Lab) -> Result<String> {
    Ok(std::fs::read_to_string(lab.standby.configuration())?)
}

/// It exits with 1 and says this.
fn must_refuse(output: &Output, words: &[&str]) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(1), "{output:?}");
    for word in words {
        ensure!(said.contains(word), "no {word:?} in {said}");
    }
    Ok(())
}

#[test]
fn a9_a_good_change_is_applied_and_confirmed_without_an_update() {
    isolated(|| {
        let (lab, falconer) = outage()?;
        let mark = lab.capture.mark()?;
        change_template(&lab)?;
        let said = falconer.must(&["render", "--apply"])?;
        ensure!(said.contains("applied and confirmed"), "{said}");
        ensure!(on_disk(&lab)?.contains(CHANGED));
        let pending = lab.standby.birdc("configure status")?;
        ensure!(!pending.contains("undo in"), "{pending}");
        let history = falconer.must(&["history"])?;
        ensure!(
            history.contains("by root: ") && history.contains("applied and confirmed"),
            "{history}"
        );
        // Nothing is touched when nothing changed.
        let touched = || -> Result<_> {
            let log = std::fs::read_to_string(lab.standby.process()?.log())?;
            let file = std::fs::metadata(lab.standby.configuration())?.modified()?;
            Ok((log.matches("Reconfigured").count(), file))
        };
        let before = touched()?;
        let said = falconer.must(&["render", "--apply"])?;
        ensure!(said.contains("is already up to date"), "{said}");
        ensure!(touched()? == before);
        let since = wait::now();
        falconer.until_checked(since, SOON)?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

#[test]
fn a9_no_apply_begins_during_a_takeover_or_a_failback() {
    isolated(|| {
        let settings = Settings::standby().service("failback_delay = \"1s\"\nfailback_drain = \"8s\"");
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &settings)?;
        let old = on_disk(&lab)?;
        change_template(&lab)?;
        // A BIRD that does not answer makes a takeover last.
        lab.standby.freeze()?;
        lab.power_cut(Host::Cn)?;
        falconer.until("takeover", SOON, |service| service.want == Strength::Full)?;
        let output = falconer.cli(&["render", "--apply"])?;
        must_refuse(&output, &["web has a transition or drill in progress"])?;
        lab.standby.thaw()?;
        falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;
        let mark = lab.capture.mark()?;
        lab.power_back(Host::Cn)?;
        falconer.until_actual(Strength::Drain, SOON)?;
        let output = falconer.cli(&["render", "--apply"])?;
        must_refuse(&output, &["web has a transition or drill in progress"])?;
        ensure!(on_disk(&lab)? == old, "the file was touched");
        falconer.until("silence", SOON, |service| {
            let down = service
                .transition
                .as_ref()
                .is_some_and(|last| last.stages.down.is_some());
            service.want == Strength::Off && service.actual == Strength::Off && down
        })?;
        let said = falconer.must(&["render", "--apply"])?;
        ensure!(said.contains("applied and confirmed"), "{said}");
        lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON).map(drop)
    });
}

#[test]
fn a9_a_change_that_loses_an_upstream_is_undone_and_names_it() {
    isolated(|| {
        let (lab, falconer) = outage()?;
        let old = on_disk(&lab)?;
        let mark = lab.capture.mark()?;
        break_upstream6(&falconer)?;
        let started = wait::now();
        let output = falconer.cli(&["render", "--apply"])?;
        let took = wait::between(started, wait::now());
        must_refuse(
            &output,
            &["undone", "session isp_upstream6 is lost", "back at the old file"],
        )?;
        ensure!(took < UNDONE_WITHIN, "undone after {took:?}");
        ensure!(on_disk(&lab)? == old, "the old file is not back");
        lab.until_sessions(Host::Hk)?;
        for prefix in [PREFIX4, PREFIX6] {
            lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
        }
        let updates = lab.capture.updates(Host::Hk, mark)?;
        let withdrawn = |prefix| updates.iter().any(|seen| seen.update.withdraws(prefix));
        ensure!(!withdrawn(PREFIX4) && !withdrawn(PREFIX6), "{updates:#?}");
        // The other session never noticed.
        let repeated = updates.iter().any(|seen| seen.update.announces(PREFIX4));
        ensure!(!repeated, "{updates:#?}");
        let service = falconer.service()?;
        ensure!(service.want == Strength::Full, "{service:#?}");
        let history = falconer.must(&["history"])?;
        ensure!(history.contains("not_applied"), "{history}");
        Ok(())
    });
}

#[test]
fn a9_a_file_edited_by_hand_is_refused_without_force_and_no_two_applies_run_at_once() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        until_kept(&lab)?;
        change_template(&lab)?;
        let edited = on_disk(&lab)? + "# by hand\n";
        std::fs::write(lab.standby.configuration(), &edited)?;
        let output = falconer.cli(&["render", "--apply"])?;
        must_refuse(&output, &["changed by somebody else", "--force"])?;
        ensure!(on_disk(&lab)? == edited);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| falconer.must(&["render", "--apply", "--force"]));
            wait::until_true("new file", SOON, || Ok(on_disk(&lab)?.contains(CHANGED)))?;
            let output = falconer.cli(&["render", "--apply"])?;
            must_refuse(&output, &["another apply or reload is under way"])?;
            let said = first.join().expect("no panic")?;
            ensure!(said.contains("applied and confirmed"), "{said}");
            anyhow::Ok(())
        })?;
        ensure!(!on_disk(&lab)?.contains("by hand"));
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

#[test]
fn a9_a_daemon_that_dies_in_an_apply_leaves_the_undo_to_bird_and_puts_the_old_file_back() {
    isolated(|| {
        let (lab, mut falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        let old = on_disk(&lab)?;
        change_template(&lab)?;
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| falconer.cli(&["render", "--apply"]));
            wait::until_true("undo timer of the new file", SOON, || {
                Ok(on_disk(&lab)?.contains(CHANGED)
                    && lab.standby.birdc("configure status")?.contains("undo in"))
            })?;
            falconer.process()?.signal(rustix::process::Signal::KILL)?;
            ensure!(asking.join().expect("no panic")?.status.code() == Some(69));
            anyhow::Ok(())
        })?;
        falconer.kill()?;
        wait::until_true("end of BIRD's timer", SOON, || {
            Ok(!lab.standby.birdc("configure status")?.contains("undo in"))
        })?;
        falconer.start()?;
        wait::until_true("old file", SOON, || Ok(on_disk(&lab)? == old))?;
        wait::until_true("alarm", SOON, || {
            let alarms = falconer.status()?.alarms;
            Ok(alarms.iter().any(|alarm| alarm.code == AlarmCode::RenderDrift))
        })?;
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

#[test]
fn a9_at_its_start_the_daemon_brings_a_changed_file_into_a_silent_bird() {
    isolated(|| {
        let (lab, mut falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        falconer.terminate()?;
        // Without a daemon the command does it itself.
        change_template(&lab)?;
        let said = falconer.must(&["render", "--apply"])?;
        ensure!(said.contains("applied and confirmed"), "{said}");
        let part = lab.directory(Host::Hk).join("etc/bird-templates/parts/log.conf");
        std::fs::write(part, "log stderr all;\n# at the start\n")?;
        falconer.start()?;
        wait::until_true("applied file", SOON, || {
            Ok(
                on_disk(&lab)?.contains("# at the start")
                    && falconer.log()?.contains("applied and confirmed"),
            )
        })?;
        let pending = lab.standby.birdc("configure status")?;
        ensure!(!pending.contains("undo in"), "{pending}");
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

/// What is asked for is refused with these words, nothing changes on disk, and nothing on the wire.
fn must_touch_nothing(lab: &Lab, falconer: &Falconer, arguments: &[&str], words: &[&str]) -> Result<()> {
    let (before, mark) = (on_disk(lab)?, lab.capture.mark()?);
    must_refuse(&falconer.cli(arguments)?, words)?;
    ensure!(on_disk(lab)? == before, "the file was touched");
    lab.capture.must_be_silent(Host::Hk, mark)
}

/// The sessions stand, and the daemon has seen that the BIRD that was started anew is silent.
fn until_calm(lab: &Lab, falconer: &Falconer) -> Result<()> {
    lab.until_sessions(Host::Hk)?;
    falconer.until_actual(Strength::Off, SOON).map(drop)
}

#[test]
fn a9_a_bird_that_reads_another_file_or_a_single_mounted_one_is_refused_with_the_reason() {
    isolated(|| {
        let (mut lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        let ours = lab.standby.configuration();
        let copy = ours.with_file_name("copy.conf");
        std::fs::copy(&ours, &copy)?;
        std::os::unix::fs::chown(
            &copy,
            None,
            Some(std::os::unix::fs::MetadataExt::gid(&std::fs::metadata(&ours)?)),
        )?;
        // The file as it is, which would stay what it is there when ours is replaced.
        lab.standby.terminate()?;
        lab.standby.start_with_mounted_file(&ours)?;
        until_calm(&lab, &falconer)?;
        must_touch_nothing(
            &lab,
            &falconer,
            &["render", "--apply"],
            &["not applied", "single file mounted"],
        )?;
        change_template(&lab)?;
        must_touch_nothing(
            &lab,
            &falconer,
            &["render", "--apply"],
            &["not applied", "single file mounted"],
        )?;
        // Another file at the same path.
        lab.standby.terminate()?;
        lab.standby.start_with_mounted_file(&copy)?;
        until_calm(&lab, &falconer)?;
        must_touch_nothing(
            &lab,
            &falconer,
            &["render", "--apply", "--force"],
            &["not applied", "BIRD reads another file"],
        )
    });
}

/// The daemon has seen what BIRD runs: a copy of it is kept.
fn until_kept(lab: &Lab) -> Result<()> {
    let kept = lab.state_dir(Host::Hk).join("bird.conf.running");
    wait::until_true("copy of what BIRD runs", SOON, || {
        Ok(std::fs::read_to_string(&kept).is_ok_and(|text| on_disk(lab).is_ok_and(|disk| disk == text)))
    })
}

#[test]
fn a9_nothing_that_nobody_asked_for_goes_live_whatever_stands_on_disk() {
    isolated(|| {
        let (lab, falconer) = outage()?;
        until_kept(&lab)?;
        let mark = lab.capture.mark()?;
        let running = on_disk(&lab)?;
        // Right on disk, and not loaded.
        change_template(&lab)?;
        falconer.must(&["render", "--write"])?;
        ensure!(on_disk(&lab)?.contains(CHANGED));
        let said = falconer.must(&["render", "--apply"])?;
        ensure!(said.contains("applied and confirmed"), "{said}");
        ensure!(
            falconer
                .must(&["render", "--apply"])?
                .contains("is already up to date")
        );
        // A human's edit that would withdraw everything, not loaded; and one that is broken.
        let part = lab.directory(Host::Hk).join("etc/bird-templates/parts/log.conf");
        for (number, edit) in [
            running.replace("disabled no;", "disabled;"),
            "router id;\n".to_owned(),
        ]
        .iter()
        .enumerate()
        {
            let edit = format!(
                "{}\n# by hand {number}\n",
                edit.replace("export filter", "export none; #")
            );
            std::fs::write(lab.standby.configuration(), &edit)?;
            std::fs::write(&part, format!("log stderr all;\n# number {number}\n"))?;
            must_touch_nothing(
                &lab,
                &falconer,
                &["render", "--apply"],
                &["changed by somebody else"],
            )?;
            let said = falconer.must(&["render", "--apply", "--force"])?;
            ensure!(said.contains("applied and confirmed"), "{said}");
            let kept = lab.state_dir(Host::Hk).join("bird.conf.replaced");
            ensure!(std::fs::read_to_string(kept)? == edit, "the edit is lost");
            ensure!(on_disk(&lab)?.contains(&format!("# number {number}")));
        }
        // A slip of ours, written and never loaded.
        let toml = std::fs::read_to_string(falconer.configuration())?;
        break_upstream6(&falconer)?;
        falconer.must(&["render", "--write"])?;
        std::fs::write(falconer.configuration(), toml)?;
        std::fs::write(&part, "log stderr all;\n# after the slip\n")?;
        let said = falconer.must(&["render", "--apply"])?;
        ensure!(said.contains("applied and confirmed"), "{said}");
        ensure!(on_disk(&lab)?.contains("# after the slip"));
        let since = wait::now();
        falconer.until_checked(since, SOON)?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

#[test]
fn a9_a_daemon_that_dies_at_any_step_in_an_outage_withdraws_nothing() {
    isolated(|| {
        let (lab, mut falconer) = outage()?;
        until_kept(&lab)?;
        let mark = lab.capture.mark()?;
        let old = on_disk(&lab)?;
        for step in ["ConfigureRunning", "PutNew", "ConfigureNew", "Confirm"] {
            change_template(&lab)?;
            let before = falconer.log()?.matches(&format!("step={step}")).count();
            std::thread::scope(|scope| {
                let asking = scope.spawn(|| falconer.cli(&["render", "--apply"]));
                wait::until_true(step, SOON, || {
                    Ok(falconer.log()?.matches(&format!("step={step}")).count() > before)
                })?;
                falconer.process()?.signal(rustix::process::Signal::KILL)?;
                drop(asking.join().expect("no panic")?);
                anyhow::Ok(())
            })?;
            falconer.kill()?;
            wait::until_true("end of BIRD's timer", SOON, || {
                Ok(!lab.standby.birdc("configure status")?.contains("undo in"))
            })?;
            falconer.start()?;
            falconer.until("announcement", SOON, |service| service.verified_at.is_some())?;
            // As before, for the next step: by an apply, which brings in what is right and not loaded.
            std::fs::write(
                lab.directory(Host::Hk).join("etc/bird-templates/parts/log.conf"),
                "log stderr all;\n",
            )?;
            falconer.must(&["render", "--apply"])?;
            ensure!(on_disk(&lab)? == old, "{step}");
        }
        let updates = lab.capture.updates(Host::Hk, mark)?;
        let withdrawn = |prefix| updates.iter().any(|seen| seen.update.withdraws(prefix));
        ensure!(!withdrawn(PREFIX4) && !withdrawn(PREFIX6), "{updates:#?}");
        Ok(())
    });
}
