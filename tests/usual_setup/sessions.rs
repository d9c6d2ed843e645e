//! The usual BGP session, and what a human's `birdc configure` does to a switch at run time.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::hand_made::{SOON, STATIC, bird_conf, change_upstream, falconers, standby, until_session};
use falconer_lab::capture::Mark;
use falconer_lab::{Host, PREFIX4, isolated, wait};

/// A static protocol that is switched at run time, and that only the file remembers.
const SWITCHED: &str = "protocol static failover4 { disabled; ipv4; route 198.51.100.0/24 blackhole; }\n";

#[test]
fn with_graceful_restart_on_a_dead_standby_stays_announced() {
    isolated(|| {
        let session = "hold time 9; graceful restart on; graceful restart time 60;";
        let mut lab = standby(&bird_conf(STATIC, session, "where source = RTS_STATIC"))?;
        lab.upstream.until_sites(PREFIX4, &[Host::Cn, Host::Hk], SOON)?;
        lab.standby.kill()?;
        // Longer than any time that was agreed on with the upstream but this one.
        wait::pass(Duration::from_secs(12));
        ensure!(
            lab.upstream.sites(PREFIX4)? == [Host::Cn, Host::Hk],
            "gone already"
        );
        Ok(())
    });
}

#[test]
fn falconers_sessions_take_a_dead_standbys_route_with_them() {
    isolated(|| {
        let (mut lab, falconer) = falconers()?;
        falconer.freeze()?;
        lab.standby.kill()?;
        lab.upstream.until_sites(PREFIX4, &[], Duration::from_secs(3))
    });
}

/// The hold time that the two ends have agreed on, in seconds.
fn agreed_hold_time(lab: &falconer_lab::Lab) -> Result<u32> {
    let detail = lab.standby.birdc("show protocols all isp_upstream")?;
    let line = detail.lines().find(|line| line.trim().starts_with("Hold timer:"));
    let agreed = line.and_then(|line| line.rsplit('/').next()?.trim().parse().ok());
    agreed.ok_or_else(|| anyhow::anyhow!("no hold timer in {detail}"))
}

#[test]
fn without_a_hold_time_silence_is_noticed_after_four_minutes() {
    isolated(|| {
        let lab = standby(&bird_conf(STATIC, "", "where source = RTS_STATIC"))?;
        // Nobody asks for less: both ends go by the default.
        change_upstream(&lab, |conf| conf.replace("hold time 9; keepalive time 3;", ""))?;
        wait::until_true("session with the default", SOON, || {
            until_session(&lab)?;
            Ok(agreed_hold_time(&lab)? == 240)
        })
    });
}

#[test]
fn falconers_default_hold_time_is_twenty_seconds() {
    isolated(|| {
        let settings = falconer_lab::Settings::standby();
        let (lab, falconer) = falconer_lab::Lab::stand_by(&falconer_lab::Plan::default(), &settings)?;
        let toml = std::fs::read_to_string(falconer.configuration())?;
        let without = toml.replace("hold_time = \"9s\"\nkeepalive_time = \"3s\"\n", "");
        ensure!(without != toml);
        std::fs::write(falconer.configuration(), without)?;
        falconer.must(&["render", "--write"])?;
        lab.standby.birdc("configure")?;
        change_upstream(&lab, |conf| conf.replace("hold time 9; keepalive time 3;", ""))?;
        wait::until_true("session with the default", SOON, || {
            until_session(&lab)?;
            Ok(agreed_hold_time(&lab)? == 20)
        })
    });
}

#[test]
fn birdc_configure_undoes_an_enable_at_run_time() {
    isolated(|| {
        let lab = standby(&bird_conf(SWITCHED, "", "where proto = \"failover4\""))?;
        lab.capture.must_be_silent(Host::Hk, Mark::START)?;
        lab.standby.birdc("enable failover4")?;
        lab.capture.announced(Host::Hk, PREFIX4, Mark::START, SOON)?;
        let mark = lab.capture.mark()?;
        lab.standby.birdc("configure")?;
        lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
        Ok(())
    });
}
