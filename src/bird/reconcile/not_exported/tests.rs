//! What BIRD shows of a route that an upstream does not carry, and the one cause that it means.

use super::*;
use crate::bird::parse::NextHop;
use crate::model::BgpState;

fn route(protocol: &str, table: &str, preference: u32, primary: bool) -> Route {
    Route {
        table: table.to_owned(),
        prefix: "198.51.100.0/24".parse().unwrap(),
        dest: Dest::Blackhole,
        protocol: protocol.to_owned(),
        from: None,
        primary,
        preference: Some(preference),
        origin_as: None,
        next_hops: Vec::new(),
        as_path: None,
        bgp_next_hop: None,
        communities: Vec::new(),
        large_communities: Vec::new(),
    }
}

fn via(gateway: &str) -> Route {
    Route {
        dest: Dest::Unicast,
        next_hops: vec![NextHop {
            via: gateway.parse().ok(),
            interface: Some("wan0".to_owned()),
        }],
        ..route("web_v4", "master4", 200, true)
    }
}

fn channel(next_hop: OwnNextHop) -> SeenChannel {
    SeenChannel {
        family: Family::V4,
        table: "master4".to_owned(),
        filter: "to_isp".to_owned(),
        takes_in: true,
        next_hop,
        limit_hit: None,
    }
}

fn own() -> OwnNextHop {
    OwnNextHop::Address("203.0.113.2".parse().unwrap())
}

fn upstream(next_hop: OwnNextHop) -> ObservedUpstream {
    ObservedUpstream {
        state: BgpState::Established,
        families: vec![Family::V4],
        channels: vec![channel(next_hop)],
        neighbor: "203.0.113.1".parse().ok(),
        passes_gateways_on: true,
        ..ObservedUpstream::unknown("isp")
    }
}

fn given(next_hop: Option<&str>) -> Vec<Route> {
    vec![Route {
        bgp_next_hop: next_hop.and_then(|address| address.parse().ok()),
        ..route("web_v4", "master4", 200, true)
    }]
}

#[test]
fn a5_a_channel_without_a_next_hop_drops_what_the_filter_gives_none() {
    let upstream = upstream(OwnNextHop::Unspecified);
    let doubt = next_hop_doubt(&route("web_v4", "master4", 200, true), &upstream, Family::V4);
    assert_eq!(doubt, Some(NextHopDoubt::NoNextHop));
    let why = |filtered: &[Route]| dropped(filtered, "web_v4", doubt.as_ref(), &upstream, Family::V4);
    assert!(why(&given(None)).unwrap().contains("no next hop of its own"));
    assert!(
        why(&given(Some("0.0.0.0")))
            .unwrap()
            .contains("gives it no next hop")
    );
    assert_eq!(why(&given(Some("203.0.113.2"))), None);
    assert!(why(&[]).is_some(), "what the filter refuses now proves nothing");
}

#[test]
fn a5_a_next_hop_that_is_not_understood_is_said_to_be_so() {
    let upstream = upstream(OwnNextHop::Unreadable("none yet".to_owned()));
    let doubt = next_hop_doubt(&route("web_v4", "master4", 200, true), &upstream, Family::V4);
    let why = dropped(&given(None), "web_v4", doubt.as_ref(), &upstream, Family::V4);
    assert!(why.unwrap().contains("not understood (none yet)"));
}

#[test]
fn a5_a_gateway_that_is_the_neighbour_is_doubted_and_any_other_is_not() {
    let isp = upstream(own());
    let of = |route: &Route, upstream: &ObservedUpstream| next_hop_doubt(route, upstream, Family::V4);
    let neighbor = "203.0.113.1".parse().unwrap();
    assert_eq!(
        of(&via("203.0.113.1"), &isp),
        Some(NextHopDoubt::Neighbor(neighbor))
    );
    assert_eq!(of(&via("203.0.113.3"), &isp), None);
    assert_eq!(of(&route("web_v4", "master4", 200, true), &isp), None);
    let multihop = ObservedUpstream {
        passes_gateways_on: false,
        ..isp
    };
    assert_eq!(of(&via("203.0.113.1"), &multihop), None);
}

#[test]
fn a5_a_filter_that_names_the_neighbour_is_told_without_a_doubt() {
    let upstream = upstream(own());
    let why = dropped(&given(Some("203.0.113.1")), "web_v4", None, &upstream, Family::V4);
    assert!(why.unwrap().contains("the neighbour itself, 203.0.113.1"));
    assert_eq!(dropped(&given(None), "web_v4", None, &upstream, Family::V4), None);
}

#[test]
fn a5_each_cause_that_bird_shows_is_the_one_that_is_told() {
    let told = |routes: &[Route], limit_hit: Option<LimitHit>| {
        let channel = SeenChannel {
            limit_hit,
            ..channel(own())
        };
        in_tables(routes, "web_v4", "isp", &channel)
    };
    let best = route("web_v4", "master4", 200, true);
    assert_eq!(told(std::slice::from_ref(&best), None), None);
    let texts = [
        told(&[], None),
        told(&[route("web_v4", "t4", 200, true)], None),
        told(
            &[
                route("kernel1", "master4", 254, true),
                route("web_v4", "master4", 200, false),
            ],
            None,
        ),
        told(
            &[best.clone(), route("kernel1", "other", 254, true)],
            Some(LimitHit {
                limit: 1,
                exported: 1,
            }),
        ),
        told(
            std::slice::from_ref(&best),
            Some(LimitHit {
                limit: 1,
                exported: 0,
            }),
        ),
        Some(in_filter(&[], "web_v4", "isp", &channel(own()))),
        Some(in_filter(&[best], "web_v4", "isp", &channel(own()))),
    ];
    insta::assert_snapshot!(texts.map(Option::unwrap).join("\n"), @"
    its route is not in BIRD's table, as when its next hop cannot be reached or its import filter refuses it
    its route stands in table t4, and isp exports table master4: no pipe between them lets it through
    kernel1 has it at preference 254 in table master4, before ours at preference 200: BIRD exports the best alone
    the export limit of isp, 1, was reached ([HIT] in `show protocols all isp`): raise it
    the export limit of isp, 1, was reached ([HIT] in `show protocols all isp`); it exports 0 now, and BIRD 2 holds back what is new all the same until `birdc reload out isp`: raise it
    the export filter of isp, to_isp, refuses it
    isp lets it out now, and BIRD has not sent it; BIRD does not say why (its log may: `isp`)
    ");
}
