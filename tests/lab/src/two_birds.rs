//! A real BIRD with an upstream, in a network namespace that ends with them.

#![expect(clippy::unwrap_used, reason = "what a test sets up must be there")]
#![expect(clippy::print_stderr, reason = "a test that fails shows the BIRDs' logs")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// The namespace, the directory, and the two BIRDs in them. Dropping it ends all of it.
pub struct Birds {
    dir: TempDir,
    namespace: Child,
    ours: Option<Child>,
    upstream: Option<Child>,
}

/// The BIRD to test with.
fn binary() -> PathBuf {
    std::env::var_os("FALCONER_LAB_BIRD").map_or_else(|| "/usr/sbin/bird".into(), PathBuf::from)
}

/// Why these tests cannot run here, if they cannot.
pub fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("a network namespace needs root".to_owned());
    }
    (!binary().exists()).then(|| format!("there is no {}", binary().display()))
}

/// Fails a test that cannot run: one that is left out must not count as passed.
pub fn skip(why: &str) {
    panic!("this test cannot run here: {why}");
}

impl Birds {
    /// Both BIRDs at work; the session is not established yet.
    pub fn start() -> Self {
        let dir = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let mut namespace = Command::new("unshare")
            .args(["--net", "sh", "-c"])
            .arg("ip link set lo up && ip addr add 10.99.0.1/32 dev lo && ip addr add 10.99.0.2/32 dev lo && echo && exec sleep 900")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0];
        std::io::Read::read_exact(namespace.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let mut birds = Self {
            dir,
            namespace,
            ours: None,
            upstream: None,
        };
        fs::write(birds.path("upstream.conf"), UPSTREAM).unwrap();
        birds.configure_ours(&["198.51.100.0/24"], true);
        birds.upstream = Some(birds.spawn("upstream"));
        birds.start_ours();
        birds
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Falconer's run_dir.
    pub fn run_dir(&self) -> PathBuf {
        self.path("run")
    }

    /// Our BIRD's control socket.
    pub fn socket(&self) -> PathBuf {
        self.path("ours.ctl")
    }

    /// Writes our BIRD's configuration, and does not make it read it. Without `include` it is one
    /// that knows nothing of state files.
    pub fn configure_ours(&self, routes: &[&str], include: bool) {
        let run = self.run_dir();
        let statics: String = [("web_v4", 200), ("web_v4_drain", 190)]
            .into_iter()
            .map(|(name, preference)| {
                let include = if include {
                    format!("include \"{}/ru[n]/bird/{name}.conf\";\n", run.parent().unwrap().display())
                } else {
                    String::new()
                };
                let routes: String = routes.iter().map(|route| format!("  route {route} blackhole;\n")).collect();
                format!("protocol static {name} {{\n  disabled;\n{include}  ipv4 {{ preference {preference}; }};\n{routes}}}\n")
            })
            .collect();
        fs::write(self.path("ours.conf"), OURS.replace("STATICS", &statics)).unwrap();
    }

    /// Puts something else into our BIRD's configuration, which does not read it yet.
    pub fn edit_ours(&self, from: &str, to: &str) {
        let path = self.path("ours.conf");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "no {from} in {text}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }

    /// Has our BIRD read its configuration, as soon as it answers.
    pub async fn read_ours(&self) {
        eventually("a reconfiguration", || {
            let said = self.birdc("configure");
            assert!(!said.contains("error"), "{said}");
            said.contains("Reconfigur")
        })
        .await;
    }

    /// Puts something else into our BIRD's configuration, which reads it.
    pub async fn change_ours(&self, from: &str, to: &str) {
        self.edit_ours(from, to);
        self.read_ours().await;
    }

    /// Has both BIRDs carry IPv6 over their session, which runs over IPv4; neither reads it yet.
    pub fn carry_v6(&self) {
        self.edit_ours(
            "  ipv4 { import none;",
            "  ipv6 { import none; export all; };\n  ipv4 { import none;",
        );
        let path = self.path("upstream.conf");
        let text = fs::read_to_string(&path).unwrap();
        let both = text.replacen("  ipv4 {", "  ipv6 { import all; export none; };\n  ipv4 {", 1);
        fs::write(&path, both).unwrap();
    }

    /// Has the upstream read its configuration, as soon as it answers.
    pub async fn read_upstream(&self) {
        eventually("a reconfiguration of the upstream", || {
            Self::ask(&self.path("upstream.ctl"), "configure").contains("Reconfigur")
        })
        .await;
    }

    /// `ip` in the namespace.
    pub fn ip(&self, args: &str) {
        let namespace = format!("--net=/proc/{}/ns/net", self.namespace.id());
        let status = Command::new("nsenter")
            .arg(namespace)
            .arg("ip")
            .args(args.split(' '))
            .status()
            .unwrap();
        assert!(status.success(), "ip {args}");
    }

    /// Starts our BIRD.
    pub fn start_ours(&mut self) {
        self.ours = Some(self.spawn("ours"));
    }

    /// kill -9: its socket stays behind.
    pub fn kill_ours(&mut self) {
        if let Some(mut bird) = self.ours.take() {
            bird.kill().unwrap();
            bird.wait().unwrap();
        }
    }

    /// As `systemctl reload` of old.
    pub fn hangup_ours(&self) {
        let pid = self.ours.as_ref().unwrap().id();
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// When our BIRD read its configuration last, to the microsecond.
    pub fn last_reconfiguration(&self) -> String {
        let status = self.birdc("show status");
        let line = status.lines().find(|line| line.contains("Last reconfiguration"));
        line.unwrap_or_default().to_owned()
    }

    /// birdc with our BIRD.
    pub fn birdc(&self, command: &str) -> String {
        Self::ask(&self.socket(), command)
    }

    /// Whether the upstream has that prefix.
    pub fn upstream_has(&self, prefix: &str) -> bool {
        Self::ask(&self.path("upstream.ctl"), &format!("show route {prefix}")).contains(prefix)
    }

    /// The announcements and withdrawals that the upstream took in so far.
    pub fn upstream_updates(&self) -> (u64, u64) {
        let text = Self::ask(&self.path("upstream.ctl"), "show protocols all customer");
        let count = |label: &str| {
            let line = text
                .lines()
                .find(|line| line.trim_start().starts_with(label))
                .unwrap();
            line.trim_start()[label.len()..]
                .split_whitespace()
                .next()
                .unwrap()
                .parse()
                .unwrap()
        };
        (count("Import updates:"), count("Import withdraws:"))
    }

    fn ask(socket: &Path, command: &str) -> String {
        let birdc = binary().with_file_name("birdc");
        let output = Command::new(birdc)
            .arg("-s")
            .arg(socket)
            .args(command.split(' '))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn spawn(&self, name: &str) -> Child {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.path(&format!("{name}.log")))
            .unwrap();
        Command::new("nsenter")
            .arg(format!("--net=/proc/{}/ns/net", self.namespace.id()))
            .arg(binary())
            .args(["-f", "-u", "bird", "-g", "bird", "-c"])
            .arg(self.path(&format!("{name}.conf")))
            .arg("-s")
            .arg(self.path(&format!("{name}.ctl")))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }
}

impl Drop for Birds {
    fn drop(&mut self) {
        for child in [
            self.ours.as_mut(),
            self.upstream.as_mut(),
            Some(&mut self.namespace),
        ]
        .into_iter()
        .flatten()
        {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            for name in ["ours.log", "upstream.log"] {
                eprintln!(
                    "{name}:\n{}",
                    fs::read_to_string(self.path(name)).unwrap_or_default()
                );
            }
        }
    }
}

/// Waits for what only the other side knows.
pub async fn eventually(what: &str, is_it: impl Fn() -> bool) {
    for _ in 0..400 {
        if is_it() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what} did not happen in time");
}

const OURS: &str = "router id 10.99.0.2;
timeformat base iso long us;
protocol device {}
STATICS
protocol bgp isp_upstream {
  local 10.99.0.2 as 64501;
  neighbor 10.99.0.1 as 64500;
  multihop;
  strict bind yes;
  connect delay time 1; connect retry time 1; error wait time 1, 1;
  ipv4 { import none; export where proto ~ \"web_*\"; next hop self; };
}
";

const UPSTREAM: &str = "router id 10.99.0.1;
protocol device {}
protocol bgp customer {
  local 10.99.0.1 as 64500;
  neighbor 10.99.0.2 as 64501;
  multihop;
  strict bind yes;
  connect delay time 1; connect retry time 1; error wait time 1, 1;
  ipv4 { import all; export none; };
}
";
