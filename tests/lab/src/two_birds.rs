//! A real BIRD with an upstream, in a network namespace that ends with them.

#![expect(clippy::unwrap_used, reason = "what a test sets up must be there")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::bird::Bird;
use crate::isolate;
use crate::netns::Netns;

/// The two BIRDs, and the directory of their files. Dropping it ends all of it.
pub struct Birds {
    dir: TempDir,
    namespace: Netns,
    ours: Bird,
    upstream: Bird,
}

impl Birds {
    /// Both BIRDs at work; the session is not established yet.
    pub fn start() -> Self {
        // BIRD's user reads the files.
        let dir = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let namespace = Netns::alone().unwrap();
        for address in ["10.99.0.1/32", "10.99.0.2/32"] {
            namespace
                .run_line(&format!("ip addr add {address} dev lo"))
                .unwrap();
        }
        let mut birds = Self {
            ours: Bird::new(&namespace, &dir.path().join("ours")).unwrap(),
            upstream: Bird::new(&namespace, &dir.path().join("upstream")).unwrap(),
            dir,
            namespace,
        };
        birds.upstream.configure_with(UPSTREAM).unwrap();
        birds.configure_ours(&["198.51.100.0/24"], true);
        birds.upstream.start().unwrap();
        birds.start_ours();
        birds
    }

    /// Falconer's run_dir.
    pub fn run_dir(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// Our BIRD's control socket.
    pub fn socket(&self) -> PathBuf {
        self.ours.socket()
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
        self.ours
            .configure_with(&OURS.replace("STATICS", &statics))
            .unwrap();
    }

    /// Puts something else into our BIRD's configuration, which does not read it yet.
    pub fn edit_ours(&self, from: &str, to: &str) {
        let path = self.ours.configuration();
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
        let path = self.upstream.configuration();
        let text = fs::read_to_string(&path).unwrap();
        let both = text.replacen("  ipv4 {", "  ipv6 { import all; export none; };\n  ipv4 {", 1);
        fs::write(&path, both).unwrap();
    }

    /// Has the upstream read its configuration, as soon as it answers.
    pub async fn read_upstream(&self) {
        eventually("a reconfiguration of the upstream", || {
            ask(&self.upstream, "configure").contains("Reconfigur")
        })
        .await;
    }

    /// `ip` in the namespace.
    pub fn ip(&self, args: &str) {
        self.namespace.run_line(&format!("ip {args}")).unwrap();
    }

    /// Starts our BIRD.
    pub fn start_ours(&mut self) {
        self.ours.start().unwrap();
    }

    /// kill -9: its socket stays behind.
    pub fn kill_ours(&mut self) {
        self.ours.kill().unwrap();
    }

    /// As `systemctl reload` of old.
    pub fn hangup_ours(&self) {
        self.ours.hang_up().unwrap();
    }

    /// When our BIRD read its configuration last, to the microsecond.
    pub fn last_reconfiguration(&self) -> String {
        let status = self.birdc("show status");
        let line = status.lines().find(|line| line.contains("Last reconfiguration"));
        line.unwrap_or_default().to_owned()
    }

    /// birdc with our BIRD.
    pub fn birdc(&self, command: &str) -> String {
        ask(&self.ours, command)
    }

    /// Whether the upstream has that prefix.
    pub fn upstream_has(&self, prefix: &str) -> bool {
        ask(&self.upstream, &format!("show route {prefix}")).contains(prefix)
    }

    /// The announcements and withdrawals that the upstream took in so far.
    pub fn upstream_updates(&self) -> (u64, u64) {
        let text = ask(&self.upstream, "show protocols all customer");
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
}

/// What BIRD says; nothing where it does not run.
fn ask(bird: &Bird, command: &str) -> String {
    bird.birdc(command).unwrap_or_default()
}

impl Drop for Birds {
    fn drop(&mut self) {
        if std::thread::panicking() {
            isolate::print_logs(self.dir.path());
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
