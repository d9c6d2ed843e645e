//! Configurations to render, built as the model has them.

use std::net::IpAddr;
use std::time::Duration;

use falconer::bird_conf::Passwords;
use falconer::config::Config;
use falconer::config::model::{
    ApiConfig, ApplyMode, BfdConfig, BirdConfig, CheckConfig, FailbackMode, Family, GracefulRestart, Host,
    IcmpConfig, ImportPolicy, IsolationConfig, LogConfig, LogFormat, OnLoss, OnNotServing, ProbeConfig,
    Quorum, RenderConfig, Role, RouterConfig, ServiceConfig, SessionConfig, SiteConfig, StaticProtocolConfig,
    UpstreamConfig, Votes,
};

/// The usual set-up: one standby, one prefix, one upstream.
pub(crate) fn standby() -> Config {
    Config {
        site: SiteConfig {
            name: "hk1".to_owned(),
            state_dir: "/var/lib/falconer".into(),
            run_dir: "/run/falconer".into(),
        },
        bird: BirdConfig {
            socket: "/run/bird/bird.ctl".into(),
            timeout: Duration::from_secs(5),
            poll_interval: Duration::from_secs(1),
            binary: "/usr/sbin/bird".into(),
            on_exit: OnLoss::Keep,
        },
        render: Some(RenderConfig {
            template: "standby.conf".to_owned(),
            template_dir: "/etc/falconer/bird-templates".into(),
            output: "/etc/bird/bird.conf".into(),
            apply: ApplyMode::Confirm,
            confirm_within: Duration::from_secs(60),
            vars: serde_json::Map::new(),
        }),
        router: Some(RouterConfig {
            id: "203.0.113.2".parse().unwrap(),
            local_as: 64501,
        }),
        upstreams: vec![upstream("isp_upstream", "203.0.113.1", 64500)],
        peers: vec![],
        services: vec![service("web", &["198.51.100.0/24"], &["isp_upstream"])],
        witnesses: vec![],
        isolation: IsolationConfig {
            min_up: falconer::config::model::MinUp::default(),
            on_cut_off: falconer::config::model::OnCutOff::Hold,
        },
        api: ApiConfig {
            socket: "/run/falconer/falconer.sock".into(),
            listen: None,
            allow: Vec::new(),
            names: Vec::new(),
        },
        log: LogConfig {
            level: tracing::Level::INFO,
            format: LogFormat::Text,
        },
    }
}

/// A session with the defaults.
pub(crate) fn upstream(name: &str, neighbor: &str, neighbor_as: u32) -> UpstreamConfig {
    let neighbor: IpAddr = neighbor.parse().unwrap();
    UpstreamConfig {
        name: name.to_owned(),
        families: Some(vec![if neighbor.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        }]),
        origin_as: None,
        session: Some(SessionConfig {
            neighbor,
            neighbor_as,
            source: None,
            multihop: None,
            password_file: None,
            hold_time: Duration::from_secs(20),
            keepalive_time: Duration::from_secs(6),
            connect_retry_time: Duration::from_secs(5),
            error_wait_time: [Duration::from_secs(1), Duration::from_secs(10)],
            graceful_restart: GracefulRestart::Aware,
            bfd: None,
            communities: vec![],
            large_communities: vec![],
            standing_communities: vec![],
            drain_communities: vec![],
            no_llgr: true,
            prepend: 0,
            med: None,
            import: ImportPolicy::None,
            import_limit: None,
            next_hop: vec![],
        }),
    }
}

/// A standby's service with the static protocols that its name stands for.
pub(crate) fn service(name: &str, prefixes: &[&str], upstreams: &[&str]) -> ServiceConfig {
    let prefixes: Vec<ipnet::IpNet> = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
    ServiceConfig {
        serves: Vec::new(),
        on_not_serving: OnNotServing::Announce,
        name: name.to_owned(),
        role: Role::Standby,
        full: statics(name, "", &prefixes),
        drain: statics(name, "_drain", &prefixes),
        standing: vec![],
        prefixes,
        primary_prefixes: vec![],
        standing_prefixes: vec![],
        upstreams: upstreams.iter().map(ToString::to_string).collect(),
        min_upstreams: 1,
        down_when: Quorum::All,
        up_when: Quorum::All,
        takeover_delay: Duration::ZERO,
        failback: FailbackMode::Auto,
        failback_delay: Duration::from_secs(30),
        failback_window: None,
        failback_drain: Duration::ZERO,
        failback_confirm: Duration::from_secs(30),
        flap_limit: 3,
        flap_window: Duration::from_secs(3600),
        on_isolated: OnLoss::Keep,
        rank: 1,
        probes: vec![probe()],
    }
}

fn statics(service: &str, strength: &str, prefixes: &[ipnet::IpNet]) -> Vec<StaticProtocolConfig> {
    [(Family::V4, "v4"), (Family::V6, "v6")]
        .into_iter()
        .map(|(family, suffix)| StaticProtocolConfig {
            name: format!("{service}_{suffix}{strength}"),
            family,
            prefixes: prefixes
                .iter()
                .filter(|p| Family::of(p) == family)
                .copied()
                .collect(),
        })
        .filter(|fixed| !fixed.prefixes.is_empty())
        .collect()
}

fn probe() -> ProbeConfig {
    ProbeConfig {
        name: "ping".to_owned(),
        check: CheckConfig::Icmp(IcmpConfig {
            target: Host::Addr("198.18.0.1".parse().unwrap()),
            source: None,
        }),
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(2),
        retry_interval: Duration::from_millis(500),
        fall: 3,
        rise: 2,
        votes: Votes::Both,
        decides: None,
        group: falconer::config::model::Group::Near,
    }
}

/// The session of the upstream or peer at `at`.
pub(crate) fn session(upstreams: &mut [UpstreamConfig], at: usize) -> &mut SessionConfig {
    upstreams[at].session.as_mut().unwrap()
}

/// A password for every session that wants one.
pub(crate) fn passwords(config: &Config) -> Passwords {
    let mut passwords = Passwords::default();
    for upstream in config.upstreams.iter().chain(&config.peers) {
        if upstream
            .session
            .as_ref()
            .is_some_and(|session| session.password_file.is_some())
        {
            passwords.insert(&upstream.name, "corr3ct horse; #1\n").unwrap();
        }
    }
    passwords
}

/// One configuration for every thing that a bird.conf can have, by name.
pub(crate) fn all() -> Vec<(&'static str, Config)> {
    vec![
        ("standby", standby()),
        ("standby_dual_stack", dual_stack()),
        ("standby_rank_3", rank_3()),
        ("standby_every_option", every_option()),
        ("standby_graceful_restart", graceful_restart()),
        ("standby_mp_bgp", mp_bgp()),
        ("standby_next_hops", next_hops()),
        ("standby_import_limits", import_limits()),
        ("standby_ibgp", ibgp()),
        ("standby_sees_the_primary", sees_the_primary()),
        ("standby_two_services", two_services()),
        ("standby_names_in_apostrophes", names_in_apostrophes()),
        ("standby_more_specific", more_specific()),
        ("standby_standing_ibgp", standing_ibgp()),
        ("primary", primary()),
        ("primary_with_peer", primary_with_peer()),
    ]
}

fn dual_stack() -> Config {
    let mut config = standby();
    config
        .upstreams
        .push(upstream("isp_upstream6", "2001:db8:113::1", 64500));
    config.services = vec![service(
        "web",
        &["198.51.100.0/24", "2001:db8:5100::/48"],
        &["isp_upstream", "isp_upstream6"],
    )];
    config
}

fn rank_3() -> Config {
    let mut config = standby();
    config.services[0].rank = 3;
    session(&mut config.upstreams, 0).med = Some(50);
    config
}

/// The primary announces a block, a takeover its halves; the block stands all the time.
pub(crate) fn more_specific() -> Config {
    let mut config = standby();
    let halves = ["198.51.100.0/24", "198.51.101.0/24"];
    config.services = vec![service("web", &halves, &["isp_upstream"])];
    config.services[0].primary_prefixes = vec!["198.51.100.0/23".parse().unwrap()];
    stand(&mut config.services[0], &["198.51.100.0/23"]);
    let session = session(&mut config.upstreams, 0);
    session.standing_communities = vec![(64500, 80)];
    session.drain_communities = vec![(64500, 70)];
    session.import = ImportPolicy::Services;
    config
}

/// Both families, the same prefixes all the time, to another site of ours.
fn standing_ibgp() -> Config {
    let mut config = ibgp();
    stand(&mut config.services[0], &["198.51.100.0/24"]);
    session(&mut config.upstreams, 0).no_llgr = false;
    config
}

/// Gives a service standing prefixes.
pub(crate) fn stand(service: &mut ServiceConfig, prefixes: &[&str]) {
    service.standing_prefixes = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
    service.standing = statics(&service.name, "_standing", &service.standing_prefixes);
}

fn every_option() -> Config {
    let mut config = standby();
    let session = session(&mut config.upstreams, 0);
    session.source = Some("203.0.113.2".parse().unwrap());
    session.multihop = Some(3);
    session.password_file = Some("/etc/falconer/isp.password".into());
    session.hold_time = Duration::from_secs(9);
    session.keepalive_time = Duration::from_secs(3);
    session.bfd = Some(BfdConfig {
        interval: Duration::from_millis(300),
        multiplier: 3,
    });
    session.communities = vec![(64500, 80), (64500, 120)];
    session.large_communities = vec![(64501, 9, 344)];
    session.prepend = 2;
    session.med = Some(0);
    session.import = ImportPolicy::DefaultRoute;
    config
}

fn graceful_restart() -> Config {
    let mut config = standby();
    session(&mut config.upstreams, 0).graceful_restart = GracefulRestart::On;
    config.upstreams.push(upstream("second", "203.0.113.5", 64510));
    session(&mut config.upstreams, 1).graceful_restart = GracefulRestart::Off;
    config
}

fn mp_bgp() -> Config {
    let mut config = dual_stack();
    config.upstreams.pop();
    config.upstreams[0].families = Some(vec![Family::V4, Family::V6]);
    config.services[0].upstreams.pop();
    session(&mut config.upstreams, 0).import = ImportPolicy::DefaultRoute;
    config
}

/// IPv6 routes over a session of IPv4 addresses, and the reverse.
fn next_hops() -> Config {
    let mut config = dual_stack();
    for upstream in &mut config.upstreams {
        upstream.families = Some(vec![Family::V4, Family::V6]);
    }
    let [four, six] = ["203.0.113.2", "2001:db8:113::2"].map(|addr| addr.parse().unwrap());
    session(&mut config.upstreams, 0).next_hop = vec![six];
    session(&mut config.upstreams, 1).next_hop = vec![four, six];
    config
}

/// A limit beside every import policy.
fn import_limits() -> Config {
    let mut config = sees_the_primary();
    config
        .upstreams
        .push(upstream("with_filter", "203.0.113.5", 64510));
    config
        .upstreams
        .push(upstream("default_only", "203.0.113.9", 64511));
    session(&mut config.upstreams, 2).import = ImportPolicy::Filter("from_with_filter".to_owned());
    session(&mut config.upstreams, 3).import = ImportPolicy::DefaultRoute;
    for upstream in &mut config.upstreams {
        upstream.session.as_mut().unwrap().import_limit = Some(1000);
    }
    config
}

fn ibgp() -> Config {
    let mut config = rank_3();
    session(&mut config.upstreams, 0).neighbor_as = 64501;
    config
}

fn sees_the_primary() -> Config {
    let mut config = dual_stack();
    session(&mut config.upstreams, 0).import = ImportPolicy::Services;
    let mut peer = upstream("primary_site", "198.18.0.1", 64501);
    peer.families = Some(vec![Family::V4, Family::V6]);
    config.peers = vec![peer];
    let session = session(&mut config.peers, 0);
    session.import = ImportPolicy::Services;
    session.source = Some("203.0.113.2".parse().unwrap());
    session.multihop = Some(8);
    session.bfd = Some(BfdConfig {
        interval: Duration::from_millis(100),
        multiplier: 3,
    });
    config
}

fn two_services() -> Config {
    let mut config = standby();
    config.upstreams.push(upstream("second", "203.0.113.5", 64510));
    session(&mut config.upstreams, 1).import = ImportPolicy::Filter("from_second".to_owned());
    config.services = vec![
        service(
            "web",
            &["198.51.100.0/24", "203.0.112.0/24"],
            &["isp_upstream", "second"],
        ),
        service("mail", &["192.0.2.0/24"], &["second"]),
    ];
    config.services[1].rank = 2;
    config
}

fn names_in_apostrophes() -> Config {
    let mut config = standby();
    config.upstreams[0].name = "hk-isp.v4".to_owned();
    config.services[0].upstreams = vec!["hk-isp.v4".to_owned()];
    config.site.run_dir = "/srv/falconer-1".into();
    config
}

/// A primary with two families.
pub(crate) fn primary() -> Config {
    let mut config = dual_stack();
    config.site.name = "sh1".to_owned();
    config.render.as_mut().unwrap().template = "primary.conf".to_owned();
    config.services[0].role = Role::Primary;
    config
}

fn primary_with_peer() -> Config {
    let mut config = primary();
    config.peers = vec![upstream("standby_site", "203.0.113.2", 64501)];
    session(&mut config.peers, 0).multihop = Some(8);
    config
}
