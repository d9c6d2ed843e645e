//! FRR as the upstream: zebra and bgpd in its namespace, asked with vtysh.

use std::fmt::Write as _;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bird_conf::{hold_time, sessions};
use crate::netns::Netns;
use crate::process::Process;
use crate::topology::Host;
use crate::wait;

/// Where Debian puts FRR's daemons.
const LIBRARY: &str = "/usr/lib/frr";
/// How long a daemon may take to start.
const START: Duration = Duration::from_secs(20);

/// A running FRR.
#[derive(Debug)]
pub struct Frr {
    directory: PathBuf,
    processes: Vec<Process>,
}

impl Frr {
    /// Starts zebra, then bgpd and what else `daemons` has a configuration for, and waits until each answers.
    pub fn start(namespace: &Netns, directory: &Path, daemons: &[(&str, String)]) -> Result<Self> {
        let directory = directory.join("frr");
        std::fs::create_dir_all(&directory)?;
        let passwd = std::fs::read_to_string("/etc/passwd")?;
        let row = passwd
            .lines()
            .find(|row| row.starts_with("frr:"))
            .context("no user frr: is FRR installed?")?;
        let mut ids = row.split(':').skip(2).filter_map(|id| id.parse().ok());
        chown(&directory, ids.next(), ids.next())?;
        let zebra = ("zebra", "hostname isp\n".to_owned());
        let mut frr = Self {
            directory,
            processes: Vec::new(),
        };
        for (daemon, text) in [&zebra].into_iter().chain(daemons) {
            std::fs::write(frr.directory.join(format!("{daemon}.conf")), text)?;
            frr.launch(namespace, daemon)?;
        }
        Ok(frr)
    }

    fn launch(&mut self, namespace: &Netns, daemon: &str) -> Result<()> {
        let directory = &self.directory;
        let mut command = namespace.command(Path::new(LIBRARY).join(daemon));
        command
            .arg("-f")
            .arg(directory.join(format!("{daemon}.conf")))
            .arg("-i")
            .arg(directory.join(format!("{daemon}.pid")))
            .arg("-z")
            .arg(directory.join("zserv.api"))
            .arg("--vty_socket")
            .arg(directory)
            .args(["-P", "0", "-u", "frr", "-g", "frr", "--log", "stdout"]);
        if daemon == "bfdd" {
            command.arg("--bfdctl").arg(directory.join("bfdd.sock"));
        }
        let mut process = Process::start(daemon, &mut command, &directory.join(format!("{daemon}.log")))?;
        wait::until_true(&format!("answer of {daemon}"), START, || {
            process.must_run()?;
            Ok(directory.join(format!("{daemon}.vty")).exists()
                && self.vtysh_to(daemon, "show version").is_ok())
        })?;
        self.processes.push(process);
        Ok(())
    }

    /// One vtysh command, as an operator types it.
    pub fn vtysh(&self, line: &str) -> Result<String> {
        self.vtysh_to("bgpd", line)
    }

    fn vtysh_to(&self, daemon: &str, line: &str) -> Result<String> {
        let mut command = Command::new("vtysh");
        command
            .arg("--vty_socket")
            .arg(&self.directory)
            .args(["-d", daemon, "-c", line]);
        crate::output_of(&mut command)
    }

    /// Leaves it running after we are gone.
    pub fn let_go(&mut self) {
        self.processes.drain(..).for_each(Process::let_go);
    }
}

/// The same policy as the BIRD flavour. A route map that comes after its use takes five seconds to be
/// heeded, so it comes first. FRR follows RFC 8326 by itself.
pub(crate) fn bgpd_conf() -> String {
    let mut text = String::from(
        "hostname isp\nroute-map FROM_CN permit 10\n set local-preference 200\nexit\n\
         router bgp 64500\n bgp router-id 192.0.2.1\n no bgp ebgp-requires-policy\n \
         no bgp default ipv4-unicast\n",
    );
    for host in [Host::Cn, Host::Hk] {
        for (_, neighbor, _) in sessions(host) {
            let hold = hold_time(host);
            let _ = write!(
                text,
                " neighbor {neighbor} remote-as {}\n neighbor {neighbor} timers {} {hold}\n \
                 neighbor {neighbor} timers connect 1\n neighbor {neighbor} advertisement-interval 0\n",
                host.asn().unwrap_or_default(),
                hold / 3,
            );
        }
    }
    for family in ["ipv4", "ipv6"] {
        let _ = writeln!(text, " address-family {family} unicast");
        for host in [Host::Cn, Host::Hk] {
            for (_, neighbor, _) in sessions(host).iter().filter(|session| session.0 == family) {
                let _ = writeln!(text, "  neighbor {neighbor} activate");
                if host == Host::Cn {
                    let _ = writeln!(text, "  neighbor {neighbor} route-map FROM_CN in");
                }
            }
        }
        text.push_str(" exit-address-family\n");
    }
    text
}
