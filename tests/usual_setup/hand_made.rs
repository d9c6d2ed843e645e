//! The usual bird.conf in parts, in the syntax of BIRD 2, and a standby that runs it.

use std::time::Duration;

use anyhow::Result;

use falconer_lab::{Falconer, Host, Lab, PREFIX4, PREFIX6, Plan, Settings, wait};

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The usual static protocol: unnamed, always there.
pub(crate) const STATIC: &str = "protocol static { ipv4; route 198.51.100.0/24 via \"lo\"; }\n";
/// The usual kernel protocol.
pub(crate) const KERNEL: &str =
    "protocol kernel { persist; scan time 20; ipv4 { import all; export all; }; }\n";

/// bird.conf with these protocols, and a session that exports what this says.
pub(crate) fn bird_conf(protocols: &str, session: &str, export: &str) -> String {
    format!(
        "log stderr all;\nrouter id 203.0.113.2;\nprotocol device {{ }}\n{protocols}\
         protocol bgp isp_upstream {{\n  local 203.0.113.2 as 64501;\n  neighbor 203.0.113.1 as 64500;\n  \
         connect delay time 1; connect retry time 1; error wait time 1, 2;\n  {session}\n  \
         ipv4 {{ import all; export {export}; }};\n}}\n"
    )
}

/// A lab with a living primary, whose standby runs this bird.conf.
pub(crate) fn standby(bird_conf: &str) -> Result<Lab> {
    let mut lab = Lab::prepare(&Plan::default())?;
    lab.standby.configure_with(bird_conf)?;
    lab.standby.start()?;
    until_session(&lab)?;
    Ok(lab)
}

/// Waits until the session stands.
pub(crate) fn until_session(lab: &Lab) -> Result<()> {
    wait::until_true("session", SOON, || lab.standby.established("isp_upstream"))
}

/// Has the standby run another bird.conf.
pub(crate) fn change(lab: &Lab, bird_conf: &str) -> Result<()> {
    lab.standby.configure_with(bird_conf)?;
    lab.standby.birdc("configure")?;
    wait::until_true("end of the reconfiguration", SOON, || {
        Ok(lab.standby.birdc("show status")?.contains("up and running"))
    })?;
    until_session(lab)
}

/// Has the upstream run its bird.conf with a part of it changed.
pub(crate) fn change_upstream(lab: &Lab, change: impl Fn(String) -> String) -> Result<()> {
    let directory = lab.directory(Host::Isp);
    let file = directory.join("etc/bird.conf");
    std::fs::write(&file, change(std::fs::read_to_string(&file)?))?;
    let socket = directory.join("bird/bird.ctl").display().to_string();
    let birdc = falconer_lab::bird::birdc_binary().display().to_string();
    falconer_lab::run(&birdc, &["-s", &socket, "configure"]).map(drop)
}

/// A lab whose primary is dead and taken over by Falconer, with the bird.conf that it renders.
pub(crate) fn falconers() -> Result<(Lab, Falconer)> {
    let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
    lab.power_cut(Host::Cn)?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
    }
    falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;
    Ok((lab, falconer))
}

/// What the standby's kernel has from BIRD, or from anybody.
pub(crate) fn kernel(lab: &Lab, of: &[&str]) -> Result<String> {
    let arguments = [&["-4", "route", "show"], of].concat();
    lab.namespace(Host::Hk).run("ip", &arguments)
}

/// Lets the standby forward, as a site with a back-haul must.
pub(crate) fn forward(lab: &Lab) -> Result<()> {
    let script = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    lab.namespace(Host::Hk).run("sh", &["-ec", script]).map(drop)
}
