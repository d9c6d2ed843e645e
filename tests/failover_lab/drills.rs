//! Drills, seen from the upstream: what it is told, what stays best, and that whatever happens in the
//! middle of one leaves nothing behind.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use falconer::model::drill::DrillReport;
use falconer::model::snapshot::{DrillOutcome, DrillPhase, ProbeState, ServiceSnapshot, Strength};

use falconer_lab::capture::Mark;
use falconer_lab::{
    BirdConf, Falconer, Flavour, Host, Lab, PREFIX4, PREFIX6, Plan, Settings, isolated, wait,
};

const SOON: Duration = Duration::from_secs(20);
/// A drill that does not end by itself within a test.
const LONG: &str = r#"{"for": "5m", "reason": "the lab"}"#;

/// RFC 8326.
const GRACEFUL_SHUTDOWN: (u16, u16) = (65535, 0);

/// A lab in which Falconer, too, has seen that all is well.
fn stand_by(plan: &Plan, settings: &Settings) -> Result<(Lab, Falconer)> {
    let (lab, falconer) = Lab::stand_by(plan, settings)?;
    wait::until_true("quiet", SOON, || {
        let snapshot = falconer.status()?;
        let upstreams = snapshot.upstreams.iter();
        let established = upstreams.clone().all(|upstream| upstream.state.is_established());
        let witnessed = snapshot
            .witnesses
            .iter()
            .all(|witness| witness.state == ProbeState::Up);
        Ok(snapshot.alarms.is_empty() && established && witnessed)
    })?;
    Ok((lab, falconer))
}

/// A lab with a drill that is carried and held.
fn drilled(plan: &Plan, settings: &Settings, body: &str) -> Result<(Lab, Falconer, UnixStream)> {
    let (lab, falconer) = stand_by(plan, settings)?;
    let answer = begin(&falconer, body)?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Cn, Host::Hk], SOON)?;
    }
    Ok((lab, falconer, answer))
}

fn begin(falconer: &Falconer, body: &str) -> Result<UnixStream> {
    let answer = falconer.begin_drill(body)?;
    falconer.until("drill that is held", SOON, |service| {
        service
            .drill
            .as_ref()
            .is_some_and(|drill| drill.phase == DrillPhase::Holding)
    })?;
    Ok(answer)
}

/// The report that comes at the end of a drill.
fn report(mut answer: UnixStream) -> Result<DrillReport> {
    let mut text = String::new();
    answer.read_to_string(&mut text)?;
    let (_, body) = text.split_once("\r\n\r\n").context("an HTTP answer")?;
    serde_json::from_str(body).with_context(|| format!("a report: {body}"))
}

/// Waits until the drill is over and silent, and returns its service.
fn over(lab: &Lab, falconer: &Falconer, outcome: DrillOutcome) -> Result<ServiceSnapshot> {
    let service = falconer.until("end of the drill", SOON, |service| {
        service.drill.is_none() && service.actual == Strength::Off && service.want == Strength::Off
    })?;
    let last = service.last_drill.clone().context("a last drill")?;
    ensure!(last.outcome == outcome, "{last:?}");
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Cn], SOON)?;
    }
    Ok(service)
}

/// The entries of the history of such an event.
fn history(falconer: &Falconer, event: &str) -> Result<Vec<serde_json::Value>> {
    let history = falconer.must(&["history", "--json", "-n", "1000000"])?;
    let entries = history.lines().map(serde_json::from_str::<serde_json::Value>);
    let entries = entries.collect::<Result<Vec<_>, _>>().context("lines of JSON")?;
    Ok(entries
        .into_iter()
        .filter(|entry| entry["event"] == event)
        .collect())
}

#[test]
fn a_drill_is_seen_at_the_upstream_as_a_last_resort_and_then_gone_rendered() {
    isolated(|| passes(Flavour::Bird, BirdConf::Rendered));
}

#[test]
fn a_drill_is_seen_at_the_upstream_as_a_last_resort_and_then_gone_attached() {
    isolated(|| passes(Flavour::Frr, BirdConf::Attached));
}

fn passes(flavour: Flavour, bird_conf: BirdConf) -> Result<()> {
    let settings = Settings::standby().bird_conf(bird_conf);
    let (lab, falconer) = stand_by(&Plan::with(flavour), &settings)?;
    let mark = lab.capture.mark()?;
    let answer = begin(&falconer, r#"{"for": "8s", "reason": "the lab"}"#)?;
    for prefix in [PREFIX4, PREFIX6] {
        let seen = lab.capture.announced(Host::Hk, prefix, mark, SOON)?.update;
        ensure!(seen.communities.contains(&GRACEFUL_SHUTDOWN), "{seen:?}");
        ensure!(seen.as_path.len() > 2, "prepended: {seen:?}");
        // The primary's stays the best.
        lab.upstream.until_sites(prefix, &[Host::Cn, Host::Hk], SOON)?;
    }
    let snapshot = falconer.status()?;
    let service = &snapshot.services[0];
    ensure!(
        service.want == Strength::Off && service.actual == Strength::Drain,
        "{service:#?}"
    );
    ensure!(snapshot.alarms.is_empty(), "{:#?}", snapshot.alarms);
    let file = std::fs::read_to_string(lab.run_dir(Host::Hk).join("bird/web_v4_drain.conf"))?;
    ensure!(file == "disabled;\n", "{file}");
    for prefix in [PREFIX4, PREFIX6] {
        lab.capture.withdrawn(Host::Hk, prefix, mark, SOON)?;
    }
    let report = report(answer)?;
    ensure!(report.outcome == DrillOutcome::Passed, "{report:#?}");
    let stages: Vec<&str> = report.stages.reached().iter().map(|(_, stage)| *stage).collect();
    ensure!(
        stages.len() == 9 && stages[0] == "decided" && stages[8] == "gone",
        "{stages:?}"
    );
    ensure!(
        report.exported_to == ["isp_upstream", "isp_upstream6"],
        "{report:#?}"
    );
    let service = over(&lab, &falconer, DrillOutcome::Passed)?;
    ensure!(service.last_good_drill == Some(report.ended), "{service:#?}");
    let updates = lab.capture.updates(Host::Hk, mark)?;
    ensure!(
        updates.len() == 4,
        "announced and withdrawn, and not a word more: {updates:#?}"
    );
    ensure!(history(&falconer, "drill_started")?.len() == 1);
    let ended = history(&falconer, "drill_ended")?;
    ensure!(
        ended.len() == 1 && ended[0]["report"]["outcome"] == "passed",
        "{ended:#?}"
    );
    for event in ["drift", "transition"] {
        let entries = history(&falconer, event)?;
        ensure!(
            entries.iter().all(|entry| entry["to"] == "off"),
            "{event}: {entries:#?}"
        );
    }
    let state = std::fs::read_to_string(lab.state_dir(Host::Hk).join("state.json"))?;
    ensure!(!state.contains("\"drill\":"), "{state}");
    Ok(())
}

#[test]
fn a_drill_at_full_strength_announces_as_a_takeover_does() {
    isolated(|| {
        let (lab, falconer) = stand_by(&Plan::default(), &Settings::standby())?;
        let mark = lab.capture.mark()?;
        let said = falconer.must(&["drill", "web", "--full", "--for", "2s", "--report", "markdown"])?;
        ensure!(said.starts_with("# Drill of web at hk: passed\n"), "{said}");
        for prefix in [PREFIX4, PREFIX6] {
            let seen = lab.capture.announced(Host::Hk, prefix, mark, SOON)?.update;
            ensure!(!seen.communities.contains(&GRACEFUL_SHUTDOWN), "{seen:?}");
            lab.capture.withdrawn(Host::Hk, prefix, mark, SOON)?;
        }
        over(&lab, &falconer, DrillOutcome::Passed).map(drop)
    });
}

#[test]
fn falconer_killed_in_mid_drill_ends_it_at_its_next_start() {
    isolated(|| {
        let (lab, mut falconer, _answer) = drilled(&Plan::default(), &Settings::standby(), LONG)?;
        falconer.kill()?;
        let mark = lab.capture.mark()?;
        falconer.start()?;
        for prefix in [PREFIX4, PREFIX6] {
            lab.capture.withdrawn(Host::Hk, prefix, mark, SOON)?;
        }
        over(&lab, &falconer, DrillOutcome::Aborted)?;
        let ended = history(&falconer, "drill_ended")?;
        ensure!(
            ended.len() == 1 && ended[0]["report"]["actor"] == "root",
            "{ended:#?}"
        );
        ensure!(
            !ended[0]["report"]["stages"]["gone"].is_null(),
            "its end was proven: {ended:#?}"
        );
        // And it still takes over.
        lab.power_cut(Host::Cn)?;
        lab.upstream.until_sites(PREFIX4, &[Host::Hk], SOON)
    });
}

#[test]
fn falconer_and_bird_both_dead_in_mid_drill_are_silent_when_they_are_back() {
    isolated(|| {
        let (mut lab, mut falconer, _answer) = drilled(&Plan::default(), &Settings::standby(), LONG)?;
        falconer.kill()?;
        lab.standby.kill()?;
        lab.upstream.until_sites(PREFIX4, &[Host::Cn], SOON)?;
        let mark = lab.capture.mark()?;
        falconer.start()?;
        lab.standby.start()?;
        lab.until_sessions(Host::Hk)?;
        over(&lab, &falconer, DrillOutcome::Aborted)?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

#[test]
fn bird_killed_in_mid_drill_comes_back_silent() {
    isolated(|| {
        let (mut lab, falconer, answer) = drilled(&Plan::default(), &Settings::standby(), LONG)?;
        lab.standby.kill()?;
        lab.upstream.until_sites(PREFIX4, &[Host::Cn], SOON)?;
        let mark = lab.capture.mark()?;
        lab.standby.start()?;
        lab.until_sessions(Host::Hk)?;
        let report = report(answer)?;
        ensure!(report.outcome == DrillOutcome::Aborted, "{report:#?}");
        over(&lab, &falconer, DrillOutcome::Aborted)?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

#[test]
fn a_configure_in_mid_drill_ends_it_and_is_no_drift() {
    isolated(|| {
        let (lab, falconer, answer) = drilled(&Plan::default(), &Settings::standby(), LONG)?;
        let mark = lab.capture.mark()?;
        lab.standby.birdc("configure")?;
        for prefix in [PREFIX4, PREFIX6] {
            lab.capture.withdrawn(Host::Hk, prefix, mark, SOON)?;
        }
        let report = report(answer)?;
        ensure!(report.outcome == DrillOutcome::Aborted, "{report:#?}");
        ensure!(report.text.contains("web_v4_drain is down"), "{report:#?}");
        over(&lab, &falconer, DrillOutcome::Aborted)?;
        ensure!(history(&falconer, "drift")?.is_empty());
        let updates = lab.capture.updates(Host::Hk, mark)?;
        ensure!(
            updates.iter().all(|seen| seen.update.announced.is_empty()),
            "{updates:#?}"
        );
        Ok(())
    });
}

#[test]
fn d7_a_primary_that_dies_in_mid_drill_is_taken_over_at_full_without_a_gap_drain() {
    isolated(|| taken_over(LONG));
}

#[test]
fn d7_a_primary_that_dies_in_mid_drill_is_taken_over_at_full_without_a_gap_full() {
    isolated(|| taken_over(r#"{"full": true, "for": "5m"}"#));
}

fn taken_over(body: &str) -> Result<()> {
    let (lab, falconer) = stand_by(&Plan::default(), &Settings::standby())?;
    let mark = lab.capture.mark()?;
    let answer = begin(&falconer, body)?;
    lab.power_cut(Host::Cn)?;
    let service = falconer.until("verified takeover", SOON, |service| {
        service.want == Strength::Full && service.drill.is_none() && service.verified_at.is_some()
    })?;
    ensure!(service.transition.is_some_and(|last| last.rule == "D4"));
    let report = report(answer)?;
    ensure!(report.outcome == DrillOutcome::Aborted, "{report:#?}");
    ensure!(report.text.contains("taken over by D4"), "{report:#?}");
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
        let route = lab.upstream.routes(prefix)?.remove(0);
        ensure!(!route.communities.contains(&GRACEFUL_SHUTDOWN), "{route:?}");
    }
    let updates = lab.capture.updates(Host::Hk, mark)?;
    ensure!(
        updates.iter().all(|seen| seen.update.withdrawn.is_empty()),
        "a gap: {updates:#?}"
    );
    let file = std::fs::read_to_string(lab.run_dir(Host::Hk).join("bird/web_v4.conf"))?;
    ensure!(file == "disabled no;\n", "{file}");
    // And it is given back as ever.
    lab.power_back(Host::Cn)?;
    lab.upstream.until_sites(PREFIX4, &[Host::Cn], SOON)
}

#[test]
fn d10_a_takeover_in_mid_drill_outlives_falconer() {
    isolated(|| {
        let full = r#"{"full": true, "for": "5m"}"#;
        let (lab, mut falconer) = stand_by(&Plan::default(), &Settings::standby())?;
        let _answer = begin(&falconer, full)?;
        let record = std::fs::read(lab.state_dir(Host::Hk).join("state.json"))?;
        lab.power_cut(Host::Cn)?;
        // It was up already: the takeover is what the state files say.
        wait::until_true("takeover", SOON, || {
            let says =
                |name| std::fs::read_to_string(lab.run_dir(Host::Hk).join(format!("bird/{name}.conf")));
            Ok(says("web_v4")? == "disabled no;\n" && says("web_v6")? == "disabled no;\n")
        })?;
        falconer.kill()?;
        // As if it had died before it could write that the drill is over.
        std::fs::write(lab.state_dir(Host::Hk).join("state.json"), record)?;
        let mark = lab.capture.mark()?;
        falconer.start()?;
        falconer.until("adopted announcement", SOON, |service| {
            service.want == Strength::Full && service.drill.is_none() && service.verified_at.is_some()
        })?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

#[test]
fn what_is_amiss_is_named_and_nothing_is_announced() {
    isolated(|| {
        let (lab, falconer) = stand_by(&Plan::default(), &Settings::standby())?;
        let refused = |reasons: &[&str]| -> Result<()> {
            let output = falconer.cli(&["drill", "web"])?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            ensure!(output.status.code() == Some(1), "{output:?}");
            for reason in reasons {
                ensure!(said.contains(reason), "{reason}: {said}");
            }
            Ok(())
        };
        falconer.must(&["withdraw", "web"])?;
        refused(&["an override is in force"])?;
        falconer.must(&["auto", "web"])?;
        lab.unplug(Host::Hk)?;
        wait::until_true("isolation", SOON, || Ok(falconer.status()?.isolated))?;
        refused(&["this site is isolated"])?;
        let output = falconer.cli(&["drill", "wbe"])?;
        ensure!(
            String::from_utf8_lossy(&output.stderr).contains("did you mean \"web\"?"),
            "{output:?}"
        );
        ensure!(falconer.service()?.last_drill.is_none(), "a refusal is no drill");
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

#[test]
fn a_second_drill_is_refused_while_one_is_under_way() {
    isolated(|| {
        let (_lab, falconer, _answer) = drilled(&Plan::default(), &Settings::standby(), LONG)?;
        let output = falconer.cli(&["drill", "web"])?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.code() == Some(1) && said.contains("another drill is running, of web"),
            "{said}"
        );
        Ok(())
    });
}

#[test]
fn a_dry_run_stops_short_of_bird() {
    isolated(|| {
        let (lab, falconer) = stand_by(&Plan::default(), &Settings::standby())?;
        let said = falconer.must(&["drill", "web", "--dry-run"])?;
        ensure!(
            said.contains("BIRD would be told to enable web_v4_drain and web_v6_drain"),
            "{said}"
        );
        ensure!(falconer.service()?.last_drill.is_none());
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

#[test]
fn a_stop_of_falconer_ends_the_drill_first() {
    isolated(|| {
        let (lab, mut falconer, answer) = drilled(&Plan::default(), &Settings::standby(), LONG)?;
        falconer.terminate()?;
        let report = report(answer)?;
        ensure!(report.outcome == DrillOutcome::Aborted, "{report:#?}");
        for prefix in [PREFIX4, PREFIX6] {
            lab.upstream.until_sites(prefix, &[Host::Cn], SOON)?;
        }
        let mark = lab.capture.mark()?;
        falconer.start()?;
        over(&lab, &falconer, DrillOutcome::Aborted)?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

#[test]
fn an_operators_word_ends_the_drill_first() {
    isolated(|| {
        let (lab, falconer) = stand_by(&Plan::default(), &Settings::standby())?;
        for word in ["freeze", "withdraw", "auto"] {
            let answer = begin(&falconer, LONG)?;
            falconer.must(&[word, "web"])?;
            let report = report(answer)?;
            ensure!(report.outcome == DrillOutcome::Aborted, "{word}: {report:#?}");
            over(&lab, &falconer, DrillOutcome::Aborted)?;
            falconer.must(&["auto", "web"])?;
            falconer.until("calm", SOON, |service| service.overridden.is_none())?;
        }
        Ok(())
    });
}

#[test]
fn a_reload_during_a_drill_is_refused_and_goes_through_once_it_is_ended() {
    isolated(|| {
        let (lab, falconer, answer) = drilled(&Plan::default(), &Settings::standby(), LONG)?;
        falconer.configure(&Settings::standby().service("failback_delay = \"2s\""))?;
        let refused = falconer.cli(&["reload"])?;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        ensure!(refused.status.code() == Some(1), "{said}");
        ensure!(said.contains("`falconer auto web`"), "{said}");
        falconer.must(&["auto", "web"])?;
        let report = report(answer)?;
        ensure!(report.outcome == DrillOutcome::Aborted, "{report:#?}");
        over(&lab, &falconer, DrillOutcome::Aborted)?;
        falconer.must(&["reload"]).map(drop)
    });
}

#[test]
fn a_caller_that_goes_away_stops_no_drill() {
    isolated(|| {
        let (lab, falconer) = stand_by(&Plan::default(), &Settings::standby())?;
        drop(begin(&falconer, r#"{"for": "2s"}"#)?);
        over(&lab, &falconer, DrillOutcome::Passed).map(drop)
    });
}

#[test]
fn an_upstream_that_falls_away_in_mid_drill_fails_it() {
    isolated(|| {
        let (lab, falconer, answer) = drilled(&Plan::default(), &Settings::standby(), LONG)?;
        lab.standby.birdc("disable isp_upstream6")?;
        let report = report(answer)?;
        ensure!(report.outcome == DrillOutcome::Failed, "{report:#?}");
        ensure!(
            report
                .text
                .contains("isp_upstream6 carried it, and its session is Down now"),
            "{report:#?}"
        );
        lab.standby.birdc("enable isp_upstream6")?;
        over(&lab, &falconer, DrillOutcome::Failed).map(drop)
    });
}
