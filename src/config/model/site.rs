//! The whole configuration, and the tables that there are once.

use crate::config::model::probe::ProbeConfig;
use crate::config::model::service::OnLoss;
use crate::config::model::service::ServiceConfig;
use crate::config::model::session::UpstreamConfig;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// All of falconer.toml.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[site]`.
    pub site: SiteConfig,
    /// `[bird]`.
    pub bird: BirdConfig,
    /// `[render]`; `None` where bird.conf is the user's own ("attach mode").
    pub render: Option<RenderConfig>,
    /// `[router]`; always there where we render.
    pub router: Option<RouterConfig>,
    /// `[[upstream]]`, in the file's order.
    pub upstreams: Vec<UpstreamConfig>,
    /// `[[peer]]`, in the file's order: sessions that carry nothing out.
    pub peers: Vec<UpstreamConfig>,
    /// `[[service]]`, in the file's order.
    pub services: Vec<ServiceConfig>,
    /// `[[witness]]`, in the file's order. `votes`, `decides` mean nothing here.
    pub witnesses: Vec<ProbeConfig>,
    /// `[isolation]`.
    pub isolation: IsolationConfig,
    /// `[api]`.
    pub api: ApiConfig,
    /// `[log]`.
    pub log: LogConfig,
}

/// `[site]`: where we are, and where we keep things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteConfig {
    /// This site's name.
    pub name: String,
    /// Overrides and history: survive a reboot.
    pub state_dir: PathBuf,
    /// Our socket and the static protocols' state files: gone at reboot, on purpose.
    pub run_dir: PathBuf,
}

/// `[bird]`: the BIRD that we drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdConfig {
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

/// `[render]`: bird.conf from a template.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderConfig {
    /// The template's file name, in `template_dir` or built in.
    pub template: String,
    /// The user's own templates.
    pub template_dir: PathBuf,
    /// The file to write.
    pub output: PathBuf,
    /// How a changed file is brought into BIRD.
    pub apply: ApplyMode,
    /// How long BIRD waits for our `configure confirm`.
    pub confirm_within: Duration,
    /// What the user's templates want, as `vars.x`.
    pub vars: serde_json::Map<String, serde_json::Value>,
}

/// How a rendered file is brought into BIRD (A9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyMode {
    /// Write it, `configure` with BIRD's undo timer, confirm when the sessions stand.
    Confirm,
    /// Write it only if BIRD's own parser accepts it.
    Check,
    /// Write it.
    Write,
}

/// `[router]`: what BIRD calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterConfig {
    /// The router id.
    pub id: std::net::Ipv4Addr,
    /// Our AS number, 1 to 4294967294.
    pub local_as: u32,
}

/// `[isolation]` (D5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsolationConfig {
    /// Fewer witnesses up: isolated. Zero where there are no witnesses.
    pub min_up: MinUp,
    /// Whether a standby takes over while the near witnesses answer and the far ones do not.
    pub on_cut_off: OnCutOff,
}

/// How many witnesses must be up: of all, and of each group. Zero asks for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MinUp {
    /// Of all, whatever their group.
    pub all: usize,
    /// Of the near ones.
    pub near: usize,
    /// Of the far ones.
    pub far: usize,
}

impl MinUp {
    /// So many of all witnesses, whatever their group.
    pub const fn of_all(all: usize) -> Self {
        Self { all, near: 0, far: 0 }
    }

    /// Whether no witness is needed.
    pub const fn is_none(self) -> bool {
        self.all == 0 && self.near == 0 && self.far == 0
    }
}

impl std::fmt::Display for MinUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.near, self.far) {
            (0, 0) => write!(f, "{}", self.all),
            (near, 0) => write!(f, "{near} near"),
            (0, far) => write!(f, "{far} far"),
            (near, far) => write!(f, "{near} near and {far} far"),
        }
    }
}

/// What a standby does when it is cut off from where the primary is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCutOff {
    /// It takes nothing over: the primary may well serve half of the world.
    Hold,
    /// It takes over.
    Takeover,
}

/// `[api]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiConfig {
    /// Everything, for root and group falconer.
    pub socket: PathBuf,
    /// Read-only HTTP; `None`: off.
    pub listen: Option<SocketAddr>,
    /// From where connections to it are let in, beside those of this machine; empty: from everywhere.
    pub allow: Vec<IpNet>,
    /// Names by which it may be asked, in lower case, beside addresses and localhost.
    pub names: Vec<String>,
}

/// `[log]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
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
