//! A short text that identifies what a probe checks, the same after a restart: under it Falconer
//! remembers that the probe has passed (D20).
//!
//! Two probes have the same identity if one's pass proves that the other can pass: same type, target
//! and source, same expectation. Name, intervals, votes and the meaning of silence do not count. The
//! text is a digest, because headers and commands may hold secrets, which do not belong into the state
//! file.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::model::{BirdProtocolConfig, BirdRouteConfig, CheckConfig, DnsConfig, Host, HttpConfig, Source};

/// Bytes of the digest that are kept: enough that no two probes of one site share them.
const LENGTH: usize = 16;

/// The identity of a check: 32 hexadecimal digits.
pub fn identity(check: &CheckConfig) -> String {
    let digest = Sha256::digest(asked(check).to_string());
    digest
        .iter()
        .take(LENGTH)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Everything that a pass depends on. A key that is added later is written only where it is not at its
/// default, so that what was remembered before stays remembered.
fn asked(check: &CheckConfig) -> Value {
    let kind = check.type_name();
    match check {
        CheckConfig::Icmp(icmp) => json!([kind, host(&icmp.target), source(icmp.source.as_ref())]),
        CheckConfig::Tcp(tcp) => json!([kind, host(&tcp.target), tcp.port, source(tcp.source.as_ref())]),
        CheckConfig::Http(http) => http_asked(kind, http),
        CheckConfig::Dns(dns) => dns_asked(kind, dns),
        CheckConfig::Exec(exec) => json!([kind, exec.command]),
        CheckConfig::BirdRoute(route) => route_asked(kind, route),
        CheckConfig::BirdProtocol(BirdProtocolConfig::Bgp(name)) => json!([kind, "bgp", name]),
        CheckConfig::BirdProtocol(BirdProtocolConfig::Bfd(neighbor)) => json!([kind, "bfd", neighbor]),
    }
}

fn http_asked(kind: &str, http: &HttpConfig) -> Value {
    let sent = http.headers.iter();
    let sent: Vec<Value> = sent
        .map(|(name, value)| json!([name.as_str(), value.as_bytes()]))
        .collect();
    let found = http.expect_header.iter();
    let found: Vec<Value> = found
        .map(|(name, pattern)| json!([name.as_str(), pattern.0.as_str()]))
        .collect();
    let connect_to = http.connect_to.as_ref();
    json!([
        kind,
        http.url.as_str(),
        http.method.as_str(),
        sent,
        http.expect_status,
        http.expect_body.as_ref().map(|pattern| pattern.0.as_str()),
        found,
        connect_to.map(|(to, port)| json!([host(to), port])),
        http.tls_ca_file,
        http.tls_verify,
        source(http.source.as_ref()),
    ])
}

fn dns_asked(kind: &str, dns: &DnsConfig) -> Value {
    json!([
        kind,
        host(&dns.server),
        dns.port,
        dns.query,
        dns.record,
        dns.tcp,
        dns.expect_rcode,
        dns.expect_answers,
        source(dns.source.as_ref()),
    ])
}

fn route_asked(kind: &str, route: &BirdRouteConfig) -> Value {
    json!([
        kind,
        route.prefix,
        route.protocol,
        route.origin_as,
        route.community,
        route.large_community,
        route.next_hop,
    ])
}

fn host(host: &Host) -> Value {
    match host {
        Host::Addr(addr) => json!(["address", addr]),
        Host::Name(name) => json!(["name", name]),
    }
}

fn source(source: Option<&Source>) -> Value {
    match source {
        None => Value::Null,
        Some(Source::Addr(addr)) => json!(["address", addr]),
        Some(Source::Interface(name)) => json!(["interface", name]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::load;

    fn of(probe: &str) -> String {
        let text = format!(
            "[site]\nname = \"hk1\"\n[[upstream]]\nname = \"isp\"\n[[service]]\nname = \"web\"\nrole = \"standby\"\n\
             prefixes = [\"198.51.100.0/24\"]\nprotocols = [\"failover4\"]\n[[service.probe]]\nname = \"a\"\n{probe}\n"
        );
        let (config, _) = load(&text, "f").unwrap_or_else(|found| panic!("{probe}: {found:?}"));
        identity(&config.services[0].probes[0].check)
    }

    #[test]
    fn d20_a_probe_is_known_by_what_it_asks_and_not_by_its_pace_or_its_votes() {
        let ping = of("type = \"icmp\"\ntarget = \"198.18.0.1\"");
        let slower =
            of("type = \"icmp\"\ntarget = \"198.18.0.1\"\ninterval = \"30s\"\nfall = 5\ndecides = \"up\"");
        assert_eq!(ping, slower);
        assert_eq!(ping.len(), 2 * LENGTH);
        let http = "type = \"http\"\nurl = \"http://198.18.0.1/v1/services/web/announced\"";
        let advised = format!("{http}\non_no_answer = \"error\"\nerror_status = [500]\ndecides = \"down\"");
        assert_eq!(of(http), of(&advised));
    }

    #[test]
    fn d20_whatever_a_pass_depends_on_makes_another_probe() {
        let all = [
            "type = \"icmp\"\ntarget = \"198.18.0.1\"",
            "type = \"icmp\"\ntarget = \"198.18.0.2\"",
            "type = \"icmp\"\ntarget = \"198.18.0.1\"\nsource = \"203.0.113.2\"",
            "type = \"icmp\"\ntarget = \"198.18.0.1\"\nsource = \"eth0\"",
            "type = \"tcp\"\ntarget = \"198.18.0.1:80\"",
            "type = \"tcp\"\ntarget = \"198.18.0.1:81\"",
            "type = \"http\"\nurl = \"http://198.18.0.1/\"",
            "type = \"http\"\nurl = \"http://198.18.0.1/\"\nexpect_body = \"ok\"",
            "type = \"http\"\nurl = \"http://198.18.0.1/\"\nexpect_status = [200]",
            "type = \"http\"\nurl = \"http://198.18.0.1/\"\nheaders = { X = \"1\" }",
            "type = \"http\"\nurl = \"http://198.18.0.1/\"\nconnect_to = \"198.18.0.9:80\"",
            "type = \"dns\"\ntarget = \"198.18.0.1\"\nquery = \"example.net\"",
            "type = \"dns\"\ntarget = \"198.18.0.1\"\nquery = \"example.org\"",
            "type = \"exec\"\ncommand = [\"/bin/true\"]",
            "type = \"exec\"\ncommand = [\"/bin/true\", \"x\"]",
            "type = \"bird-route\"\nprefix = \"198.51.100.0/24\"",
            "type = \"bird-route\"\nprefix = \"198.51.100.0/24\"\nprotocol = \"other\"",
            "type = \"bird-protocol\"\nprotocol = \"isp\"",
        ];
        let mut identities: Vec<String> = all.iter().map(|probe| of(probe)).collect();
        identities.sort();
        identities.dedup();
        assert_eq!(identities.len(), all.len());
    }

    #[test]
    fn d20_an_identity_is_the_same_in_every_release() {
        // State files on disk hold it: whoever changes it makes every site forget.
        let ping = of("type = \"icmp\"\ntarget = \"198.18.0.1\"");
        assert_eq!(
            ping,
            identity_of_text(r#"["icmp",["address","198.18.0.1"],null]"#)
        );
    }

    fn identity_of_text(text: &str) -> String {
        let digest = Sha256::digest(text);
        digest
            .iter()
            .take(LENGTH)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
