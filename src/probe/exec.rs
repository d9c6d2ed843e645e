//! The exec probe: a program exits with 0.
//!
//! There is no shell. The program gets a process group of its own, no standard input, `/` as its
//! working directory, and an environment of four variables: `PATH`, `LC_ALL=C`, `FALCONER_PROBE`
//! (the probe's name) and `FALCONER_TIMEOUT_MS`. What it writes to standard output and standard
//! error is read to the end; the last line goes into the report.
//!
//! | the program | the check |
//! |---|---|
//! | exits with 0 | passes |
//! | exits with 126 or 127 | is an error: so shells and `env` say that they could not run a command |
//! | exits with another status | fails |
//! | is ended by a signal that is not ours | is an error: it did not get to its word (out of memory, a bug of its own) |
//! | takes longer than `timeout` | fails, and its process group is killed |
//! | cannot be started | is an error |
//!
//! When it has exited, what is left of its process group is killed too, so that no check leaves
//! anything behind. A process that leaves the group on purpose lives on; nobody waits for it.

mod output;
mod process;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::process::{ProcessEnd, RunningProcess};
use super::deadline::CheckDeadline;
use super::report::{CheckError, CheckReport};
use super::socket::words;
use crate::config::model;

/// How many starts of one probe's program may hang at a time. A start is a call that blocks while
/// the disk or the network file system does; each holds a thread.
const STARTS_AT_A_TIME: usize = 4;

/// An exec probe, ready to be asked.
#[derive(Debug)]
pub(crate) struct ExecProbe {
    program: process::ExecProgram,
    starts: Arc<Semaphore>,
}

impl ExecProbe {
    /// From its configuration, and the probe that it belongs to.
    pub(crate) fn new(exec: &model::ExecConfig, probe: &model::ProbeConfig) -> Self {
        Self {
            program: process::ExecProgram::new(&exec.command, &probe.name, probe.timeout),
            starts: Arc::new(Semaphore::new(STARTS_AT_A_TIME)),
        }
    }

    /// One check.
    pub(crate) async fn check(&self, limit: CheckDeadline) -> CheckReport {
        self.run(limit).await.unwrap_or_else(CheckReport::from)
    }

    async fn run(&self, limit: CheckDeadline) -> Result<CheckReport, CheckError> {
        let started = Instant::now();
        let mut running = self.start(limit).await?;
        let waited = limit
            .within("waiting for the program to exit", running.end())
            .await;
        let end = match waited {
            Ok(end) => end.map_err(|error| CheckError::NotMade(format!("cannot wait: {}", words(&error))))?,
            Err(late) => {
                let said = running.killed().await;
                return Err(CheckError::Failed(with(late.words(), &said)));
            }
        };
        Ok(judge(&end, started.elapsed()))
    }

    /// Starts the program, on a thread that may block.
    async fn start(&self, limit: CheckDeadline) -> Result<RunningProcess, CheckError> {
        let not_started =
            |why: &str| CheckError::NotMade(format!("cannot run {}: {why}", self.program.path()));
        let Ok(permit) = self.starts.clone().try_acquire_owned() else {
            return Err(not_started("its earlier starts still hang"));
        };
        let program = self.program.clone();
        let start = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            program.start()
        });
        match limit.within("starting the program", start).await {
            Ok(Ok(Ok(running))) => Ok(running),
            Ok(Ok(Err(error))) => Err(not_started(&words(&error))),
            Ok(Err(error)) => Err(not_started(&error.to_string())),
            Err(late) => Err(not_started(late.words())),
        }
    }
}

/// What an exit means.
fn judge(end: &ProcessEnd, took: Duration) -> CheckReport {
    let said = &end.said;
    match (end.code, end.signal) {
        (Some(0), _) => CheckReport::pass(&with("exit 0", said), Some(took)),
        (Some(126 | 127), _) => {
            let code = end.code.unwrap_or_default();
            CheckReport::error(&with(&format!("exit {code}: a command could not be run"), said))
        }
        (Some(code), _) => CheckReport::fail(&with(&format!("exit {code}"), said), Some(took)),
        (None, Some(signal)) => CheckReport::error(&with(&format!("ended by signal {signal}"), said)),
        (None, None) => CheckReport::error("it ended without a status"),
    }
}

/// What came of it, and the program's own last line where it said something.
fn with(outcome: &str, said: &str) -> String {
    match said {
        "" => outcome.to_owned(),
        said => format!("{outcome}: {said}"),
    }
}
