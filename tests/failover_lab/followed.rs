//! After a takeover: an upstream that still prefers the primary's route is named, until it follows (A11).

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::{FollowedState, ServiceSnapshot};

use falconer_lab::{Host, Lab, PREFIX4, PREFIX6, Plan, Settings, isolated, wait};

const SOON: Duration = Duration::from_secs(20);

/// The lab's upstream gives the primary's route the higher local preference, as an ISP does to its customer.
#[test]
fn a11_status_names_the_upstream_that_prefers_another_way_within_two_seconds() {
    isolated(|| named_until_it_follows(&Plan::default()));
}

fn named_until_it_follows(plan: &Plan) -> Result<()> {
    let settings = Settings::standby().upstream("import = \"services\"");
    let (lab, falconer) = Lab::stand_by(plan, &settings)?;
    let service = falconer.until("the primary's routes", SOON, |service| {
        service.rivals.as_ref().is_some_and(|rivals| rivals.len() == 2)
    })?;
    let rivals = service.rivals.iter().flatten();
    let mut of_v4 = rivals.filter(|rival| rival.upstream == "isp_upstream");
    let rival = of_v4.next().context("the primary's route of IPv4")?;
    ensure!(rival.prefix.to_string() == PREFIX4, "{rival:?}");
    ensure!(rival.as_path.as_deref() == Some("64500 64502"), "{rival:?}");
    ensure!(rival.origin_as == Some(64502), "{rival:?}");
    ensure!(service.followed.is_empty(), "nothing is announced: {service:#?}");

    let told = SystemTime::now();
    falconer.must(&["announce", "web", "--reason", "test"])?;
    falconer.until("the upstream's preference", SOON, |service| {
        way(service) == Some(FollowedState::PrefersAnother)
    })?;
    let named = wait::between(told, SystemTime::now());
    ensure!(named < Duration::from_secs(2), "named only after {named:?}");
    let status = falconer.must(&["status"])?;
    ensure!(
        status.contains("isp_upstream still prefers another way ("),
        "{status}"
    );
    let explained = falconer.must(&["explain", "web"])?;
    ensure!(explained.contains("AS path 64500 64502"), "{explained}");
    lab.upstream.until_sites(PREFIX4, &[Host::Cn, Host::Hk], SOON)?;

    // The primary's host is dead; the upstream keeps its route until the hold timer ends.
    lab.power_cut(Host::Cn)?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
    }
    let gone = SystemTime::now();
    let service = falconer.until("the upstream to follow", SOON, |service| {
        way(service) == Some(FollowedState::Follows)
    })?;
    let followed = wait::between(gone, SystemTime::now());
    ensure!(
        followed < Duration::from_secs(3),
        "followed was seen after {followed:?}"
    );
    let stages = service.transition.context("it was announced")?.stages;
    ensure!(stages.followed > stages.exported, "{stages:?}");
    let history = falconer.must(&["history"])?;
    ensure!(
        history.contains("isp_upstream prefers another way than ours"),
        "{history}"
    );
    ensure!(history.contains("isp_upstream prefers our route"), "{history}");
    let status = falconer.must(&["status"])?;
    ensure!(!status.contains("prefers another way"), "{status}");
    Ok(())
}

/// Which way both sessions prefer, where that is the same.
fn way(service: &ServiceSnapshot) -> Option<FollowedState> {
    match service.followed.as_slice() {
        [one, other] if one.state == other.state => Some(one.state),
        _ => None,
    }
}
