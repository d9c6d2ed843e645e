//! A program that runs in the lab: started in a host's namespace, its output in a log, killed, stopped
//! and continued at will. It does not know what the program is.

use std::fs::File;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// How long a program may take to end after it was asked to.
const END: Duration = Duration::from_secs(10);

/// A running program; dropping it kills it, unless it was [let go](Process::let_go).
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Option<Child>,
    log: PathBuf,
}

impl Process {
    /// Starts a command, with what it prints appended to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log);
        let file = file.with_context(|| format!("opening {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // Out of the terminal's reach: what ends us ends it as the lab wants, or not at all.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        Ok(Self {
            name: name.to_owned(),
            child: Some(child),
            log: log.to_owned(),
        })
    }

    /// Its process id.
    pub fn id(&self) -> Result<u32> {
        Ok(self
            .child
            .as_ref()
            .with_context(|| format!("{} was let go", self.name))?
            .id())
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it still runs; an error with the end of its log when it does not.
    pub fn must_run(&mut self) -> Result<()> {
        if let Some(status) = self
            .child
            .as_mut()
            .and_then(|child| child.try_wait().transpose())
            .transpose()?
        {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            bail!("{} ended: {status}\n{log}", self.name);
        }
        Ok(())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.id()?)?;
        let pid = Pid::from_raw(id).context("a process id is never zero")?;
        kill_process(pid, signal).with_context(|| format!("sending {signal:?} to {}", self.name))
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        self.ended().map(drop)
    }

    /// SIGTERM, and waits for an end of its own.
    pub fn terminate(mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended()
    }

    /// Leaves it running after we are gone.
    pub fn let_go(mut self) {
        self.child = None;
    }

    fn ended(&mut self) -> Result<ExitStatus> {
        let Some(mut child) = self.child.take() else {
            return Ok(ExitStatus::from_raw(0));
        };
        wait::until(&format!("end of {}", self.name), END, || Ok(child.try_wait()?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
