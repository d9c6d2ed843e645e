//! Probes that ask over HTTP or HTTPS.

use std::net::IpAddr;
use std::path::PathBuf;

use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};

use super::network::source;
use crate::config::finding::Finding;
use crate::config::model::{CheckConfig, Host, HttpConfig, OnNoAnswer, Pattern};
use crate::config::reader::TableReader;
use crate::config::value::address::{HOST_AND_PORT, stand_in_check};
use crate::config::value::http::{
    HEADER_NAME, HEADER_VALUE, METHOD, REGEX, SENT_HEADER_NAME, StatusRange, URL,
};
use crate::config::value::text::PATH;
use crate::config::value::{Choice, Dictionary, Flag, list_of};

/// Reads an http probe.
pub(crate) fn http(t: &mut TableReader<'_, '_>) -> CheckConfig {
    let url = t
        .key("url", URL)
        .doc("The URL to request.")
        .also_called(&["target", "uri", "address", "endpoint"])
        .example("\"https://origin.example.net/healthz\"")
        .required();
    let method = t
        .key("method", METHOD)
        .doc("The request's method.")
        .default("GET");
    let (headers, headers_file) = sent_headers(t);
    let expected = expectations(t);
    let connect_to = t
        .key("connect_to", HOST_AND_PORT)
        .doc("Connect there instead of to the URL's host; the Host header and TLS's server name stay the URL's. Without a port, the URL's port is used.")
        .also_called(&["connect", "resolve"])
        .optional();
    let tls_ca_file = t
        .key("tls_ca_file", PATH)
        .doc("Trust the certificates in this file (PEM) instead of the system's.")
        .also_called(&["ca_file", "cafile", "ca"])
        .optional();
    let tls_verify = t
        .key("tls_verify", Flag)
        .doc("Whether the server's certificate is verified.")
        .also_called(&["verify", "verify_tls"])
        .default(true);
    let on_no_answer = t
        .key("on_no_answer", Choice(&ON_NO_ANSWER))
        .doc("What no HTTP answer at all means (D3).")
        .default("fail");
    check_http(t, url.as_ref(), &method, tls_verify);
    let (target, connect_to) = match (&url, connect_to) {
        (Some(url), Some((host, port))) => {
            let port = port.or_else(|| url.port_or_known_default()).unwrap_or(80);
            (host.clone(), Some((host, port)))
        }
        (Some(url), None) => (host_of(url), None),
        (None, _) => (Host::Name(String::new()), None),
    };
    let source = source(t, &target);
    let Some(url) = url else { return stand_in_check() };
    CheckConfig::Http(Box::new(HttpConfig {
        url,
        method,
        headers,
        headers_file,
        expect_status: expected.status,
        error_status: expected.error_status,
        expect_body: expected.body,
        expect_header: expected.header,
        connect_to,
        tls_ca_file,
        tls_verify,
        on_no_answer,
        source,
    }))
}

/// Reads the headers that are sent, and the file with more of them.
fn sent_headers(t: &mut TableReader<'_, '_>) -> (Vec<(HeaderName, HeaderValue)>, Option<PathBuf>) {
    let headers = t
        .key(
            "headers",
            Dictionary {
                names: SENT_HEADER_NAME,
                of: HEADER_VALUE,
            },
        )
        .doc("Headers sent beside Host and User-Agent.")
        .also_called(&["header"])
        .default_by("`{}`", Vec::new());
    let headers_file = t
        .key("headers_file", PATH)
        .doc("More headers, one `Name: value` on each line, in a file that not everybody can read: for secrets. Empty lines and lines that begin with `#` are ignored. Read at the start and at a reload.")
        .also_called(&["header_file"])
        .optional();
    (headers, headers_file)
}

/// What a right answer looks like.
struct Expected {
    status: Vec<(u16, u16)>,
    error_status: Vec<(u16, u16)>,
    body: Option<Pattern>,
    header: Vec<(HeaderName, Pattern)>,
}

/// Reads what a right answer looks like.
fn expectations(t: &mut TableReader<'_, '_>) -> Expected {
    let status = t
        .key("expect_status", list_of(StatusRange).not_empty())
        .doc("Status codes that are a pass. Redirects are not followed.")
        .also_called(&["status", "expected_status", "response_codes"])
        .default(["200-299"]);
    let error_status = t
        .key("error_status", list_of(StatusRange))
        .doc(
            "Status codes that prove nothing: an error, and neither a pass nor a fail (D3). For a probe of another \
             Falconer's `/announced`: all but 200 and 503, `[\"300-502\", \"504-599\"]`.",
        )
        .also_called(&["error_codes", "unknown_status"])
        .default([]);
    check_statuses(t, &status, &error_status);
    let body = t
        .key("expect_body", REGEX)
        .doc("A regular expression that is searched for in the first 64 KiB of the body.")
        .also_called(&["body", "match", "regex"])
        .optional()
        .flatten();
    let header = t
        .key(
            "expect_header",
            Dictionary {
                names: HEADER_NAME,
                of: REGEX,
            },
        )
        .doc("Headers that must be there, each with a regular expression that its value must match.")
        .also_called(&["expect_headers"])
        .default_by("`{}`", Vec::new());
    let good = |(name, regex): (HeaderName, Option<Pattern>)| regex.map(|regex| (name, regex));
    Expected {
        status,
        error_status,
        body,
        header: header.into_iter().filter_map(good).collect(),
    }
}

/// A status cannot be a pass and prove nothing.
fn check_statuses(t: &mut TableReader<'_, '_>, expected: &[(u16, u16)], errors: &[(u16, u16)]) {
    let path = t.path().clone();
    for (index, &(first, last)) in errors.iter().enumerate() {
        let both = expected.iter().find(|(from, to)| *from <= last && first <= *to);
        if let Some(&(from, to)) = both {
            let (from, to) = (from.max(first), to.min(last));
            let both = if from == to {
                from.to_string()
            } else {
                format!("{from}-{to}")
            };
            t.report(
                Finding::error(
                    "two-meanings",
                    format!("the status {both} is expected, and an error"),
                )
                .at(&path.key("error_status").item(index), "proves nothing")
                .at(&path.key("expect_status"), "a pass")
                .help("leave it out of one of them"),
            );
        }
    }
}

const ON_NO_ANSWER: [(&str, OnNoAnswer, &str); 2] = [
    ("fail", OnNoAnswer::Fail, "a fail"),
    ("error", OnNoAnswer::Error, "an error: the check proves nothing"),
];

/// The host that a URL names.
pub fn host_of(url: &url::Url) -> Host {
    match url.host() {
        Some(url::Host::Ipv4(addr)) => Host::Addr(IpAddr::V4(addr)),
        Some(url::Host::Ipv6(addr)) => Host::Addr(IpAddr::V6(addr).to_canonical()),
        Some(url::Host::Domain(name)) => Host::Name(name.to_owned()),
        None => Host::Name(String::new()),
    }
}

fn check_http(t: &mut TableReader<'_, '_>, url: Option<&url::Url>, method: &Method, verify: bool) {
    let path = t.path().clone();
    if *method == Method::HEAD && t.has("expect_body") {
        t.report(
            Finding::error("never-passes", "this probe could never pass")
                .at_key(&path.key("expect_body"), "searched for in the body")
                .at(&path.key("method"), "but an answer to HEAD has none"),
        );
    }
    let plain = url.is_some_and(|url| url.scheme() == "http");
    for key in ["tls_ca_file", "tls_verify"] {
        if plain && t.has(key) {
            t.report(
                Finding::warning("unused-key", format!("`{key}` means nothing for a URL of http"))
                    .at_key(&path.key(key), "has no effect")
                    .at(&path.key("url"), "no TLS here"),
            );
        }
    }
    if !plain && !verify && t.has("tls_ca_file") {
        t.report(
            Finding::warning(
                "unused-key",
                "`tls_ca_file` means nothing where the certificate is not verified",
            )
            .at_key(&path.key("tls_ca_file"), "has no effect")
            .at(&path.key("tls_verify"), "not verified"),
        );
    }
}
