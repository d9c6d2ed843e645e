//! A site whose targets die all at once, beside a real BIRD: from the death to the last `enable` that
//! BIRD accepted and to the last prefix that was seen exported. It prints numbers and judges nothing.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anstream::println;
use anyhow::{Context, Result, ensure};

use falconer_lab::measure::{Usage, usage};
use falconer_lab::process::Process;
use falconer_lab::wait;

/// How long a site is left alone before its idle load is measured, and for how long that is.
const SETTLED: Duration = Duration::from_secs(12);
const WATCHED: Duration = Duration::from_secs(10);
/// How long an outage is followed.
const FOLLOWED: Duration = Duration::from_secs(60);

/// What dies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    /// How many services.
    pub(crate) services: usize,
    /// How many probes each has.
    pub(crate) probes: usize,
    /// Their type: "icmp" or "tcp".
    pub(crate) kind: &'static str,
    /// Their interval, in seconds.
    pub(crate) interval: u64,
    /// How many targets they share.
    pub(crate) targets: usize,
}

/// What came of it; times are seconds since the death.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Percent of a processor while all is well.
    pub(crate) idle: f64,
    /// The same from the death to the end.
    pub(crate) busy: f64,
    /// Services that BIRD was told to enable, and accepted.
    pub(crate) enabled: usize,
    /// The first and the last decision.
    pub(crate) decided: (f64, f64),
    /// The first and the last accepted `enable`.
    pub(crate) enabling: (f64, f64),
    /// The last prefix that was seen exported.
    pub(crate) exported: f64,
    /// How often results were thrown away because the daemon stood still (D2).
    pub(crate) stalls: usize,
    /// Checks that never reported.
    pub(crate) lost: usize,
    /// Resident memory at the end, in MiB.
    pub(crate) memory: f64,
}

impl Site {
    /// From `interval`, time-out, `fall` and `retry_interval`: when the last of them is known to be dead.
    pub(crate) fn bound(&self) -> f64 {
        self.interval as f64 + self.timeout() + 2.0 * 0.5
    }

    fn timeout(&self) -> f64 {
        (self.interval as f64).min(2.0)
    }

    /// Lets it die, `run` tells the directories of several runs apart.
    pub(crate) fn die(&self, base: &Path, run: usize) -> Result<Outcome> {
        let base = base.join(format!("outage-{run}"));
        std::fs::create_dir_all(&base)?;
        addresses()?;
        Self::listen()?;
        let birds = [
            bird(&base, "isp", &isp_conf())?,
            bird(&base, "bird", &self.bird_conf(&base)?)?,
        ];
        let file = base.join("falconer.toml");
        std::fs::write(&file, self.falconer_toml(&base)?)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_falconer"));
        command.arg("run").arg("-c").arg(&file);
        let daemon = Process::start("falconer", &mut command, &base.join("falconer.log"))?;
        let socket = base.join("falconer.sock");
        wait::until_true("every probe up", Duration::from_secs(120), || {
            Ok(status(&socket).is_ok_and(|status| settled(&status, self.services)))
        })?;
        wait::pass(SETTLED);
        let before = usage(daemon.id()?)?;
        wait::pass(WATCHED);
        let idle = share(before, usage(daemon.id()?)?, WATCHED);

        let before = usage(daemon.id()?)?;
        let died = wait::now();
        nft(
            "add table ip outage; add chain ip outage in { type filter hook input priority 0; }; add rule ip outage in ip daddr 127.1.0.0/16 drop",
        )?;
        let gone = wait::until_true("every service exported", FOLLOWED, || {
            wait::pass(Duration::from_millis(500));
            Ok(status(&socket).is_ok_and(|status| exported(&status) == self.services))
        });
        let after = usage(daemon.id()?)?;
        let took = wait::between(died, wait::now());
        let last = status(&socket)?;
        nft("delete table ip outage")?;
        let mut outcome = outcome(&last, died);
        outcome.idle = idle;
        outcome.busy = share(before, after, took);
        outcome.memory = after.resident as f64 / 1024.0;
        let history = std::fs::read_to_string(base.join("state/history.ndjson")).unwrap_or_default();
        outcome.stalls = history.matches("\"event\":\"stalled\"").count();
        outcome.lost = history.matches("never reported").count();
        if gone.is_err() {
            println!("not every service was seen exported within {FOLLOWED:?}");
        }
        drop((daemon, birds));
        Ok(outcome)
    }

    fn target(&self, service: usize) -> Ipv4Addr {
        let [.., high, low] = u32::try_from(service % self.targets + 1)
            .unwrap_or(1)
            .to_be_bytes();
        Ipv4Addr::new(127, 1, high, low)
    }

    /// One listener on every address takes the connections of all tcp probes. It stays for the next outage, since
    /// the thread that accepts keeps the port.
    fn listen() -> Result<()> {
        static ACCEPTS: AtomicBool = AtomicBool::new(false);
        if !ACCEPTS.swap(true, Ordering::Relaxed) {
            let listener = TcpListener::bind("0.0.0.0:8080")?;
            std::thread::spawn(move || listener.incoming().for_each(drop));
        }
        Ok(())
    }

    fn falconer_toml(&self, base: &Path) -> Result<String> {
        let at = base.display();
        let mut text = format!(
            "[site]\nname = \"large\"\nstate_dir = \"{at}/state\"\nrun_dir = \"{at}/run\"\n[bird]\nsocket = \"{at}/bird.ctl\"\n\
             [api]\nsocket = \"{at}/falconer.sock\"\nlisten = \"\"\n[log]\nlevel = \"warn\"\n[[upstream]]\nname = \"isp\"\n\
             [[witness]]\nname = \"gateway\"\ntype = \"icmp\"\ntarget = \"192.0.2.2\"\n"
        );
        for service in 0..self.services {
            let prefix = prefix(service);
            write!(
                text,
                "[[service]]\nname = \"s{service:04}\"\nrole = \"standby\"\nprefixes = [\"{prefix}\"]\nflap_limit = 100\n"
            )?;
            for probe in 0..self.probes {
                let (kind, target, interval) = (self.kind, self.target(service), self.interval);
                let port = if kind == "tcp" {
                    "target = \"ADDR:8080\""
                } else {
                    "target = \"ADDR\""
                };
                let target = port.replace("ADDR", &target.to_string());
                write!(
                    text,
                    "[[service.probe]]\nname = \"p{probe}\"\ntype = \"{kind}\"\n{target}\ninterval = \"{interval}s\"\n"
                )?;
            }
        }
        Ok(text)
    }

    fn bird_conf(&self, base: &Path) -> Result<String> {
        let at = base.display();
        let mut text = "router id 192.0.2.1;\nprotocol device {}\nprotocol bgp isp { local 192.0.2.1 as 64501; neighbor 192.0.2.2 as 64500; \
                        strict bind yes; multihop; ipv4 { import none; export where source = RTS_STATIC; }; }\n"
            .to_owned();
        for service in 0..self.services {
            let prefix = prefix(service);
            for (suffix, preference) in [("", 200), ("_drain", 190)] {
                let name = format!("s{service:04}_v4{suffix}");
                writeln!(
                    text,
                    "protocol static {name} {{ disabled;\ninclude \"{at}/ru[n]/bird/{name}.conf\";\n\
                     ipv4 {{ preference {preference}; }}; route {prefix} blackhole; }}"
                )?;
            }
        }
        Ok(text)
    }
}

fn prefix(service: usize) -> String {
    format!("100.{}.{}.0/24", 64 + service / 256, service % 256)
}

fn isp_conf() -> String {
    "router id 192.0.2.2;\nprotocol device {}\nprotocol bgp standby1 { local 192.0.2.2 as 64500; neighbor 192.0.2.1 as 64501; \
     strict bind yes; multihop; ipv4 { import all; export none; }; }\n"
        .to_owned()
}

fn addresses() -> Result<()> {
    for arguments in [
        "link set lo up",
        "address replace 192.0.2.1/32 dev lo",
        "address replace 192.0.2.2/32 dev lo",
    ] {
        let status = Command::new("ip").args(arguments.split(' ')).status()?;
        ensure!(status.success(), "ip {arguments}: {status}");
    }
    Ok(())
}

fn nft(rules: &str) -> Result<()> {
    let status = Command::new("nft").arg(rules).status()?;
    ensure!(status.success(), "nft {rules}: {status}");
    Ok(())
}

fn bird(base: &Path, name: &str, conf: &str) -> Result<Process> {
    let file = base.join(format!("{name}.conf"));
    std::fs::write(&file, conf)?;
    let socket: PathBuf = base.join(format!("{name}.ctl"));
    let mut command = Command::new(falconer_lab::bird::binary());
    command.args(["-f", "-c"]).arg(&file).arg("-s").arg(&socket);
    let process = Process::start(name, &mut command, &base.join(format!("{name}.log")))?;
    wait::until_true("BIRD's socket", Duration::from_secs(20), || {
        Ok(UnixStream::connect(&socket).is_ok())
    })?;
    Ok(process)
}

fn status(socket: &Path) -> Result<falconer::model::Snapshot> {
    let answer = super::get(socket, "/v1/status")?;
    let body = answer.split_once("\r\n\r\n").context("a body")?.1;
    Ok(serde_json::from_str(body)?)
}

fn settled(status: &falconer::model::Snapshot, services: usize) -> bool {
    use falconer::model::snapshot::{Strength, Verdict};
    let well = |service: &&falconer::model::snapshot::ServiceSnapshot| {
        service.verdict == Verdict::Up && service.actual == Strength::Off && service.want == Strength::Off
    };
    status.services.iter().filter(well).count() == services
        && status
            .upstreams
            .iter()
            .all(|upstream| upstream.state.is_established())
}

fn exported(status: &falconer::model::Snapshot) -> usize {
    let services = status.services.iter();
    services
        .filter(|service| {
            service
                .transition
                .as_ref()
                .is_some_and(|last| last.stages.exported.is_some())
        })
        .count()
}

fn outcome(status: &falconer::model::Snapshot, died: SystemTime) -> Outcome {
    let after = |at: jiff::Timestamp| wait::between(died, SystemTime::from(at)).as_secs_f64();
    let transitions = status
        .services
        .iter()
        .filter_map(|service| service.transition.as_ref());
    let stages = transitions.map(|transition| &transition.stages);
    let span = |times: Vec<f64>| {
        let first = times.iter().copied().fold(f64::INFINITY, f64::min);
        (first, times.into_iter().fold(0.0, f64::max))
    };
    let enabled: Vec<f64> = stages
        .clone()
        .filter_map(|stages| stages.enable_answered.map(after))
        .collect();
    Outcome {
        enabled: enabled.len(),
        decided: span(
            stages
                .clone()
                .filter_map(|stages| stages.decided.map(after))
                .collect(),
        ),
        enabling: span(enabled),
        exported: span(stages.filter_map(|stages| stages.exported.map(after)).collect()).1,
        ..Outcome::default()
    }
}

fn share(before: Usage, after: Usage, time: Duration) -> f64 {
    (after.cpu - before.cpu).as_secs_f64() / time.as_secs_f64() * 100.0
}
