//! Network namespaces: making them and their links, running programs and threads inside. It knows
//! the lab's topology, and nothing of BGP.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::topology::{Host, LINKS, Link, SERVICE4, SERVICE6};
use crate::wait;

/// How long a new namespace may take.
const READY: Duration = Duration::from_secs(10);

/// A network namespace: one of the lab's hosts, or [`alone`](Netns::alone).
#[derive(Clone, Debug)]
pub struct Netns {
    name: String,
    path: PathBuf,
    /// What keeps a namespace without a name; the last of its owners ends it.
    _holder: Option<Arc<Holder>>,
}

/// A process that sleeps in a namespace. It is told to die with the thread that started it, so that nothing is
/// left behind however a test ends.
#[derive(Debug)]
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Netns {
    /// The namespace of a host, by its name, in the lab with this prefix.
    pub fn of(prefix: &str, host: impl std::fmt::Display) -> Self {
        let name = format!("{prefix}{host}");
        Self {
            path: Path::new("/run/netns").join(&name),
            name,
            _holder: None,
        }
    }

    /// A new one with nothing but a loopback interface, for as long as somebody has it.
    pub fn alone() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            bail!("a network namespace takes root");
        }
        let sleep = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"])
            .stdin(Stdio::null())
            .spawn()
            .context("running setpriv")?;
        let path = PathBuf::from(format!("/proc/{}/ns/net", sleep.id()));
        let namespace = Self {
            name: sleep.id().to_string(),
            path,
            _holder: Some(Arc::new(Holder(sleep))),
        };
        let own = std::fs::read_link("/proc/thread-self/ns/net")?;
        wait::until_true("network namespace of its own", READY, || {
            Ok(std::fs::read_link(&namespace.path)? != own)
        })?;
        namespace.run("ip", &["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Its name for `ip netns exec`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For nsenter, setns and `ip link`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command that runs inside, with nothing but the network exchanged. `nsenter` replaces itself,
    /// so the child's process id is the program's.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.path().display()))
            .arg("--")
            .arg(program);
        command
    }

    /// Runs a program inside and returns what it printed.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        crate::output_of(self.command(program).args(arguments))
    }

    /// Runs a command without quotes inside, and returns what it printed.
    pub fn run_line(&self, line: &str) -> Result<String> {
        let mut words = line.split_whitespace();
        let program = words.next().context("an empty command")?;
        crate::output_of(self.command(program).args(words))
    }

    /// Moves the calling thread inside, for good. Sockets that it opens from now on belong here.
    pub fn enter(&self) -> Result<()> {
        let file = File::open(&self.path).with_context(|| format!("opening {}", self.path.display()))?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .with_context(|| format!("entering the namespace {}", self.name))
    }

    /// Does something inside on the calling thread, which comes back: threads that it starts stay there.
    pub fn on_this_thread<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        let back = File::open("/proc/thread-self/ns/net").context("opening our own namespace")?;
        self.enter()?;
        let done = work();
        move_into_link_name_space(back.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(done)
    }

    /// Does something inside on a thread of its own, such as opening a socket, and returns its result.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.enter()?;
                work()
            });
            thread
                .join()
                .map_err(|_| anyhow!("the thread in {} panicked", self.name))?
        })
    }

    /// Feeds nftables; an error with what it said.
    pub fn nft(&self, rules: &str) -> Result<()> {
        fed(self.command("nft").args(["-f", "-"]), rules)
    }

    /// `ip -batch` inside.
    pub fn ip_batch(&self, lines: &str) -> Result<()> {
        fed(Command::new("ip").args(["-n", &self.name, "-batch", "-"]), lines)
    }
}

/// Makes every host's namespace and link.
pub fn build(prefix: &str) -> Result<()> {
    let mut lines = String::new();
    for host in Host::ALL {
        writeln!(lines, "netns add {prefix}{host}")?;
    }
    ip_batch(&lines)?;
    for host in Host::ALL {
        settings(&Netns::of(prefix, host), host == Host::Isp)?;
    }
    let mut lines = String::new();
    for link in LINKS {
        let host = link.host;
        writeln!(
            lines,
            "link add {host} netns {prefix}isp type veth peer name wan0 netns {prefix}{host}"
        )?;
    }
    ip_batch(&lines)?;
    let mut isp = String::from("link set lo up\n");
    for link in LINKS {
        address_isp(&mut isp, &link)?;
    }
    Netns::of(prefix, Host::Isp).ip_batch(&isp)?;
    for link in LINKS {
        Netns::of(prefix, link.host).ip_batch(&host_lines(&link)?)?;
    }
    Ok(())
}

/// Takes away what [`build`] made; what runs inside must have ended.
pub fn remove(prefix: &str) -> Result<()> {
    for host in Host::ALL {
        let namespace = Netns::of(prefix, host);
        if namespace.path().exists() {
            crate::run("ip", &["netns", "delete", namespace.name()])?;
        }
    }
    Ok(())
}

/// No duplicate address detection, which would keep addresses unusable for a second; no reverse path
/// filter; addresses are kept when a link goes down; and a router forwards.
pub(crate) fn settings(namespace: &Netns, router: bool) -> Result<()> {
    let forward = u8::from(router);
    let script = format!(
        "cd /proc/sys/net && for c in all default; do \
         echo 0 > ipv6/conf/$c/disable_ipv6; echo 0 > ipv6/conf/$c/dad_transmits; \
         echo 0 > ipv6/conf/$c/accept_ra; echo 1 > ipv6/conf/$c/keep_addr_on_down; \
         echo 0 > ipv4/conf/$c/rp_filter; echo {forward} > ipv6/conf/$c/forwarding; done; \
         echo {forward} > ipv4/ip_forward"
    );
    namespace.run("sh", &["-ec", &script])?;
    Ok(())
}

fn address_isp(lines: &mut String, link: &Link) -> Result<()> {
    let host = link.host;
    writeln!(lines, "link set {host} up")?;
    writeln!(lines, "address add {}/{} dev {host}", link.isp[0], link.length[0])?;
    writeln!(
        lines,
        "address add {}/{} dev {host} nodad",
        link.isp[1], link.length[1]
    )?;
    Ok(())
}

fn host_lines(link: &Link) -> Result<String> {
    let mut lines = String::from("link set lo up\nlink set wan0 up\n");
    for address in link.here {
        let nodad = if address.contains(':') { "nodad" } else { "" };
        writeln!(lines, "address add {address} dev wan0 {nodad}")?;
    }
    if link.host.serves() {
        writeln!(
            lines,
            "address add {SERVICE4}/32 dev lo\naddress add {SERVICE6}/128 dev lo nodad"
        )?;
    }
    writeln!(lines, "route add default via {}", link.isp[0])?;
    writeln!(lines, "route add default via {} dev wan0", link.isp[1])?;
    Ok(lines)
}

/// `ip -batch` outside, for what is between namespaces.
pub(crate) fn ip_batch(lines: &str) -> Result<()> {
    fed(Command::new("ip").args(["-batch", "-"]), lines)
}

/// Runs a command with `input` on its stdin.
fn fed(command: &mut Command, input: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("running {command:?}"))?;
    child
        .stdin
        .take()
        .context("its stdin is a pipe")?
        .write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "{command:?}: {}\n{input}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
