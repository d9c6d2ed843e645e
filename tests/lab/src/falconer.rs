//! Falconer in the lab: its configuration from a few settings, its process, what it says of itself. What
//! it ought to do is the tests' business.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use falconer::model::snapshot::{ProbeState, ServiceSnapshot, Snapshot, Strength};
use rustix::process::Signal;
use toml::{Table, Value};

use crate::bird;
use crate::bird_conf::{session_name, sessions};
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

    /// A probe or witness with this cadence.
    fn of(self, mut probe: Table) -> Table {
        for (key, time) in [
            ("interval", self.interval),
            ("timeout", self.timeout),
            ("retry_interval", self.retry_interval),
        ] {
            probe.insert(key.to_owned(), time.into());
        }
        probe.insert("fall".to_owned(), self.fall.into());
        probe.insert("rise".to_owned(), self.rise.into());
        probe
    }
}

/// What a falconer.toml of the lab says: each setting names the table that its keys go to, and TOML that is
/// given for one table cannot get into another.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it runs: Hk as a standby, Cn as a primary.
    pub host: Host,
    bird_conf: BirdConf,
    cadence: Cadence,
    witnesses: usize,
    service: Table,
    probes: Vec<Table>,
    listen: &'static str,
    upstream: Table,
    more: Table,
    open_files: Option<u32>,
    ipv6: bool,
}

impl Settings {
    /// A standby in hk that asks the primary's own address over ICMP and HTTP, and two witnesses.
    pub fn standby() -> Self {
        Self {
            host: Host::Hk,
            bird_conf: BirdConf::Rendered,
            cadence: Cadence::FAST,
            witnesses: 2,
            service: table("failback_delay = \"1s\""),
            probes: Self::usual_probes(),
            listen: "127.0.0.1:9180",
            upstream: Table::new(),
            more: Table::new(),
            open_files: None,
            ipv6: true,
        }
    }

    /// A primary in cn that asks its own service.
    pub fn primary() -> Self {
        let own = table("name = \"own\"\ntype = \"http\"\nurl = \"http://198.18.0.1/healthz\"");
        Self {
            host: Host::Cn,
            witnesses: 0,
            service: Table::new(),
            probes: vec![own],
            // Its standby asks it whether it announces.
            listen: "198.18.0.1:9180",
            ..Self::standby()
        }
    }

    /// The ping and the HTTP probe of the primary.
    pub fn usual_probes() -> Vec<Table> {
        vec![
            table("name = \"ping\"\ntype = \"icmp\"\ntarget = \"198.18.0.1\""),
            table("name = \"site\"\ntype = \"http\"\nurl = \"http://198.18.0.1/healthz\""),
        ]
    }

    /// With this cadence of the probes and witnesses that name none of their own.
    pub fn cadence(self, cadence: Cadence) -> Self {
        Self { cadence, ..self }
    }

    /// With bird.conf made that way.
    pub fn bird_conf(self, bird_conf: BirdConf) -> Self {
        Self { bird_conf, ..self }
    }

    /// How bird.conf comes about.
    pub(crate) fn bird_conf_by(&self) -> BirdConf {
        self.bird_conf
    }

    /// With these keys of `[[service]]` in place of the lab's.
    pub fn service(self, keys: &str) -> Self {
        Self {
            service: table(keys),
            ..self
        }
    }

    /// With these probes in place of the usual ones.
    pub fn probes(self, probes: Vec<Table>) -> Self {
        Self { probes, ..self }
    }

    /// With one more `[[service.probe]]`.
    pub fn more_probe(mut self, keys: &str) -> Self {
        self.probes.push(table(keys));
        self
    }

    /// With these keys of each `[[upstream]]`, where bird.conf is rendered.
    pub fn upstream(self, keys: &str) -> Self {
        Self {
            upstream: table(keys),
            ..self
        }
    }

    /// With these keys of each `[[upstream]]` beside those that it has, where bird.conf is rendered.
    pub fn more_upstream(mut self, keys: &str) -> Self {
        self.upstream.extend(table(keys));
        self
    }

    /// With more tables beside the lab's, such as another `[[service]]`.
    pub fn more(self, tables: &str) -> Self {
        Self {
            more: table(tables),
            ..self
        }
    }

    /// With no more open files than that, where the machine's own limit is higher.
    pub fn open_files(self, limit: u32) -> Self {
        Self {
            open_files: Some(limit),
            ..self
        }
    }

    /// Without a session and a prefix of IPv6.
    pub fn ipv4_only(self) -> Self {
        Self { ipv6: false, ..self }
    }

    /// The file's text. `directory` is the host's.
    pub fn toml(&self, directory: &Path) -> String {
        let mut file = self.head(directory);
        let sessions = sessions(self.host).into_iter();
        let sessions = sessions.filter(|(family, _, _)| self.ipv6 || *family == "ipv4");
        let upstreams = sessions.map(|(family, here, isp)| {
            let mut upstream = match self.bird_conf {
                BirdConf::Attached => Table::new(),
                BirdConf::Rendered => self.rendered_session(&here, &isp),
            };
            set(&mut upstream, "name", session_name(family));
            upstream
        });
        add(&mut file, "upstream", upstreams);
        add(&mut file, "service", [self.service_table()]);
        let witnesses = (1..=self.witnesses).zip(["192.0.2.53", "192.0.2.54"]);
        let witnesses = witnesses.map(|(number, address)| {
            self.cadence.of(table(&format!(
                "name = \"witness{number}\"\ntype = \"icmp\"\ntarget = \"{address}\""
            )))
        });
        add(&mut file, "witness", witnesses);
        for (name, more) in &self.more {
            match (file.get_mut(name), more) {
                (Some(Value::Array(tables)), Value::Array(more)) => tables.extend(more.iter().cloned()),
                _ => {
                    file.insert(name.clone(), more.clone());
                }
            }
        }
        file.to_string()
    }

    fn head(&self, directory: &Path) -> Table {
        let at = directory.display();
        let host = self.host;
        let mut file = table(&format!(
            "[site]\nname = \"{host}\"\nstate_dir = \"{at}/state\"\nrun_dir = \"{at}/run\"\n\
             [bird]\nsocket = \"{at}/bird/bird.ctl\"\nbinary = \"{}\"\n\
             [api]\nsocket = \"{at}/run/falconer.sock\"\nlisten = \"{}\"\n\
             [log]\nlevel = \"debug\"\n",
            bird::binary().display(),
            self.listen
        ));
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
            file.extend(table(&format!(
                "[render]\ntemplate = \"{template}\"\ntemplate_dir = \"{at}/etc/bird-templates\"\n\
                 output = \"{at}/etc/bird.conf\"\nconfirm_within = \"10s\"\n\
                 [router]\nid = \"{id}\"\nlocal_as = {}",
                host.asn().unwrap_or_default()
            )));
        }
        file
    }

    fn rendered_session(&self, here: &str, isp: &str) -> Table {
        let hold = crate::bird_conf::hold_time(self.host);
        let mut session = table(&format!(
            "neighbor = \"{isp}\"\nneighbor_as = 64500\nsource = \"{here}\"\nhold_time = \"{hold}s\"\n\
             keepalive_time = \"{}s\"\nconnect_retry_time = \"1s\"\nerror_wait_time = [\"1s\", \"2s\"]",
            hold / 3
        ));
        session.extend(self.upstream.clone());
        session
    }

    fn service_table(&self) -> Table {
        let role = if self.host == Host::Cn {
            "primary"
        } else {
            "standby"
        };
        let of_families = |v4: &str, v6: &str| {
            if self.ipv6 {
                format!("[\"{v4}\", \"{v6}\"]")
            } else {
                format!("[\"{v4}\"]")
            }
        };
        let mut service = table(&format!(
            "name = \"web\"\nrole = \"{role}\"\nprefixes = {}",
            of_families(PREFIX4, PREFIX6)
        ));
        if self.bird_conf == BirdConf::Attached {
            service.extend(table(&format!(
                "protocols = {}\ndrain_protocols = {}",
                of_families("web_v4", "web_v6"),
                of_families("web_v4_drain", "web_v6_drain")
            )));
        }
        service.extend(self.service.clone());
        let probes = self.probes.iter().cloned().map(|probe| {
            if probe.contains_key("interval") {
                probe
            } else {
                self.cadence.of(probe)
            }
        });
        add(&mut service, "probe", probes);
        service
    }
}

/// The keys of one table.
///
/// # Panics
/// Where they are no TOML: a test wrote them.
pub fn table(keys: &str) -> Table {
    keys.parse().unwrap_or_else(|error| panic!("{error}\n{keys}"))
}

/// Puts a value in place of what is there.
pub fn set(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

/// Adds an array of tables.
fn add(file: &mut Table, name: &str, tables: impl IntoIterator<Item = Table>) {
    let tables: Vec<Value> = tables.into_iter().map(Value::Table).collect();
    if !tables.is_empty() {
        set(file, name, tables);
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

    /// What it says of the lab's own service, `web`; of the first one, where a site names its services otherwise.
    pub fn service(&self) -> Result<ServiceSnapshot> {
        // One service alone: a status of a hundred is long, and this is asked many times a second.
        let Ok(answer) = self.get("/v1/services/web") else {
            let first = self.status()?.services.into_iter().next();
            return first.context("it has no service");
        };
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
