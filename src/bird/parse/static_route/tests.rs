use super::*;
use crate::bird::transcripts::said;

#[test]
fn every_next_hop_belongs_to_its_route() {
    let reply = said(
        "1009-198.51.100.0/24\tblackhole\n 198.51.101.0/24\n \tvia 10.0.0.9 (dormant)\n \tdev tun0\n \
         198.51.102.0/24\trecursive 10.0.0.1\n \n 2001:db8::/48\tunreachable\n0000 \n",
    );
    let routes = static_routes(&reply, "f4").expect("routes");
    let read: Vec<_> = routes
        .iter()
        .map(|route| (route.prefix.to_string(), route.dest.join(", ")))
        .collect();
    let expected = [
        ("198.51.100.0/24", "blackhole"),
        ("198.51.101.0/24", "via 10.0.0.9 (dormant), dev tun0"),
        ("198.51.102.0/24", "recursive 10.0.0.1"),
        ("2001:db8::/48", "unreachable"),
    ];
    assert_eq!(
        read,
        expected.map(|(prefix, dest)| (prefix.to_owned(), dest.to_owned()))
    );
}

#[test]
fn a_protocol_without_routes_has_none() {
    assert_eq!(static_routes(&said("0000 \n"), "f4"), Ok(Vec::new()));
}

#[test]
fn a7_a_route_that_cannot_be_read_is_never_passed_over() {
    for bad in [
        "1009-flow4 { dst 198.51.100.0/24; }\tblackhole\n",
        "1009-\tvia 10.0.0.9\n",
        "8000-<line overflow>\n",
    ] {
        let reply = said(&format!("{bad}0000 \n"));
        assert!(
            matches!(static_routes(&reply, "f4"), Err(BirdError::Malformed { .. })),
            "{bad}"
        );
    }
}

#[test]
fn a_protocol_of_another_kind_is_refused_in_birds_words() {
    let reply = said("9001 isp_mp: Not a Static protocol\n");
    let refused = BirdError::Refused {
        code: 9001,
        text: "isp_mp: Not a Static protocol".into(),
    };
    assert_eq!(static_routes(&reply, "isp_mp"), Err(refused));
}
