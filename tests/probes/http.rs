//! The http probe, against servers that answer with the bytes they are given.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use falconer::config::model::{CheckConfig, HttpConfig, OnNoAnswer, Pattern};
use hyper::header::{HeaderName, HeaderValue};
use regex::Regex;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;

use crate::make::{Error, Fail, Pass, check, checker, expect, from, host, probe};
use falconer_lab::probed_site::{self, Lab, alone};

const OK: &str = "HTTP/1.1 200 OK\r\nX-Site: hk1\r\nContent-Length: 12\r\n\r\nhealthy: yes";

#[test]
fn the_expected_status_passes_and_any_other_fails() {
    alone(async || {
        for (answer, ranges, outcome, words) in [
            (OK, vec![(200, 299)], Pass, "200 OK"),
            (
                "HTTP/1.0 204 No Content\r\n\r\n",
                vec![(200, 299)],
                Pass,
                "204 No Content",
            ),
            (
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                vec![(200, 200), (404, 404)],
                Pass,
                "404",
            ),
            (
                "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
                vec![(200, 299), (304, 304)],
                Fail,
                "503 Service Unavailable, wanted 200-299, 304",
            ),
            (
                "HTTP/1.1 300 \r\nContent-Length: 0\r\n\r\n",
                vec![(200, 299)],
                Fail,
                "wanted 200-299",
            ),
            (
                "HTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 500 X\r\n\r\n",
                vec![(200, 299)],
                Fail,
                "500",
            ),
        ] {
            let server = serve(answer).await;
            let http = HttpConfig {
                expect_status: ranges,
                ..get(&server.url("/"))
            };
            let report = ask(http).await;
            expect(&report, outcome, words);
            assert!(report.rtt.is_some());
        }
    });
}

#[test]
fn d3_of_another_falconers_answer_only_200_and_503_say_something() {
    alone(async || {
        for (status, outcome, words) in [
            ("200 OK", Pass, "200"),
            (
                "503 Service Unavailable",
                Fail,
                "503 Service Unavailable, wanted 200-299",
            ),
            (
                "500 Internal Server Error",
                Error,
                "500 Internal Server Error, which proves nothing",
            ),
            ("404 Not Found", Error, "404 Not Found, which proves nothing"),
            (
                "504 Gateway Timeout",
                Error,
                "504 Gateway Timeout, which proves nothing",
            ),
        ] {
            let server = serve(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
            let http = HttpConfig {
                error_status: vec![(300, 502), (504, 599)],
                ..get(&server.url("/v1/services/web/announced"))
            };
            expect(&ask(http).await, outcome, words);
        }
    });
}

#[test]
fn a_redirect_is_not_followed() {
    alone(async || {
        let elsewhere = serve(OK).await;
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            elsewhere.url("/")
        );
        let mut server = serve(&answer).await;
        expect(
            &ask(get(&server.url("/"))).await,
            Fail,
            "302 Found, wanted 200-299",
        );
        assert!(server.request().await.starts_with("GET / "));
    });
}

#[test]
fn the_request_says_what_the_configuration_says() {
    alone(async || {
        let mut server = serve(OK).await;
        let http = HttpConfig {
            method: hyper::Method::HEAD,
            headers: vec![(HeaderName::from_static("x-probe"), HeaderValue::from_static("1"))],
            ..get(&server.url("/a/b?c=d&e"))
        };
        expect(&ask(http).await, Pass, "200");
        let request = server.request().await.to_lowercase();
        assert!(request.starts_with("head /a/b?c=d&e http/1.1\r\n"), "{request}");
        let version = env!("CARGO_PKG_VERSION");
        for header in [
            format!("host: {}", server.address),
            format!("user-agent: falconer/{version}"),
            "connection: close".into(),
            "x-probe: 1".into(),
        ] {
            assert!(
                request.contains(&format!("\r\n{header}\r\n")),
                "{header} in {request}"
            );
        }
    });
}

#[test]
fn connect_to_changes_the_address_and_nothing_else() {
    alone(async || {
        for (url, header) in [
            ("http://origin.example/x", "host: origin.example\r\n"),
            ("http://origin.example:8080/x", "host: origin.example:8080\r\n"),
            ("http://[2001:db8::1]/x", "host: [2001:db8::1]\r\n"),
            ("http://[2001:db8::1]:81/x", "host: [2001:db8::1]:81\r\n"),
        ] {
            let mut server = serve(OK).await;
            expect(&ask(to(get(url), server.address)).await, Pass, "");
            let request = server.request().await.to_lowercase();
            assert!(request.contains(header), "{header} in {request}");
        }
    });
}

#[test]
fn a_header_must_be_there_and_match() {
    alone(async || {
        for (name, pattern, outcome, words) in [
            ("x-site", "^hk1$", Pass, "200"),
            ("x-site", "^hk2$", Fail, "x-site has nothing that ^hk2$ finds"),
            ("x-other", ".*", Fail, "without a header x-other"),
        ] {
            let server = serve(OK).await;
            let http = HttpConfig {
                expect_header: vec![(
                    HeaderName::from_static(name),
                    Pattern(Regex::new(pattern).unwrap()),
                )],
                ..get(&server.url("/"))
            };
            expect(&ask(http).await, outcome, words);
        }
    });
}

#[test]
fn the_body_is_searched_in_its_first_64_kib() {
    alone(async || {
        let long = |before: usize| {
            format!(
                "HTTP/1.0 200 OK\r\n\r\n{}needle{}",
                "x".repeat(before),
                "y".repeat(9000)
            )
        };
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnee\r\n3\r\ndle\r\n0\r\n\r\n";
        let broken = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nneedle";
        for (answer, pattern, outcome, words) in [
            (OK, "healthy: (yes|sure)", Pass, "200"),
            (OK, "healthy: no", Fail, "body has nothing that healthy: no finds"),
            (chunked, "^needle$", Pass, "200"),
            (broken, "needle", Fail, "the body broke off"),
            (&long(60_000), "needle", Pass, "200"),
            (&long(65_533), "needle", Fail, "first 64 KiB"),
            (&long(70_000), "needle", Fail, "first 64 KiB"),
        ] {
            let server = serve(answer).await;
            expect(&ask(expecting(pattern, &server.url("/"))).await, outcome, words);
        }
    });
}

#[test]
fn a_body_that_never_ends_is_a_fail_in_time() {
    alone(async || {
        let server = serve_and_hang("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nneedle").await;
        let started = Instant::now();
        let report = check(http(expecting("needle", &server.url("/"))), 300).await;
        expect(&report, Fail, "reading the body");
        assert!(started.elapsed() < Duration::from_millis(450));
    });
}

#[test]
fn d3_no_answer_is_a_fail_or_by_configuration_an_error() {
    alone(async || {
        let silent = serve_and_hang("").await;
        let half = serve_and_hang("HTTP/1.1 200 OK\r\nX-").await;
        let closing = serve("").await;
        let no_http = serve("SSH-2.0-OpenSSH_9.2\r\n").await;
        for (url, words) in [
            (silent.url("/"), "waiting for the HTTP answer"),
            (half.url("/"), "waiting for the HTTP answer"),
            (closing.url("/"), "no HTTP answer"),
            (no_http.url("/"), "no HTTP answer"),
            ("http://127.0.0.1:9/".into(), "connection refused"),
            (closing.url("/").replace("http:", "https:"), "TLS"),
        ] {
            for (on_no_answer, outcome) in [(OnNoAnswer::Fail, Fail), (OnNoAnswer::Error, Error)] {
                let asked = HttpConfig {
                    on_no_answer,
                    tls_verify: false,
                    ..get(&url)
                };
                expect(&check(http(asked), 300).await, outcome, words);
            }
        }
        // An answer is an answer, though not the one that was wanted.
        let sick = serve("HTTP/1.1 500 Sick\r\nContent-Length: 0\r\n\r\n").await;
        let asked = HttpConfig {
            on_no_answer: OnNoAnswer::Error,
            ..get(&sick.url("/"))
        };
        expect(&ask(asked).await, Fail, "500");
    });
}

#[test]
fn d1_no_route_is_an_error_and_an_unreachable_site_a_fail() {
    Lab::run(async |lab| {
        expect(
            &ask(get(&format!("http://{}/", probed_site::NO_ROUTE))).await,
            Error,
            "no route",
        );
        expect(
            &ask(get(&format!("http://{}/", probed_site::DEAD_ON_LINK))).await,
            Fail,
            "unreachable",
        );
        let server = lab
            .site
            .inside(|| std::net::TcpListener::bind((probed_site::SITE, 80)).unwrap());
        server.set_nonblocking(true).unwrap();
        let mut served = serve_on(TcpListener::from_std(server).unwrap(), OK, false);
        let asked = HttpConfig {
            source: from("192.0.2.2"),
            ..get(&format!("http://{}/", probed_site::SITE))
        };
        expect(&ask(asked).await, Pass, "200");
        assert!(served.request().await.contains(probed_site::SITE));
    });
}

#[test]
fn tls_is_verified_against_the_ca_file() {
    alone(async || {
        for (certificate, ca, url, verify, outcome, words) in [
            (
                "server",
                Some("ca.pem"),
                "https://origin.example/",
                true,
                Pass,
                "200 OK",
            ),
            (
                "server",
                Some("ca.pem"),
                "https://127.0.0.1/",
                true,
                Pass,
                "200 OK",
            ),
            ("server", Some("ca.pem"), "https://[::1]/", true, Pass, "200 OK"),
            (
                "server",
                Some("ca.pem"),
                "https://other.example/",
                true,
                Fail,
                "not valid for name",
            ),
            (
                "server",
                Some("expired.pem"),
                "https://origin.example/",
                true,
                Fail,
                "TLS: invalid peer certificate",
            ),
            (
                "expired",
                Some("ca.pem"),
                "https://origin.example/",
                true,
                Fail,
                "expired",
            ),
            ("expired", None, "https://other.example/", false, Pass, "200 OK"),
            (
                "server",
                Some("missing.pem"),
                "https://origin.example/",
                true,
                Error,
                "missing.pem: no such file",
            ),
            (
                "server",
                Some("make"),
                "https://origin.example/",
                true,
                Error,
                "no certificate in it",
            ),
        ] {
            let server = serve_tls(certificate).await;
            let asked = HttpConfig {
                tls_ca_file: ca.map(fixture),
                tls_verify: verify,
                ..to(get(url), server)
            };
            expect(&ask(asked).await, outcome, words);
        }
    });
}

#[test]
fn the_system_does_not_trust_our_test_ca() {
    alone(async || {
        let server = serve_tls("server").await;
        let report = ask(to(get("https://origin.example/"), server)).await;
        // A system without any trusted certificate cannot make the check.
        assert!([Fail, Error].contains(&report.outcome), "{}", report.detail);
    });
}

#[test]
fn a_ca_file_that_cannot_be_read_is_trouble_before_any_check() {
    alone(async || {
        let asked = HttpConfig {
            tls_ca_file: Some("/nonexistent/ca.pem".into()),
            ..get("https://127.0.0.1/")
        };
        let probe = checker().probe(&probe(http(asked), 300), &[]);
        assert!(probe.trouble().unwrap().contains("/nonexistent/ca.pem"));
    });
}

fn get(url: &str) -> HttpConfig {
    HttpConfig {
        url: url.parse().unwrap(),
        method: hyper::Method::GET,
        headers: Vec::new(),
        expect_status: vec![(200, 299)],
        error_status: Vec::new(),
        expect_body: None,
        expect_header: Vec::new(),
        connect_to: None,
        tls_ca_file: None,
        headers_file: None,
        tls_verify: true,
        on_no_answer: OnNoAnswer::Fail,
        source: None,
    }
}

fn expecting(pattern: &str, url: &str) -> HttpConfig {
    HttpConfig {
        expect_body: Some(Pattern(Regex::new(pattern).unwrap())),
        ..get(url)
    }
}

fn to(http: HttpConfig, server: SocketAddr) -> HttpConfig {
    HttpConfig {
        connect_to: Some((host(&server.ip().to_string()), server.port())),
        ..http
    }
}

fn http(http: HttpConfig) -> CheckConfig {
    CheckConfig::Http(Box::new(http))
}

async fn ask(asked: HttpConfig) -> falconer::probe::CheckReport {
    check(http(asked), 2000).await
}

/// A server, and the requests that it got.
struct Server {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<String>,
}

impl Server {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn request(&mut self) -> String {
        self.requests.recv().await.unwrap()
    }
}

/// Answers every request with these bytes, and closes.
async fn serve(answer: &str) -> Server {
    serve_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answer, false)
}

/// Answers every request with these bytes, and says nothing more.
async fn serve_and_hang(answer: &str) -> Server {
    serve_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answer, true)
}

fn serve_on(listener: TcpListener, answer: &str, hang: bool) -> Server {
    let address = listener.local_addr().unwrap();
    let (sender, requests) = mpsc::unbounded_channel();
    let answer = answer.to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, sender) = (answer.clone(), sender.clone());
            tokio::spawn(async move {
                let _ = sender.send(answer_one(stream, &answer, hang).await);
            });
        }
    });
    Server { address, requests }
}

async fn answer_one(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, hang: bool) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => request.extend_from_slice(&buffer[..length]),
        }
        // A TLS client says hello, and nothing that ends like a request.
        if request.first() == Some(&0x16) {
            break;
        }
    }
    let _ = stream.write_all(answer.as_bytes()).await;
    if hang {
        sleep(Duration::from_secs(60)).await;
    }
    let _ = stream.shutdown().await;
    String::from_utf8_lossy(&request).into_owned()
}

/// Serves [`OK`] over TLS with that certificate.
async fn serve_tls(certificate: &str) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_file(fixture(&format!("{certificate}.pem"))).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture(&format!("{certificate}.key"))).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer_one(stream, OK, false).await;
            }
        }
    });
    address
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/tls")
        .join(name)
}
