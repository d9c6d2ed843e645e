//! The lab proves itself, with birdc in the daemon's part: its faults are faults, its observers see them,
//! and its times can be compared.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::lab::capture::Mark;
use crate::lab::{Flavour, Host, Lab, PREFIX4, PREFIX6, Plan, SERVICE4, SERVICE6, isolated, wait};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn an_enabled_protocol_reaches_the_upstream_and_the_client_bird() {
    isolated(|| takeover_by_hand(Flavour::Bird));
}

#[test]
fn an_enabled_protocol_reaches_the_upstream_and_the_client_frr() {
    isolated(|| takeover_by_hand(Flavour::Frr));
}

/// A power cut, a takeover and a failback, with birdc in the daemon's part.
fn takeover_by_hand(flavour: Flavour) -> Result<()> {
    let lab = Lab::start(&Plan::with(flavour))?;
    let (client4, client6) = (lab.client(SERVICE4), lab.client(SERVICE6));
    for client in [&client4, &client6] {
        client.answered_by("cn", std::time::UNIX_EPOCH, SOON)?;
    }
    lab.capture.must_be_silent(Host::Hk, Mark::START)?;

    let mark = lab.capture.mark()?;
    let cut = lab.power_cut(Host::Cn)?;
    // The upstream's hold timer, 3 s.
    lab.upstream.until_sites(PREFIX4, &[], SOON)?;
    lab.upstream.until_sites(PREFIX6, &[], SOON)?;
    lab.capture.must_be_silent(Host::Hk, mark)?;
    let before = wait::now();
    for protocol in ["web_v4", "web_v6"] {
        lab.standby.birdc(&format!("enable {protocol}"))?;
    }
    let after = wait::now();
    for prefix in [PREFIX4, PREFIX6] {
        let seen = lab.capture.announced(Host::Hk, prefix, mark, SOON)?;
        ensure!(
            seen.at >= before && wait::between(after, seen.at) < Duration::from_millis(500),
            "{seen:?}"
        );
        ensure!(seen.update.as_path == [64501], "{seen:?}");
        lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
    }
    for client in [&client4, &client6] {
        client.answered_by("hk", cut, SOON)?;
        let outage = client.outage(cut)?;
        ensure!(
            outage > Duration::from_secs(1) && outage < SOON,
            "the outage was {outage:?}"
        );
    }

    let mark = lab.capture.mark()?;
    let back = lab.power_back(Host::Cn)?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Cn, Host::Hk], SOON)?;
    }
    let overlap = client4.answered_by("cn", back, SOON)?;
    for protocol in ["web_v4", "web_v6"] {
        lab.standby.birdc(&format!("disable {protocol}"))?;
    }
    for prefix in [PREFIX4, PREFIX6] {
        lab.capture.withdrawn(Host::Hk, prefix, mark, SOON)?;
        lab.upstream.until_sites(prefix, &[Host::Cn], SOON)?;
    }
    ensure!(
        client4.failures(overlap.at).is_empty(),
        "a failback over an overlap has no gap"
    );
    Ok(())
}
