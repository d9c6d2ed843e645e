//! What a configuration means once it has been read: plain types with every default filled in,
//! every name resolved and every contradiction refused. It knows nothing of TOML.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use regex::Regex;

/// All of falconer.toml.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[site]`.
    pub site: Site,
    /// `[bird]`.
    pub bird: Bird,
    /// `[render]`; `None` where bird.conf is the user's own ("attach mode").
    pub render: Option<Render>,
    /// `[router]`; always there where we render.
    pub router: Option<Router>,
    /// `[[upstream]]`, in the file's order.
    pub upstreams: Vec<Upstream>,
    /// `[[peer]]`, in the file's order: sessions that carry nothing out.
    pub peers: Vec<Upstream>,
    /// `[[service]]`, in the file's order.
    pub services: Vec<Service>,
    /// `[[witness]]`, in the file's order. `votes`, `decides` mean nothing here.
    pub witnesses: Vec<Probe>,
    /// `[isolation]`.
    pub isolation: Isolation,
    /// `[api]`.
    pub api: Api,
    /// `[log]`.
    pub log: Log,
}

/// `[site]`: where we are, and where we keep things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// This site's name.
    pub name: String,
    /// Overrides and history: survive a reboot.
    pub state_dir: PathBuf,
    /// Our socket and the static protocols' state files: gone at reboot, on purpose.
    pub run_dir: PathBuf,
}

/// `[bird]`: the BIRD that we drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bird {
    /// BIRD's control socket.
    pub socket: PathBuf,
    /// How long one command may take.
    pub timeout: Duration,
    /// How often BIRD is held against what we want.
    pub poll_interval: Duration,
    /// BIRD itself, for its parse check and its version while it is down.
    pub binary: PathBuf,
    /// What happens to the announcement when Falconer is stopped.
    pub on_exit: OnLoss,
}

/// What to do with an announcement when something we lean on is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLoss {
    /// Leave it as it is.
    Keep,
    /// Withdraw it.
    Withdraw,
}

/// `[render]`: bird.conf from a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Render {
    /// The template's file name, in `template_dir` or built in.
    pub template: String,
    /// The user's own templates.
    pub template_dir: PathBuf,
    /// The file to write.
    pub output: PathBuf,
    /// How a changed file is brought into BIRD.
    pub apply: Apply,
    /// How long BIRD waits for our `configure confirm`.
    pub confirm_within: Duration,
    /// What the user's templates want, as `vars.x`.
    pub vars: serde_json::Map<String, serde_json::Value>,
}

/// How a rendered file is brought into BIRD (A9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// Write it, `configure` with BIRD's undo timer, confirm when the sessions stand.
    Confirm,
    /// Write it only if BIRD's own parser accepts it.
    Check,
    /// Write it.
    Write,
}

/// `[router]`: what BIRD calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Router {
    /// The router id.
    pub id: std::net::Ipv4Addr,
    /// Our AS number, 1 to 4294967294.
    pub local_as: u32,
}

/// An address family, which is also a BIRD channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4, `ipv4` in BIRD.
    V4,
    /// IPv6, `ipv6` in BIRD.
    V6,
}

impl Family {
    /// The family of a prefix.
    pub fn of(prefix: &IpNet) -> Self {
        match prefix {
            IpNet::V4(_) => Self::V4,
            IpNet::V6(_) => Self::V6,
        }
    }

    /// The channel's name in BIRD.
    pub fn channel(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

/// `[[upstream]]` or `[[peer]]`: a BGP protocol of the local BIRD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The BGP protocol's name in BIRD.
    pub name: String,
    /// How its session is rendered; `None` where we do not render.
    pub session: Option<Session>,
    /// The channels it has; `None` (attach mode, not given) means: ask BIRD.
    pub families: Option<Vec<Family>>,
}

/// What it takes to render a BGP session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The neighbour's address.
    pub neighbor: IpAddr,
    /// The neighbour's AS number.
    pub neighbor_as: u32,
    /// Our address in the session.
    pub source: Option<IpAddr>,
    /// The neighbour is this many hops away; `None`: directly connected.
    pub multihop: Option<u8>,
    /// A file whose first line is the TCP-MD5 password (RFC 2385).
    pub password_file: Option<PathBuf>,
    /// RFC 4271 hold time.
    pub hold_time: Duration,
    /// RFC 4271 keepalive time.
    pub keepalive_time: Duration,
    /// How long to wait before connecting again.
    pub connect_retry_time: Duration,
    /// How long to wait after an error: first, and at most.
    pub error_wait_time: [Duration; 2],
    /// RFC 4724.
    pub graceful_restart: GracefulRestart,
    /// RFC 5880.
    pub bfd: Option<Bfd>,
    /// (asn, value) pairs put on what we announce (RFC 1997).
    pub communities: Vec<(u16, u16)>,
    /// RFC 8092.
    pub large_communities: Vec<(u32, u32, u32)>,
    /// How often our AS is prepended, beyond the one that BGP puts there.
    pub prepend: u8,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// What is taken from the neighbour.
    pub import: Import,
}

/// RFC 4724 graceful restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GracefulRestart {
    /// Help the neighbour, never ask it to keep our dead routes.
    Aware,
    /// The neighbour keeps our routes while we are gone.
    On,
    /// Not at all.
    Off,
}

/// BFD on a session (RFC 5880).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bfd {
    /// Minimum receive and transmit interval.
    pub interval: Duration,
    /// Missed packets that mean down.
    pub multiplier: u8,
}

/// A session's import policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Import {
    /// Nothing.
    None,
    /// Only the default route.
    DefaultRoute,
    /// The services' prefixes, to be seen by bird-route probes; never to the kernel.
    Services,
    /// A filter of the user's own, by name.
    Filter(String),
}

/// `[[service]]`: prefixes announced and withdrawn together, and what decides it.
#[derive(Clone, Debug)]
pub struct Service {
    /// `[a-z][a-z0-9_]*`.
    pub name: String,
    /// What its verdict means for the announcement.
    pub role: Role,
    /// Never empty, no host bits, no duplicates.
    pub prefixes: Vec<IpNet>,
    /// Names of upstreams, never empty.
    pub upstreams: Vec<String>,
    /// Fewer upstreams carrying it: alarmed.
    pub min_upstreams: usize,
    /// How many of the probes that vote down must be down.
    pub down_when: Quorum,
    /// How many of the probes that vote up must be up.
    pub up_when: Quorum,
    /// The verdict must stay down that long.
    pub takeover_delay: Duration,
    /// Whether failback needs an operator.
    pub failback: Failback,
    /// The verdict must stay up that long.
    pub failback_delay: Duration,
    /// Fail back only then.
    pub failback_window: Option<Window>,
    /// Stay announced at strength drain for that long before falling silent; zero: no drain.
    pub failback_drain: Duration,
    /// The takeover that is this many within `flap_window` latches (D9).
    pub flap_limit: u32,
    /// See `flap_limit`.
    pub flap_window: Duration,
    /// What to do with what is announced while isolated (D5).
    pub on_isolated: OnLoss,
    /// Among several standbys: 1 is best.
    pub rank: u32,
    /// The static protocols of strength full, one a family.
    pub full: Vec<Static>,
    /// The static protocols of strength drain, one a family; empty in attach mode without them.
    pub drain: Vec<Static>,
    /// Never empty.
    pub probes: Vec<Probe>,
}

/// A static protocol of BIRD that is one service's alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Static {
    /// Its name in BIRD.
    pub name: String,
    /// Its channel.
    pub family: Family,
    /// The routes it must have, exactly (A7).
    pub prefixes: Vec<IpNet>,
}

/// What a service's verdict means for the announcement (D4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Announce while the target is down.
    Standby,
    /// Announce while the target is up.
    Primary,
}

/// How many of the voting probes it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// One.
    Any,
    /// All of them, and at least one.
    All,
    /// This many.
    AtLeast(usize),
}

/// Whether failback needs an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failback {
    /// By itself.
    Auto,
    /// After `falconer failback SERVICE`.
    Manual,
}

/// A daily window in a time zone, start inclusive, end exclusive; may cross midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Local time of its start.
    pub start: jiff::civil::Time,
    /// Local time of its end; never equal to the start.
    pub end: jiff::civil::Time,
    /// The zone of both.
    pub zone: jiff::tz::TimeZone,
}

/// One repeated check: `[[service.probe]]` or `[[witness]]`.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Unique within the service, or among the witnesses.
    pub name: String,
    /// What is checked.
    pub check: Check,
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
    /// Neither.
    None,
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
#[derive(Clone, Debug)]
pub enum Check {
    /// ICMP echo.
    Icmp(Icmp),
    /// A TCP connection is accepted.
    Tcp(Tcp),
    /// An HTTP or HTTPS answer is as expected.
    Http(Box<Http>),
    /// A DNS answer is as expected.
    Dns(Dns),
    /// A program exits with 0.
    Exec(Exec),
    /// A prefix stands in BIRD's own tables.
    BirdRoute(BirdRoute),
    /// A BGP or BFD session of BIRD is up.
    BirdProtocol(BirdProtocol),
}

impl Check {
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
pub struct Icmp {
    /// Who is asked.
    pub target: Host,
    /// Where from.
    pub source: Option<Source>,
}

/// A TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Who is asked.
    pub target: Host,
    /// On which port.
    pub port: u16,
    /// Where from.
    pub source: Option<Source>,
}

/// An HTTP/1.1 request, with TLS where the URL says https.
#[derive(Clone, Debug)]
pub struct Http {
    /// What is asked; http or https, with a host.
    pub url: url::Url,
    /// `GET` unless given.
    pub method: hyper::Method,
    /// Sent beside Host and User-Agent.
    pub headers: Vec<(hyper::header::HeaderName, hyper::header::HeaderValue)>,
    /// Inclusive ranges; never empty.
    pub expect_status: Vec<(u16, u16)>,
    /// Searched in the first 64 KiB of the body.
    pub expect_body: Option<Regex>,
    /// A header that must be there, with a value that the pattern finds.
    pub expect_header: Vec<(hyper::header::HeaderName, Regex)>,
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

/// What it means that there was no HTTP answer at all (D3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNoAnswer {
    /// A fail.
    Fail,
    /// An error: the check proves nothing.
    Error,
}

/// A DNS query (RFC 1035).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// The server that is asked.
    pub server: Host,
    /// Its port; 53 unless given.
    pub port: u16,
    /// The name that is asked for.
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
pub struct Exec {
    /// argv; never empty; the first is an absolute path.
    pub command: Vec<String>,
}

/// A prefix in BIRD's own tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdRoute {
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
pub enum BirdProtocol {
    /// The BGP protocol is established.
    Bgp(String),
    /// The BFD session with this neighbour is up.
    Bfd(IpAddr),
}

/// `[isolation]` (D5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// Fewer witnesses up: isolated. Zero where there are no witnesses.
    pub min_up: usize,
}

/// `[api]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Everything, for root and group falconer.
    pub socket: PathBuf,
    /// Read-only HTTP; `None`: off.
    pub listen: Option<SocketAddr>,
}

/// `[log]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// What is logged.
    pub level: tracing::Level,
    /// How it looks.
    pub format: LogFormat,
}

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A line of text.
    Text,
    /// A JSON object a line.
    Json,
    /// Fields of systemd's journal.
    Journald,
}
