//! bird-route and bird-protocol against views of BIRD that say what they are told.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::bird::parse::{Dest, NextHop};
use crate::model::snapshot::CheckOutcome;
use crate::model::snapshot::CheckOutcome::{Error, Fail, Pass};

const PREFIX: &str = "198.51.100.0/24";

/// What BIRD would say; `None`: it does not answer.
#[derive(Default)]
struct View {
    routes: Option<Vec<Route>>,
    /// In the table of the protocol that is asked for, where that is another.
    own_table: Option<Vec<Route>>,
    protocols: Option<Vec<ProtocolRow>>,
    bfd: Option<Vec<BfdSession>>,
    slow: bool,
}

impl View {
    fn say<T: Clone + Send + 'static>(&self, what: &Option<T>) -> BirdAnswer<'_, T> {
        let (what, slow) = (what.clone(), self.slow);
        Box::pin(async move {
            if slow {
                std::future::pending::<()>().await;
            }
            what.ok_or_else(|| "BIRD is not reachable: connection refused".to_owned())
        })
    }
}

impl BirdView for View {
    fn connection(&self) -> u64 {
        1
    }

    fn routes<'a>(&'a self, _: IpNet, protocol: Option<&'a str>) -> BirdAnswer<'a, Vec<Route>> {
        match (protocol, &self.own_table) {
            (Some(_), Some(_)) => self.say(&self.own_table),
            (Some(_) | None, _) => self.say(&self.routes),
        }
    }

    fn protocols(&self) -> BirdAnswer<'_, Vec<ProtocolRow>> {
        self.say(&self.protocols)
    }

    fn bfd_sessions(&self) -> BirdAnswer<'_, Vec<BfdSession>> {
        self.say(&self.bfd)
    }
}

fn route(protocol: &str) -> Route {
    Route {
        table: "master4".into(),
        prefix: PREFIX.parse().unwrap(),
        dest: Dest::Unicast,
        protocol: protocol.into(),
        from: None,
        primary: true,
        preference: Some(100),
        origin_as: Some(64500),
        next_hops: vec![NextHop {
            via: Some("203.0.113.1".parse().unwrap()),
            interface: Some("wan0".into()),
        }],
        as_path: Some("64499 64500".into()),
        bgp_next_hop: Some("203.0.113.3".parse().unwrap()),
        communities: vec![(64500, 1)],
        large_communities: vec![(64500, 1, 2)],
    }
}

fn bgp(name: &str, state: ProtocolState, info: &str) -> ProtocolRow {
    ProtocolRow {
        name: name.into(),
        proto: "BGP".into(),
        table: None,
        state,
        info: info.into(),
    }
}

fn up(name: &str) -> ProtocolRow {
    bgp(name, ProtocolState::Up, "Established")
}

fn active(name: &str) -> ProtocolRow {
    bgp(
        name,
        ProtocolState::Starting,
        "Active        Socket: Connection refused",
    )
}

fn wanted() -> BirdRouteConfig {
    BirdRouteConfig {
        prefix: PREFIX.parse().unwrap(),
        protocol: None,
        origin_as: None,
        community: None,
        large_community: None,
        next_hop: None,
    }
}

async fn look(
    wanted: BirdRouteConfig,
    routes: Vec<Route>,
    protocols: Vec<ProtocolRow>,
) -> (CheckOutcome, String) {
    let view = View {
        routes: Some(routes),
        protocols: Some(protocols),
        ..View::default()
    };
    let own = ["web_v4".to_owned(), "web_v4_drain".to_owned()];
    let probe = RouteProbe::new(wanted, Arc::new(view), own.into(), ["mute".to_owned()].into());
    probe.footing.seen(1);
    let report = probe.check(CheckDeadline::new(Duration::from_secs(1))).await;
    (report.outcome, report.detail)
}

#[tokio::test]
async fn a_route_that_fits_passes() {
    let (outcome, detail) = look(wanted(), vec![route("isp")], vec![]).await;
    assert_eq!(
        (outcome, detail.as_str()),
        (Pass, "198.51.100.0/24 from isp via 203.0.113.1, AS64500")
    );
}

#[tokio::test]
async fn every_filter_can_fail() {
    let cases: [(&str, BirdRouteConfig, BirdRouteConfig); 5] = [
        (
            "protocol",
            BirdRouteConfig {
                protocol: Some("isp".into()),
                ..wanted()
            },
            BirdRouteConfig {
                protocol: Some("other".into()),
                ..wanted()
            },
        ),
        (
            "origin_as",
            BirdRouteConfig {
                origin_as: Some(64500),
                ..wanted()
            },
            BirdRouteConfig {
                origin_as: Some(64499),
                ..wanted()
            },
        ),
        (
            "community",
            BirdRouteConfig {
                community: Some((64500, 1)),
                ..wanted()
            },
            BirdRouteConfig {
                community: Some((64500, 2)),
                ..wanted()
            },
        ),
        (
            "large_community",
            BirdRouteConfig {
                large_community: Some((64500, 1, 2)),
                ..wanted()
            },
            BirdRouteConfig {
                large_community: Some((64500, 1, 3)),
                ..wanted()
            },
        ),
        (
            "next_hop",
            BirdRouteConfig {
                next_hop: Some("203.0.113.1".parse().unwrap()),
                ..wanted()
            },
            BirdRouteConfig {
                next_hop: Some("203.0.113.2".parse().unwrap()),
                ..wanted()
            },
        ),
    ];
    for (filter, fits, misses) in cases {
        let protocols = || vec![up("isp"), up("other")];
        assert_eq!(
            look(fits, vec![route("isp")], protocols()).await.0,
            Pass,
            "{filter}"
        );
        assert_eq!(
            look(misses, vec![route("isp")], protocols()).await.0,
            Fail,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn the_next_hop_of_a_recursive_route_is_the_one_that_bgp_names() {
    let recursive = BirdRouteConfig {
        next_hop: Some("203.0.113.3".parse().unwrap()),
        ..wanted()
    };
    assert_eq!(look(recursive, vec![route("isp")], vec![up("isp")]).await.0, Pass);
}

#[tokio::test]
async fn all_filters_must_fit_one_and_the_same_route() {
    let mut other = route("isp");
    other.communities = vec![(64500, 2)];
    other.origin_as = Some(64511);
    let both = BirdRouteConfig {
        origin_as: Some(64511),
        community: Some((64500, 1)),
        ..wanted()
    };
    assert_eq!(
        look(both, vec![route("isp"), other], vec![up("isp")]).await.0,
        Fail
    );
}

#[tokio::test]
async fn routes_of_our_own_static_protocols_never_count() {
    let ours = vec![route("web_v4"), route("web_v4_drain")];
    let (outcome, detail) = look(wanted(), ours, vec![up("isp")]).await;
    assert_eq!(
        (outcome, detail.as_str()),
        (Fail, "198.51.100.0/24 is not there, and isp is established")
    );
}

#[tokio::test]
async fn a_more_specific_route_does_not_count() {
    let mut longer = route("isp");
    longer.prefix = "198.51.100.0/25".parse().unwrap();
    assert_eq!(look(wanted(), vec![longer], vec![up("isp")]).await.0, Fail);
}

#[tokio::test]
async fn d3_absence_is_evidence_only_while_a_session_that_could_carry_the_route_stands() {
    let named = || BirdRouteConfig {
        protocol: Some("isp".into()),
        ..wanted()
    };
    let stuck = bgp("isp", ProtocolState::Up, "Active");
    let mut odd = up("isp");
    odd.proto = "Static".into();
    for (wanted, protocols, outcome) in [
        (named(), vec![up("isp")], Fail),
        (named(), vec![active("isp"), up("other")], Error),
        (named(), vec![stuck], Error),
        (named(), vec![odd], Error),
        (named(), vec![up("other")], Error),
        (wanted(), vec![up("mute")], Error),
        (wanted(), vec![up("mute"), up("isp")], Fail),
        (wanted(), vec![up("mute"), active("isp")], Error),
        (named(), vec![], Error),
        (wanted(), vec![up("isp"), up("other")], Fail),
        (wanted(), vec![active("isp"), up("other")], Error),
        (wanted(), vec![active("isp")], Error),
        (wanted(), vec![], Error),
    ] {
        assert_eq!(
            look(wanted.clone(), vec![], protocols.clone()).await.0,
            outcome,
            "{wanted:?} {protocols:?}"
        );
    }
}

#[tokio::test]
async fn d1_a_bird_that_is_away_or_slow_is_an_error() {
    for (routes, protocols, slow) in [
        (None, Some(vec![up("isp")]), false),
        (Some(vec![]), None, false),
        (Some(vec![route("isp")]), Some(vec![up("isp")]), true),
    ] {
        let view = || View {
            routes: routes.clone(),
            protocols: protocols.clone(),
            slow,
            ..View::default()
        };
        let limit = || CheckDeadline::new(Duration::from_millis(50));
        let probe = RouteProbe::new(wanted(), Arc::new(view()), [].into(), [].into());
        probe.footing.seen(1);
        assert_eq!(probe.check(limit()).await.outcome, Error);
        if slow || protocols.is_none() {
            let probe = ProtocolProbe::new(BirdProtocolConfig::Bgp("isp".into()), Arc::new(view()));
            probe.footing.seen(1);
            assert_eq!(probe.check(limit()).await.outcome, Error);
        }
        let probe = ProtocolProbe::new(
            BirdProtocolConfig::Bfd("203.0.113.1".parse().unwrap()),
            Arc::new(view()),
        );
        probe.footing.seen(1);
        assert_eq!(probe.check(limit()).await.outcome, Error);
    }
}

#[tokio::test]
async fn a_bgp_session_is_established_or_it_fails() {
    let mut passive = active("isp");
    passive.info = String::new();
    let mut down = active("isp");
    (down.state, down.info) = (ProtocolState::Down, String::new());
    let mut other = up("isp");
    other.proto = "Static".into();
    for (protocol, outcome, words) in [
        (up("isp"), Pass, "isp is Established"),
        (
            active("isp"),
            Fail,
            "isp is Active        Socket: Connection refused",
        ),
        (passive, Fail, "isp is not established"),
        (down, Fail, "isp is down"),
        (other, Error, "isp is no BGP protocol, but Static"),
        (up("isp2"), Error, "BIRD has no protocol isp"),
    ] {
        let view = View {
            protocols: Some(vec![protocol]),
            ..View::default()
        };
        let probe = ProtocolProbe::new(BirdProtocolConfig::Bgp("isp".into()), Arc::new(view));
        probe.footing.seen(1);
        let report = probe.check(CheckDeadline::new(Duration::from_secs(1))).await;
        assert_eq!((report.outcome, report.detail.as_str()), (outcome, words));
    }
}

#[tokio::test]
async fn a_bfd_session_is_up_or_it_fails_and_none_is_an_error() {
    let neighbor: IpAddr = "203.0.113.1".parse().unwrap();
    let session = |address: &str, state| BfdSession {
        protocol: "bfd1".into(),
        address: address.parse().unwrap(),
        interface: None,
        state,
    };
    for (sessions, outcome) in [
        (vec![session("203.0.113.1", BfdState::Up)], Pass),
        (
            vec![
                session("203.0.113.1", BfdState::Down),
                session("203.0.113.1", BfdState::Up),
            ],
            Pass,
        ),
        (
            vec![
                session("203.0.113.1", BfdState::Down),
                session("203.0.113.2", BfdState::Up),
            ],
            Fail,
        ),
        (vec![session("203.0.113.1", BfdState::Init)], Fail),
        (vec![session("203.0.113.1", BfdState::AdminDown)], Fail),
        (vec![session("203.0.113.2", BfdState::Up)], Error),
        (vec![], Error),
    ] {
        let view = View {
            bfd: Some(sessions.clone()),
            ..View::default()
        };
        let probe = ProtocolProbe::new(BirdProtocolConfig::Bfd(neighbor), Arc::new(view));
        probe.footing.seen(1);
        let report = probe.check(CheckDeadline::new(Duration::from_secs(1))).await;
        assert_eq!(report.outcome, outcome, "{sessions:?}");
    }
}

/// A probe without a protocol that saw the route through `isp` before, and does not see it now.
async fn gone(own_table: Option<Vec<Route>>, protocols: Vec<ProtocolRow>) -> CheckOutcome {
    let view = View {
        routes: Some(vec![]),
        own_table,
        protocols: Some(protocols),
        ..View::default()
    };
    let probe = RouteProbe::new(wanted(), Arc::new(view), [].into(), [].into());
    probe.footing.seen_through(1, "isp");
    probe
        .check(CheckDeadline::new(Duration::from_secs(1)))
        .await
        .outcome
}

#[tokio::test]
async fn d20_absence_counts_only_while_the_session_stands_through_which_the_route_was_seen() {
    assert_eq!(gone(None, vec![up("isp"), active("other")]).await, Fail);
    assert_eq!(gone(None, vec![active("isp"), up("other")]).await, Error);
    assert_eq!(gone(None, vec![up("other")]).await, Error);
}

#[tokio::test]
async fn d20_a_route_in_the_sessions_own_table_is_there() {
    assert_eq!(gone(Some(vec![route("isp")]), vec![up("isp")]).await, Pass);
    assert_eq!(gone(Some(vec![]), vec![up("isp")]).await, Fail);
}
