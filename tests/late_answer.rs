//! An apply (A9) at a BIRD that answers late: the whole of it, from `falconer render --apply` to the file on
//! disk, with the command alone and with a daemon. BIRD is deaf for as long as our time-outs have passed
//! several times over.

#![expect(clippy::unwrap_used, reason = "what a test sets up must be there")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::Duration;

use falconer_lab::fake_bird::{Daemon, FakeBird, Fault};

/// Longer than anything takes that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many times somebody connects in vain before BIRD hears again.
const IN_VAIN: u64 = 3;
/// What changes in the rendered file.
const CHANGED: &str = "# changed";

/// A fake BIRD, a rendered file that it runs, and a template that has changed since.
struct Scene {
    dir: tempfile::TempDir,
    bird: FakeBird,
    falconer: Option<Child>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(mut falconer) = self.falconer.take() {
            let _ = falconer.kill();
            let _ = falconer.wait();
        }
    }
}

impl Scene {
    async fn new(version: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut daemon = Daemon::new(version)
            .with_static("web_v4", &["198.51.100.0/24"])
            .with_static("web_v4_drain", &["198.51.100.0/24"])
            .with_bgp("isp_upstream", "203.0.113.1", &["ipv4"]);
        daemon.file = dir.path().join("bird.conf");
        let bird = FakeBird::start(&dir.path().join("bird.ctl"), daemon);
        let scene = Self {
            dir,
            bird,
            falconer: None,
        };
        for directory in ["state", "run", "templates/parts"] {
            std::fs::create_dir_all(scene.path(directory)).unwrap();
        }
        let toml = CONFIGURATION.replace("@DIR@", &scene.dir.path().display().to_string());
        std::fs::write(scene.path("falconer.toml"), toml).unwrap();
        scene.template("");
        let written = scene.falconer(&["render", "--write"]).await;
        assert!(written.status.success(), "{written:?}");
        scene
    }

    /// The same with a daemon that has looked around.
    async fn with_daemon(version: &str) -> Self {
        let mut scene = Self::new(version).await;
        let mut command = scene.command(&["run"]);
        let log = std::fs::File::create(scene.path("falconer.log")).unwrap();
        command.stderr(log.try_clone().unwrap()).stdout(log);
        scene.falconer = Some(command.spawn().unwrap());
        let give_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            let status = scene.falconer(&["status", "--json"]).await;
            let said = String::from_utf8_lossy(&status.stdout).into_owned();
            if said.contains("\"want\":\"off\",\"actual\":\"off\"") {
                return scene;
            }
            assert!(tokio::time::Instant::now() < give_up, "{said}\n{}", scene.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn template(&self, more: &str) {
        let part = self.path("templates/parts/log.conf");
        std::fs::write(part, format!("log stderr all;\n{more}\n")).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_falconer"));
        command.args(arguments).arg("-c").arg(self.path("falconer.toml"));
        command
    }

    async fn falconer(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap()
    }

    /// Applies the changed template to a BIRD that is deaf from that command on, until several time-outs
    /// have passed.
    async fn apply_late(&self, command: &str) -> Output {
        self.template(CHANGED);
        self.bird.plan_whole(command, Fault::Deaf);
        let deaf = async {
            self.until(|| self.bird.lines().iter().any(|line| line == command))
                .await;
            let before = self.bird.connections();
            self.until(|| self.bird.connections() >= before + IN_VAIN).await;
            self.bird.hear_again();
        };
        let (output, ()) = tokio::join!(self.falconer(&["render", "--apply"]), deaf);
        output
    }

    async fn until(&self, is_it: impl Fn() -> bool) {
        let give_up = tokio::time::Instant::now() + PATIENCE;
        while !is_it() {
            assert!(
                tokio::time::Instant::now() < give_up,
                "{:?}\n{}",
                self.bird.lines(),
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The commands that reconfigure, each as often as it was sent in a row.
    fn reconfigurations(&self) -> Vec<(String, usize)> {
        let mut sent: Vec<(String, usize)> = Vec::new();
        for line in self.bird.lines() {
            let asks = line == "configure status" || line.starts_with("configure check");
            match sent.last_mut() {
                _ if asks || !line.starts_with("configure") => {}
                Some((last, count)) if *last == line => *count += 1,
                Some(_) | None => sent.push((line, 1)),
            }
        }
        sent
    }

    fn on_disk(&self) -> String {
        std::fs::read_to_string(self.path("bird.conf")).unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("falconer.log")).unwrap_or_default()
    }

    /// The new file, kept.
    fn must_be_applied(&self, output: &Output) {
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("applied and confirmed"),
            "{output:?}\n{}",
            self.log()
        );
        assert!(self.on_disk().contains(CHANGED));
        assert_eq!(
            self.bird.with(|daemon| daemon.undo_in),
            None,
            "BIRD would undo it"
        );
        assert_eq!(self.bird.writes(), Vec::<String>::new(), "nothing is switched");
    }
}

/// The names of what was sent, without how often.
fn names(sent: &[(String, usize)]) -> Vec<&str> {
    sent.iter().map(|(name, _)| name.as_str()).collect()
}

/// The file that BIRD runs already: told once more, never undone.
async fn late_for_what_runs(scene: Scene) {
    let output = scene.apply_late("configure").await;
    scene.must_be_applied(&output);
    let sent = scene.reconfigurations();
    assert_eq!(
        names(&sent),
        ["configure", "configure timeout 10", "configure confirm"]
    );
    assert!(
        sent[0].1 > 1,
        "without an answer nobody knows that it was taken: {sent:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_the_unchanged_configure_is_told_again_and_never_undone_however_late_its_answer() {
    late_for_what_runs(Scene::new("2.0.12").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_the_unchanged_configure_is_told_again_by_a_daemon_however_late_its_answer() {
    late_for_what_runs(Scene::with_daemon("3.3.2").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_a_late_answer_to_the_new_file_undoes_it_and_puts_the_old_file_back_with_the_reason() {
    let scene = Scene::with_daemon("2.0.12").await;
    let old = scene.on_disk();
    let output = scene.apply_late("configure timeout 10").await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        said.contains("undone: ") && said.contains("BIRD is back at the old file"),
        "{said}"
    );
    assert_eq!(scene.on_disk(), old);
    assert_eq!(
        names(&scene.reconfigurations()),
        ["configure", "configure timeout 10", "configure undo"]
    );
    assert_eq!(scene.bird.with(|daemon| daemon.undo_in), None);
    // And what was asked for gets there when BIRD answers.
    let again = scene.falconer(&["render", "--apply"]).await;
    scene.must_be_applied(&again);
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_a_late_answer_to_the_confirmation_keeps_the_new_file() {
    let scene = Scene::new("2.0.12").await;
    let output = scene.apply_late("configure confirm").await;
    scene.must_be_applied(&output);
    let sent = scene.reconfigurations();
    assert_eq!(
        names(&sent),
        ["configure", "configure timeout 10", "configure confirm"]
    );
    assert!(Path::new(&scene.path("state/bird.conf.running")).exists());
}

/// The time-out is short, so that several of them pass soon.
const CONFIGURATION: &str = r#"
[site]
name = "hk1"
state_dir = "@DIR@/state"
run_dir = "@DIR@/run"

[bird]
socket = "@DIR@/bird.ctl"
timeout = "500ms"

[api]
socket = "@DIR@/falconer.sock"
listen = ""

[render]
template_dir = "@DIR@/templates"
output = "@DIR@/bird.conf"
confirm_within = "10s"

[router]
id = "203.0.113.2"
local_as = 64501

[[upstream]]
name = "isp_upstream"
neighbor = "203.0.113.1"
neighbor_as = 64500

[[service]]
name = "web"
role = "standby"
prefixes = ["198.51.100.0/24"]

[[service.probe]]
name = "well"
type = "exec"
command = ["/bin/true"]

[[witness]]
name = "near"
type = "exec"
command = ["/bin/true"]
"#;
