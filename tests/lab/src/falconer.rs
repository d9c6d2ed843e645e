//! Falconer in the lab: its configuration from a few settings, its process, what it says of itself. What
//! it ought to do is the tests' business.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use falconer::model::snapshot::{ProbeState, ServiceSnapshot, Snapshot, Strength};
use rustix::process::Signal;

use crate::bird;
use crate::bird_conf::sessions;
use crate::netns::Netns;
use crate::process::Process;
use crate::topology::{Host, PREFIX4, PREFIX6};
use crate::wait;

/// How long the daemon may take to answer after its start.
const START: Duration = Duration::from_secs(10);
/// How long one question over its socket may take.
const ANSWER: Duration = Duration::from_secs(5);

/// How bird.conf comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BirdConf {
    /// Falconer renders it from a template.
    Rendered,
    /// It is written by hand, and Falconer attaches to what is there.
    Attached,
}

/// How often a probe is made, and how often in a row it must fail or pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// `interval`.
    pub interval: &'static str,
    /// `timeout`.
    pub timeout: &'static str,
    /// `retry_interval`.
    pub retry_interval: &'static str,
    /// `fall`.
    pub fall: u32,
    /// `rise`.
    pub rise: u32,
}

impl Cadence {
    /// A check every five seconds, given up after two; dead after three, alive after two.
    pub const SLOW: Self = Self {
        interval: "5s",
        timeout: "2s",
        retry_interval: "500ms",
        fall: 3,
        rise: 2,
    };
    /// For tests of what happens, and not of when.
    pub const FAST: Self = Self {
        interval: "500ms",
        timeout: "400ms",
        retry_interval: "100ms",
        fall: 3,
        rise: 2,
    };

    fn keys(self) -> String {
        let Self {
            interval,
            timeout,
            retry_interval,
            fall,
            rise,
        } = self;
        format!(
            "interval = \"{interval}\"\ntimeout = \"{timeout}\"\nretry_interval = \"{retry_interval}\"\n\
             fall = {fall}\nrise = {rise}\n"
        )
    }
}

/// What a falconer.toml of the lab says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it runs: Hk as a standby, Cn as a primary.
    pub host: Host,
    /// How bird.conf comes about.
    pub bird_conf: BirdConf,
    /// Of the two probes and the witnesses.
    pub cadence: Cadence,
    /// How many witnesses there are, up to two.
    pub witnesses: usize,
    /// More keys of the service, a line each.
    pub service: String,
    /// The service's probes as TOML; empty: a ping and an HTTP probe of the primary.
    pub probes: String,
    /// More probes of the service.
    pub more_probes: String,
    /// Where its read-only HTTP listens.
    pub listen: &'static str,
    /// More tables.
    pub more: String,
    /// More keys of each upstream, a line each.
    pub upstream: String,
    /// How many files it may have open, where that is less than the machine's own limit.
    pub open_files: Option<u32>,
}

impl Settings {
    /// A standby in hk that asks the primary's own address over ICMP and HTTP.
    pub fn standby() -> Self {
        Self {
            host: Host::Hk,
            bird_conf: BirdConf::Rendered,
            cadence: Cadence::FAST,
            witnesses: 2,
            service: "failback_delay = \"1s\"\n".to_owned(),
            probes: String::new(),
            more_probes: String::new(),
            listen: "127.0.0.1:9180",
            more: String::new(),
            upstream: String::new(),
            open_files: None,
        }
    }

    /// A primary in cn that asks its own service.
    pub fn primary() -> Self {
        let probe =
            "[[service.probe]]\nname = \"own\"\ntype = \"http\"\nurl = \"http://198.18.0.1/healthz\"\n";
        let probes = format!("{probe}{}", Cadence::FAST.keys());
        Self {
            host: Host::Cn,
            witnesses: 0,
            service: String::new(),
            probes,
            // Its standby asks it whether it announces.
            listen: "198.18.0.1:9180",
            ..Self::standby()
        }
    }

    /// With this cadence.
    pub fn cadence(self, cadence: Cadence) -> Self {
        Self { cadence, ..self }
    }

    /// With bird.conf made that way.
    pub fn bird_conf(self, bird_conf: BirdConf) -> Self {
        Self { bird_conf, ..self }
    }

    /// With these keys of the service in place of the lab's, a line each.
    pub fn service(self, keys: &str) -> Self {
        Self {
            service: format!("{keys}\n"),
            ..self
        }
    }

    /// With these probes beside the ping and the HTTP probe, as TOML without their cadence.
    pub fn more_probes(self, probes: &[&str]) -> Self {
        let keys = self.cadence.keys();
        let more = probes
            .iter()
            .map(|probe| format!("[[service.probe]]\n{probe}\n{keys}"));
        Self {
            more_probes: more.collect(),
            ..self
        }
    }

    /// With these keys of each upstream, where bird.conf is rendered.
    pub fn upstream(self, keys: &str) -> Self {
        Self {
            upstream: format!("{keys}\n"),
            ..self
        }
    }

    /// The file's text. `directory` is the host's.
    pub fn toml(&self, directory: &Path) -> String {
        let mut text = self.head(directory);
        for (family, here, isp) in sessions(self.host) {
            let name = if family == "ipv4" {
                "isp_upstream"
            } else {
                "isp_upstream6"
            };
            let _ = writeln!(text, "[[upstream]]\nname = \"{name}\"");
            if self.bird_conf == BirdConf::Rendered {
                let hold = crate::bird_conf::hold_time(self.host);
                let _ = writeln!(
                    text,
                    "neighbor = \"{isp}\"\nneighbor_as = 64500\nsource = \"{here}\"\nhold_time = \"{hold}s\"\n\
                     keepalive_time = \"{}s\"\nconnect_retry_time = \"1s\"\nerror_wait_time = [\"1s\", \"2s\"]",
                    hold / 3
                );
                text.push_str(&self.upstream);
            }
        }
        text.push_str(&self.service_text());
        for (number, address) in (1..=self.witnesses).zip(["192.0.2.53", "192.0.2.54"]) {
            let _ = write!(
                text,
                "[[witness]]\nname = \"witness{number}\"\ntype = \"icmp\"\ntarget = \"{address}\"\n{}",
                self.cadence.keys()
            );
        }
        text.push_str(&self.more);
        text
    }

    fn head(&self, directory: &Path) -> String {
        let at = directory.display();
        let host = self.host;
        let mut text = format!(
            "[site]\nname = \"{host}\"\nstate_dir = \"{at}/state\"\nrun_dir = \"{at}/run\"\n\
             [bird]\nsocket = \"{at}/bird/bird.ctl\"\nbinary = \"{}\"\n\
             [api]\nsocket = \"{at}/run/falconer.sock\"\nlisten = \"{}\"\n\
             [log]\nlevel = \"debug\"\n",
            bird::binary().display(),
            self.listen
        );
        if self.bird_conf == BirdConf::Rendered {
            let template = if host == Host::Cn {
                "primary.conf"
            } else {
                "standby.conf"
            };
            let id = host
                .addresses()
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            let _ = writeln!(
                text,
                "[render]\ntemplate = \"{template}\"\ntemplate_dir = \"{at}/etc/bird-templates\"\n\
                 output = \"{at}/etc/bird.conf\"\nconfirm_within = \"10s\"\n\
                 [router]\nid = \"{id}\"\nlocal_as = {}",
                host.asn().unwrap_or_default()
            );
        }
        text
    }

    fn service_text(&self) -> String {
        let role = if self.host == Host::Cn {
            "primary"
        } else {
            "standby"
        };
        let mut text = format!(
            "[[service]]\nname = \"web\"\nrole = \"{role}\"\nprefixes = [\"{PREFIX4}\", \"{PREFIX6}\"]\n{}",
            self.service
        );
        if self.bird_conf == BirdConf::Attached {
            text.push_str(
                "protocols = [\"web_v4\", \"web_v6\"]\ndrain_protocols = [\"web_v4_drain\", \"web_v6_drain\"]\n",
            );
        }
        if self.probes.is_empty() {
            text.push_str(&self.usual_probes());
        } else {
            text.push_str(&self.probes);
        }
        text.push_str(&self.more_probes);
        text
    }

    /// The ping and the HTTP probe of the primary.
    pub fn usual_probes(&self) -> String {
        let keys = self.cadence.keys();
        format!(
            "[[service.probe]]\nname = \"ping\"\ntype = \"icmp\"\ntarget = \"198.18.0.1\"\n{keys}\
             [[service.probe]]\nname = \"site\"\ntype = \"http\"\nurl = \"http://198.18.0.1/healthz\"\n{keys}"
        )
    }
}

/// A Falconer that may or may not run.
#[derive(Debug)]
pub struct Falconer {
    namespace: Netns,
    directory: PathBuf,
    open_files: Option<u32>,
    process: Option<Process>,
}

impl Falconer {
    /// Writes its configuration; `directory` is the host's.
    pub fn new(namespace: &Netns, directory: &Path, settings: &Settings) -> Result<Self> {
        let falconer = Self {
            namespace: namespace.clone(),
            directory: directory.to_owned(),
            open_files: settings.open_files,
            process: None,
        };
        // A part of our own: BIRD's log goes where the lab can show it.
        let parts = directory.join("etc/bird-templates/parts");
        std::fs::create_dir_all(&parts)?;
        std::fs::write(parts.join("log.conf"), "log stderr all;\n")?;
        falconer.configure(settings)?;
        Ok(falconer)
    }

    /// Writes another configuration, for the next start.
    pub fn configure(&self, settings: &Settings) -> Result<()> {
        std::fs::write(self.configuration(), settings.toml(&self.directory)).context("writing falconer.toml")
    }

    /// Its configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.directory.join("etc/falconer.toml")
    }

    /// Its log.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.directory.join("falconer.log"))?)
    }

    /// Starts the daemon, and waits until it answers over its socket.
    pub fn start(&mut self) -> Result<()> {
        let program = program();
        let mut command = match self.open_files {
            None => self.namespace.command(program),
            Some(limit) => {
                let mut command = self.namespace.command("prlimit");
                command.arg(format!("--nofile={limit}:{limit}")).arg(program);
                command
            }
        };
        command.arg("run").arg("-c").arg(self.configuration());
        let mut process = Process::start("falconer", &mut command, &self.directory.join("falconer.log"))?;
        wait::until("answer of Falconer", START, || {
            process.must_run()?;
            self.status().map(Some)
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// The running one.
    pub fn process(&self) -> Result<&Process> {
        self.process.as_ref().context("Falconer does not run")
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().context("Falconer does not run")?.kill()
    }

    /// SIGTERM: as `systemctl stop` does.
    pub fn terminate(&mut self) -> Result<()> {
        let status = self
            .process
            .take()
            .context("Falconer does not run")?
            .terminate()?;
        ensure!(status.success(), "Falconer ended with {status}");
        Ok(())
    }

    /// SIGSTOP.
    pub fn freeze(&self) -> Result<()> {
        self.process()?.signal(Signal::STOP)
    }

    /// SIGCONT.
    pub fn thaw(&self) -> Result<()> {
        self.process()?.signal(Signal::CONT)
    }

    /// As a reboot leaves things: run_dir empty, state_dir kept. It must not run.
    pub fn forget_run_dir(&self) -> Result<()> {
        ensure!(self.process.is_none(), "Falconer still runs");
        let run_dir = self.directory.join("run");
        std::fs::remove_dir_all(&run_dir)?;
        Ok(std::fs::create_dir_all(run_dir)?)
    }

    /// One falconer command, as an operator types it, whatever its exit code.
    pub fn cli(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = self.namespace.command(program());
        command.args(arguments).arg("-c").arg(self.configuration());
        command.output().with_context(|| format!("running {command:?}"))
    }

    /// The same; an error with what it said if it fails, else what it printed.
    pub fn must(&self, arguments: &[&str]) -> Result<String> {
        let output = self.cli(arguments)?;
        let (out, errors) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        ensure!(
            output.status.success(),
            "falconer {arguments:?}: {}\n{out}{errors}",
            output.status
        );
        Ok(out.into_owned())
    }

    /// What it says of itself.
    pub fn status(&self) -> Result<Snapshot> {
        let answer = self.get("/v1/status")?;
        serde_json::from_str(&answer).with_context(|| format!("its status is {answer}"))
    }

    /// What it says of the lab's own service.
    pub fn service(&self) -> Result<ServiceSnapshot> {
        let answer = self.get("/v1/services/web")?;
        serde_json::from_str(&answer).with_context(|| format!("the service is {answer}"))
    }

    /// A page of its API, over its socket.
    pub fn get(&self, path: &str) -> Result<String> {
        let mut socket = UnixStream::connect(self.directory.join("run/falconer.sock"))?;
        socket.set_read_timeout(Some(ANSWER))?;
        write!(
            socket,
            "GET {path} HTTP/1.1\r\nHost: falconer\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            bail!("not an HTTP answer: {answer}");
        };
        ensure!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        Ok(body.to_owned())
    }

    /// Asks for a drill over its socket, and does not wait for the answer: it comes to the socket that
    /// is returned, and whoever drops that has gone away.
    pub fn begin_drill(&self, body: &str) -> Result<UnixStream> {
        let mut socket = UnixStream::connect(self.directory.join("run/falconer.sock"))?;
        socket.set_read_timeout(Some(Duration::from_secs(90)))?;
        write!(
            socket,
            "POST /v1/services/web/drill HTTP/1.1\r\nHost: falconer\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        Ok(socket)
    }

    /// Waits until its service is as wanted, and returns it.
    pub fn until(
        &self,
        what: &str,
        deadline: Duration,
        wanted: impl Fn(&ServiceSnapshot) -> bool,
    ) -> Result<ServiceSnapshot> {
        let mut last = None;
        wait::until(what, deadline, || {
            let service = self.service()?;
            let found = wanted(&service);
            last = Some(service.clone());
            Ok(found.then_some(service))
        })
        .with_context(|| format!("at last it was {last:#?}"))
    }

    /// Waits until its service is announced at this strength, by BIRD's word.
    pub fn until_actual(&self, strength: Strength, deadline: Duration) -> Result<ServiceSnapshot> {
        self.until(&format!("{strength:?} at BIRD"), deadline, |service| {
            service.actual == strength
        })
    }

    /// Waits until every probe is in this state.
    pub fn until_probes(&self, state: ProbeState, deadline: Duration) -> Result<ServiceSnapshot> {
        self.until(&format!("probes {state:?}"), deadline, |service| {
            service.probes.iter().all(|probe| probe.state == state)
        })
    }

    /// Waits until it took notice of something after `since`: every probe was checked anew.
    pub fn until_checked(&self, since: SystemTime, deadline: Duration) -> Result<ServiceSnapshot> {
        self.until("a new check of every probe", deadline, |service| {
            service.probes.iter().all(|probe| {
                probe
                    .last
                    .as_ref()
                    .is_some_and(|last| SystemTime::from(last.at) > since)
            })
        })
    }

    /// Leaves it running after we are gone.
    pub fn let_go(mut self) {
        if let Some(process) = self.process.take() {
            process.let_go();
        }
    }
}

/// The built falconer, which cargo names to the tests that it runs. Else, such as where scripts/demo starts
/// one, it lies in the directory above the test's.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("CARGO_BIN_EXE_falconer") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap_or_default();
    let built = test.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    built.join("falconer")
}
