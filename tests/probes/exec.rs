//! The exec probe.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use falconer::config::model::{CheckConfig, ExecConfig};
use falconer::probe::CheckReport;
use falconer::probe::report::DETAIL_LIMIT;
use tokio::time::{Instant, sleep, timeout};

use crate::make::{Error, Fail, Pass, check, checker, expect, probe};

#[tokio::test]
async fn the_exit_status_decides() {
    for (script, outcome, words) in [
        ("exit 0", Pass, "exit 0"),
        ("echo fine; exit 0", Pass, "exit 0: fine"),
        ("exit 1", Fail, "exit 1"),
        (
            "echo out; echo 'pool is empty' >&2; echo; exit 2",
            Fail,
            "exit 2: pool is empty",
        ),
        ("exit 255", Fail, "exit 255"),
        (
            "no-such-command-anywhere",
            Error,
            "exit 127: a command could not be run",
        ),
        ("/etc/passwd", Error, "exit 126: a command could not be run"),
        ("kill -SEGV $$", Error, "ended by signal 11"),
        ("kill -KILL $$", Error, "ended by signal 9"),
    ] {
        expect(&run(script).await, outcome, words);
    }
}

#[tokio::test]
async fn what_a_program_says_last_is_never_lost() {
    for _ in 0..100 {
        expect(&run("echo fine").await, Pass, "exit 0: fine");
    }
}

#[tokio::test]
async fn d1_what_cannot_be_started_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (path, words) in [
        (
            "/nonexistent/check".into(),
            "cannot run /nonexistent/check: no such file",
        ),
        (file("plain", "#!/bin/sh\nexit 0\n", 0o644), "permission denied"),
        (
            file("interpreter", "#!/nonexistent/sh\nexit 0\n", 0o755),
            "no such file",
        ),
        (file("garbage", "\u{7f}ELFgarbage", 0o755), "exec format error"),
        (dir.path().to_str().unwrap().into(), "permission denied"),
    ] {
        expect(&argv(&[&path], 2000).await, Error, words);
    }
    let long = "x".repeat(3 << 20);
    expect(
        &argv(&["/bin/true", &long], 2000).await,
        Error,
        "argument list too long",
    );
}

#[tokio::test]
async fn there_is_no_shell() {
    expect(
        &argv(&["/bin/echo", "$HOME; exit 1", "*"], 2000).await,
        Pass,
        "$HOME; exit 1 *",
    );
}

#[tokio::test]
async fn the_environment_is_clean_and_documented() {
    let script = "env | sort | tr '\\n' '|'; test -t 0 && echo tty; cat; pwd";
    let report = run(script).await;
    expect(&report, Pass, "exit 0: ");
    let said = report.detail.strip_prefix("exit 0: ").unwrap();
    let shell_adds = |variable: &&str| !["PWD", "OLDPWD", "SHLVL", "_"].contains(variable);
    let names: Vec<&str> = said
        .split('|')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, _)| name)
        .filter(shell_adds)
        .collect();
    assert_eq!(
        names,
        ["FALCONER_PROBE", "FALCONER_TIMEOUT_MS", "LC_ALL", "PATH"],
        "{said}"
    );
    assert!(said.contains("FALCONER_PROBE=ping|FALCONER_TIMEOUT_MS=2000|LC_ALL=C|PATH=/usr/local/sbin:"));
    assert!(said.ends_with("|/"), "{said}");
}

#[tokio::test]
async fn d1_a_timeout_is_a_fail_and_kills_the_whole_group() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "cd {0}; trap '' TERM INT HUP; echo $$ > leader; sleep 60 & echo $! > child; echo waiting; wait; sleep 60",
        dir.path().display()
    );
    let started = Instant::now();
    let report = argv(&["/bin/sh", "-c", &script], 300).await;
    expect(
        &report,
        Fail,
        "no answer within 300ms, waiting for the program to exit: waiting",
    );
    assert!(
        started.elapsed() < Duration::from_millis(500),
        "{:?}",
        started.elapsed()
    );
    for who in ["leader", "child"] {
        assert_gone(&dir.path().join(who)).await;
    }
}

#[tokio::test]
async fn a_check_that_is_dropped_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "cd {0}; sleep 60 & echo $! > child; echo $$ > leader; wait",
        dir.path().display()
    );
    let argv_of_it = ["/bin/sh", "-c", &script];
    assert!(
        timeout(Duration::from_millis(500), argv(&argv_of_it, 60_000))
            .await
            .is_err()
    );
    for who in ["leader", "child"] {
        assert_gone(&dir.path().join(who)).await;
    }
}

#[tokio::test]
async fn what_is_left_of_the_group_ends_with_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "cd {0}; sleep 60 & echo $! > child; echo done; exit 3",
        dir.path().display()
    );
    let started = Instant::now();
    expect(&run(&script).await, Fail, "exit 3: done");
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "the pipe is still open, and nobody waits for it"
    );
    assert_gone(&dir.path().join("child")).await;
}

#[tokio::test]
async fn a_daemon_that_holds_the_pipe_does_not_hang_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "cd {0}; setsid sh -c 'echo $$ > daemon; exec sleep 5' & while ! test -s daemon; do :; done; echo started",
        dir.path().display()
    );
    let started = Instant::now();
    expect(&run(&script).await, Pass, "exit 0: started");
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    let daemon: i32 = fs::read_to_string(dir.path().join("daemon"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let daemon = rustix::process::Pid::from_raw(daemon).unwrap();
    rustix::process::kill_process(daemon, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn output_without_end_neither_fills_memory_nor_blocks_the_program() {
    // More than a pipe holds.
    let report = run("head -c 3000000 /dev/zero | tr '\\0' 'x'; echo; echo 'the end'; exit 1").await;
    expect(&report, Fail, "exit 1: the end");
    let report = run("head -c 3000000 /dev/zero | tr '\\0' 'x'; exit 1").await;
    expect(&report, Fail, "exit 1: xxx");
    assert!(report.detail.len() <= DETAIL_LIMIT);
    let endless = argv(&["/bin/cat", "/dev/zero"], 300);
    expect(
        &timeout(Duration::from_secs(2), endless).await.unwrap(),
        Fail,
        "within 300ms",
    );
}

#[tokio::test]
async fn output_is_made_printable() {
    let report = run("printf 'a\\033[31mb\\001\\377c\\n'; exit 1").await;
    expect(&report, Fail, "exit 1: a [31mb \u{fffd}c");
}

#[tokio::test]
async fn checks_of_one_probe_overlap() {
    let exec = CheckConfig::Exec(ExecConfig {
        command: vec!["/bin/sleep".into(), "0.3".into()],
    });
    let probe = checker().probe(&probe(exec, 5000), &[]);
    let started = Instant::now();
    let mut checks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let probe = probe.clone();
        checks.spawn(async move { probe.check().await });
        sleep(Duration::from_millis(20)).await;
    }
    for report in checks.join_all().await {
        expect(&report, Pass, "exit 0");
    }
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn many_checks_leave_no_zombies() {
    for _ in 0..20 {
        drop(timeout(Duration::from_millis(5), argv(&["/bin/sleep", "9"], 9000)).await);
        run("exit 0").await;
    }
    // The runtime reaps those that were dropped when it next hears of a child.
    for _ in 0..200 {
        run("exit 0").await;
        if zombies().is_empty() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("zombies: {:?}", zombies());
}

/// The processes of ours that have ended and are not reaped.
fn zombies() -> Vec<String> {
    let ours = format!(") Z {} ", std::process::id());
    let stat =
        |entry: std::io::Result<fs::DirEntry>| fs::read_to_string(entry.ok()?.path().join("stat")).ok();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(stat)
        .filter(|stat| stat.contains(&ours))
        .collect()
}

async fn run(script: &str) -> CheckReport {
    argv(&["/bin/sh", "-c", script], 2000).await
}

async fn argv(argv: &[&str], timeout_ms: u64) -> CheckReport {
    let command = argv.iter().map(|&word| word.to_owned()).collect();
    check(CheckConfig::Exec(ExecConfig { command }), timeout_ms).await
}

/// Waits until the process whose number is in the file is gone, or dead and not yet reaped.
async fn assert_gone(file: &Path) {
    let pid = fs::read_to_string(file).unwrap();
    for _ in 0..100 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        if stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z ")) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{} lives", file.display());
}
