//! The log of a takeover, where each format sends it: the journal is systemd's own, started for the
//! test in its own `/run`.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::{ProbeState, Strength};
use serde_json::Value;

use falconer_lab::process::Process;
use falconer_lab::{Falconer, Host, Lab, PREFIX4, Plan, Settings, isolated, output_of, wait};

const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
const SOON: Duration = Duration::from_secs(20);

/// A takeover by a Falconer that logs in that format.
fn take_over(format: &str) -> Result<(Lab, Falconer)> {
    let lab = Lab::start(&Plan::default())?;
    let mut falconer = lab.falconer(&Settings::standby().bird_conf(falconer_lab::BirdConf::Attached))?;
    let file = falconer.configuration();
    let text = std::fs::read_to_string(&file)?;
    let text = text.replace("[log]\n", &format!("[log]\nformat = \"{format}\"\n"));
    std::fs::write(&file, text)?;
    falconer.start()?;
    standing_by(&falconer)?;
    let mark = lab.capture.mark()?;
    lab.power_cut(Host::Cn)?;
    lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
    Ok((lab, falconer))
}

/// Waits until BIRD has been read, and the primary is found well.
fn standing_by(falconer: &Falconer) -> Result<()> {
    falconer.until_probes(ProbeState::Up, SOON)?;
    falconer.until_actual(Strength::Off, SOON)?;
    falconer
        .until("off, settled", SOON, |service| service.want == Strength::Off)
        .map(drop)
}

#[test]
fn a_takeover_is_one_entry_of_the_journal_with_old_new_rule_and_cause() {
    isolated(|| {
        let directory = Path::new("/run/systemd/journal");
        std::fs::create_dir_all(directory)?;
        std::fs::create_dir_all("/run/log/journal")?;
        let _journal = Process::start(
            "journald",
            &mut Command::new("/usr/lib/systemd/systemd-journald"),
            Path::new("/run/journald.log"),
        )?;
        wait::until_true("the journal's socket", SOON, || {
            Ok(directory.join("socket").exists())
        })?;
        let (_lab, _falconer) = take_over("journald")?;
        let entry = wait::until("the takeover in the journal", SOON, || {
            let mut ask = Command::new("journalctl");
            ask.args([
                "-D",
                "/run/log/journal",
                "-o",
                "json",
                "SYSLOG_IDENTIFIER=falconer",
                "FALCONER_TO=full",
            ]);
            // A journal that is being written may not be readable for a moment.
            let said = output_of(&mut ask).unwrap_or_default();
            let entries = said
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            Ok(entries
                .into_iter()
                .find(|entry| entry["FALCONER_CAUSE"].is_string()))
        })?;
        let field = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        for (name, value) in [
            ("FALCONER_SERVICE", "web"),
            ("FALCONER_FROM", "off"),
            ("FALCONER_RULE", "D4"),
            ("PRIORITY", "5"),
        ] {
            ensure!(field(name) == value, "{name}: {entry:#}");
        }
        let cause = field("FALCONER_CAUSE");
        ensure!(
            cause.contains("ping down") && cause.contains("site down"),
            "{entry:#}"
        );
        let message = field("MESSAGE");
        let words = [
            "service=\"web\"",
            "from=off",
            "to=full",
            "rule=D4",
            "cause=",
            "ping down",
        ];
        ensure!(words.iter().all(|word| message.contains(word)), "{message}");
        Ok(())
    });
}

#[test]
fn a_takeover_is_one_line_of_json_with_old_new_rule_and_cause() {
    isolated(|| {
        let (_lab, falconer) = take_over("json")?;
        let log = falconer.log()?;
        // The last line may be half written yet.
        let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let lines = whole.map(serde_json::from_str::<Value>);
        let lines: Vec<Value> = lines.collect::<Result<_, _>>().context("every line is JSON")?;
        let of_takeover: Vec<_> = lines
            .iter()
            .filter(|line| line["to"] == "full" && line["message"] == "wanted strength changed")
            .collect();
        let warned = lines
            .iter()
            .find(|line| line["code"] == "blind-to-withdrawal")
            .context("a warning of the configuration")?;
        ensure!(
            warned["level"] == "WARN" && warned["line"].is_number(),
            "{warned:#}"
        );
        ensure!(of_takeover.len() == 1, "{of_takeover:#?}");
        let line = of_takeover[0];
        ensure!(
            line["service"] == "web" && line["from"] == "off" && line["rule"] == "D4",
            "{line:#}"
        );
        ensure!(
            line["cause"]
                .as_str()
                .is_some_and(|cause| cause.contains("ping down")),
            "{line:#}"
        );
        Ok(())
    });
}

#[test]
fn a_log_that_nobody_reads_delays_no_takeover() {
    isolated(|| {
        let lab = Lab::start(&Plan::default())?;
        let mut falconer = lab.falconer(&Settings::standby().bird_conf(falconer_lab::BirdConf::Attached))?;
        let pipe = lab.directory(Host::Hk).join("falconer.log");
        output_of(Command::new("mkfifo").arg(&pipe))?;
        let mut reader = File::options()
            .read(true)
            .write(true)
            .custom_flags(NONBLOCK)
            .open(&pipe)?;
        falconer.start()?;
        // Filled to the brim: whoever writes one byte more waits for a reader that never reads.
        while reader.write(&[b'.'; 512]).is_ok() {}
        standing_by(&falconer)?;
        let mark = lab.capture.mark()?;
        lab.power_cut(Host::Cn)?;
        lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
        falconer.terminate()
    });
}
