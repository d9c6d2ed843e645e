//! The blast-radius guard (A7): may this protocol be enabled at all?
//!
//! Only if it is a static protocol whose routes are exactly the configured prefixes and whose
//! channel is exactly the expected one. What follows from a refusal is not decided here.

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;

use crate::config::model::StaticProtocolConfig;

/// What BIRD calls the only kind of protocol that is ever enabled.
pub const KIND: &str = "Static";

/// What BIRD says of the protocol: `show protocols all NAME` and `show static NAME`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardFacts {
    /// The kind of protocol, such as "Static".
    pub kind: String,
    /// The names of its channels, such as "ipv4".
    pub channels: Vec<String>,
    /// The networks of its routes, as often as they are listed.
    pub routes: Vec<IpNet>,
}

/// Why a protocol must not be enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardRefusal {
    name: String,
    faults: Vec<String>,
}

impl fmt::Display for GuardRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in BIRD is not what is configured: {}",
            self.name,
            self.faults.join("; ")
        )
    }
}

/// Refuses whatever is not exactly `expected`, with all its faults at once.
pub fn check(expected: &StaticProtocolConfig, found: &GuardFacts) -> Result<(), GuardRefusal> {
    let faults: Vec<String> = [
        kind(found),
        channel(expected, found),
        repeated(found),
        foreign(expected, found),
        missing(expected, found),
    ]
    .into_iter()
    .flatten()
    .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(GuardRefusal {
            name: expected.name.clone(),
            faults,
        })
    }
}

fn kind(found: &GuardFacts) -> Option<String> {
    (found.kind != KIND).then(|| format!("it is a protocol of type {}, not {KIND}", found.kind))
}

fn channel(expected: &StaticProtocolConfig, found: &GuardFacts) -> Option<String> {
    let wanted = expected.family.channel();
    let fits = matches!(found.channels.as_slice(), [one] if one == wanted);
    (!fits).then(|| match found.channels.as_slice() {
        [] => format!("it has no channel, expected {wanted}"),
        channels => format!("its channel is {}, expected {wanted}", channels.join(" and ")),
    })
}

fn repeated(found: &GuardFacts) -> Option<String> {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<IpNet> = found
        .routes
        .iter()
        .filter(|route| !seen.insert(**route))
        .copied()
        .collect();
    (!twice.is_empty()).then(|| format!("listed more than once: {}", list(&twice)))
}

fn foreign(expected: &StaticProtocolConfig, found: &GuardFacts) -> Option<String> {
    let foreign: BTreeSet<IpNet> = found
        .routes
        .iter()
        .filter(|route| !expected.prefixes.contains(route))
        .copied()
        .collect();
    (!foreign.is_empty()).then(|| format!("not ours to announce: {}", list(&foreign)))
}

fn missing(expected: &StaticProtocolConfig, found: &GuardFacts) -> Option<String> {
    let missing: BTreeSet<IpNet> = expected
        .prefixes
        .iter()
        .filter(|prefix| !found.routes.contains(prefix))
        .copied()
        .collect();
    (!missing.is_empty()).then(|| format!("missing: {}", list(&missing)))
}

/// How many networks a message names before it only counts them: a full table must not end up in
/// an alarm.
const NAMED: usize = 5;

fn list(nets: &BTreeSet<IpNet>) -> String {
    let named: Vec<String> = nets.iter().take(NAMED).map(IpNet::to_string).collect();
    match nets.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::Family;

    fn expected() -> StaticProtocolConfig {
        StaticProtocolConfig {
            name: "web_v4".into(),
            family: Family::V4,
            prefixes: nets(&["198.51.100.0/24", "192.0.2.0/24"]),
        }
    }

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn found(channels: &[&str], routes: &[&str]) -> GuardFacts {
        GuardFacts {
            kind: "Static".into(),
            channels: channels.iter().map(ToString::to_string).collect(),
            routes: nets(routes),
        }
    }

    fn said(found: &GuardFacts) -> String {
        check(&expected(), found).unwrap_err().to_string()
    }

    #[test]
    fn a7_exactly_the_configured_prefixes_pass_in_any_order() {
        assert_eq!(
            check(
                &expected(),
                &found(&["ipv4"], &["192.0.2.0/24", "198.51.100.0/24"])
            ),
            Ok(())
        );
    }

    #[test]
    fn a7_a_foreign_route_is_refused_and_named() {
        let text = said(&found(
            &["ipv4"],
            &["192.0.2.0/24", "198.51.100.0/24", "0.0.0.0/0"],
        ));
        assert_eq!(
            text,
            "web_v4 in BIRD is not what is configured: not ours to announce: 0.0.0.0/0"
        );
    }

    #[test]
    fn a7_a_more_specific_or_a_covering_route_is_a_foreign_one() {
        for other in ["198.51.100.0/25", "198.51.0.0/16"] {
            let text = said(&found(&["ipv4"], &["192.0.2.0/24", "198.51.100.0/24", other]));
            assert!(text.contains(&format!("not ours to announce: {other}")), "{text}");
        }
    }

    #[test]
    fn a7_a_missing_route_is_refused() {
        assert!(said(&found(&["ipv4"], &["192.0.2.0/24"])).contains("missing: 198.51.100.0/24"));
        assert!(said(&found(&["ipv4"], &[])).contains("missing: 192.0.2.0/24, 198.51.100.0/24"));
    }

    #[test]
    fn a7_a_route_listed_twice_is_refused() {
        let text = said(&found(
            &["ipv4"],
            &["192.0.2.0/24", "198.51.100.0/24", "192.0.2.0/24"],
        ));
        assert!(text.contains("listed more than once: 192.0.2.0/24"), "{text}");
    }

    #[test]
    fn a7_any_channel_but_the_one_expected_is_refused() {
        let routes = ["192.0.2.0/24", "198.51.100.0/24"];
        for (channels, words) in [
            (vec![], "it has no channel, expected ipv4"),
            (vec!["ipv6"], "its channel is ipv6, expected ipv4"),
            (vec!["ipv4-mc"], "its channel is ipv4-mc, expected ipv4"),
            (
                vec!["ipv4", "ipv6"],
                "its channel is ipv4 and ipv6, expected ipv4",
            ),
        ] {
            let text = said(&found(&channels, &routes));
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn a7_a_protocol_that_is_not_static_is_refused() {
        let bgp = GuardFacts {
            kind: "BGP".into(),
            ..found(&["ipv4"], &["192.0.2.0/24", "198.51.100.0/24"])
        };
        assert!(said(&bgp).contains("it is a protocol of type BGP, not Static"));
    }

    #[test]
    fn a7_all_faults_are_named_at_once_and_a_full_table_stays_short() {
        let many: Vec<String> = (0..200).map(|n| format!("10.0.{n}.0/24")).collect();
        let text = said(&found(
            &["ipv6"],
            &many.iter().map(String::as_str).collect::<Vec<_>>(),
        ));
        assert_eq!(
            text,
            "web_v4 in BIRD is not what is configured: its channel is ipv6, expected ipv4; \
             not ours to announce: 10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24, 10.0.3.0/24, 10.0.4.0/24 and 195 more; \
             missing: 192.0.2.0/24, 198.51.100.0/24"
        );
    }
}
