//! One host of tests/fixtures/field with its ISP and its primary: set up, changed, started, asked.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use falconer::model::readiness::{Readiness, ReadinessCheck, ReadinessCode, ReadinessLevel};
use falconer::model::snapshot::{AlarmCode, ProbeState, Verdict};

use falconer_lab::bird::{self, Bird};
use falconer_lab::netns::{self, Netns};
use falconer_lab::process::Process;
use falconer_lab::{Falconer, Host, Settings, faults, http, isolate, wait};

/// Longer than anything takes that a test waits for, but for a drill that nobody carries.
pub(crate) const SOON: Duration = Duration::from_secs(25);

/// What every falconer.toml of the fixtures begins with.
const HEAD: &str = r#"[site]
name = "hk1"
state_dir = "@DIR@/state"
run_dir = "@DIR@/run"

[bird]
socket = "@DIR@/bird/bird.ctl"
binary = "@BIRD@"

[api]
socket = "@DIR@/run/falconer.sock"
listen = ""

[[witness]]
name = "resolver"
type = "icmp"
target = "192.0.2.53"
interval = "500ms"
timeout = "400ms"
retry_interval = "100ms"

"#;

/// The two probes of a service.
const PROBES: &str = r#"
[[service.probe]]
name = "ping"
type = "icmp"
target = "198.18.0.1"
interval = "500ms"
timeout = "400ms"
retry_interval = "100ms"

[[service.probe]]
name = "site"
type = "http"
url = "http://198.18.0.1/healthz"
interval = "500ms"
timeout = "400ms"
retry_interval = "100ms"
"#;

/// What the ISP's bird.conf begins with.
const ISP: &str = "log stderr all;\nrouter id 192.0.2.1;\nprotocol device { scan time 5; }\n";

/// The ISP's session to the host, as most have it.
pub(crate) const PLAIN_ISP: &str = "protocol bgp n_host {
  local 203.0.113.1 as 64500; neighbor 203.0.113.2 as 64501;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import all; export none; };
}
";

/// A problem that readiness names: what is checked, how bad it is, and words of it.
pub(crate) type Problem<'a> = (ReadinessCode, ReadinessLevel, &'a str);

/// A host, its ISP, and its primary.
pub(crate) struct Site {
    pub(crate) bird: Bird,
    pub(crate) isp: Bird,
    pub(crate) falconer: Falconer,
    directory: PathBuf,
    _service: Process,
}

impl Site {
    /// The host of that fixture, with nothing started but the primary's service. `isp` is what the ISP's
    /// bird.conf says of its sessions.
    pub(crate) fn prepare(fixture: &str, isp: &str) -> Result<Self> {
        netns::build("")?;
        let base = Path::new(isolate::BASE);
        let directory = base.join("hk");
        let cn = base.join("cn");
        for directory in [&directory.join("run"), &directory.join("state"), &cn] {
            std::fs::create_dir_all(directory)?;
        }
        let bird = Bird::new(&here(), &directory)?;
        let its_isp = Bird::new(&there(), &base.join("isp"))?;
        its_isp.configure_with(&format!("{ISP}{isp}"))?;
        let falconer = Falconer::new(&here(), &directory, &Settings::standby())?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/field");
        let site = Self {
            bird,
            isp: its_isp,
            falconer,
            _service: http::start(&Netns::of("", Host::Cn), Host::Cn, &cn)?,
            directory,
        };
        site.copy(&source.join(fixture), &site.path("etc"))?;
        let part = std::fs::read_to_string(site.path("etc/falconer.toml"))?;
        let whole = site.filled(&format!("{HEAD}{part}")).replace("@PROBES@", PROBES);
        std::fs::write(site.path("etc/falconer.toml"), whole)?;
        Ok(site)
    }

    /// The same, and everything runs: these sessions of the host are established, and its probes pass.
    pub(crate) fn start(fixture: &str, isp: &str, sessions: &[&str]) -> Result<Self> {
        let mut site = Self::prepare(fixture, isp)?;
        site.go(sessions)?;
        Ok(site)
    }

    /// Starts everything.
    pub(crate) fn go(&mut self, sessions: &[&str]) -> Result<()> {
        self.isp.start()?;
        self.bird.start()?;
        for session in sessions {
            let what = format!("session {session}");
            wait::until_true(&what, SOON, || self.established(session))?;
        }
        self.falconer.start()?;
        wait::until_true("verdicts of a living primary", SOON, || {
            let snapshot = self.falconer.status()?;
            let services = snapshot.services.iter();
            let witnessed = snapshot.witnesses.iter().all(|one| one.state == ProbeState::Up);
            let upstreams = snapshot.upstreams.iter();
            let known = upstreams.clone().all(|one| one.state.is_established());
            Ok(witnessed && known && services.clone().all(|one| one.verdict == Verdict::Up))
        })
    }

    /// The host's directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Puts something else into a file of the host's etc.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.path("etc").join(file);
        let text = std::fs::read_to_string(&path)?;
        ensure!(text.contains(from), "no {from:?} in {text}");
        Ok(std::fs::write(path, text.replace(from, &self.filled(to)))?)
    }

    /// Whether a session of the host stands; its name may be one that `show protocols` cuts nowhere.
    fn established(&self, session: &str) -> Result<bool> {
        let table = self.bird.birdc("show protocols")?;
        let row = table
            .lines()
            .find(|row| row.split_whitespace().next() == Some(session));
        Ok(row.is_some_and(|row| row.contains("Established")))
    }

    /// Whether the ISP has that prefix from the host.
    pub(crate) fn isp_has(&self, prefix: &str) -> bool {
        let said = self.isp.birdc(&format!("show route {prefix}"));
        said.is_ok_and(|said| said.lines().any(|line| line.starts_with(prefix)))
    }

    /// The primary dies.
    pub(crate) fn power_cut(&self) -> Result<()> {
        faults::silence(&there(), &Netns::of("", Host::Cn), Host::Cn).map(drop)
    }

    /// What readiness names, but that nobody practised.
    pub(crate) fn problems(&self) -> Result<Vec<ReadinessCheck>> {
        let json = self.falconer.get("/v1/ready")?;
        let readiness: Readiness = serde_json::from_str(&json).with_context(|| json.clone())?;
        let problems = readiness
            .problems()
            .filter(|check| check.code != ReadinessCode::LastDrill);
        Ok(problems.cloned().collect())
    }

    /// Waits until readiness names just these.
    pub(crate) fn until_problems(&self, expected: &[Problem<'_>]) -> Result<Vec<ReadinessCheck>> {
        let mut last = Vec::new();
        let found = wait::until("just those problems", SOON, || {
            last = self.problems()?;
            let said = |(code, level, words): &Problem<'_>| {
                let mut found = last.iter();
                found.any(|check| check.code == *code && check.level == *level && check.text.contains(words))
            };
            Ok((last.len() == expected.len() && expected.iter().all(said)).then(|| last.clone()))
        });
        found.with_context(|| format!("expected {expected:#?}, at last it was {last:#?}"))
    }

    /// Waits until such an alarm says these words.
    pub(crate) fn until_alarm(&self, code: AlarmCode, words: &str) -> Result<()> {
        let mut last = Vec::new();
        let found = wait::until_true(&format!("alarm with {words:?}"), SOON, || {
            last = self.falconer.status()?.alarms;
            let mut alarms = last.iter();
            Ok(alarms.any(|alarm| alarm.code == code && alarm.text.contains(words)))
        });
        found.with_context(|| format!("at last it was {last:#?}"))
    }

    /// The HTTP status of `/announced`.
    pub(crate) fn announced(&self, service: &str) -> Result<u16> {
        let mut socket = UnixStream::connect(self.path("run/falconer.sock"))?;
        socket.set_read_timeout(Some(SOON))?;
        write!(
            socket,
            "GET /v1/services/{service}/announced HTTP/1.1\r\nHost: falconer\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).context("an HTTP answer")?;
        Ok(status.parse()?)
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
            let (from, name) = (
                entry.as_ref().map(std::fs::DirEntry::path),
                entry.as_ref().map(std::fs::DirEntry::file_name),
            );
            let (Ok(from), Ok(name)) = (from, name) else {
                continue;
            };
            if from.is_dir() {
                self.copy(&from, &to.join(name))?;
            } else {
                std::fs::write(to.join(name), self.filled(&std::fs::read_to_string(&from)?))?;
            }
        }
        Ok(())
    }

    fn filled(&self, text: &str) -> String {
        text.replace("@DIR@", &self.directory.display().to_string())
            .replace("@BIRD@", &bird::binary().display().to_string())
    }
}

/// The host's namespace.
pub(crate) fn here() -> Netns {
    Netns::of("", Host::Hk)
}

/// The ISP's.
pub(crate) fn there() -> Netns {
    Netns::of("", Host::Isp)
}
