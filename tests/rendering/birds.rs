//! BIRD's own parser has the last word on what is rendered. Debian's BIRD is asked, or the one that
//! FALCONER_LAB_BIRD names.

use std::io::Write as _;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use falconer::config::model::{BfdConfig, Family, GracefulRestart, ImportPolicy, Role, UpstreamConfig};
use falconer_lab::bird::binary;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};

use crate::configs;
use crate::golden::rendered;

/// Some seconds of `bird -p`.
const CASES: u32 = 1000;

/// What the binary says that it is.
pub(crate) fn version() -> String {
    let output = Command::new(binary())
        .arg("--version")
        .output()
        .expect("BIRD must be installed (apt install bird2)");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    text.trim().rsplit(' ').next().unwrap().to_owned()
}

/// BIRD's complaint or warning, if it has one.
pub(crate) fn complaint(text: &str) -> Option<String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let output = Command::new(binary())
        .arg("-p")
        .arg("-c")
        .arg(file.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (!output.status.success() || !said.is_empty()).then_some(said)
}

#[test]
fn a9_bird_accepts_every_golden_configuration_without_a_warning() {
    let version = version();
    for (name, config) in configs::all() {
        let text = rendered(&config, &version);
        assert_eq!(complaint(&text), None, "{name}:\n{text}");
    }
}

#[test]
fn a9_bird_accepts_whatever_a_valid_configuration_renders_to() {
    let version = version();
    let mut runner = TestRunner::new(Cases {
        cases: CASES,
        failure_persistence: None,
        ..Cases::default()
    });
    runner
        .run(&any_config(), |config| {
            let text = rendered(&config, &version);
            let said = complaint(&text);
            prop_assert!(said.is_none(), "{}\n{text}", said.unwrap_or_default());
            Ok(())
        })
        .unwrap();
}

/// Any configuration that may be rendered.
fn any_config() -> impl Strategy<Value = falconer::config::Config> {
    let sessions = prop::collection::vec((any_session(), any::<bool>()), 1..5);
    let services = prop::collection::vec((1_u32..6, any::<bool>(), 1_u8..4, prop::bits::u8::ANY), 1..5);
    (
        sessions,
        services,
        prop::sample::select(vec!["standby.conf", "primary.conf"]),
    )
        .prop_map(|(sessions, services, template)| {
            let mut config = configs::standby();
            config.render.as_mut().unwrap().template = template.to_owned();
            config.upstreams.clear();
            for (at, (mut session, is_peer)) in sessions.into_iter().enumerate() {
                session.name = format!("{}{at}", session.name);
                if is_peer && at > 0 {
                    config.peers.push(session);
                } else {
                    config.upstreams.push(session);
                }
            }
            config.services.clear();
            for (at, (rank, is_primary, prefixes, used)) in services.into_iter().enumerate() {
                let upstreams: Vec<&str> = config
                    .upstreams
                    .iter()
                    .enumerate()
                    .filter(|(bit, _)| *bit == 0 || used & (1 << bit) != 0)
                    .map(|(_, upstream)| upstream.name.as_str())
                    .collect();
                let mut service = configs::service(&format!("s{at}"), &prefixes_of(at, prefixes), &upstreams);
                service.rank = rank;
                if is_primary {
                    service.role = Role::Primary;
                }
                if used & 0x40 != 0 {
                    configs::stand(&mut service, &prefixes_of(at, prefixes));
                }
                config.services.push(service);
            }
            config
        })
}

/// IPv4, IPv6 or both, by two bits.
fn prefixes_of(service: usize, families: u8) -> Vec<&'static str> {
    const V4: [&str; 4] = ["198.51.100.0/24", "192.0.2.0/24", "203.0.112.0/22", "10.0.0.0/8"];
    const V6: [&str; 4] = [
        "2001:db8:5100::/48",
        "2001:db8::/32",
        "2001:db8:1::/48",
        "fd00:1::/48",
    ];
    let mut prefixes = Vec::new();
    if families & 1 != 0 {
        prefixes.push(V4[service]);
    }
    if families & 2 != 0 {
        prefixes.push(V6[service]);
    }
    prefixes
}

fn any_session() -> impl Strategy<Value = UpstreamConfig> {
    let names = prop::sample::select(vec!["isp", "hk-isp", "a.b:c", "_x", "TRANSIT_"]);
    let neighbors = prop::sample::select(vec!["203.0.113.1", "2001:db8:113::1"]);
    let families = prop::sample::subsequence(vec![Family::V4, Family::V6], 1..=2);
    let ases = prop_oneof![Just(64501), 1_u32..=4_294_967_294];
    let upstreams = (names, neighbors, ases)
        .prop_map(|(name, neighbor, its_as)| configs::upstream(name, neighbor, its_as));
    let flags = (any::<bool>(), any::<bool>());
    (
        upstreams,
        families,
        flags,
        prop::option::of(1_u8..=255),
        any_policy(),
        any_times(),
    )
        .prop_map(
            |(mut upstream, families, (has_source, has_password), multihop, policy, times)| {
                upstream.families = Some(families);
                let session = upstream.session.as_mut().unwrap();
                let source = if session.neighbor.is_ipv4() {
                    "203.0.113.2"
                } else {
                    "2001:db8:113::2"
                };
                (session.hold_time, session.keepalive_time, session.bfd) = times;
                session.source = (has_source || session.bfd.is_some()).then(|| source.parse().unwrap());
                session.multihop = multihop;
                session.password_file = has_password.then(|| "/etc/falconer/password".into());
                let (marks, (import, graceful_restart), (import_limit, next_hop)) = policy;
                (
                    session.communities,
                    session.large_communities,
                    session.prepend,
                    session.med,
                ) = marks;
                session.import = import;
                session.import_limit = import_limit;
                session.next_hop = next_hop;
                session.graceful_restart = graceful_restart;
                upstream
            },
        )
}

/// Communities, large communities, prepends, MED; import and graceful restart; limit and next hops.
type Policy = (
    (Vec<(u16, u16)>, Vec<(u32, u32, u32)>, u8, Option<u32>),
    (ImportPolicy, GracefulRestart),
    (Option<u32>, Vec<IpAddr>),
);

fn any_policy() -> impl Strategy<Value = Policy> {
    let communities = prop::collection::vec(any::<(u16, u16)>(), 0..3);
    let large = prop::collection::vec(any::<(u32, u32, u32)>(), 0..3);
    let filter = ImportPolicy::Filter("mine".to_owned());
    let imports = prop::sample::select(vec![
        ImportPolicy::None,
        ImportPolicy::DefaultRoute,
        ImportPolicy::Services,
        filter,
    ]);
    let graceful = prop::sample::select(vec![
        GracefulRestart::Aware,
        GracefulRestart::On,
        GracefulRestart::Off,
    ]);
    let ours: Vec<IpAddr> = ["203.0.113.2", "2001:db8:113::2"]
        .map(|addr| addr.parse().unwrap())
        .into();
    let next_hops = prop::sample::subsequence(ours, 0..=2);
    (
        (communities, large, 0_u8..=9, prop::option::of(any::<u32>())),
        (imports, graceful),
        (prop::option::of(1..=u32::MAX), next_hops),
    )
}

/// Hold time, keepalive time, BFD.
fn any_times() -> impl Strategy<Value = (Duration, Duration, Option<BfdConfig>)> {
    let bfd = prop::option::of((10_u64..=1_000_000, 2_u8..=255));
    (3_u64..=65535, 1_u64..=65535, bfd).prop_map(|(hold, keepalive, bfd)| {
        let bfd = bfd.map(|(interval, multiplier)| BfdConfig {
            interval: Duration::from_micros(interval),
            multiplier,
        });
        (
            Duration::from_secs(hold),
            Duration::from_secs(keepalive.min(hold / 2)),
            bfd,
        )
    })
}
