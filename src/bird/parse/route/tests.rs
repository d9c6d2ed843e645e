use super::*;
use crate::bird::transcripts::said;

fn read(lines: &str) -> Vec<Route> {
    routes(&said(&format!("{lines}0000 \n")), None).expect("routes")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn several_routes_of_one_prefix_are_all_read() {
    let routes = read(
        "1007-Table master4:\n \
         198.51.100.0/24      unicast [isp_a 20:41:04.1 from 192.0.2.9] * (100/20) [AS64999i]\n \
         \tvia 203.0.113.1 on wan0 mpls 100/200 weight 1\n \tvia 203.0.113.5 on wan1 onlink weight 2\n \
         \tdev tun0 weight 3\n                      blackhole [failover4 2026-11-22 20:41:05] (200)\n \
         \u{20}                    unreachable [isp_b Sunday] ! (100s/?) [AS64500?]\n",
    );
    let [a, b, c] = &routes[..] else {
        panic!("{routes:?}")
    };
    let prefix: IpNet = "198.51.100.0/24".parse().expect("a prefix");
    assert!(
        routes
            .iter()
            .all(|route| route.prefix == prefix && route.table == "master4")
    );
    assert_eq!(
        (a.protocol.as_str(), a.primary, a.preference, a.origin_as),
        ("isp_a", true, Some(100), Some(64999))
    );
    assert_eq!(a.from, Some(address("192.0.2.9")));
    let hops: Vec<_> = a
        .next_hops
        .iter()
        .map(|hop| (hop.via, hop.interface.as_deref()))
        .collect();
    assert_eq!(
        hops,
        [
            (Some(address("203.0.113.1")), Some("wan0")),
            (Some(address("203.0.113.5")), Some("wan1")),
            (None, Some("tun0"))
        ]
    );
    assert_eq!(
        (b.dest.clone(), b.protocol.as_str(), b.primary),
        (Dest::Blackhole, "failover4", false)
    );
    // Best, and the kernel did not take it.
    assert_eq!(
        (c.dest.clone(), c.primary, c.origin_as),
        (Dest::Unreachable, true, Some(64500))
    );
}

#[test]
fn attributes_are_read_under_their_names_in_bird_2_and_in_bird_3() {
    let row = "1007-Table master4:\n 198.51.100.0/24      unicast [isp 20:41] * (100) [AS64501i]\n";
    let two = read(&format!(
        "{row}1008-\tType: BGP univ\n1012-\tBGP.origin: IGP\n \tBGP.as_path: 64500 {{64501 64502}}\n \
         \tBGP.next_hop: 2001:db8::1 fe80::1\n \tBGP.community: (64500,80) (65535,0)\n \
         \tBGP.large_community: (64501, 1, 344) (4294967295, 2, 0)\n"
    ));
    let three = read(&format!(
        "{row}1012-\tpreference: 100\n \tfrom: 203.0.113.1\n \tsource: BGP\n \tbgp_path: 64500 {{64501 64502}}\n \
         \tbgp_next_hop: 2001:db8::1 fe80::1\n \tbgp_community: (64500,80) (65535,0)\n \
         \tbgp_large_community: (64501, 1, 344) (4294967295, 2, 0)\n1008-\tInternal route handling values: 0L 6G 0S id 1\n"
    ));
    assert_eq!(two, three);
    let [route] = &two[..] else { panic!("{two:?}") };
    assert_eq!(route.as_path.as_deref(), Some("64500 {64501 64502}"));
    assert_eq!(route.bgp_next_hop, Some(address("2001:db8::1")));
    assert_eq!(route.communities, [(64500, 80), (65535, 0)]);
    assert_eq!(route.large_communities, [(64501, 1, 344), (u32::MAX, 2, 0)]);
}

#[test]
fn a_set_that_goes_on_in_the_next_line_is_read_whole() {
    let routes = read(
        "1007-198.51.100.0/24      unicast [isp 20:41] * (100) [AS64501i]\n\
         1012-\tBGP.community: (1,1) (1,2)\n \t\t(1,3) (1,4)\n \t\t(1,5)\n \tBGP.large_community: (1, 2, 3)\n \t\t(4, 5, 6)\n",
    );
    assert_eq!(routes[0].communities, [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]);
    assert_eq!(routes[0].large_communities, [(1, 2, 3), (4, 5, 6)]);
}

#[test]
fn the_same_prefix_of_another_table_is_told_apart() {
    let routes = read(
        "1007-Table master4:\n 198.51.100.0/24      blackhole [a 20:41] * (200)\n \n Table t4:\n \
         198.51.100.0/24      blackhole [b 20:41] * (200)\n",
    );
    let tables: Vec<_> = routes
        .iter()
        .map(|route| (route.table.as_str(), route.protocol.as_str()))
        .collect();
    assert_eq!(tables, [("master4", "a"), ("t4", "b")]);
}

#[test]
fn a5_not_sent_and_session_down_are_told_apart_in_all_versions() {
    let down = Err(BirdError::SessionDown {
        protocol: "isp".into(),
    });
    assert_eq!(exported(&said("8001 Network not found\n"), "isp"), Ok(Vec::new()));
    assert_eq!(exported(&said("0000 \n"), "isp"), Ok(Vec::new()));
    assert_eq!(exported(&said("9001 No valid tables\n"), "isp"), down);
    let three = "9001 Requested 'show route export' to protocols which aren't accepting exports at all.\n";
    assert_eq!(exported(&said(three), "isp"), down);
    let missing = said("9001 syntax error, unexpected CF_SYM_UNDEFINED, expecting CF_SYM_KNOWN\n");
    assert_eq!(
        exported(&missing, "isp"),
        Err(BirdError::NoSuchProtocol { name: "isp".into() })
    );
}

#[test]
fn d3_a_protocol_without_that_family_is_no_evidence_of_absence() {
    let reply = said("9001 No valid tables\n");
    assert_eq!(
        routes(&reply, Some("isp")),
        Err(BirdError::SessionDown {
            protocol: "isp".into()
        })
    );
}

#[test]
fn an_answer_that_a_reconfiguration_cut_short_is_no_answer() {
    let reply = said("1007-Table master4:\n8004 Stopped due to reconfiguration\n");
    assert!(matches!(
        exported(&reply, "isp"),
        Err(BirdError::Refused { code: 8004, .. })
    ));
}

#[test]
fn what_is_no_route_is_malformed() {
    for bad in [
        "1007-blackhole [a 20:41] * (200)\n",
        "1007-198.51.100.0/24 blackhole\n",
        "1007-198.51.100.0/24 blackhole [a 20:41\n",
        "1007-198.51.100.0/24 blackhole []\n",
        "1007- unicast [a 20:41] (100)\n",
        "1007-\tvia 192.0.2.1 on eth0\n",
        "1012-\tbgp_path: 1\n",
    ] {
        let reply = said(&format!("{bad}0000 \n"));
        assert!(
            matches!(routes(&reply, None), Err(BirdError::Malformed { .. })),
            "{bad}"
        );
    }
}
