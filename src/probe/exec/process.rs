//! One run of a program: its process group, its output and its end.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as ChildSignals, SignalKind, signal};
use tokio::time::timeout;

use super::output::ProgramOutput;

/// Where programs are looked for by what an exec probe starts.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long a killed group may take to be gone: it only has to be scheduled once more. A process
/// that hangs in the kernel is left to be reaped later.
const DEATH: Duration = Duration::from_millis(100);

/// A program and its arguments and environment.
#[derive(Clone, Debug)]
pub(crate) struct ExecProgram {
    argv: Arc<[String]>,
    probe: String,
    timeout: Duration,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct ProcessEnd {
    /// Its exit status, if it exited by itself.
    pub(crate) code: Option<i32>,
    /// The signal that ended it, if one did.
    pub(crate) signal: Option<i32>,
    /// The last line that it wrote.
    pub(crate) said: String,
}

impl ExecProgram {
    /// `probe` and `timeout` are told to the program.
    pub(crate) fn new(argv: &[String], probe: &str, timeout: Duration) -> Self {
        Self {
            argv: argv.into(),
            probe: probe.to_owned(),
            timeout,
        }
    }

    /// The program's path.
    pub(crate) fn path(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// Starts it. Blocks while the system reads the program's file.
    pub(crate) fn start(&self) -> io::Result<RunningProcess> {
        let children = signal(SignalKind::child())?;
        // One pipe for both, so that the order of what was said is kept.
        let (reader, writer) = io::pipe()?;
        let child = Command::new(self.path())
            .args(self.argv.iter().skip(1))
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .env("FALCONER_PROBE", &self.probe)
            .env("FALCONER_TIMEOUT_MS", self.timeout.as_millis().to_string())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .kill_on_drop(true)
            .spawn()?;
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("it has no process id"))?;
        let group = ProcessGroup { leader, gone: false };
        let output = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        Ok(RunningProcess {
            group,
            children,
            output: ProgramOutput::new(output),
            child,
        })
    }
}

/// A program at work. Dropping it kills its whole process group; the runtime reaps it.
///
/// The order of the fields matters: the group is killed while its leader is not yet reaped, so that
/// its number still is its own.
#[derive(Debug)]
pub(crate) struct RunningProcess {
    group: ProcessGroup,
    children: ChildSignals,
    output: ProgramOutput,
    child: Child,
}

impl RunningProcess {
    /// Waits until it exits, kills what is left of its group, and reaps it.
    pub(crate) async fn end(&mut self) -> io::Result<ProcessEnd> {
        tokio::select! {
            biased;
            exited = exited(&self.group, &mut self.children) => exited?,
            _ = self.output.read_to_end() => exited(&self.group, &mut self.children).await?,
        }
        self.group.kill();
        self.output.read_what_is_there();
        let status = self.child.wait().await?;
        self.group.gone = true;
        Ok(ProcessEnd {
            code: status.code(),
            signal: status.signal(),
            said: self.output.last_line(),
        })
    }

    /// Kills the group and reaps the program; the last line that it wrote.
    pub(crate) async fn killed(mut self) -> String {
        self.group.kill();
        // Who does not die at once is reaped by the runtime.
        let reaped = timeout(DEATH, self.child.wait()).await;
        self.group.gone = reaped.is_ok();
        self.output.read_what_is_there();
        self.output.last_line()
    }
}

/// Waits until the group's leader has exited, and does not reap it.
async fn exited(group: &ProcessGroup, children: &mut ChildSignals) -> io::Result<()> {
    let leave_it = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    while waitid(WaitId::Pid(group.leader), leave_it)?.is_none() {
        // Any child's signal will do: the question is asked again.
        children.recv().await;
    }
    Ok(())
}

/// A process group whose leader is not reaped.
#[derive(Debug)]
struct ProcessGroup {
    leader: Pid,
    gone: bool,
}

impl ProcessGroup {
    /// SIGKILL: a check's time-out is firm, and there is nothing to tidy up after a check.
    fn kill(&self) {
        if !self.gone {
            // It may be empty already.
            let _ = kill_process_group(self.leader, Signal::KILL);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}
