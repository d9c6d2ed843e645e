//! The usual Keepalived: a VRRP instance whose ping script is inverted, so that a dead primary makes it
//! master, and whose notify scripts add and delete a kernel route.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};

use falconer_lab::process::Process;
use falconer_lab::{Host, Lab, PREFIX4, Plan, isolated, wait};

/// Three checks, the wait of VRRP, and some time for the machine.
const SOON: Duration = Duration::from_secs(30);
/// The usual check.
const PING: &str = "! ping -c 1 -W 1 198.18.0.1";

/// What it says when it found the primary alive: the inverted check fails.
const ALIVE: &str = "VRRP_Script(primary_is_dead) failed";

/// A keepalived at the standby.
struct Keepalived {
    process: Process,
    log: PathBuf,
}

impl Keepalived {
    /// With this check, this way to add the route, and its instance on this interface.
    fn start(lab: &Lab, interface: &str, check: &str, add: &str) -> Result<Self> {
        let directory = lab.directory(Host::Hk);
        let script = |name: &str, text: &str| -> Result<String> {
            let path = directory.join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
            Ok(path.display().to_string())
        };
        let (check, add) = (script("check", check)?, script("master", add)?);
        let delete = script("backup", &format!("ip route del {PREFIX4} dev lo"))?;
        let conf = directory.join("keepalived.conf");
        std::fs::write(
            &conf,
            format!(
                "global_defs {{\n script_user root\n}}\n\
                 vrrp_script primary_is_dead {{\n script \"{check}\"\n interval 1\n timeout 3\n fall 3\n rise 2\n \
                 init_fail\n}}\n\
                 vrrp_instance standby {{\n state BACKUP\n interface {interface}\n virtual_router_id 51\n \
                 priority 100\n nopreempt\n advert_int 1\n track_script {{\n primary_is_dead\n }}\n \
                 notify_master \"{add}\"\n notify_backup \"{delete}\"\n}}\n"
            ),
        )?;
        let log = directory.join("keepalived.log");
        let mut command = lab.namespace(Host::Hk).command("/usr/sbin/keepalived");
        command
            .args(["--dont-fork", "--log-console", "--log-detail", "--vrrp", "-f"])
            .arg(&conf);
        for pid in ["--pid", "--vrrp_pid"] {
            command.arg(pid).arg(directory.join(format!("keepalived{pid}")));
        }
        let process = Process::start("keepalived", &mut command, &log)?;
        Ok(Self { process, log })
    }

    /// Waits until its log says so.
    fn until(&self, words: &str) -> Result<()> {
        wait::until_true(&format!("{words:?} in its log"), SOON, || {
            Ok(self.log()?.contains(words))
        })
    }

    fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(Path::new(&self.log))?)
    }
}

fn add_route() -> String {
    format!("ip route add {PREFIX4} dev lo")
}

fn route_is_there(lab: &Lab) -> Result<bool> {
    let routes = lab.namespace(Host::Hk).run("ip", &["route", "show", PREFIX4])?;
    Ok(routes.contains("dev lo"))
}

#[test]
fn keepalived_refuses_an_instance_on_the_loopback_interface_and_ends() {
    isolated(|| {
        let lab = Lab::prepare(&Plan::default())?;
        let mut keepalived = Keepalived::start(&lab, "lo", PING, &add_route())?;
        keepalived.until("cannot use a loopback interface")?;
        wait::until_true("its end", SOON, || Ok(keepalived.process.must_run().is_err()))
    });
}

#[test]
fn after_the_primary_is_back_keepalived_leaves_the_kernel_route() {
    isolated(|| {
        let lab = Lab::prepare(&Plan::default())?;
        let keepalived = Keepalived::start(&lab, "wan0", PING, &add_route())?;
        keepalived.until(ALIVE)?;
        lab.power_cut(Host::Cn)?;
        wait::until_true("kernel route", SOON, || route_is_there(&lab))?;
        lab.power_back(Host::Cn)?;
        keepalived.until("Entering FAULT STATE")?;
        // It is not in BACKUP but in FAULT: nobody was told to delete the route.
        wait::pass(Duration::from_secs(2));
        ensure!(route_is_there(&lab)?, "{}", keepalived.log()?);
        Ok(())
    });
}

#[test]
fn a_check_that_cannot_run_makes_a_living_primary_dead() {
    isolated(|| {
        let lab = Lab::prepare(&Plan::default())?;
        let check = "! /usr/local/bin/ping-that-is-not-there -c 1 198.18.0.1";
        let keepalived = Keepalived::start(&lab, "wan0", check, &add_route())?;
        keepalived.until("Entering MASTER STATE")?;
        wait::until_true("kernel route", SOON, || route_is_there(&lab))
    });
}

#[test]
fn a_notify_script_that_cannot_run_counts_as_success() {
    isolated(|| {
        let lab = Lab::prepare(&Plan::default())?;
        let missing = format!("/usr/local/sbin/ip-that-is-not-there route add {PREFIX4} dev lo");
        let mut keepalived = Keepalived::start(&lab, "wan0", PING, &missing)?;
        keepalived.until(ALIVE)?;
        lab.power_cut(Host::Cn)?;
        keepalived.until("Entering MASTER STATE")?;
        // It stays master, tries nothing again, and nothing is announced.
        wait::pass(Duration::from_secs(3));
        keepalived.process.must_run()?;
        let log = keepalived.log()?;
        let after = log.rsplit("Entering MASTER STATE").next().unwrap_or_default();
        ensure!(!after.contains("Entering"), "{log}");
        ensure!(!route_is_there(&lab)?);
        Ok(())
    });
}

#[test]
fn the_loss_of_its_own_uplink_is_a_dead_primary_to_keepalived() {
    isolated(|| {
        let lab = Lab::prepare(&Plan::default())?;
        let keepalived = Keepalived::start(&lab, "wan0", PING, &add_route())?;
        keepalived.until(ALIVE)?;
        lab.power_cut(Host::Hk)?;
        wait::until_true("kernel route", SOON, || route_is_there(&lab))
    });
}

#[test]
fn a_ping_says_nothing_of_the_service() {
    isolated(|| {
        let mut lab = Lab::prepare(&Plan::default())?;
        lab.kill_service(Host::Cn)?;
        let keepalived = Keepalived::start(&lab, "wan0", PING, &add_route())?;
        keepalived.until(ALIVE)?;
        wait::pass(Duration::from_secs(6));
        ensure!(!keepalived.log()?.contains("MASTER"), "{}", keepalived.log()?);
        Ok(())
    });
}
