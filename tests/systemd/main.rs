//! The unit file under a real systemd, as process 1 of a guest kernel (User Mode Linux): a daemon that dies is
//! started again, whatever it dies of, and the announcement stands.

#![expect(clippy::unwrap_used, reason = "what a test sets up must be there")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the parts of the guest are.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemd");
/// The unit as it is shipped.
const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/systemd/falconer.service");
/// How long the guest may take, in seconds, on a machine that is busy.
const LIMIT: &str = "300";
/// What it takes beside the kernel; not every machine has it.
const NEEDED: [&str; 4] = [
    "/lib/systemd/systemd",
    "/usr/sbin/bird",
    "/usr/bin/setpriv",
    "/usr/bin/unshare",
];

#[test]
#[ignore = "takes a guest kernel, which not every distribution has; scripts/test runs it where there is one"]
fn systemd_starts_a_dead_daemon_again_and_the_announcement_stands() {
    assert_eq!(missing(), None, "this test cannot run here");
    let temp = tempfile::tempdir().unwrap();
    let guest = temp.path();
    furnish(guest);
    let kernel_log = std::fs::File::create(guest.join("kernel.log")).unwrap();
    let status = kernel(guest)
        .stdin(std::process::Stdio::null())
        .stdout(kernel_log.try_clone().unwrap())
        .stderr(kernel_log)
        .status()
        .unwrap();
    let said = |name: &str| std::fs::read_to_string(guest.join(name)).unwrap_or_default();
    println!("{}", said("check.log"));
    assert!(
        said("check.log").ends_with("all is well\n"),
        "the guest ended with {status}\n{}\n{}",
        said("init.log"),
        said("kernel.log")
    );
}

/// What it takes and is not here.
fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("it takes root to end a guest kernel with all its processes".to_owned());
    }
    let works = Command::new("linux.uml").arg("--version").output();
    if !works.is_ok_and(|output| output.status.success()) {
        return Some("there is no guest kernel: linux.uml (package user-mode-linux)".to_owned());
    }
    let absent = NEEDED.iter().find(|path| !Path::new(path).exists())?;
    Some(format!("there is no {absent}"))
}

/// Puts what the guest runs into its directory.
fn furnish(guest: &Path) {
    let here = PathBuf::from(HERE);
    for name in ["check", "isp.conf", "bird.conf", "falconer.toml"] {
        std::fs::copy(here.join(name), guest.join(name)).unwrap();
    }
    let units = guest.join("units");
    std::fs::create_dir_all(units.join("falconer.service.d")).unwrap();
    for name in [
        "check.target",
        "check.service",
        "isp.service",
        "bird.service",
        "falconer.service.d/test.conf",
    ] {
        std::fs::copy(here.join("units").join(name), units.join(name)).unwrap();
    }
    std::fs::copy(UNIT, units.join("falconer.service")).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_falconer"), guest.join("falconer")).unwrap();
}

/// The guest kernel, in a process namespace that ends with us. On one processor, because the kernel and its
/// processes are processes that take turns; what is left out at its start measures or tests itself.
fn kernel(guest: &Path) -> Command {
    let at = guest.display();
    let mut command = Command::new("setpriv");
    command
        .args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
        ])
        .args([
            "timeout",
            "-k",
            "5",
            LIMIT,
            "taskset",
            "-c",
            "0",
            "linux.uml",
            "mem=384M",
        ])
        .arg(format!("uml_dir={at}"))
        .args(["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro"])
        .arg(format!("init={HERE}/guest"))
        .arg(format!("GUEST_DIR={at}"))
        .args([
            "console=tty0",
            "quiet",
            "con=null",
            "con0=null,fd:1",
            "lpj=40000000",
        ])
        .arg("cryptomgr.notests")
        .arg("initcall_blacklist=raid6_select_algo,calibrate_xor_blocks,init_zswap,init_btrfs_fs");
    command
}
