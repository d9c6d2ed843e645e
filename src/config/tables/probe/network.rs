//! Probes that ask over the network, but for http.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::base::Name;
use domain::base::iana::Rtype;
use domain::base::scan::IterScanner;
use domain::rdata::ZoneRecordData;

use crate::config::finding::Finding;
use crate::config::model::{CheckConfig, DnsConfig, Host, IcmpConfig, Source, TcpConfig};
use crate::config::reader::TableReader;
use crate::config::value::address::{DNS_NAME, HOST, HOST_AND_PORT, SOURCE};
use crate::config::value::text::TextValue;
use crate::config::value::{Choice, ValueError, integer, list_of};

const TARGET_NAMES: &[&str] = &["host", "address", "dest", "destination", "ip"];

pub(crate) fn icmp(t: &mut TableReader<'_, '_>) -> CheckConfig {
    let target = t
        .key("target", HOST)
        .doc("The target.")
        .also_called(TARGET_NAMES)
        .example("\"198.18.0.1\"")
        .required();
    let source = source(t, &target);
    CheckConfig::Icmp(IcmpConfig { target, source })
}

pub(crate) fn tcp(t: &mut TableReader<'_, '_>) -> CheckConfig {
    let (target, in_target) = t
        .key("target", HOST_AND_PORT)
        .doc("The target with its port, such as `\"198.18.0.1:443\"` or `\"[2001:db8::1]:443\"`.")
        .also_called(TARGET_NAMES)
        .example("\"198.18.0.1:443\"")
        .required();
    let beside = t
        .key("port", integer::<u16>(1..=65_535))
        .doc("The port, if `target` has none.")
        .optional();
    let port = one_port(t, in_target, beside);
    if port.is_none() && t.has_good("target") {
        let path = t.path().key("target");
        t.report(
            Finding::error("missing-key", "a tcp probe needs a port")
                .at(&path, "on which port?")
                .help("write it after the target, such as \"198.18.0.1:443\", or add `port = 443`"),
        );
    }
    let source = source(t, &target);
    CheckConfig::Tcp(TcpConfig {
        target,
        port: port.unwrap_or(1),
        source,
    })
}

pub(crate) fn dns(t: &mut TableReader<'_, '_>) -> CheckConfig {
    let (server, in_target) = t
        .key("target", HOST_AND_PORT)
        .doc("The server, with a port if it is not 53.")
        .also_called(&["server", "resolver", "host", "address"])
        .example("\"192.0.2.53\"")
        .required();
    let beside = t
        .key("port", integer::<u16>(1..=65_535))
        .doc("The server's port, if `target` has none.")
        .default_by("`53`", 53);
    let beside = t.has("port").then_some(beside);
    let port = one_port(t, in_target, beside).unwrap_or(53);
    let query = t
        .key("query", DNS_NAME)
        .doc("The name to query.")
        .also_called(&["name_to_ask", "qname", "question", "lookup", "domain"])
        .example("\"www.example.net\"")
        .required();
    let record = t
        .key("record", Choice(&RECORDS))
        .doc("The record type to query.")
        .also_called(&["qtype", "rrtype", "record_type"])
        .default("A");
    let tcp = t
        .key("transport", Choice(&TRANSPORTS))
        .doc("The transport of the query.")
        .also_called(&["protocol", "tcp"])
        .default("udp");
    let expect_rcode = t
        .key("expect_rcode", Choice(&RCODES))
        .doc("The response code that is a pass; any other is a fail.")
        .also_called(&["rcode"])
        .default("NOERROR");
    let expect_answers = t
        .key("expect_answers", list_of(ANSWER))
        .doc("Answers that must all be there, in zone file notation. None: any answer passes, even an empty one.")
        .also_called(&["answers", "expect_answer", "expect"])
        .default([]);
    check_answers(t, record, expect_rcode, &expect_answers);
    let source = source(t, &server);
    let (record, expect_rcode) = (record.to_owned(), expect_rcode.to_owned());
    CheckConfig::Dns(DnsConfig {
        server,
        port,
        query,
        record,
        tcp,
        expect_rcode,
        expect_answers,
        source,
    })
}

/// The record types whose answers people compare.
const RECORDS: [(&str, &str, &str); 10] = [
    ("A", "A", "IPv4 address"),
    ("AAAA", "AAAA", "IPv6 address"),
    ("CAA", "CAA", "certification authority"),
    ("CNAME", "CNAME", "alias"),
    ("MX", "MX", "mail server"),
    ("NS", "NS", "name server"),
    ("PTR", "PTR", "name of an address"),
    ("SOA", "SOA", "start of authority"),
    ("SRV", "SRV", "server of a service"),
    ("TXT", "TXT", "text"),
];

const TRANSPORTS: [(&str, bool, &str); 2] = [("udp", false, "UDP"), ("tcp", true, "TCP")];

const RCODES: [(&str, &str, &str); 6] = [
    ("NOERROR", "NOERROR", "an answer"),
    ("FORMERR", "FORMERR", "the server did not understand the question"),
    ("SERVFAIL", "SERVFAIL", "the server failed"),
    ("NXDOMAIN", "NXDOMAIN", "there is no such name"),
    ("NOTIMP", "NOTIMP", "the server does not do this"),
    ("REFUSED", "REFUSED", "the server refuses"),
];

const ANSWER: TextValue<String> = TextValue {
    words: "record data",
    pattern: None,
    parse: |text| match text.trim() {
        "" => Err(ValueError::new("bad-answer", "an expected answer cannot be empty").label("empty")),
        text => Ok(text.to_owned()),
    },
    stand_in: String::new,
};

fn check_answers(t: &mut TableReader<'_, '_>, record: &str, rcode: &str, answers: &[String]) {
    let path = t.path().key("expect_answers");
    if rcode != "NOERROR" && !answers.is_empty() {
        t.report(
            Finding::error("never-passes", "this probe could never pass")
                .at(&path, "these answers are expected")
                .at(
                    &t.path().key("expect_rcode"),
                    "but this response code comes without any",
                ),
        );
    }
    for (index, answer) in answers.iter().enumerate() {
        let wrong = match record {
            "A" if answer.parse::<Ipv4Addr>().is_err() => "an A record holds an IPv4 address".to_owned(),
            "AAAA" if answer.parse::<Ipv6Addr>().is_err() => {
                "an AAAA record holds an IPv6 address".to_owned()
            }
            "A" | "AAAA" => continue,
            _ => match record_data(record, answer) {
                Ok(()) => continue,
                Err(why) => format!("this is not the data of a record of this type: {why}"),
            },
        };
        t.report(
            Finding::error("never-passes", "this probe could never pass")
                .at(&path.item(index), format!("not in an answer of type {record}"))
                .help("write it as a zone file does, such as \"10 mail.example.net.\" for MX; `record` is the type that is asked for")
                .note(wrong),
        );
    }
}

/// Whether a text is the data of a record in presentation format. Texts are compared as they are.
fn record_data(record: &str, text: &str) -> Result<(), String> {
    let record: Rtype = record.parse().map_err(|_| "no such type".to_owned())?;
    if record == Rtype::TXT {
        return Ok(());
    }
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches('"'))
        .collect();
    let mut scanner = IterScanner::<_, Vec<u8>>::new(words);
    let data = ZoneRecordData::<Vec<u8>, Name<Vec<u8>>>::scan(record, &mut scanner);
    data.map(drop).map_err(|why| why.to_string())
}

/// The port, which may stand in the target or beside it.
fn one_port(t: &mut TableReader<'_, '_>, in_target: Option<u16>, beside: Option<u16>) -> Option<u16> {
    if let (Some(one), Some(other)) = (in_target, beside)
        && one != other
        && t.has_good("target")
    {
        let (target, port) = (t.path().key("target"), t.path().key("port"));
        t.report(
            Finding::error("two-ports", "the probe has two ports")
                .at(&port, "this one")
                .at(&target, format!("and {one}"))
                .help("leave one of them out"),
        );
    }
    in_target.or(beside)
}

/// Where the probe's packets come from; of the target's family.
pub(crate) fn source(t: &mut TableReader<'_, '_>, target: &Host) -> Option<Source> {
    let source = t
        .key("source", SOURCE)
        .doc("Where the packets come from: a local address, or an interface.")
        .also_called(&["source_address", "source_ip", "bind", "interface", "from"])
        .optional();
    let path = t.path().key("source");
    let link_local = matches!(target, Host::Addr(IpAddr::V6(addr)) if addr.is_unicast_link_local());
    if link_local && !matches!(source, Some(Source::Interface(_))) {
        let target = t.path().key("target");
        t.report(
            Finding::error(
                "link-local",
                "a link-local address means nothing without an interface",
            )
            .at(&target, "link-local")
            .help("add `source = \"INTERFACE\"`, or ask a global address"),
        );
    }
    if let (Some(Source::Addr(from)), Host::Addr(to)) = (&source, target)
        && from.is_ipv4() != to.is_ipv4()
    {
        t.report(
            Finding::error("two-families", "the source is of another family than the target")
                .at(&path, if from.is_ipv4() { "IPv4" } else { "IPv6" })
                .note(format!(
                    "the target is `{to}`; no packet can go from one to the other"
                )),
        );
    }
    source
}
