//! The API: HTTP/1.1 over a Unix socket (everything) and over TCP (read-only).
//!
//! It shows the daemon's latest snapshot and hands operators' requests to the daemon. It decides
//! nothing, and it knows nothing of BIRD: a request's answer is what the daemon says of it.

mod access;
mod account;
mod budget;
mod command_body;
mod connections;
mod drill;
mod endpoint;
mod history;
mod latency;
mod listener;
mod page;
mod readiness;
mod request_counters;
mod response;
mod scrape;
mod server;
mod sse;
#[cfg(test)]
mod tests;
mod thread;
mod write_timeout;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use self::access::Access;
pub(crate) use self::account::group_name;
pub(crate) use self::command_body::{check_reason, span};
pub(crate) use self::drill::{HOLD, hold};
pub use self::history::HistoryReader;
use self::listener::ListenAddress;
use self::server::Server;
pub(crate) use self::server::unknown_service;
pub(crate) use self::thread::start;
use crate::config::model;
use crate::core::drill::DrillPlan;
use crate::metrics;
use crate::metrics::latency::LatencyBuffers;
use crate::model::Snapshot;
use crate::model::drill::DrillReport;
use crate::model::history::HistoryEntry;
use crate::model::readiness::Readiness;
use crate::model::snapshot::OverrideAction;

/// What the API is given by the daemon, and all that it knows of it.
#[derive(Clone, Debug)]
pub struct Handles {
    /// The latest snapshot.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Whether we would take over, as it was looked at last.
    pub ready: watch::Receiver<Arc<Readiness>>,
    /// The latest entries of the history, oldest first; bounded by the daemon.
    pub history: watch::Receiver<Arc<[Arc<HistoryEntry>]>>,
    /// Those before them, on disk.
    pub past: HistoryReader,
    /// Operators' requests to the daemon; bounded, so that a flood of them waits at the door.
    pub requests: mpsc::Sender<OperatorRequest>,
    /// Operators' errands that concern no single service.
    pub errands: mpsc::Sender<Errand>,
    /// Wishes for drills.
    pub drills: mpsc::Sender<DrillRequest>,
    /// The latest results of every probe.
    pub latency: watch::Receiver<Arc<LatencyBuffers>>,
    /// How often BIRD is held against what we want: what was verified longer than two of these
    /// ago does not count as announced.
    pub poll_interval: Duration,
    /// Where a scrape finds what the snapshot does not hold.
    pub metrics: metrics::MetricSources,
}

/// Serves the API until `shutdown`, and then for as long as it takes to finish the answers under
/// way, at most a second. A listener that cannot be opened is logged and tried again; it never ends
/// this. Dropping the future ends every connection.
pub async fn serve(config: &model::ApiConfig, handles: Handles, shutdown: CancellationToken) {
    let desk = Arc::new(Server::new(handles, Access::new(config)));
    let socket = listener::keep(
        ListenAddress::Socket(config.socket.clone()),
        desk.clone(),
        shutdown.clone(),
    );
    let tcp = async {
        if let Some(address) = config.listen {
            listener::keep(ListenAddress::Tcp(address), desk, shutdown).await;
        }
    };
    tokio::join!(socket, tcp);
}

/// An operator's request.
#[derive(Debug)]
pub struct OperatorRequest {
    /// The service's name; it was in the last snapshot, and may be gone by now.
    pub service: String,
    /// What is asked.
    pub ask: Ask,
    /// Who asks: a user's name, or "uid N".
    pub actor: String,
    /// Where the answer goes. Dropping it tells the operator that the daemon is stopping.
    pub answer: oneshot::Sender<Result<String, Refusal>>,
}

/// An operator's wish for a drill.
#[derive(Debug)]
pub struct DrillRequest {
    /// The service's name; it was in the last snapshot, and may be gone by now.
    pub service: String,
    /// What is asked for.
    pub plan: DrillPlan,
    /// Who asks: a user's name, or "uid N".
    pub actor: String,
    /// Where the report goes once the drill has ended. Dropping it tells the operator that the daemon
    /// is stopping.
    pub answer: oneshot::Sender<Result<DrillReport, Refusal>>,
}

/// What an operator asks of Falconer as a whole, and not of a service.
#[derive(Debug)]
pub struct Errand {
    /// What.
    pub task: Task,
    /// Who asks: a user's name, or "uid N".
    pub actor: String,
    /// Where the answer goes, once it has come to its end.
    pub answer: oneshot::Sender<Result<String, Refusal>>,
}

/// An errand's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// falconer.toml is read again, and gone over to if it is right.
    Reload,
    /// bird.conf is rendered anew and brought into BIRD (A9).
    Apply {
        /// Whether a file that somebody else changed is replaced.
        force: bool,
    },
}

/// What an operator asks of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An override (D11).
    Override {
        /// What the operator wants.
        action: OverrideAction,
        /// How long, from now; `None`: until `auto`.
        span: Option<Duration>,
        /// Why: printable, at most 255 bytes.
        reason: Option<String>,
    },
    /// The end of an override, and the release of a latch (D9, D11).
    Auto {
        /// Why: printable, at most 255 bytes.
        reason: Option<String>,
    },
    /// The facts, the rule that decides, and what would change it. Changes nothing.
    Explain,
    /// One failback that waits for an operator or a window may go ahead.
    Failback {
        /// Why: printable, at most 255 bytes.
        reason: Option<String>,
    },
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such service (any more).
    #[error("there is no such service")]
    NoSuchService,
    /// It makes no sense in the state that the service is in; in words, with what would help.
    #[error("{0}")]
    NotNow(String),
    /// The configuration or a template is wrong; in words, with the places.
    #[error("{0}")]
    Configuration(String),
    /// It could not be done; in words, with what to do about it.
    #[error("{0}")]
    Failed(String),
}
