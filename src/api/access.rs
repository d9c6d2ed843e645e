//! Who may ask over TCP: by address, before anything is read, and by the headers with which a browser
//! says for whom it asks. The Unix socket needs none of it: its file says who may open it.

use std::net::IpAddr;

use hyper::StatusCode;
use hyper::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::http::uri::Authority;
use ipnet::IpNet;

use crate::config::model;
use crate::metrics::Rejection;

/// `[api]`, as far as it says who may ask.
#[derive(Debug, Default)]
pub(crate) struct Access {
    allow: Vec<IpNet>,
    names: Vec<String>,
}

/// Why a request is not answered: what is counted, and what is said.
pub(crate) type Rejected = (Rejection, StatusCode, &'static str);

const FOREIGN_HOST: Rejected = (
    Rejection::Host,
    StatusCode::MISDIRECTED_REQUEST,
    "the Host header names another machine; ask by address, as localhost, or by a name that is in api.names",
);

const FOREIGN_PAGE: Rejected = (
    Rejection::CrossSite,
    StatusCode::FORBIDDEN,
    "a page of another site made your browser ask; open this address itself",
);

impl Access {
    pub(crate) fn new(config: &model::ApiConfig) -> Self {
        Self {
            allow: config.allow.clone(),
            names: config.names.clone(),
        }
    }

    /// Whether connections from that address are let in: those of this machine always are, and without
    /// `allow` everybody's.
    pub(crate) fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.allow.is_empty() || peer.is_loopback() || self.allow.iter().any(|prefix| prefix.contains(&peer))
    }

    /// Why a request over TCP with these headers is not answered, where it is not.
    pub(crate) fn rejection(&self, headers: &HeaderMap) -> Option<Rejected> {
        if !self.names_us(headers) {
            return Some(FOREIGN_HOST);
        }
        (comes_from_elsewhere(headers) || !has_our_origin(headers)).then_some(FOREIGN_PAGE)
    }

    /// Whether the Host header (RFC 9110, section 7.2) is an address, localhost or one of our names. A web
    /// page of somebody else's can make a browser ask us, by pointing its own name at our address (DNS
    /// rebinding); then the header has that name. Requests without the header come from no browser.
    fn names_us(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let Some(host) = hosts.next() else { return true };
        let Ok(authority) = Authority::try_from(host.as_bytes()) else {
            return false;
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let known = |name: &String| {
            host.trim_end_matches('.')
                .eq_ignore_ascii_case(name.trim_end_matches('.'))
        };
        let ours = host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok()
            || self.names.iter().any(known);
        ours && hosts.next().is_none()
    }
}

/// Whether a browser says that a page of another site asks (Fetch Metadata). Following a link to us is
/// fine: then nobody but the person in front of it sees the answer.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let is = |name: &str, words: &[&str]| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| words.contains(&value))
    };
    let elsewhere = is("sec-fetch-site", &["cross-site", "same-site"]);
    let followed = is("sec-fetch-mode", &["navigate"]) && is("sec-fetch-dest", &["document"]);
    elsewhere && !followed
}

/// Whether the Origin header, where there is one, is the very address that is asked.
fn has_our_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_ascii_lowercase);
    let (Some(origin), Some(host)) = (text(origin), headers.get(HOST).and_then(text)) else {
        return false;
    };
    let origin = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    origin == Some(&*host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(allow: &[&str]) -> Access {
        Access {
            allow: allow.iter().map(|prefix| prefix.parse().unwrap()).collect(),
            names: vec!["hk1.example.net".to_owned()],
        }
    }

    fn rejected(headers: &[(&'static str, &str)]) -> Option<Rejection> {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    hyper::header::HeaderName::from_static(name),
                    value.parse().unwrap(),
                )
            })
            .collect();
        access(&[]).rejection(&headers).map(|(why, _, _)| why)
    }

    #[test]
    fn who_is_on_the_list_is_let_in_and_this_machine_always_is() {
        let cases = [
            ("203.0.113.2", true),
            ("::ffff:203.0.113.2", true),
            ("203.0.113.3", false),
            ("2001:db8:113::5", true),
            ("2001:db8:114::5", false),
            ("127.0.0.1", true),
            ("::1", true),
        ];
        let listed = access(&["203.0.113.2/32", "2001:db8:113::/48"]);
        for (peer, expected) in cases {
            assert_eq!(listed.admits(peer.parse().unwrap()), expected, "{peer}");
        }
        assert!(access(&[]).admits("192.0.2.1".parse().unwrap()), "no list");
    }

    #[test]
    fn a_host_header_is_an_address_or_a_name_of_ours() {
        let ours = [
            "203.0.113.2:9180",
            "[2001:db8::1]:9180",
            "LocalHost",
            "HK1.example.net:9180",
            "hk1.example.net.",
        ];
        for host in ours {
            assert_eq!(rejected(&[("host", host)]), None, "{host}");
        }
        for host in [
            "evil.example",
            "hk1.example.net.evil.example",
            "203.0.113.2.evil.example",
            "",
            "a b",
        ] {
            assert_eq!(rejected(&[("host", host)]), Some(Rejection::Host), "{host:?}");
        }
        assert_eq!(rejected(&[]), None, "no browser leaves it out");
    }

    #[test]
    fn two_host_headers_are_one_too_many() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("localhost"));
        headers.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(access(&[]).rejection(&headers).is_some());
    }

    #[test]
    fn pages_of_others_are_refused_and_a_link_to_us_is_not() {
        let host = ("host", "hk1.example.net:9180");
        let from_elsewhere: [&[(&'static str, &str)]; 7] = [
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
            &[
                host,
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "iframe"),
            ],
            &[host, ("origin", "https://evil.example")],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://hk1.example.net")],
            &[("origin", "http://hk1.example.net:9180")],
        ];
        for headers in from_elsewhere {
            assert_eq!(rejected(headers), Some(Rejection::CrossSite), "{headers:?}");
        }
        let answered: [&[(&'static str, &str)]; 4] = [
            &[
                host,
                ("sec-fetch-site", "same-origin"),
                ("origin", "http://hk1.example.net:9180"),
            ],
            &[host, ("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
            &[
                host,
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ],
            &[host, ("origin", "HTTPS://HK1.example.net:9180")],
        ];
        for headers in answered {
            assert_eq!(rejected(headers), None, "{headers:?}");
        }
    }
}
