//! ICMP errors in words.

use super::packet::IcmpError;
use crate::config::model::Family;

/// Who says what: "host unreachable, says 192.0.2.1 (ICMP type 3 code 1)".
pub(crate) fn error(family: Family, error: IcmpError) -> String {
    let IcmpError { kind, code, from } = error;
    format!(
        "{}, says {from} (ICMP type {kind} code {code})",
        meaning(family, kind, code)
    )
}

/// What an ICMP error says (RFC 792, RFC 1812 section 5.2.7, RFC 4443).
fn meaning(family: Family, kind: u8, code: u8) -> &'static str {
    match (family, kind, code) {
        (Family::V4, 3, 0 | 6) | (Family::V6, 1, 0) => "network unreachable",
        (Family::V4, 3, 1 | 7) | (Family::V6, 1, 3) => "host unreachable",
        (Family::V4, 3, 2) | (Family::V6, 4, 1) => "protocol unreachable",
        (Family::V4, 3, 3) | (Family::V6, 1, 4) => "port unreachable",
        (Family::V4, 3, 4) | (Family::V6, 2, _) => "packet too big",
        (Family::V4, 3, 9 | 10 | 13) | (Family::V6, 1, 1) => "administratively prohibited",
        (Family::V6, 1, 2) => "beyond the scope of the source address",
        (Family::V6, 1, 5) => "source address refused by policy",
        (Family::V6, 1, 6) => "rejected by a route",
        (Family::V4, 3, _) | (Family::V6, 1, _) => "unreachable",
        (Family::V4, 11, 0) | (Family::V6, 3, 0) => "time to live exceeded: perhaps a routing loop",
        (Family::V4, 11, _) | (Family::V6, 3, _) => "fragment reassembly time exceeded",
        (Family::V4, 12, _) | (Family::V6, 4, _) => "bad packet header",
        (Family::V4 | Family::V6, _, _) => "an ICMP error",
    }
}
