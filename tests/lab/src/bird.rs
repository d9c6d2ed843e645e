//! A real BIRD in a host's namespace: started, asked with birdc, killed, stopped, reconfigured. What its
//! configuration says is somebody else's business.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::netns::Netns;
use crate::process::Process;
use crate::wait;

/// How long BIRD may take to answer after its start.
const START: Duration = Duration::from_secs(10);

/// BIRD's binary: FALCONER_LAB_BIRD, or Debian's.
pub fn binary() -> PathBuf {
    std::env::var_os("FALCONER_LAB_BIRD").map_or_else(|| PathBuf::from("/usr/sbin/bird"), PathBuf::from)
}

/// birdc: FALCONER_LAB_BIRDC, or the one beside [`binary`].
pub fn birdc_binary() -> PathBuf {
    std::env::var_os("FALCONER_LAB_BIRDC").map_or_else(|| binary().with_file_name("birdc"), PathBuf::from)
}

/// A BIRD that may or may not run.
#[derive(Debug)]
pub struct Bird {
    namespace: Netns,
    directory: PathBuf,
    process: Option<Process>,
}

impl Bird {
    /// Makes its directories below `directory`: `etc/bird.conf` for the configuration, and `bird/` for
    /// its socket and log, which belongs to BIRD's user where there is one, as on Debian.
    pub fn new(namespace: &Netns, directory: &Path) -> Result<Self> {
        let bird = Self {
            namespace: namespace.clone(),
            directory: directory.to_owned(),
            process: None,
        };
        std::fs::create_dir_all(directory.join("etc"))?;
        std::fs::create_dir_all(directory.join("bird"))?;
        if let Some((user, group)) = user_of_bird() {
            chown(directory.join("bird"), Some(user), Some(group))?;
        }
        Ok(bird)
    }

    /// Its control socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join("bird/bird.ctl")
    }

    /// Its configuration.
    pub fn configuration(&self) -> PathBuf {
        self.directory.join("etc/bird.conf")
    }

    /// Writes its configuration.
    pub fn configure_with(&self, text: &str) -> Result<()> {
        std::fs::write(self.configuration(), text).context("writing bird.conf")
    }

    /// Starts it as Debian's unit does, and waits until it answers.
    pub fn start(&mut self) -> Result<()> {
        let command = self.namespace.command(binary());
        self.start_by(command)
    }

    /// Starts it in a mount namespace of its own, where the single file `from` is mounted in the place
    /// of its configuration, as containers have it.
    pub fn start_with_mounted_file(&mut self, from: &Path) -> Result<()> {
        let mut command = self.namespace.command("unshare");
        let mount = "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$@\"";
        command
            .args(["--mount", "sh", "-c", mount, "sh"])
            .arg(from)
            .arg(self.configuration())
            .arg(binary());
        self.start_by(command)
    }

    fn start_by(&mut self, mut command: Command) -> Result<()> {
        command
            .arg("-f")
            .arg("-c")
            .arg(self.configuration())
            .arg("-s")
            .arg(self.socket());
        if user_of_bird().is_some() {
            command.args(["-u", "bird", "-g", "bird"]);
        }
        let mut process = Process::start("bird", &mut command, &self.directory.join("bird.log"))?;
        wait::until("answer of BIRD", START, || {
            process.must_run()?;
            self.birdc("show status").map(Some)
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// The running one.
    pub fn process(&self) -> Result<&Process> {
        self.process.as_ref().context("BIRD does not run")
    }

    /// SIGKILL: a crash.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().context("BIRD does not run")?.kill()
    }

    /// SIGTERM: as `systemctl stop` does.
    pub fn terminate(&mut self) -> Result<()> {
        self.process
            .take()
            .context("BIRD does not run")?
            .terminate()
            .map(drop)
    }

    /// SIGHUP: as `systemctl reload` once did.
    pub fn hang_up(&self) -> Result<()> {
        self.process()?.signal(Signal::HUP)
    }

    /// SIGSTOP: it answers nobody any more, and its sessions starve.
    pub fn freeze(&self) -> Result<()> {
        self.process()?.signal(Signal::STOP)
    }

    /// SIGCONT.
    pub fn thaw(&self) -> Result<()> {
        self.process()?.signal(Signal::CONT)
    }

    /// One birdc command, as an operator types it.
    pub fn birdc(&self, line: &str) -> Result<String> {
        let mut command = Command::new("timeout");
        command
            .arg("5")
            .arg(birdc_binary())
            .arg("-s")
            .arg(self.socket())
            .args(line.split_whitespace());
        crate::output_of(&mut command)
    }

    /// The state column of `show protocols` for a protocol, such as "up".
    pub fn state(&self, protocol: &str) -> Result<String> {
        let table = self.birdc("show protocols")?;
        let row = table
            .lines()
            .find(|row| row.split_whitespace().next() == Some(protocol));
        match row.and_then(|row| row.split_whitespace().nth(3)) {
            Some(state) => Ok(state.to_owned()),
            None => bail!("BIRD has no protocol {protocol}:\n{table}"),
        }
    }

    /// Whether a BGP session is established.
    pub fn established(&self, protocol: &str) -> Result<bool> {
        let table = self.birdc("show protocols")?;
        let row = table
            .lines()
            .find(|row| row.split_whitespace().next() == Some(protocol));
        Ok(row.is_some_and(|row| row.contains("Established")))
    }

    /// Leaves it running after we are gone.
    pub fn let_go(&mut self) {
        if let Some(process) = self.process.take() {
            process.let_go();
        }
    }
}

/// The user and group that Debian's package makes for BIRD.
fn user_of_bird() -> Option<(u32, u32)> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let row = passwd.lines().find(|row| row.starts_with("bird:"))?;
    let mut fields = row.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
