//! The http probe: an HTTP/1.1 answer is as expected.
//!
//! One connection for each check, closed after it; no redirect is followed, no cookie kept, no
//! session resumed: what is measured is what a new client meets.
//!
//! Whatever a server sends, and however it sends it, costs no more than the check's time, `BUDGET` bytes,
//! and `TURN` bytes before others have their turn.

mod exchange;
mod headers_file;
mod metered;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{StatusCode, Uri};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::Instant;

use self::exchange::{HttpAnswer, HttpRequest, ResponseBody};
use self::metered::Metered;
use super::deadline::CheckDeadline;
use super::report::{CheckError, CheckReport};
use super::resolve::Target;
use super::socket;
use super::tls::TrustStore;
use crate::config::model::{self, Host, OnNoAnswer, Pattern, Source};

/// How we introduce ourselves.
const AGENT: &str = concat!("falconer/", env!("CARGO_PKG_VERSION"));

/// An http probe, ready to be asked.
#[derive(Debug)]
pub(crate) struct HttpProbe {
    target: Target,
    port: u16,
    source: Option<Source>,
    tls: Option<Result<TlsSetup, String>>,
    request: Result<HttpRequest, String>,
    expect: ExpectedResponse,
    on_no_answer: OnNoAnswer,
}

/// How TLS is spoken, and with whom.
#[derive(Clone, Debug)]
struct TlsSetup {
    client: Arc<ClientConfig>,
    server: ServerName<'static>,
}

/// What the answer must be.
#[derive(Debug)]
struct ExpectedResponse {
    status: Vec<(u16, u16)>,
    error_status: Vec<(u16, u16)>,
    body: Option<Pattern>,
    headers: Vec<(hyper::header::HeaderName, Pattern)>,
}

/// The host that a probe connects to, which need not be the URL's.
pub(crate) fn host(http: &model::HttpConfig) -> Host {
    if let Some((host, _)) = &http.connect_to {
        return host.clone();
    }
    match http.url.host() {
        Some(url::Host::Ipv4(addr)) => Host::Addr(addr.into()),
        Some(url::Host::Ipv6(addr)) => Host::Addr(addr.into()),
        Some(url::Host::Domain(name)) => Host::Name(name.to_owned()),
        None => Host::Name(String::new()),
    }
}

impl HttpProbe {
    /// From its configuration, with its target found already. Its files are read here.
    pub(crate) fn new(http: &model::HttpConfig, target: Target, trust: &TrustStore) -> Self {
        let url_port = http.url.port_or_known_default().unwrap_or(80);
        Self {
            target,
            port: http.connect_to.as_ref().map_or(url_port, |(_, port)| *port),
            source: http.source.clone(),
            tls: (http.url.scheme() == "https").then(|| tls(http, trust)),
            request: request(http),
            expect: ExpectedResponse {
                status: http.expect_status.clone(),
                error_status: http.error_status.clone(),
                body: http.expect_body.clone(),
                headers: http.expect_header.clone(),
            },
            on_no_answer: http.on_no_answer,
        }
    }

    /// One check.
    pub(crate) async fn check(&self, limit: CheckDeadline) -> CheckReport {
        // Where an answer is what counts, silence proves nothing (D3).
        match (Box::pin(self.ask(limit)).await, self.on_no_answer) {
            (Ok(report), _) => report,
            (Err(none), OnNoAnswer::Fail) => none.into(),
            (Err(none), OnNoAnswer::Error) => CheckReport::error(none.words()),
        }
    }

    /// What makes every check an error.
    pub(crate) fn trouble(&self) -> Option<String> {
        let tls = self.tls.as_ref().and_then(|tls| tls.as_ref().err());
        let own = self.request.as_ref().err().or(tls);
        own.cloned().or_else(|| self.target.trouble())
    }

    async fn ask(&self, limit: CheckDeadline) -> Result<CheckReport, CheckError> {
        if let Some(trouble) = self.trouble() {
            return Err(CheckError::NotMade(trouble));
        }
        let request = self
            .request
            .as_ref()
            .map_err(|why| CheckError::NotMade(why.clone()))?;
        let address = SocketAddr::new(self.target.address()?, self.port);
        let started = Instant::now();
        let (stream, _) = socket::connect_tcp(address, self.source.as_ref(), limit).await?;
        let stream = Metered::new(stream);
        let mut answer = match &self.tls {
            None => exchange::ask(stream, request, limit).await?,
            Some(Err(why)) => return Err(CheckError::NotMade(why.clone())),
            Some(Ok(tls)) => {
                let stream = exchange::secure(stream, tls.client.clone(), tls.server.clone(), limit).await?;
                exchange::ask(stream, request, limit).await?
            }
        };
        let rtt = Some(started.elapsed());
        if self.expect.is_error(answer.status()) {
            return Ok(CheckReport::error(&format!(
                "{}, which proves nothing (error_status)",
                shown(answer.status())
            )));
        }
        Ok(match self.expect.misses(&mut answer, limit).await {
            Some(miss) => CheckReport::fail(&miss, rtt),
            None => CheckReport::pass(&shown(answer.status()), rtt),
        })
    }
}

impl ExpectedResponse {
    /// Whether an answer with this status proves nothing, whatever else stands in it.
    fn is_error(&self, status: StatusCode) -> bool {
        model::is_status_in(&self.error_status, status.as_u16())
    }

    /// What of the answer is not as expected, in words. The body is read only if it matters.
    async fn misses(&self, answer: &mut HttpAnswer, limit: CheckDeadline) -> Option<String> {
        let status = answer.status();
        let seen = shown(status);
        if !model::is_status_in(&self.status, status.as_u16()) {
            return Some(format!("{seen}, wanted {}", ranges(&self.status)));
        }
        for (name, Pattern(pattern)) in &self.headers {
            let mut values = answer.headers().get_all(name).iter().peekable();
            if values.peek().is_none() {
                return Some(format!("{seen}, without a header {name}"));
            }
            if !values.any(|value| pattern.is_match(&String::from_utf8_lossy(value.as_bytes()))) {
                return Some(format!("{seen}, but {name} has nothing that {pattern} finds"));
            }
        }
        let Pattern(pattern) = self.body.as_ref()?;
        match answer.body(limit).await {
            ResponseBody::Whole(bytes) | ResponseBody::Cut(bytes)
                if pattern.is_match(&String::from_utf8_lossy(&bytes)) =>
            {
                None
            }
            ResponseBody::Whole(_) => Some(format!("{seen}, but the body has nothing that {pattern} finds")),
            ResponseBody::Cut(bytes) => Some(format!(
                "{seen}, but the first {} KiB of the body have nothing that {pattern} finds",
                bytes.len() >> 10
            )),
            ResponseBody::Broken(why) => Some(format!("{seen}, but the body broke off: {why}")),
        }
    }
}

/// The parts of the request that are the same every time.
fn request(http: &model::HttpConfig) -> Result<HttpRequest, String> {
    let mut headers: HeaderMap = http.headers.iter().cloned().collect();
    if let Some(file) = &http.headers_file {
        headers.extend(headers_file::read(file)?);
    }
    if !headers.contains_key(HOST) {
        let authority = HeaderValue::from_str(&authority(&http.url)).map_err(|error| error.to_string())?;
        headers.insert(HOST, authority);
    }
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(AGENT));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let query = http
        .url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let target: Uri = format!("{}{query}", http.url.path())
        .parse()
        .map_err(|error| format!("{}: {error}", http.url))?;
    Ok(HttpRequest {
        method: http.method.clone(),
        target,
        headers,
    })
}

/// The URL's host as the Host header names it: IPv6 in brackets, the port if it is not the usual
/// one (RFC 9110, section 7.2).
fn authority(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// How TLS is spoken; the name that the server must prove is the URL's.
fn tls(http: &model::HttpConfig, trust: &TrustStore) -> Result<TlsSetup, String> {
    let server = match http.url.host() {
        Some(url::Host::Ipv4(addr)) => ServerName::from(std::net::IpAddr::from(addr)),
        Some(url::Host::Ipv6(addr)) => ServerName::from(std::net::IpAddr::from(addr)),
        Some(url::Host::Domain(name)) => {
            ServerName::try_from(name.to_owned()).map_err(|error| format!("{name}: {error}"))?
        }
        None => return Err(format!("{} has no host", http.url)),
    };
    Ok(TlsSetup {
        client: trust.client(http)?,
        server,
    })
}

/// "503 Service Unavailable".
fn shown(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// "200-299, 404".
fn ranges(ranges: &[(u16, u16)]) -> String {
    let mut text = String::new();
    for (first, last) in ranges {
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = match first == last {
            true => write!(text, "{separator}{first}"),
            false => write!(text, "{separator}{first}-{last}"),
        };
    }
    text
}
