//! The primary announces a block, a takeover its halves, and the block stands all the time (D14).

use std::time::Duration;

use anyhow::{Result, ensure};
use falconer::model::snapshot::{ServiceSnapshot, StandingState, Strength};

use falconer_lab::{Host, Lab, PREFIX6, Plan, Settings, isolated};

const SOON: Duration = Duration::from_secs(20);
const BLOCK: &str = "198.51.100.0/23";
const HALVES: [&str; 2] = ["198.51.100.0/24", "198.51.101.0/24"];
const STANDING: &str = "web_v4_standing";

/// What BIRD logged of the standing protocol: that it was enabled, or disabled.
fn switched(lab: &Lab) -> Result<Vec<String>> {
    let log = std::fs::read_to_string(lab.directory(Host::Hk).join("bird.log"))?;
    let lines = log.lines().filter(|line| line.contains(STANDING));
    Ok(lines.map(str::to_owned).collect())
}

fn stands(service: &ServiceSnapshot) -> bool {
    service.standing.as_ref().is_some_and(|standing| {
        standing.want == StandingState::On
            && standing.actual == StandingState::On
            && standing.exported_to.len() == 1
    })
}

#[test]
fn d14_the_block_stands_from_the_start_and_a_takeover_by_its_halves_leaves_it_alone() {
    isolated(|| {
        let settings = Settings::standby()
            .service(&format!(
                "failback_delay = \"1s\"\nprefixes = [\"{}\", \"{}\", \"{PREFIX6}\"]\n\
                 primary_prefixes = [\"{BLOCK}\", \"{PREFIX6}\"]\nstanding = [\"{BLOCK}\"]",
                HALVES[0], HALVES[1]
            ))
            .more_upstream("standing_communities = [\"64500:80\"]");
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &settings)?;
        lab.upstream.until_sites(BLOCK, &[Host::Hk], SOON)?;
        let service = falconer.until("standing", SOON, stands)?;
        ensure!(
            service.actual == Strength::Off && service.exported_to.is_empty() && service.transition.is_none(),
            "{service:#?}"
        );
        // Marked as a last resort, and not as one that is on its way out.
        let routes = lab.upstream.routes(BLOCK)?;
        let has = |community| routes.iter().all(|route| route.communities.contains(&community));
        ensure!(
            has((64500, 80)) && has((65535, 7)) && !has((65535, 0)),
            "{routes:?}"
        );
        ensure!(
            routes.iter().all(|route| route.as_path == [64501; 4]),
            "{routes:?}"
        );
        // BIRD started with the state file, so it may never have been told.
        let before = switched(&lab)?;
        lab.power_cut(Host::Cn)?;
        lab.upstream.until_sites(HALVES[1], &[Host::Hk], SOON)?;
        let service = falconer.until_actual(Strength::Full, SOON)?;
        ensure!(stands(&service), "{service:#?}");
        lab.power_back(Host::Cn)?;
        lab.upstream.until_sites(HALVES[1], &[], SOON)?;
        lab.upstream.until_sites(BLOCK, &[Host::Hk], SOON)?;
        ensure!(switched(&lab)? == before, "{:?}", switched(&lab)?);
        falconer.must(&["withdraw", "web", "--reason", "maintenance"])?;
        lab.upstream.until_sites(BLOCK, &[], SOON)?;
        ensure!(switched(&lab)?.len() > before.len(), "the log of BIRD tells");
        falconer.must(&["auto", "web"])?;
        lab.upstream.until_sites(BLOCK, &[Host::Hk], SOON)?;
        // To take the key out withdraws it.
        let toml = std::fs::read_to_string(falconer.configuration())?;
        let without = toml.replace(&format!("standing = [\"{BLOCK}\"]\n"), "");
        ensure!(without != toml, "{toml}");
        std::fs::write(falconer.configuration(), without)?;
        falconer.must(&["reload"])?;
        lab.upstream.until_sites(BLOCK, &[], SOON)
    });
}
