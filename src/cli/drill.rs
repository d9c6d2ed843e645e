//! `falconer drill`: asks the daemon for a drill, shows how it goes on, and prints its report. The
//! drill is the daemon's: a command that is broken off breaks nothing off.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use tokio::time::sleep;

use super::client::DaemonClient;
use super::exit::CliError;
use super::output;
use crate::api::{HOLD, hold, reason};
use crate::core::Strength;
use crate::model::command::{DaemonCommand, DrillPlan, OperatorCommand};
use crate::model::drill::DrillReport;
use crate::model::snapshot::{DrillOutcome, DrillPhase, DrillSnapshot};

/// How often the progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Rehearses the announcement of a service.
#[derive(Debug, Args)]
pub(crate) struct DrillArgs {
    /// The service
    service: String,

    /// Announce at full strength, which may pull traffic here, instead of drain
    #[arg(long)]
    full: bool,

    /// Check everything and say what would be done, but send nothing to BIRD
    #[arg(long)]
    dry_run: bool,

    /// How long to stay announced once it is carried, at most 10m
    #[arg(long = "for", value_name = "DURATION", default_value = HOLD, value_parser = hold)]
    hold: Duration,

    /// The reason, shown in the report and the history
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,

    /// The format of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    report: ReportFormat,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// For a terminal
    Text,
    /// To print or to file
    Markdown,
    /// As the API returns it
    Json,
}

impl DrillArgs {
    /// Waits for its end; fails unless it passed.
    pub(crate) fn run(&self, daemon: &DaemonClient) -> Result<(), CliError> {
        daemon.must_have(&self.service)?;
        let plan = DrillPlan {
            strength: if self.full {
                Strength::Full
            } else {
                Strength::Drain
            },
            hold: self.hold,
            dry_run: self.dry_run,
            reason: self.reason.clone(),
        };
        let command = DaemonCommand::Service {
            service: self.service.clone(),
            command: OperatorCommand::Drill(plan),
        };
        let runtime = output::runtime()?;
        let report = runtime.block_on(async {
            // It ends with the drill: of what is dropped, nothing is left behind.
            tokio::select! {
                report = daemon.drill(&command) => report,
                never = watch(daemon, &self.service) => match never {},
            }
        })?;
        output::print(match self.report {
            ReportFormat::Text => report.text(),
            ReportFormat::Markdown => report.markdown(),
            ReportFormat::Json => json(&report)?,
        })?;
        let DrillReport { service, outcome, .. } = &report;
        match outcome {
            DrillOutcome::Passed => Ok(()),
            DrillOutcome::Failed => Err(CliError::Failed(format!("the drill of {service} failed"))),
            DrillOutcome::Refused => Err(CliError::Failed(format!("the drill of {service} was refused"))),
            DrillOutcome::Aborted => Err(CliError::Failed(format!("the drill of {service} was broken off"))),
        }
    }
}

fn json(report: &DrillReport) -> Result<String, CliError> {
    let json = serde_json::to_string_pretty(report)
        .map_err(|error| CliError::Failed(format!("the report cannot be written: {error}")))?;
    Ok(json + "\n")
}

/// Shows each step as it is taken, where somebody looks. Standard output is the report's alone.
async fn watch(daemon: &DaemonClient, service: &str) -> std::convert::Infallible {
    let mut told = ShownProgress::default();
    loop {
        sleep(LOOK_EVERY).await;
        if !stderr().is_terminal() {
            continue;
        }
        if let Ok(Some(progress)) = daemon.drill_of(service).await {
            for line in told.news(&progress) {
                // Nobody looks any more.
                drop(writeln!(stderr().lock(), "{line}"));
            }
        }
    }
}

/// What has been shown of a drill.
#[derive(Debug, Default)]
struct ShownProgress {
    stages: usize,
    phase: Option<DrillPhase>,
}

impl ShownProgress {
    /// What is new, a line each.
    fn news(&mut self, drill: &DrillSnapshot) -> Vec<String> {
        let reached = drill.stages.reached();
        let since = drill.since;
        let new = reached.iter().skip(self.stages);
        let mut lines: Vec<String> = new.map(|(at, stage)| line(since, *at, stage)).collect();
        self.stages = reached.len();
        if self.phase.replace(drill.phase) != Some(drill.phase) {
            lines.extend(phase(drill).map(str::to_owned));
        }
        lines
    }
}

fn line(since: Timestamp, at: Timestamp, stage: &str) -> String {
    let millis = at.duration_since(since).as_millis();
    format!("{:>7}.{:03} s  {stage}", millis / 1000, millis % 1000)
}

fn phase(drill: &DrillSnapshot) -> Option<&'static str> {
    match drill.phase {
        DrillPhase::Recording | DrillPhase::Rising => None,
        DrillPhase::Holding => Some("             announced and carried; it is held for a while"),
        DrillPhase::Ending => Some("             being withdrawn"),
        DrillPhase::Unverified => Some("             its end has not been seen"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::snapshot::StageTimes;

    #[test]
    fn each_step_is_shown_once() {
        let since: Timestamp = "2026-11-22T20:45:00Z".parse().unwrap();
        let at = |millis| Some(since + jiff::SignedDuration::from_millis(millis));
        let mut drill = DrillSnapshot {
            strength: Strength::Drain,
            phase: DrillPhase::Rising,
            since,
            until: None,
            actor: "ann".to_owned(),
            reason: None,
            stages: StageTimes {
                decided: at(0),
                enable_sent: at(8),
                ..StageTimes::default()
            },
        };
        let mut told = ShownProgress::default();
        assert_eq!(
            told.news(&drill),
            ["      0.000 s  decided", "      0.008 s  enable sent"]
        );
        assert_eq!(told.news(&drill), [""; 0]);
        drill.stages.exported = at(1_012);
        drill.phase = DrillPhase::Holding;
        let news = told.news(&drill);
        assert_eq!(news[0], "      1.012 s  exported");
        assert_eq!(news[1].trim(), "announced and carried; it is held for a while");
    }
}
