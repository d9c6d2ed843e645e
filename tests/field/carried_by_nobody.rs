//! Announced by the static protocol, and by BIRD's own record even exported, and yet nobody hears it: told by
//! everything that a user sees (A5), by the daemon as it runs.

use std::time::Duration;

use anyhow::{Result, ensure};
use falconer::model::readiness::{ReadinessCode, ReadinessLevel};
use falconer::model::snapshot::{AlarmCode, Strength};

use crate::site::{PLAIN_ISP, Problem, SOON, Site, here, there};
use falconer_lab::{isolated, wait};

/// A drill that nobody carries is given up after twenty seconds.
const DRILL: Duration = Duration::from_secs(40);

/// What is to be seen of a host whose route nobody hears.
struct Unheard<'a> {
    prefix: &'a str,
    /// Why, in readiness.
    before: &'a [Problem<'a>],
    /// Why, in the alarm and the drill's report.
    after: &'a str,
}

/// Told before, by a drill, and in the outage.
fn is_told(site: &Site, unheard: &Unheard<'_>) -> Result<()> {
    let Unheard {
        prefix,
        before,
        after,
    } = unheard;
    site.until_problems(before)?;
    ensure!(site.falconer.cli(&["ready"])?.status.code() == Some(2));
    let started = wait::now();
    let drill = site.falconer.cli(&["drill", "web", "--for", "1s"])?;
    let said = String::from_utf8_lossy(&drill.stdout).into_owned();
    ensure!(
        drill.status.code() == Some(1) && said.contains(": failed"),
        "{said}"
    );
    ensure!(said.contains(after), "no {after:?} in {said}");
    ensure!(wait::between(started, wait::now()) < DRILL, "{said}");
    site.falconer
        .until("silence", SOON, |service| service.actual == Strength::Off)?;
    site.power_cut()?;
    site.falconer
        .until("takeover", SOON, |service| service.actual == Strength::Full)?;
    site.until_alarm(AlarmCode::NotExported, after)?;
    let service = site.falconer.service()?;
    ensure!(
        service.exported_to.is_empty() && service.verified_at.is_none(),
        "{service:#?}"
    );
    let exported = service
        .transition
        .is_some_and(|last| last.stages.exported.is_some());
    ensure!(!exported, "a stage says that it was exported");
    let status = site.falconer.must(&["status"])?;
    ensure!(
        status.contains("not_exported") || status.contains("not exported"),
        "{status}"
    );
    ensure!(status.contains(after), "{status}");
    wait::until_true("readiness of no service that stands", SOON, || {
        Ok(site
            .problems()?
            .iter()
            .any(|check| check.level == ReadinessLevel::No))
    })?;
    ensure!(site.announced("web")? == 503);
    ensure!(!site.isp_has(prefix), "the ISP has {prefix}");
    Ok(())
}

/// Takes what could be a next hop of that family from the host's interface.
fn without_addresses(family: &str) -> Result<()> {
    here().run("ip", &["link", "set", "wan0", "addrgenmode", "none"])?;
    here()
        .run("ip", &[family, "address", "flush", "dev", "wan0"])
        .map(drop)
}

#[test]
fn a5_ipv6_over_a_session_without_an_address_of_it_is_told_by_status_ready_drill_and_announced() {
    isolated(|| {
        let isp = PLAIN_ISP.replace("ipv4 {", "ipv6 { import all; export none; };\n  ipv4 {");
        let mut site = Site::prepare("plain", &isp)?;
        without_addresses("-6")?;
        let prefix = "2001:db8:5100::/48";
        for (from, to) in [
            ("198.51.100.0/24", prefix),
            ("ipv4", "ipv6"),
            ("web_v4", "web_v6"),
            ("rehearsal4", "rehearsal6"),
        ] {
            site.edit("bird.conf", from, to)?;
        }
        for (from, to) in [("198.51.100.0/24", prefix), ("web_v4", "web_v6")] {
            site.edit("falconer.toml", from, to)?;
        }
        site.go(&["isp_upstream"])?;
        let words = "the ipv6 channel of isp_upstream has no next hop of its own";
        is_told(
            &site,
            &Unheard {
                prefix,
                before: &[(ReadinessCode::Route, ReadinessLevel::No, words)],
                after: words,
            },
        )?;
        // By BIRD's own record it is carried.
        let record = site
            .bird
            .birdc(&format!("show route {prefix} exported isp_upstream"))?;
        ensure!(record.contains("web_v6"), "{record}");
        Ok(())
    });
}

#[test]
fn a5_the_same_prefix_from_an_ibgp_neighbour_at_a_higher_preference_is_told_by_status_ready_drill_and_announced()
 {
    isolated(|| {
        let site = with_ibgp("preference 250;")?;
        let beaten = beaten(250);
        let unheard = Unheard {
            prefix: "198.51.100.0/24",
            before: &shown(&beaten),
            after: "core has it at preference 250 in table master4",
        };
        is_told(&site, &unheard)?;
        // It goes, and ours is carried.
        site.isp.birdc("disable core_routes")?;
        site.falconer.until("verified announcement", SOON, |service| {
            service.verified_at.is_some()
        })?;
        ensure!(site.isp_has(unheard.prefix) && site.announced("web")? == 200);
        Ok(())
    });
}

#[test]
fn a5_the_same_prefix_from_an_ibgp_neighbour_at_our_preference_is_told_and_below_it_is_not() {
    isolated(|| {
        let site = with_ibgp("preference 200;")?;
        site.until_problems(&shown(&beaten(200)))?;
        site.edit(
            "bird.conf",
            "preference 200; import all;",
            "preference 100; import all;",
        )?;
        site.bird.birdc("configure")?;
        site.until_problems(&[])?;
        site.power_cut()?;
        site.falconer.until("verified announcement", SOON, |service| {
            service.verified_at.is_some()
        })?;
        ensure!(site.isp_has("198.51.100.0/24"));
        Ok(())
    });
}

/// What readiness says of a route of the core's at that preference.
fn beaten(preference: u32) -> [(ReadinessCode, ReadinessLevel, String); 2] {
    let words = format!("core has 198.51.100.0/24 in table master4 at preference {preference}, and web_v4");
    [
        (
            ReadinessCode::Route,
            ReadinessLevel::No,
            format!("{words} has 200"),
        ),
        (
            ReadinessCode::Route,
            ReadinessLevel::Warning,
            format!("{words}_drain has 190"),
        ),
    ]
}

fn shown(problems: &[(ReadinessCode, ReadinessLevel, String)]) -> Vec<Problem<'_>> {
    let shown = problems
        .iter()
        .map(|(code, level, words)| (*code, *level, words.as_str()));
    shown.collect()
}

/// A host beside a core router of its own AS, which has the service's prefix.
fn with_ibgp(preference: &str) -> Result<Site> {
    let core = "protocol static core_routes { ipv4; route 198.51.100.0/24 blackhole; }
protocol bgp host_of_the_core {
  local 203.0.113.5 as 64501; neighbor 203.0.113.4 as 64501;
  connect delay time 1; connect retry time 1; error wait time 1, 2; strict bind yes;
  ipv4 { import none; export where proto = \"core_routes\"; next hop self; };
}
";
    let isp = format!(
        "{core}{}",
        PLAIN_ISP.replace("error wait", "strict bind yes; error wait")
    );
    // What the ISP has of its own would look like the host's.
    let isp = isp
        .replace(
            "static core_routes { ipv4;",
            "static core_routes { ipv4 { table core; };",
        )
        .replace(
            "import none; export where",
            "table core; import none; export where",
        );
    let mut site = Site::prepare("plain", &format!("ipv4 table core;\n{isp}"))?;
    here().ip_batch("address add 203.0.113.4/31 dev wan0\n")?;
    there().ip_batch("address add 203.0.113.5/31 dev hk\n")?;
    site.edit(
        "bird.conf",
        "protocol bgp isp_upstream {",
        &format!(
            "protocol bgp core {{\n  local 203.0.113.4 as 64501; neighbor 203.0.113.5 as 64501;\n  connect delay time 1; connect \
             retry time 1; error wait time 1, 2; strict bind yes;\n  ipv4 {{ {preference} import all; export none; }};\n}}\n\
             protocol bgp isp_upstream {{\n    strict bind yes;"
        ),
    )?;
    site.go(&["isp_upstream", "core"])?;
    wait::until_true("route of the core", SOON, || {
        Ok(site.bird.birdc("show route 198.51.100.0/24")?.contains("[core"))
    })?;
    Ok(site)
}

#[test]
fn a5_ipv4_over_a_session_without_an_address_of_it_is_told_by_status_ready_drill_and_announced() {
    isolated(|| {
        let isp = PLAIN_ISP
            .replace("203.0.113.1", "2001:db8:113::1")
            .replace("203.0.113.2", "2001:db8:113::2")
            .replace("ipv4 {", "ipv6 { import none; export none; };\n  ipv4 {");
        let mut site = Site::prepare("plain", &isp)?;
        // The host is reached by the address of its loopback.
        here().ip_batch(
            "address del 203.0.113.2/30 dev wan0\naddress add 203.0.113.2/32 dev lo\n\
             route replace default via 203.0.113.1 dev wan0 onlink src 203.0.113.2\n",
        )?;
        site.edit("bird.conf", "local 203.0.113.2 as", "local 2001:db8:113::2 as")?;
        site.edit(
            "bird.conf",
            "neighbor 203.0.113.1 as",
            "neighbor 2001:db8:113::1 as",
        )?;
        site.go(&["isp_upstream"])?;
        let words = "the ipv4 channel of isp_upstream has no next hop of its own";
        is_told(
            &site,
            &Unheard {
                prefix: "198.51.100.0/24",
                before: &[(ReadinessCode::Route, ReadinessLevel::No, words)],
                after: words,
            },
        )
    });
}
