//! Drills at an ISP that does something else with the prefix than take it.

use anyhow::ensure;
use falconer::model::snapshot::{DrillOutcome, ServiceSnapshot};

use crate::in_the_way::with_office;
use crate::site::{PLAIN_ISP, SOON, Site};
use falconer_lab::{isolated, wait};

const PREFIX: &str = "198.51.100.0/24";

/// The ISP drops what its ROAs call invalid, and tells nobody: they name the primary's AS alone.
const VALIDATING: &str = "roa4 table r4;
protocol static roas { roa4 { table r4; }; route 198.51.100.0/24 max 24 as 64510; }
filter rov_in { if roa_check(r4, net, bgp_path.last) = ROA_INVALID then reject; accept; }
";

#[test]
fn a_drill_of_what_the_isp_drops_as_invalid_claims_no_more_than_that_bird_sent_it() {
    isolated(|| {
        let isp = format!(
            "{VALIDATING}{}",
            PLAIN_ISP.replace("import all", "import keep filtered on; import filter rov_in")
        );
        let site = Site::start("plain", &isp, &["isp_upstream"])?;
        for strength in [&["--full"][..], &[]] {
            let arguments = [&["drill", "web", "--for", "1s"], strength].concat();
            std::thread::scope(|scope| {
                let drill = scope.spawn(|| site.falconer.must(&arguments));
                // It was sent, and it is not taken.
                wait::until_true("dropped announcement", SOON, || {
                    let dropped = site.isp.birdc("show route filtered")?;
                    Ok(dropped.contains(PREFIX))
                })?;
                ensure!(!site.isp_has(PREFIX), "the ISP has it");
                let said = drill.join().expect("no panic")?;
                ensure!(said.contains(": passed"), "{said}");
                ensure!(
                    said.contains("that BIRD sent it to isp_upstream; not that they took it"),
                    "{said}"
                );
                for claim in ["accepted", "reachable", "propagat"] {
                    ensure!(!said.contains(claim), "{said}");
                }
                anyhow::Ok(())
            })?;
            wait::until_true("end of the drill", SOON, || {
                Ok(!site.isp.birdc("show route filtered")?.contains(PREFIX))
            })?;
        }
        Ok(())
    });
}

#[test]
fn a_drill_fails_with_the_words_of_an_isp_that_closes_the_session_for_one_prefix_too_many() {
    isolated(|| {
        let isp = PLAIN_ISP.replace("import all", "import limit 1 action disable; import all");
        let mut site = Site::prepare("plain", &isp)?;
        with_office(&site)?;
        // BIRD shows why the session was closed until it calls the ISP again.
        site.edit("bird.conf", "connect delay time 1;", "connect delay time 20;")?;
        site.go(&["isp_upstream"])?;
        wait::until_true("the office at the ISP", SOON, || {
            Ok(site.isp_has("203.0.113.128/25"))
        })?;
        let output = site.falconer.cli(&["drill", "web", "--for", "3s"])?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.code() == Some(1) && said.contains(": failed"),
            "{said}"
        );
        ensure!(
            said.contains("isp_upstream") && said.contains("Maximum number of prefixes reached"),
            "{said}"
        );
        let failed = |service: &ServiceSnapshot| {
            let last = service.last_drill.as_ref();
            last.is_some_and(|last| last.outcome == DrillOutcome::Failed)
        };
        site.falconer.until("a last drill that failed", SOON, failed)?;
        Ok(())
    });
}
