//! `[[service.probe]]` and `[[witness]]`: one repeated check.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use regex::Regex;

/// One repeated check: `[[service.probe]]` or `[[witness]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeConfig {
    /// Unique within the service, or among the witnesses.
    pub name: String,
    /// What is checked.
    pub check: CheckConfig,
    /// From the start of one check to the start of the next.
    pub interval: Duration,
    /// How long one check may take; never more than `interval`.
    pub timeout: Duration,
    /// How soon doubt is followed up (D1); never more than `interval`.
    pub retry_interval: Duration,
    /// Fails in a row that make it down; at least 1.
    pub fall: u32,
    /// Passes in a row that make it up; at least 1.
    pub rise: u32,
    /// Which verdict it takes part in.
    pub votes: Votes,
    /// Which verdict it settles alone.
    pub decides: Option<Decides>,
    /// Where a witness stands; of a service's probe it means nothing.
    pub group: Group,
}

/// Where a witness stands (D5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Beside this site.
    Near,
    /// Beside the primary: in its country, behind its ISP.
    Far,
}

impl Group {
    /// As the configuration calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Far => "far",
        }
    }
}

/// Which verdict a probe takes part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Votes {
    /// Both.
    Both,
    /// Only down.
    Down,
    /// Only up.
    Up,
    /// Neither; asked in drain, whether the primary is back (D8).
    Failback,
    /// Neither.
    None,
}

impl Votes {
    /// Whether the probe's sum counts towards down or up.
    pub const fn in_a_verdict(self) -> bool {
        match self {
            Self::Both | Self::Down | Self::Up => true,
            Self::Failback | Self::None => false,
        }
    }
}

/// Which verdict a probe settles alone (D3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decides {
    /// When it is down, the verdict is down.
    Down,
    /// When it is up, the verdict is up.
    Up,
}

/// What is checked, by type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckConfig {
    /// ICMP echo.
    Icmp(IcmpConfig),
    /// A TCP connection is accepted.
    Tcp(TcpConfig),
    /// An HTTP or HTTPS answer is as expected.
    Http(Box<HttpConfig>),
    /// A DNS answer is as expected.
    Dns(DnsConfig),
    /// A program exits with 0.
    Exec(ExecConfig),
    /// A prefix stands in BIRD's own tables.
    BirdRoute(BirdRouteConfig),
    /// A BGP or BFD session of BIRD is up.
    BirdProtocol(BirdProtocolConfig),
}

impl CheckConfig {
    /// The `type` key of the configuration.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Icmp(_) => "icmp",
            Self::Tcp(_) => "tcp",
            Self::Http(_) => "http",
            Self::Dns(_) => "dns",
            Self::Exec(_) => "exec",
            Self::BirdRoute(_) => "bird-route",
            Self::BirdProtocol(_) => "bird-protocol",
        }
    }
}

/// A target: an address, or a name that is resolved apart from the checks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address.
    Addr(IpAddr),
    /// A DNS name.
    Name(String),
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Addr(addr) => addr.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Where a network probe's packets come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A local address.
    Addr(IpAddr),
    /// An interface (SO_BINDTODEVICE).
    Interface(String),
}

/// ICMP echo (RFC 792, RFC 4443).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpConfig {
    /// The target.
    pub target: Host,
    /// Where from.
    pub source: Option<Source>,
}

/// A TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpConfig {
    /// The target.
    pub target: Host,
    /// On which port.
    pub port: u16,
    /// Where from.
    pub source: Option<Source>,
}

/// An HTTP/1.1 request, with TLS where the URL says https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// What is asked; http or https, with a host.
    pub url: url::Url,
    /// `GET` unless given.
    pub method: hyper::Method,
    /// Sent beside Host and User-Agent.
    pub headers: Vec<(hyper::header::HeaderName, hyper::header::HeaderValue)>,
    /// More of them, one on each line; read at the start and by a reload.
    pub headers_file: Option<PathBuf>,
    /// Inclusive ranges; never empty.
    pub expect_status: Vec<(u16, u16)>,
    /// Statuses that prove nothing: an error, and neither a pass nor a fail. Inclusive ranges; none of
    /// them is expected.
    pub error_status: Vec<(u16, u16)>,
    /// Searched in the first 64 KiB of the body.
    pub expect_body: Option<Pattern>,
    /// A header that must be there, with a value that the pattern finds.
    pub expect_header: Vec<(hyper::header::HeaderName, Pattern)>,
    /// Connect there, and not to the URL's host; SNI and Host stay the URL's.
    pub connect_to: Option<(Host, u16)>,
    /// Trust these certificates (PEM), and not the system's.
    pub tls_ca_file: Option<PathBuf>,
    /// Whether the server's certificate is verified.
    pub tls_verify: bool,
    /// What it means that there was no HTTP answer at all.
    pub on_no_answer: OnNoAnswer,
    /// Where from.
    pub source: Option<Source>,
}

impl HttpConfig {
    /// Whether an answer with this status is as expected.
    pub fn expects(&self, status: u16) -> bool {
        is_status_in(&self.expect_status, status)
    }

    /// Whether it asks another Falconer whether it announces: `/v1/services/NAME/announced`.
    pub fn asks_announced(&self) -> bool {
        let path: Vec<&str> = self.url.path().split('/').collect();
        matches!(path.as_slice(), ["", "v1", "services", _, "announced"])
    }

    /// Whether an answer with this status proves nothing.
    pub fn is_error(&self, status: u16) -> bool {
        is_status_in(&self.error_status, status)
    }
}

/// Whether a status lies in one of these inclusive ranges.
pub fn is_status_in(ranges: &[(u16, u16)], status: u16) -> bool {
    ranges
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&status))
}

/// What no HTTP answer at all means (D3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNoAnswer {
    /// A fail.
    Fail,
    /// An error: the check proves nothing.
    Error,
}

/// A DNS query (RFC 1035).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsConfig {
    /// The server that is asked.
    pub server: Host,
    /// Its port; 53 unless given.
    pub port: u16,
    /// The name to query.
    pub query: String,
    /// The record type, such as `A`.
    pub record: String,
    /// UDP, or TCP.
    pub tcp: bool,
    /// The expected response code, such as `NOERROR`.
    pub expect_rcode: String,
    /// Answers that must all be there, in presentation format; empty: any answer will do.
    pub expect_answers: Vec<String>,
    /// Where from.
    pub source: Option<Source>,
}

/// A program, without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecConfig {
    /// argv; never empty; the first is an absolute path.
    pub command: Vec<String>,
}

/// A prefix in BIRD's own tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdRouteConfig {
    /// The prefix, exactly.
    pub prefix: IpNet,
    /// Only routes of this BGP protocol.
    pub protocol: Option<String>,
    /// Only routes with this origin AS.
    pub origin_as: Option<u32>,
    /// Only routes with this community.
    pub community: Option<(u16, u16)>,
    /// Only routes with this large community.
    pub large_community: Option<(u32, u32, u32)>,
    /// Only routes with this next hop.
    pub next_hop: Option<IpAddr>,
}

/// A session of BIRD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BirdProtocolConfig {
    /// The BGP protocol is established.
    Bgp(String),
    /// The BFD session with this neighbour is up.
    Bfd(IpAddr),
}

/// A regular expression. Two are equal where they are written the same.
#[derive(Clone, Debug)]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}
