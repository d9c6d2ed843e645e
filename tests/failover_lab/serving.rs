//! Whether the standby could serve the clients that a takeover brings (D16): seen by the real kernel, with a
//! real BIRD beside it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use falconer::model::readiness::{Readiness, ReadinessCode, ReadinessLevel};
use falconer::model::serving::ServingState;
use falconer::model::snapshot::AlarmCode;
use falconer_lab::capture::Mark;
use falconer_lab::{Falconer, Host, Lab, Plan, Settings, isolated, wait};

/// As the issue has it.
const SOON: Duration = Duration::from_secs(15);
/// Nobody in the lab has this address.
const ANSWER: &str = "198.51.100.77 is not served here: ";

/// What readiness says of it: its level, and its texts.
fn readiness(falconer: &Falconer) -> Result<(ReadinessLevel, String)> {
    let readiness: Readiness = serde_json::from_str(&falconer.get("/v1/ready")?)?;
    let serving = readiness.checks.iter();
    let serving: Vec<_> = serving
        .filter(|check| check.code == ReadinessCode::Serving)
        .collect();
    let level = serving.iter().map(|check| check.level).max();
    let texts: Vec<&str> = serving.iter().map(|check| check.text.as_str()).collect();
    Ok((level.unwrap_or(ReadinessLevel::Ok), texts.join("; ")))
}

#[test]
fn d16_with_nothing_on_lo_readiness_is_no_and_a_drill_is_refused_until_the_address_is_there() {
    isolated(|| {
        let settings = Settings::standby().service(
            "failback_delay = \"1s\"\nserves = [{ name = \"local\", type = \"icmp\", target = \"198.51.100.77\", interval = \"1s\" }]",
        );
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &settings)?;
        wait::until_true("readiness no", SOON, || {
            let (level, text) = readiness(&falconer)?;
            Ok(level == ReadinessLevel::No && text.contains(ANSWER))
        })?;
        let drill = falconer.cli(&["drill", "web", "--for", "1s"])?;
        let said =
            String::from_utf8_lossy(&drill.stdout).into_owned() + &String::from_utf8_lossy(&drill.stderr);
        ensure!(
            drill.status.code() == Some(1) && said.contains(ANSWER),
            "{drill:?}"
        );
        let snapshot = falconer.status()?;
        let serving = snapshot.services[0].serving.as_ref().context("serving")?;
        let kernel = &serving.routes.first().context("a route")?.answer;
        ensure!(said.contains(kernel), "the kernel said {kernel}: {said}");
        let alarmed = snapshot
            .alarms
            .iter()
            .any(|alarm| alarm.code == AlarmCode::NotServing && alarm.text.contains(ANSWER));
        ensure!(alarmed, "{:#?}", snapshot.alarms);
        ensure!(falconer.must(&["status"])?.contains(ANSWER), "status names it");
        lab.namespace(Host::Hk)
            .run_line("ip addr add 198.51.100.77/32 dev lo")?;
        wait::until_true("readiness ok", SOON, || {
            let (level, text) = readiness(&falconer)?;
            Ok(level == ReadinessLevel::Ok && text.contains("this site can serve it"))
        })?;
        let snapshot = falconer.status()?;
        let serving = snapshot.services[0].serving.clone();
        ensure!(
            serving.is_some_and(|serving| serving.state == ServingState::Yes),
            "{snapshot:#?}"
        );
        ensure!(
            !snapshot
                .alarms
                .iter()
                .any(|alarm| alarm.code == AlarmCode::NotServing)
        );
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}
