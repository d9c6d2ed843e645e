//! Puts a lab test into mount, process and network namespaces of its own, so that whatever becomes
//! of it, also when it is killed, the kernel takes everything away that it made.
//!
//! It does so by running the test binary again, for this one test, under `unshare`. The outer
//! process only waits and hands on what the inner one said.

use std::any::type_name;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::http;

/// Says that we are the inner process.
const INSIDE: &str = "FALCONER_LAB_INSIDE";
/// How many lines of each log a failed test shows.
const LOG_LINES: usize = 40;
/// Where the labs of one test live; on a file system of its own.
pub const BASE: &str = "/run/lab";

/// Runs `body` as the test that it stands in, in namespaces of its own. `body` must be a closure
/// written in the test function itself: its type's name says which test to run again.
///
/// # Panics
/// When the body fails, with the logs of the lab printed.
pub fn isolated<F: FnOnce() -> Result<()>>(body: F) {
    http::serve_if_asked();
    if std::env::var_os(INSIDE).is_some() {
        inside(body);
        return;
    }
    let output =
        rerun(&test_name::<F>(), Stdio::piped).expect("the test binary can be run again under unshare");
    print_captured(&String::from_utf8_lossy(&output.stdout));
    print_captured(&String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "the lab test failed: {}; what it said is above",
        output.status
    );
}

/// Runs `body` in namespaces of its own with the terminal handed through; for programs with a
/// `main` of their own. The exit code is the inner one's.
pub fn isolated_program<F: FnOnce() -> Result<()>>(body: F) -> Result<u8> {
    if std::env::var_os(INSIDE).is_some() {
        prepare()?;
        body()?;
        return Ok(0);
    }
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let status = unshare()?.args(arguments).status().context("running unshare")?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1))
}

fn inside(body: impl FnOnce() -> Result<()>) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        prepare()?;
        body()
    }));
    match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => print_captured(&format!("\nfailed: {error:#}\n")),
        Err(_) => print_captured("\npanicked, see above\n"),
    }
    print_logs(Path::new(BASE));
    std::process::exit(1);
}

/// The test's path as libtest knows it, from the type name of a closure in it:
/// `crate::module::name::{{closure}}`.
fn test_name<F>() -> String {
    let full = type_name::<F>();
    let path = full.split("::{{").next().unwrap_or(full);
    path.split_once("::")
        .map_or(path, |(_crate, rest)| rest)
        .to_owned()
}

fn rerun(test: &str, output: fn() -> Stdio) -> Result<std::process::Output> {
    unshare()?
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .output()
        .context("running unshare")
}

/// `setpriv` ties unshare's life to ours, and `--kill-child` ties everything inside to unshare's.
fn unshare() -> Result<Command> {
    if !rustix::process::geteuid().is_root() {
        bail!("the lab makes network namespaces of its own, which takes root");
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--pid",
            "--net",
            "--fork",
        ])
        .args(["--kill-child", "--mount-proc", "--"])
        .arg(std::env::current_exe().context("finding the test binary")?)
        .env(INSIDE, "1");
    Ok(command)
}

/// Gives the inside a `/run` and a `/var/tmp` of its own, where `ip netns`, BIRD, FRR and Falconer leave
/// their things.
fn prepare() -> Result<()> {
    crate::run("mount", &["-t", "tmpfs", "-o", "mode=0755", "lab", "/run"])?;
    crate::run("mount", &["-t", "tmpfs", "-o", "mode=1777", "lab", "/var/tmp"])?;
    for directory in ["/run/netns", "/run/lock", BASE] {
        std::fs::create_dir_all(directory).with_context(|| format!("creating {directory}"))?;
    }
    crate::run("ip", &["link", "set", "lo", "up"])?;
    Ok(())
}

/// Prints the end of every log below a directory.
pub fn print_logs(directory: &Path) {
    let mut entries: Vec<_> = match std::fs::read_dir(directory) {
        Ok(entries) => entries.filter_map(Result::ok).map(|entry| entry.path()).collect(),
        Err(_) => return,
    };
    entries.sort();
    for path in entries {
        if path.is_dir() {
            print_logs(&path);
        } else if path.is_file() && path.extension().is_some_and(|extension| extension == "log") {
            let text = std::fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let text = text.unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
            if !tail.is_empty() {
                print_captured(&format!("--- {}\n{tail}\n", path.display()));
            }
        }
    }
}

/// Prints so that the test harness can hold it back for tests that pass.
#[expect(
    clippy::print_stdout,
    reason = "only the print macros are captured by the test harness"
)]
fn print_captured(text: &str) {
    print!("{text}");
}
