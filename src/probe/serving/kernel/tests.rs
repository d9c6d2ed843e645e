//! What goes to the kernel and comes from it, byte by byte (netlink(7), rtnetlink(7); little-endian, as the
//! machines are that run it).

use super::*;

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The header of a netlink message of that type and length, numbered 7.
fn header(length: u8, kind: u8) -> Vec<u8> {
    vec![length, 0, 0, 0, kind, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]
}

/// RTM_NEWROUTE: family, prefix length, protocol, kind, flags; and its attributes.
fn new_route(family: u8, length: u8, protocol: u8, kind: u8, flags: u32, attributes: &[u8]) -> Vec<u8> {
    let total = u8::try_from(28 + attributes.len()).unwrap();
    let mut reply = header(total, 24);
    reply.extend([family, length, 0, 0, 254, protocol, 0, kind]);
    reply.extend(flags.to_le_bytes());
    reply.extend(attributes);
    reply
}

/// NLMSG_ERROR with that errno.
fn error(errno: i32) -> Vec<u8> {
    let mut reply = header(36, 2);
    reply.extend((-errno).to_le_bytes());
    reply.extend(header(28, 26));
    reply
}

const OIF_3: [u8; 8] = [8, 0, 4, 0, 3, 0, 0, 0];

#[test]
fn d16_the_request_asks_for_the_route_that_matches_an_address() {
    let expected = [
        &[36, 0, 0, 0, 26, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0][..], // RTM_GETROUTE, NLM_F_REQUEST, number 7
        &[2, 32, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0],               // AF_INET, /32, RTM_F_FIB_MATCH
        &[8, 0, 1, 0, 198, 51, 100, 10],                         // RTA_DST
    ];
    assert_eq!(request(addr("198.51.100.10"), 7), expected.concat());
    let expected = [
        &[48, 0, 0, 0, 26, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0][..],
        &[10, 128, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0],
        &[
            20, 0, 1, 0, 0x20, 1, 0x0d, 0xb8, 0x51, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ],
    ];
    assert_eq!(request(addr("2001:db8:5100::10"), 7), expected.concat());
}

#[test]
fn d16_a_local_address_is_told_from_a_route_and_a_default_route_from_others() {
    let dst = |d: u8| [8, 0, 1, 0, 198, 51, 100, d];
    let local = new_route(2, 32, 2, 2, 0, &[&dst(10)[..], &OIF_3].concat());
    let tunnel = new_route(2, 24, 4, 1, 0, &[&dst(0)[..], &OIF_3].concat());
    let gateway = [8, 0, 5, 0, 192, 0, 2, 1];
    let default = new_route(2, 0, 3, 1, 0, &[&gateway[..], &OIF_3].concat());
    let by_bird = new_route(2, 24, 12, 1, 0, &[&dst(0)[..], &gateway, &OIF_3].concat());
    let route = |local, prefix: &str, by_bird, gateway: Option<&str>| {
        KernelAnswer::Route(KernelRoute {
            local,
            prefix: prefix.parse().unwrap(),
            by_bird,
            hops: vec![KernelHop {
                interface: 3,
                gateway: gateway.map(addr),
            }],
        })
    };
    assert_eq!(parse(&local, 7), route(true, "198.51.100.10/32", false, None));
    assert_eq!(parse(&tunnel, 7), route(false, "198.51.100.0/24", false, None));
    assert_eq!(
        parse(&default, 7),
        route(false, "0.0.0.0/0", false, Some("192.0.2.1"))
    );
    assert_eq!(
        parse(&by_bird, 7),
        route(false, "198.51.100.0/24", true, Some("192.0.2.1"))
    );
}

#[test]
fn d16_each_share_of_a_route_is_a_way_of_its_own() {
    // RTA_MULTIPATH with two `struct rtnexthop` and a gateway each.
    let hop = |interface: u8, last: u8| [16, 0, 0, 0, interface, 0, 0, 0, 8, 0, 5, 0, 192, 0, 2, last];
    let shares = [&[36, 0, 9, 0][..], &hop(3, 1), &hop(4, 5)].concat();
    let KernelAnswer::Route(route) = parse(&new_route(2, 0, 3, 1, 0, &shares), 7) else {
        panic!("no route");
    };
    let hops: Vec<_> = route
        .hops
        .iter()
        .map(|hop| (hop.interface, hop.gateway))
        .collect();
    assert_eq!(hops, [(3, Some(addr("192.0.2.1"))), (4, Some(addr("192.0.2.5")))]);
}

#[test]
fn d16_a_packet_that_goes_nowhere_is_told_by_an_errno_or_by_the_kind_of_the_route() {
    for (errno, refusal) in [
        (22, RouteRefusal::Blackhole),
        (113, RouteRefusal::Unreachable),
        (13, RouteRefusal::Prohibited),
        (101, RouteRefusal::NoRoute),
    ] {
        assert_eq!(parse(&error(errno), 7), KernelAnswer::Refused(refusal), "{errno}");
    }
    for (kind, refusal) in [
        (3, RouteRefusal::NoHost),
        (5, RouteRefusal::NoHost),
        (6, RouteRefusal::Blackhole),
        (7, RouteRefusal::Unreachable),
        (8, RouteRefusal::Prohibited),
    ] {
        let reply = new_route(10, 48, 12, kind, 0, &[]);
        assert_eq!(parse(&reply, 7), KernelAnswer::Refused(refusal), "{kind}");
    }
}

#[test]
fn what_is_not_understood_says_nothing() {
    let cloned = new_route(2, 32, 0, 1, 0x200, &OIF_3);
    let mut other = error(22);
    other[8] = 8;
    for reply in [
        cloned,
        other,
        error(1),
        vec![1, 2, 3],
        Vec::new(),
        new_route(2, 24, 4, 9, 0, &[]),
    ] {
        assert!(matches!(parse(&reply, 7), KernelAnswer::NotAsked(_)), "{reply:?}");
    }
}
