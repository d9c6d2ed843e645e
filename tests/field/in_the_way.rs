//! Hosts on which a takeover would not be carried, or on which nobody can tell before: readiness says so,
//! and is not better than what comes of it.

use anyhow::{Result, ensure};
use falconer::model::readiness::{ReadinessCode, ReadinessLevel};
use falconer::model::snapshot::{AlarmCode, Strength};

use crate::site::{PLAIN_ISP, Problem, SOON, Site, here};
use falconer_lab::isolated;

const PREFIX: &str = "198.51.100.0/24";

/// The primary dies: what is announced then reaches nobody, and is told so with these words.
fn reaches_nobody(site: &Site, words: &str) -> Result<()> {
    site.power_cut()?;
    site.falconer
        .until("want", SOON, |service| service.want == Strength::Full)?;
    site.until_alarm(AlarmCode::NotExported, words)?;
    let service = site.falconer.service()?;
    ensure!(
        service.exported_to.is_empty() && service.verified_at.is_none(),
        "{service:#?}"
    );
    ensure!(site.announced("web")? == 503);
    ensure!(!site.isp_has(PREFIX));
    Ok(())
}

/// A kernel protocol that learns, and prefers what it learns to everything: somebody's leftover route stands
/// before ours.
#[test]
fn a5_a_leftover_kernel_route_at_a_higher_preference_is_a_no_with_its_protocol() {
    isolated(|| {
        let mut site = Site::prepare("kernel_at_254", PLAIN_ISP)?;
        here().run("ip", &["route", "add", PREFIX, "via", "203.0.113.1"])?;
        site.go(&["isp_upstream"])?;
        let words = "kernel1 has 198.51.100.0/24 in table master4 at preference 254, and web_v4";
        site.until_problems(&[
            (
                ReadinessCode::Route,
                ReadinessLevel::No,
                &format!("{words} has 200"),
            ),
            (
                ReadinessCode::Route,
                ReadinessLevel::Warning,
                &format!("{words}_drain has 190"),
            ),
        ])?;
        reaches_nobody(&site, "kernel1 has it at preference 254")?;
        // It goes, and ours is carried.
        here().run("ip", &["route", "del", PREFIX, "via", "203.0.113.1"])?;
        site.falconer.until("verified announcement", SOON, |service| {
            service.verified_at.is_some()
        })?;
        ensure!(site.isp_has(PREFIX));
        Ok(())
    });
}

/// The gateway of the route is behind a link that is down.
#[test]
fn a5_a_static_by_a_gateway_behind_a_dead_link_is_not_provable_and_is_told_when_it_counts() {
    isolated(|| {
        let mut site = Site::prepare("plain", PLAIN_ISP)?;
        site.edit("bird.conf", "    disabled;\n", "    check link;\n    disabled;\n")?;
        let front = format!(
            "include \"{}/ru[n]/bird/web_v4.conf\";\n    ipv4 {{ preference 200; }};\n",
            site.directory().display()
        );
        site.edit(
            "bird.conf",
            &format!("{front}    route 198.51.100.0/24 blackhole;"),
            &format!("{front}    route 198.51.100.0/24 via 10.99.0.2;"),
        )?;
        here().ip_batch("link add back0 type veth peer name back1\naddress add 10.99.0.1/24 dev back0\nlink set back0 up\n")?;
        site.go(&["isp_upstream"])?;
        let words = "198.51.100.0/24 of web_v4 goes via 10.99.0.2";
        site.until_problems(&[(ReadinessCode::Route, ReadinessLevel::Warning, words)])?;
        reaches_nobody(
            &site,
            "its route is not in BIRD's table, as when its next hop cannot be reached",
        )
    });
}

/// An export limit that the office's own prefix fills.
#[test]
fn a5_an_export_limit_that_is_full_already_is_told_before_and_after() {
    isolated(|| {
        let mut site = Site::prepare("plain", PLAIN_ISP)?;
        with_office(&site)?;
        site.edit(
            "bird.conf",
            "next hop self;",
            "next hop self; export limit 1 action block;",
        )?;
        site.go(&["isp_upstream"])?;
        site.until_problems(&[(ReadinessCode::ExportLimit, ReadinessLevel::No, "isp_upstream")])?;
        reaches_nobody(&site, "the export limit of isp_upstream, 1, was reached")
    });
}

/// A prefix of the office's that is announced all the time, beside the service's.
pub(crate) fn with_office(site: &Site) -> Result<()> {
    site.edit(
        "bird.conf",
        "ipv4 table rehearsal4;",
        "protocol static office { ipv4; route 203.0.113.128/25 blackhole; }\nipv4 table rehearsal4;",
    )?;
    site.edit(
        "bird.conf",
        "    reject;\n}",
        "    if proto = \"office\" then accept;\n    reject;\n}",
    )
}

/// What BIRD takes without looking anywhere is proved; every gateway, interface and BFD session is not.
#[test]
fn a5_of_every_kind_of_target_only_those_that_bird_always_takes_are_proved() {
    isolated(|| {
        let site = Site::start("every_target", PLAIN_ISP, &["isp_upstream"])?;
        site.falconer.must(&["check"])?;
        let unproved = ["lo", "gw", "dev", "multi", "rec", "onlink", "bfd", "dup"]
            .map(|name| format!("of {name}_v4 goes"));
        let route = |words| (ReadinessCode::Route, ReadinessLevel::Warning, words);
        let mut expected: Vec<Problem<'_>> = unproved.iter().map(String::as_str).map(route).collect();
        // Two routes of one prefix are never what is configured.
        expected.push((
            ReadinessCode::Protocols,
            ReadinessLevel::No,
            "listed more than once: 198.19.12.0/24",
        ));
        for check in site.until_problems(&expected)? {
            let proves_nothing = check.text.contains("is not provable before it is enabled");
            ensure!(
                proves_nothing || check.code == ReadinessCode::Protocols,
                "{check:?}"
            );
        }
        Ok(())
    });
}
