//! The real daemon's API and metrics, as schemathesis, promtool and an OpenMetrics parser judge them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::tools::{judged_well, python, root};
use falconer_lab::process::Process;
use falconer_lab::{Falconer, Host, Lab, Plan, Settings, isolated, wait};

/// Of each operation, and of each way to break it.
const EXAMPLES: &str = "15";
/// The same where a request can be carried out: a drill takes its time.
const EXAMPLES_CARRIED_OUT: &str = "5";
/// The same ones each time.
const SEED: &str = "20261122";

#[test]
fn a_real_scrape_is_well_formed_in_both_formats() {
    isolated(|| {
        let (_lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        let established = "falconer_upstream_established{upstream=\"isp_upstream\"} 1\n";
        let openmetrics = wait::until("scrape that has seen BIRD", Duration::from_secs(10), || {
            Ok(Some(falconer.get("/metrics")?).filter(|text| text.contains(established)))
        })?;
        for series in [
            "falconer_bird_up 1\n",
            "falconer_probe_checks_total{service=\"web\",probe=\"ping\",result=\"pass\"}",
            "falconer_bird_command_seconds_count{command=\"show protocols\"}",
        ] {
            ensure!(openmetrics.contains(series), "no {series} in:\n{openmetrics}");
        }
        let parse = "import sys\nfrom prometheus_client.openmetrics.parser import text_string_to_metric_families\n\
            families = list(text_string_to_metric_families(sys.stdin.read()))\n\
            assert len(families) > 50, len(families)";
        fed(Command::new(python("python")).args(["-c", parse]), &openmetrics)?;
        let plain = falconer::metrics::plain(&openmetrics);
        fed(Command::new("promtool").args(["check", "metrics"]), &plain)
    });
}

#[test]
fn schemathesis_finds_the_api_as_documented_over_tcp() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        schemathesis(&lab, "http://127.0.0.1:9180", EXAMPLES)?;
        must_live(&falconer)
    });
}

#[test]
fn schemathesis_finds_the_api_as_documented_over_the_unix_socket() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        let socket = lab.run_dir(Host::Hk).join("falconer.sock");
        let mut socat = lab.namespace(Host::Hk).command("socat");
        socat
            .arg("TCP-LISTEN:9181,bind=127.0.0.1,fork,reuseaddr,backlog=64")
            .arg(format!("UNIX-CONNECT:{}", socket.display()));
        let log = lab.directory(Host::Hk).join("socat.log");
        let _socat = Process::start("socat", &mut socat, &log).context("run scripts/setup-lab tests")?;
        wait::pass(Duration::from_millis(300));
        schemathesis(&lab, "http://127.0.0.1:9181", EXAMPLES_CARRIED_OUT)?;
        must_live(&falconer)
    });
}

fn schemathesis(lab: &Lab, url: &str, examples: &str) -> Result<()> {
    let program = python("schemathesis");
    let mut command = lab.namespace(Host::Hk).command(program);
    command
        .arg("--config-file")
        .arg(root().join("tests/observing/schemathesis.toml"))
        .arg("run")
        .arg(root().join("docs/openapi.json"))
        .args(["--url", url, "--checks", "all", "--phases", "coverage,fuzzing"])
        .args([
            "--max-examples",
            examples,
            "--seed",
            SEED,
            "--workers",
            "1",
            "--no-color",
        ])
        .args([
            "--request-timeout",
            "120",
            "--max-response-time",
            "120",
            "--suppress-health-check",
            "all",
        ])
        .current_dir(lab.directory(Host::Hk));
    let output = judged_well(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    let document: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root().join("docs/openapi.json"))?)?;
    let items = document["paths"]
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values);
    let operations = items
        .filter_map(|item| item.as_object())
        .flat_map(|item| item.keys());
    let operations = operations.filter(|key| *key != "parameters").count();
    for line in [
        format!("Selected: {operations}/{operations}"),
        format!("Tested: {operations}"),
    ] {
        ensure!(
            said.contains(&line),
            "not everything was tried: no \"{line}\" in:\n{said}"
        );
    }
    Ok(())
}

/// It is the one that was started, and says so.
fn must_live(falconer: &Falconer) -> Result<()> {
    ensure!(falconer.status()?.services.len() == 1);
    let log = falconer.log()?;
    ensure!(!log.contains("panicked"), "{log}");
    Ok(())
}

/// Runs a judge with this text on its standard input.
fn fed(command: &mut Command, text: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?}: run scripts/setup-lab tests"))?;
    child
        .stdin
        .take()
        .context("its standard input")?
        .write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
