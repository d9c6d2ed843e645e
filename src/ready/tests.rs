//! Readiness from facts that differ from a healthy standby's in one thing each.

mod drills;
mod exports;
mod files;
mod ghosts;
mod route;
mod services;
mod serving;
mod sessions;
mod standing;

use crate::model::BgpState;
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use std::collections::BTreeMap;

use super::*;
use crate::bird::parse::{
    BgpDetail, BirdStatus, Channel, DaemonState, ProtocolDetail, ProtocolRow, ProtocolState, RouteCounts,
};
use crate::bird::version::BirdVersion;
use crate::bird_conf::statics::StateFile;
use crate::config::Config;
use crate::config::model::Family;
use crate::model::{Snapshot, situations};

/// A standby with two upstreams beside a bird.conf of its own.
const CONFIG: &str = r#"
    site.name = "hk1"
    upstream = [{ name = "isp_a" }, { name = "isp_b" }]
    [[witness]]
    name = "hk-resolver"
    type = "icmp"
    target = "192.0.2.53"
    [[witness]]
    name = "root-k"
    type = "dns"
    target = "193.0.14.129"
    query = "."
    record = "SOA"
    [[service]]
    name = "web"
    role = "standby"
    prefixes = ["198.51.100.0/24"]
    primary_prefixes = ["198.51.100.0/23"]
    protocols = ["web_v4"]
    drain_protocols = ["web_v4_drain"]
    [[service.probe]]
    name = "ping"
    type = "icmp"
    target = "198.18.0.1"
    [[service.probe]]
    name = "site"
    type = "http"
    url = "https://198.18.0.1/healthz"
    [[service.serves]]
    name = "local"
    type = "tcp"
    target = "198.51.100.10:443"
"#;

const PREFIX: &str = "198.51.100.0/24";

/// Everything that readiness is decided from.
struct Site {
    config: Config,
    snapshot: Snapshot,
    bird: BirdFactsSeen,
    disk: DiskFacts,
}

impl Site {
    /// All is well.
    fn well() -> Self {
        Self::with(CONFIG)
    }

    fn with(config: &str) -> Self {
        let (config, _) =
            crate::config::load(config, "falconer.toml").unwrap_or_else(|problems| panic!("{problems:?}"));
        let mut snapshot = situations::steady();
        snapshot.services[0].protocols = vec!["web_v4".to_owned()];
        snapshot.services[0].last_good_drill = Some(situations::ago(10 * 86_400));
        snapshot.services[0].serving = Some(situations::serving());
        let bird = BirdFactsSeen {
            status: Some(status()),
            protocols: Some(["web_v4", "web_v4_drain", "web_v4_shadow"].map(row).into()),
            sessions: ["isp_a", "isp_b"]
                .map(|name| (name.to_owned(), session(name)))
                .into(),
            bfd: Vec::new(),
            found: BTreeMap::new(),
            rehearsals: [(Family::V4, held(&["to_isp_a_v4", "to_isp_b_v4"]))].into(),
        };
        Self {
            config,
            snapshot,
            bird,
            disk: disk(),
        }
    }

    fn decide(&self) -> Readiness {
        let Self {
            config,
            snapshot,
            bird,
            disk,
        } = self;
        decide(&ReadinessFacts {
            config,
            snapshot,
            bird,
            disk,
        })
    }

    /// The only check that is not ok.
    fn problem(&self) -> ReadinessCheck {
        let readiness = self.decide();
        let problems: Vec<&ReadinessCheck> = readiness.problems().collect();
        let [problem] = problems[..] else {
            panic!("not one problem: {problems:#?}");
        };
        assert!(problem.advice.is_some(), "{problem:?}");
        assert_eq!(readiness.level, problem.level);
        problem.clone()
    }

    /// Its code, level and text.
    fn said(&self) -> (ReadinessCode, ReadinessLevel, String) {
        let problem = self.problem();
        (problem.code, problem.level, problem.text)
    }

    fn channel(&mut self, upstream: &str) -> &mut Channel {
        &mut self.bird.sessions.get_mut(upstream).unwrap().channels[0]
    }
}

fn disk() -> DiskFacts {
    let taken = ["web_v4", "web_v4_drain"].map(|name| (name.to_owned(), StateFile::Taken));
    let bird_conf = BirdConfFacts {
        path: "/etc/bird/bird.conf".into(),
        told: None,
        state_files: Ok(taken.into()),
    };
    DiskFacts {
        state_dir: Ok(()),
        bird_conf,
    }
}

fn status() -> BirdStatus {
    BirdStatus {
        version: BirdVersion::parse("2.0.12").unwrap(),
        router_id: None,
        server_time: None,
        last_reboot: None,
        last_reconfiguration: None,
        graceful_restart_recovery: false,
        daemon: DaemonState::Running,
    }
}

fn row(name: &str) -> (String, ProtocolRow) {
    let protocol = ProtocolRow {
        name: name.to_owned(),
        proto: "Static".to_owned(),
        table: Some("master4".to_owned()),
        state: ProtocolState::Down,
        info: String::new(),
    };
    (name.to_owned(), protocol)
}

fn session(name: &str) -> ProtocolDetail {
    let (_, row) = row(name);
    let bgp = BgpDetail {
        state: BgpState::Established,
        ..BgpDetail::default()
    };
    let channel = Channel {
        name: "ipv4".to_owned(),
        state: "UP".to_owned(),
        table: "master4".to_owned(),
        output_filter: format!("to_{name}_v4"),
        routes: Some(RouteCounts {
            imported: 0,
            exported: 0,
            preferred: Some(0),
        }),
        ..Channel::default()
    };
    ProtocolDetail {
        protocol: ProtocolRow {
            proto: "BGP".to_owned(),
            ..row
        },
        description: None,
        message: None,
        bgp: Some(bgp),
        channels: vec![channel],
    }
}

/// The one route of the service in the rehearsal table, and that it passes these filters.
fn held(passing: &[&str]) -> FilterTest {
    let route: TestRoute = (PREFIX.parse().unwrap(), "web_v4_shadow".to_owned());
    let all = ["to_isp_a_v4", "to_isp_b_v4"].map(|filter| {
        let passes = if passing.contains(&filter) {
            vec![route.clone()]
        } else {
            vec![]
        };
        (filter.to_owned(), Ok(passes))
    });
    FilterTest::Held {
        routes: vec![route],
        passes: all.into(),
    }
}

#[test]
fn a_healthy_standby_is_ready_and_says_so_of_every_check() {
    let readiness = Site::well().decide();
    assert_eq!(readiness.level, ReadinessLevel::Ok, "{readiness:#?}");
    assert_eq!(readiness.at, situations::now());
    insta::assert_snapshot!("healthy", crate::cli::text::ready(&readiness, &style()));
}

#[test]
fn the_worst_check_comes_first_and_makes_the_level() {
    let mut site = Site::well();
    site.disk.state_dir = Err("the disk is full".to_owned());
    site.snapshot.isolated = true;
    for witness in &mut site.snapshot.witnesses {
        witness.state = crate::model::snapshot::ProbeState::Down;
    }
    let readiness = site.decide();
    let levels: Vec<ReadinessLevel> = readiness.checks.iter().map(|check| check.level).take(3).collect();
    assert_eq!(
        levels,
        [ReadinessLevel::No, ReadinessLevel::Warning, ReadinessLevel::Ok]
    );
    assert_eq!(readiness.level, ReadinessLevel::No);
}

#[test]
fn a_summary_names_the_worst_ten() {
    let text = |number: usize| {
        ReadinessCheck::amiss(
            ReadinessCode::Bird,
            ReadinessLevel::Warning,
            format!("{number}"),
            "",
        )
        .service("web")
    };
    let readiness = Readiness::of(situations::now(), (0..12).map(text).collect());
    let summary = readiness.summary();
    assert_eq!(summary.problems.len(), 10);
    assert_eq!(summary.problems[0], "web: 0");
}

#[test]
fn the_json_keeps_its_shape() {
    let mut site = Site::well();
    site.channel("isp_a").output_filter = "REJECT".to_owned();
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&site.decide()).unwrap());
}

#[test]
fn every_check_is_documented_and_every_documented_check_exists() {
    let page = include_str!("../../docs/readiness.md");
    let documented = page
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    let mut documented: Vec<&str> = documented.collect();
    let mut words: Vec<&str> = ReadinessCode::ALL.iter().map(|code| code.word()).collect();
    for code in ReadinessCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.word());
    }
    documented.sort_unstable();
    words.sort_unstable();
    assert_eq!(documented, words);
}

fn style() -> crate::cli::text::TextStyle {
    crate::cli::text::TextStyle {
        color: false,
        width: None,
        zone: jiff::tz::TimeZone::UTC,
    }
}
