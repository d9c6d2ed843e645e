//! The binary as a user runs it: exit codes, what is said, and to whom.

#![expect(clippy::unwrap_used, reason = "what a test sets up must be there")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use assert_cmd::Command;
use falconer::api::{CommandReply, Handles, OperatorRequest, Refusal, serve};
use falconer::config::model;
use falconer::model::Snapshot;
use falconer::model::command::{DaemonCommand, OperatorCommand, OverrideOptions};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// A daemon of a few lines behind the real API. Dropping it ends it.
struct Daemon {
    directory: tempfile::TempDir,
    asked: std::sync::mpsc::Receiver<DaemonCommand>,
    shutdown: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Daemon {
    /// Serves the snapshot, and gives each request the same answer.
    fn start(answer: Result<String, Refusal>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = model::ApiConfig {
            socket: directory.path().join("s"),
            listen: None,
            allow: Vec::new(),
            names: Vec::new(),
        };
        let snapshot: Snapshot =
            serde_json::from_str(include_str!("fixtures/status/overridden.json")).unwrap();
        let (tell, asked) = std::sync::mpsc::channel();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let (_snapshot, seen) = watch::channel(Arc::new(snapshot));
                let past =
                    falconer::model::history::entries(include_str!("fixtures/status/history.ndjson")).0;
                let past: Arc<[_]> = past.into_iter().map(Arc::new).collect();
                let (_history, history) = watch::channel(past);
                let readiness = serde_json::from_str(include_str!("fixtures/status/ready.json")).unwrap();
                let (_ready, ready) = watch::channel(Arc::new(readiness));
                let (requests, mut arrived) = mpsc::channel::<OperatorRequest>(1);
                let handles = Handles {
                    latency: watch::channel(Arc::default()).1,
                    snapshot: seen,
                    ready,
                    history,
                    past: falconer::api::HistoryReader::none(),
                    requests,
                    poll_interval: Duration::from_secs(1),
                    metrics: falconer::metrics::MetricSources::default(),
                };
                tokio::spawn(async move {
                    while let Some(request) = arrived.recv().await {
                        let said = answer.clone().map(|said| match &request.command {
                            DaemonCommand::Files(command) => format!("{said}, {command:?}"),
                            DaemonCommand::Service { .. } | DaemonCommand::Explain { .. } => said,
                        });
                        tell.send(request.command).unwrap();
                        drop(request.answer.send(said.map(CommandReply::Said)));
                    }
                });
                serve(&config, handles, stop).await;
            });
        });
        let daemon = Self {
            directory,
            asked,
            shutdown,
            thread: Some(thread),
        };
        while std::os::unix::net::UnixStream::connect(daemon.socket()).is_err() {
            std::thread::yield_now();
        }
        daemon
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    /// Runs falconer against it: exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        falconer(&[&["-s", self.socket().to_str().unwrap()], arguments].concat())
    }
}

fn falconer(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("falconer")
        .unwrap()
        .args(arguments)
        .env("TZ", "UTC")
        .env_remove("NO_COLOR")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn status_piped_is_plain_text() {
    let daemon = Daemon::start(Ok(String::new()));
    let (code, out, err) = daemon.run(&["status"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.starts_with("Falconer 0.1.0 at hk1, running since 2026-11-19\nBIRD 2.0.12 up"),
        "{out}"
    );
    assert!(
        out.contains("\nweb        standby down    off     off     0/2    "),
        "{out}"
    );
    assert!(!out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn status_json_is_the_snapshot() {
    let daemon = Daemon::start(Ok(String::new()));
    let (code, out, _) = daemon.run(&["status", "--json"]);
    assert_eq!(code, 0);
    let printed: Snapshot = serde_json::from_str(&out).unwrap();
    assert_eq!(
        printed,
        serde_json::from_str(include_str!("fixtures/status/overridden.json")).unwrap()
    );
    assert_eq!(out.lines().count(), 1, "one line, for scripts");
}

#[test]
fn the_socket_is_found_through_the_configuration() {
    let daemon = Daemon::start(Ok(String::new()));
    let config = daemon.directory.path().join("falconer.toml");
    std::fs::write(&config, format!("[api]\nsocket = {:?}\n", daemon.socket())).unwrap();
    let (code, _, err) = falconer(&["-c", config.to_str().unwrap(), "status"]);
    assert_eq!((code, err.as_str()), (0, ""));
}

#[test]
fn without_a_daemon_it_exits_69_and_says_where_to_look() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s");
    let arguments = ["-s", socket.to_str().unwrap(), "status"];
    let (code, out, err) = falconer(&arguments);
    assert_eq!((code, out.as_str()), (69, ""));
    assert!(
        err.starts_with("falconer: the daemon does not run: there is no "),
        "{err}"
    );
    assert!(err.contains("systemctl status falconer"), "{err}");

    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let (code, _, err) = falconer(&arguments);
    assert_eq!(code, 69);
    assert!(
        err.starts_with("falconer: the daemon does not run: nobody listens on "),
        "{err}"
    );
}

#[test]
fn a_stranger_behind_the_socket_is_no_daemon() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let stranger = std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = listener.accept().unwrap();
        drop(stream.write_all(b"0001 BIRD 2.0.12 ready.\n"));
    });
    let (code, _, err) = falconer(&["-s", socket.to_str().unwrap(), "status"]);
    assert_eq!(code, 69, "{err}");
    assert!(err.contains("broke off"), "{err}");
    stranger.join().unwrap();
}

#[test]
fn without_permission_it_exits_77_and_says_who_may() {
    let daemon = Daemon::start(Ok(String::new()));
    if !is_root() {
        return;
    }
    let tmp = daemon.directory.path();
    std::fs::set_permissions(tmp, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(daemon.socket(), None, Some(nobody_group())).unwrap();
    let (code, err) = as_nobody(&["-s", daemon.socket().to_str().unwrap(), "status"], tmp);
    assert_eq!(code, 77, "{err}");
    assert!(err.contains("you may not open"), "{err}");
    assert!(err.contains("it is for root and group daemon"), "{err}");
}

/// Group 1 is `daemon` on Debian and Ubuntu; user 65534 is not in it.
fn nobody_group() -> u32 {
    1
}

/// Only root can become somebody else.
fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// Runs a copy that everybody may run, as user nobody: exit code and standard error.
fn as_nobody(arguments: &[&str], directory: &Path) -> (i32, String) {
    use std::os::unix::process::CommandExt;
    let binary = directory.join("falconer");
    std::fs::copy(assert_cmd::cargo::cargo_bin("falconer"), &binary).unwrap();
    let output = std::process::Command::new(binary)
        .args(arguments)
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn wrong_usage_exits_2_and_guesses() {
    let (code, out, err) = falconer(&["statsu"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("status"), "{err}");
    assert_eq!(falconer(&[]).0, 2);
    assert_eq!(falconer(&["man", "nonsense"]).0, 2);
}

#[test]
fn help_and_version_exit_0() {
    let (code, out, _) = falconer(&["--help"]);
    assert_eq!(code, 0);
    assert!(out.contains("Exit codes: 0 done"), "{out}");
    let (code, out, _) = falconer(&["--version"]);
    assert_eq!(
        (code, out.as_str()),
        (0, concat!("falconer ", env!("CARGO_PKG_VERSION"), "\n"))
    );
}

#[test]
fn completions_and_manual_come_from_the_same_source() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = falconer(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(out.contains("status"), "{shell}");
    }
    let (code, out, _) = falconer(&["man"]);
    assert_eq!(code, 0);
    assert!(out.contains(".TH falconer 1"), "{out}");
    assert!(out.contains("Exit codes"), "{out}");
    let (code, out, _) = falconer(&["man", "status"]);
    assert_eq!(code, 0);
    assert!(out.contains("\\-\\-watch"), "{out}");
    let (code, out, _) = falconer(&["man", "falconer.toml"]);
    assert_eq!(code, 0);
    assert!(
        out.contains(".TH falconer.toml 5") && out.contains("retry_interval"),
        "{out}"
    );
}

#[test]
fn the_whole_manual_is_installed_and_every_command_has_its_page_and_its_completion() {
    let directory = tempfile::tempdir().unwrap();
    let man1 = directory.path().join("man1");
    let (code, _, err) = falconer(&["man", "--install", directory.path().to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""));
    let (_, help, _) = falconer(&["help"]);
    let (_, completions, _) = falconer(&["completions", "bash"]);
    let commands = help
        .split("Commands:")
        .nth(1)
        .unwrap()
        .split("Options:")
        .next()
        .unwrap();
    let commands: Vec<&str> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() >= 15, "{commands:?}");
    for command in &commands {
        let page = std::fs::read_to_string(man1.join(format!("falconer-{command}.1"))).unwrap();
        assert!(
            page.contains(".SH NAME") && page.contains(".SH OPTIONS"),
            "{command}: {page}"
        );
        assert!(completions.contains(&format!("falconer,{command})")), "{command}");
    }
    assert!(man1.join("falconer.1").exists());
    assert_eq!(std::fs::read_dir(&man1).unwrap().count(), commands.len() + 1);
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("falconer"))
        .args(["completions", "zsh"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{output:?}");
}

fn of_web(command: OperatorCommand) -> DaemonCommand {
    DaemonCommand::Service {
        service: "web".to_owned(),
        command,
    }
}

#[test]
fn d11_an_override_is_handed_over_with_end_and_reason() {
    let daemon = Daemon::start(Ok("web is withdrawn until 20:45:20".to_owned()));
    let arguments = ["withdraw", "web", "--for", "20m", "--reason", "scrubbing"];
    let (code, out, err) = daemon.run(&arguments);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "web is withdrawn until 20:45:20\n", "")
    );
    let withdraw = OperatorCommand::Withdraw(OverrideOptions {
        lasting: Some(Duration::from_mins(20)),
        reason: Some("scrubbing".to_owned()),
        drain: None,
    });
    assert_eq!(daemon.asked.recv().unwrap(), of_web(withdraw));
}

#[test]
fn d11_all_services_are_withdrawn_and_each_through_drain() {
    let daemon = Daemon::start(Ok("done".to_owned()));
    let arguments = ["withdraw", "--all", "--for", "15m", "--drain", "1s"];
    let (code, out, err) = daemon.run(&arguments);
    // The snapshot says that web is silent.
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "done\nweb: nothing is announced any more\n", "")
    );
    let withdraw = OperatorCommand::Withdraw(OverrideOptions {
        lasting: Some(Duration::from_mins(15)),
        reason: None,
        drain: Some(Duration::from_secs(1)),
    });
    assert_eq!(daemon.asked.try_iter().collect::<Vec<_>>(), [of_web(withdraw)]);
    assert_eq!(daemon.run(&["withdraw"]).0, 2, "neither a service nor all");
    assert_eq!(daemon.run(&["withdraw", "web", "--all"]).0, 2, "both");
}

#[test]
fn every_change_reaches_the_daemon_as_itself() {
    let daemon = Daemon::start(Ok("done".to_owned()));
    let options = OverrideOptions::default;
    let cases = [
        ("announce", OperatorCommand::Announce(options())),
        ("withdraw", OperatorCommand::Withdraw(options())),
        ("freeze", OperatorCommand::Freeze(options())),
        ("auto", OperatorCommand::Auto { reason: None }),
        ("failback", OperatorCommand::Failback { reason: None }),
    ];
    for (verb, command) in cases {
        assert_eq!(daemon.run(&[verb, "web"]).0, 0, "{verb}");
        assert_eq!(daemon.asked.recv().unwrap(), of_web(command));
    }
}

#[test]
fn a9_an_apply_is_the_daemons_work_and_its_words_are_printed() {
    let daemon = Daemon::start(Ok("applied".to_owned()));
    let printed = |out: &str| (0, out.to_owned(), String::new());
    assert_eq!(
        daemon.run(&["render", "--apply"]),
        printed("applied, Apply { force: false }\n")
    );
    let forced = daemon.run(&["render", "--apply", "--force"]);
    assert_eq!(forced, printed("applied, Apply { force: true }\n"));
    assert_eq!(daemon.run(&["render", "--apply", "--diff"]).0, 2);
    let cases = [
        (Refusal::Failed("undone".to_owned()), 1),
        (Refusal::NotNow("later".to_owned()), 1),
        (Refusal::Configuration("line 3".to_owned()), 78),
    ];
    for (refusal, code) in cases {
        let words = format!("falconer: {refusal}\n");
        let daemon = Daemon::start(Err(refusal));
        assert_eq!(daemon.run(&["render", "--apply"]), (code, String::new(), words));
    }
}

#[test]
fn a_reload_is_the_daemons_work_and_a_broken_file_exits_78() {
    let daemon = Daemon::start(Ok("reloaded".to_owned()));
    let (code, out, err) = daemon.run(&["reload"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "reloaded, Reload\n", ""));
    let cases = [
        (Refusal::Configuration("line 3".to_owned()), 78),
        (Refusal::NotNow("[api] changed".to_owned()), 1),
    ];
    for (refusal, code) in cases {
        let words = format!("falconer: {refusal}\n");
        let daemon = Daemon::start(Err(refusal));
        assert_eq!(daemon.run(&["reload"]), (code, String::new(), words));
    }
    let nobody = tempfile::tempdir().unwrap();
    let socket = nobody.path().join("s");
    assert_eq!(falconer(&["-s", socket.to_str().unwrap(), "reload"]).0, 69);
}

#[test]
fn a9_without_a_daemon_and_a_bird_an_apply_touches_nothing_and_exits_69() {
    let directory = tempfile::tempdir().unwrap();
    let config = configuration(directory.path());
    let socket = directory.path().join("nobody.sock");
    let (code, _, err) = falconer(&[
        "-c",
        config.to_str().unwrap(),
        "-s",
        socket.to_str().unwrap(),
        "render",
        "--apply",
    ]);
    assert_eq!(code, 69, "{err}");
    assert!(err.contains("falconer render --write"), "{err}");
    assert!(!directory.path().join("bird.conf").exists());
}

#[test]
fn a_refusal_exits_1_with_the_daemons_words() {
    let daemon = Daemon::start(Err(Refusal::NotNow("nothing waits to fail back".to_owned())));
    let (code, out, err) = daemon.run(&["failback", "web"]);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (1, "", "falconer: nothing waits to fail back\n")
    );
}

#[test]
fn an_unknown_service_exits_1_and_is_guessed() {
    let daemon = Daemon::start(Ok("done".to_owned()));
    let (code, _, err) = daemon.run(&["announce", "wbe"]);
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "falconer: there is no service \"wbe\"; did you mean \"web\"?\n"
    );
    let (code, _, err) = daemon.run(&["announce", "../status?x"]);
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "falconer: there is no service \"../status?x\"; there are: web\n"
    );
    assert!(daemon.asked.try_recv().is_err());
}

#[test]
fn what_an_override_cannot_mean_exits_2_without_asking() {
    let daemon = Daemon::start(Ok("done".to_owned()));
    let cases: [&[&str]; 5] = [
        &["withdraw"],
        &["withdraw", "web", "--for", "soon"],
        &["withdraw", "web", "--for", "0s"],
        &["withdraw", "web", "--reason", "two\nlines"],
        &["auto", "web", "--for", "5m"],
    ];
    for arguments in cases {
        let (code, _, err) = daemon.run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {err}");
    }
    assert!(daemon.asked.try_recv().is_err());
}

#[test]
fn history_shows_the_latest_entries_of_a_service() {
    let daemon = Daemon::start(Ok(String::new()));
    let (code, out, err) = daemon.run(&["history"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out.lines().count(), 4, "{out}");
    let (_, out, _) = daemon.run(&["history", "web", "-n", "1"]);
    let expected = "\
When                    Service    Event      Info
2026-11-22T20:43:20.500 web        verdict    unclear -> down
";
    assert_eq!(out, expected);
    let (_, out, _) = daemon.run(&["history", "--json"]);
    assert_eq!(out, include_str!("fixtures/status/history.ndjson"));
    let (code, _, err) = daemon.run(&["history", "wbe"]);
    assert_eq!(code, 1);
    assert!(err.contains("did you mean \"web\""), "{err}");
}

/// A configuration of a standby that renders into `directory`; BIRD itself does not run.
fn configuration(directory: &Path) -> PathBuf {
    let at = directory.display();
    let text = format!(
        r#"
[site]
name = "hk1"
state_dir = "{at}/state"
run_dir = "{at}/run"

[bird]
socket = "{at}/bird.ctl"

[render]
template = "standby.conf"
output = "{at}/bird.conf"
apply = "check"

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
name = "ping"
type = "icmp"
target = "198.18.0.1"

[[witness]]
name = "resolver"
type = "icmp"
target = "192.0.2.53"
"#
    );
    std::fs::create_dir(directory.join("state")).unwrap();
    let path = directory.join("falconer.toml");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn check_says_what_it_found_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let config = configuration(directory.path());
    let listed = || {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = listed();
    let (code, out, err) = falconer(&["-c", config.to_str().unwrap(), "check"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains(": 1 service, 1 probe, 1 upstream, 1 witness; "),
        "{out}"
    );
    assert!(out.contains("bird.conf renders, and BIRD 2"), "{out}");
    assert_eq!(listed(), before);
}

#[test]
fn a_wrong_configuration_exits_78_and_names_the_place() {
    let directory = tempfile::tempdir().unwrap();
    let config = configuration(directory.path());
    let text = std::fs::read_to_string(&config)
        .unwrap()
        .replace("neighbor_as", "neighbour_as");
    std::fs::write(&config, text).unwrap();
    for command in [&["check"][..], &["render"], &["render", "--write"], &["run"]] {
        let (code, out, err) = falconer(&[&["-c", config.to_str().unwrap()], command].concat());
        assert_eq!((code, out.as_str()), (78, ""), "{command:?}: {err}");
        assert!(
            err.contains("neighbour_as") && err.contains("falconer.toml:"),
            "{err}"
        );
    }
    assert!(!directory.path().join("bird.conf").exists());
    let (code, _, err) = falconer(&["-c", "/nonexistent/falconer.toml", "check"]);
    assert_eq!(code, 78);
    assert!(
        err.contains("cannot read the configuration /nonexistent/falconer.toml"),
        "{err}"
    );
}

#[test]
fn render_shows_a_password_only_where_it_is_asked_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let config = configuration(directory.path());
    let password = directory.path().join("password");
    std::fs::write(&password, "s3cret\n").unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let with = format!("neighbor_as = 64500\npassword_file = \"{}\"", password.display());
    std::fs::write(&config, text.replacen("neighbor_as = 64500", &with, 1)).unwrap();
    let run =
        |arguments: &[&str]| falconer(&[&["-c", config.to_str().unwrap(), "render"], arguments].concat());
    for hidden in [&[][..], &["--diff"]] {
        let (code, out, err) = run(hidden);
        assert_eq!(code, 0, "{err}");
        assert!(
            out.contains("password \"(not shown)\"") && !out.contains("s3cret"),
            "{out}"
        );
    }
    assert!(run(&["--with-passwords"]).1.contains("password \"s3cret\""));
    let (_, out, err) = run(&["--write"]);
    assert!(!out.contains("s3cret") && !err.contains("s3cret"), "{out}{err}");
    let written = std::fs::metadata(directory.path().join("bird.conf")).unwrap();
    assert_eq!(written.permissions().mode() & 0o7777, 0o640);
}

#[test]
fn render_prints_compares_and_writes_and_leaves_a_humans_file_alone() {
    let directory = tempfile::tempdir().unwrap();
    let config = configuration(directory.path());
    let conf = directory.path().join("bird.conf");
    let run =
        |arguments: &[&str]| falconer(&[&["-c", config.to_str().unwrap(), "render"], arguments].concat());
    let (code, printed, err) = run(&[]);
    assert_eq!(code, 0, "{err}");
    assert!(printed.contains("protocol static web_v4"), "{printed}");
    assert!(!conf.exists());

    let (code, out, _) = run(&["--write"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("is written; have BIRD read it with: birdc configure"),
        "{out}"
    );
    assert_eq!(std::fs::read_to_string(&conf).unwrap(), printed);
    let (code, out, _) = run(&["--diff"]);
    assert_eq!((code, out.as_str()), (0, ""), "nothing differs");
    assert!(run(&["--write"]).1.contains("is already up to date"));

    std::fs::write(&conf, printed.clone() + "# by hand\n").unwrap();
    let (code, out, _) = run(&["--diff"]);
    assert_eq!(code, 0);
    assert!(out.contains("-# by hand"), "{out}");
    let (code, _, err) = run(&["--write"]);
    assert_eq!(code, 1);
    assert!(err.contains("changed by somebody else"), "{err}");
    assert_eq!(run(&["--write", "--force"]).0, 0);
    assert_eq!(std::fs::read_to_string(&conf).unwrap(), printed);
    assert_eq!(run(&["--force"]).0, 2, "what would it force?");
    assert_eq!(run(&["--diff", "--write"]).0, 2);
}

#[test]
fn without_a_bird_to_ask_check_exits_69() {
    let directory = tempfile::tempdir().unwrap();
    let config = configuration(directory.path());
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        text.replace("[bird]\n", "[bird]\nbinary = \"/nonexistent/bird\"\n"),
    )
    .unwrap();
    let (code, _, err) = falconer(&["-c", config.to_str().unwrap(), "check"]);
    assert_eq!(code, 69, "{err}");
    assert!(
        err.contains("/nonexistent/bird") && err.contains("set [bird] binary"),
        "{err}"
    );
}

#[test]
fn init_writes_a_configuration_that_check_accepts_and_refuses_answers_that_make_none() {
    let directory = tempfile::tempdir().unwrap();
    let (code, text, err) = falconer(&[
        "init",
        "--role",
        "standby",
        "--prefix",
        "198.51.100.0/24",
        "--upstream",
        "isp_upstream=203.0.113.1,64500",
        "--router",
        "203.0.113.2,64501",
        "--ping",
        "198.18.0.1",
        "--witness",
        "192.0.2.53",
        "--witness",
        "192.0.2.54",
    ]);
    assert_eq!(code, 0, "{err}");
    let file = directory.path().join("falconer.toml");
    std::fs::write(&file, &text).unwrap();
    falconer::config::load(&text, "falconer.toml").expect("a right configuration");
    let (code, _, err) = falconer(&[
        "init",
        "--role",
        "standby",
        "--prefix",
        "198.51.100.1/24",
        "--upstream",
        "isp",
    ]);
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = falconer(&[
        "init",
        "--role",
        "standby",
        "--prefix",
        "198.51.100.0/26",
        "--upstream",
        "isp",
        "--ping",
        "198.18.0.1",
    ]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("/24"), "{err}");
}

#[test]
fn d14_init_takes_the_primarys_block_and_writes_what_fits_it() {
    let written = |role: &str, block: &str| {
        let flags = ["--upstream", "isp", "--ping", "198.18.0.1"];
        let begin = ["init", "--role", role, "--primary-prefix", block];
        let (code, text, err) = falconer(&[&begin[..], &flags[..]].concat());
        assert_eq!(code, 0, "{err}");
        falconer::config::load(&text, "falconer.toml").expect("a right configuration");
        text
    };
    let halves =
        "prefixes = [\"198.51.100.0/24\", \"198.51.101.0/24\"]\nprimary_prefixes = [\"198.51.100.0/23\"]\n";
    assert!(written("standby", "198.51.100.0/23").contains(halves));
    let whole = "prefixes = [\"198.51.100.0/23\"]\n";
    assert!(written("primary", "198.51.100.0/23").contains(whole));
    let same = written("standby", "198.51.100.0/24");
    assert!(same.contains("prefixes = [\"198.51.100.0/24\"]\n") && !same.contains("\nprimary_prefixes"));
}

#[test]
fn ready_prints_every_check_and_answers_with_its_exit_code() {
    let daemon = Daemon::start(Ok(String::new()));
    let (code, out, errors) = daemon.run(&["ready"]);
    assert_eq!((code, errors.as_str()), (2, ""));
    assert!(out.starts_with("Ready: no, as of 20:45:00\n"), "{out}");
    let old = "readiness was not checked since 2026-11-22T20:45:00Z";
    assert!(
        out.lines().nth(3).is_some_and(|worst| worst.contains(old)),
        "{out}"
    );
    assert!(
        out.contains("see why with `birdc show protocols all isp_a`"),
        "{out}"
    );
    let (code, out, _) = daemon.run(&["ready", "--json"]);
    assert_eq!(code, 2);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["level"], "no");
    let (code, out, errors) = falconer(&["-s", "/nonexistent/s", "ready"]);
    assert_eq!((code, out.as_str()), (69, ""));
    assert!(errors.contains("the daemon does not run"), "{errors}");
}

#[test]
fn check_live_adds_what_the_running_daemon_says_and_needs_it() {
    let directory = tempfile::tempdir().unwrap();
    let config = configuration(directory.path());
    let config = config.to_str().unwrap();
    let daemon = Daemon::start(Ok(String::new()));
    let (code, out, errors) = daemon.run(&["-c", config, "check", "--live"]);
    assert_eq!(code, 1, "{errors}");
    assert!(out.contains(": 1 service, "), "{out}");
    assert!(out.contains("\nReady: no, as of 20:45:00\n"), "{out}");
    let (code, out, _) = falconer(&["-s", "/nonexistent/s", "-c", config, "check", "--live"]);
    assert_eq!(code, 69);
    assert!(out.contains(": 1 service, "), "{out}");
}

/// Every command line of Falconer in the pages that people copy from.
fn documented_commands() -> Vec<(String, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).unwrap();
    let pages = pages.map(|entry| entry.unwrap().path());
    let pages = pages.chain(["README.md", "README.zh-CN.md"].map(|page| root.join(page)));
    let mut commands = Vec::new();
    for page in pages.filter(|path| path.extension().is_some_and(|end| end == "md")) {
        let text = std::fs::read_to_string(&page).unwrap();
        let blocks = text.split("```").skip(1).step_by(2);
        for line in blocks.flat_map(str::lines) {
            let line = line.trim_start_matches("$ ").trim_start_matches("sudo ");
            let line = line.split(" #").next().unwrap();
            let line = line.split(['>', '|']).next().unwrap();
            let words = shell_words(line);
            if let Some((program, arguments)) = words.split_first()
                && program == "falconer"
                && !arguments.is_empty()
            {
                commands.push((format!("{}: {line}", page.display()), arguments.to_vec()));
            }
        }
    }
    commands
}

/// Words as a shell splits them, with double quotes and nothing else.
fn shell_words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    let words = parts.flat_map(|(number, part)| match number % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

#[test]
fn every_documented_command_has_the_options_that_it_is_shown_with() {
    let commands = documented_commands();
    assert!(commands.len() > 40, "{}", commands.len());
    for (place, arguments) in commands {
        let mut arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        arguments.push("--help");
        let (code, _, err) = falconer(&arguments);
        assert_eq!(code, 0, "{place}\n{err}");
    }
}
