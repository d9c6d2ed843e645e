//! The one connection to BIRD's control socket.
//!
//! A task owns the connection and is the only one who writes to it. It keeps the connection open,
//! has one command in flight, and never lets go of a BIRD that is away: it reconnects, and says in
//! [`ConnectionStatus`] how things stand. It decides nothing: it does not verify that what BIRD accepted came
//! to be, and retries no command.

mod connection;
mod connection_status;
mod queue;
mod task;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

pub use connection_status::ConnectionStatus;
pub use queue::Priority;

pub use crate::bird::error::BirdError;

use self::queue::{CommandQueue, QueuedCommand};
use self::task::ConnectionTask;
use crate::bird::command::BirdCommand;
use crate::bird::parse;
use crate::bird::parse::{
    BfdSession, BirdStatus, ConfigureReply, ConfigureStatus, ProtocolDetail, ProtocolRow, Route, RouteCount,
    StaticRoute, SwitchReply,
};
use crate::bird::reply::BirdReply;
use crate::metrics::{BirdCommandCounts, SharedCounters};

/// The most commands that are on their way to the task. It takes them in as soon as it runs, so
/// this only bridges moments; how many may wait for BIRD is the queue's limit.
const HANDOVER_LIMIT: usize = 1024;

/// A handle on the connection. Cheap to clone; the connection's task ends when the last one is
/// dropped.
#[derive(Clone, Debug)]
pub struct BirdClient {
    priority: Priority,
    requests: mpsc::Sender<QueuedCommand>,
    link: watch::Receiver<ConnectionStatus>,
    commands: SharedCounters<BirdCommandCounts>,
    task: AbortHandle,
}

impl BirdClient {
    /// Starts the connection's task. `timeout` is for one command, from being written to the last
    /// line of its answer, and for the greeting; connecting has a limit of its own.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(socket: PathBuf, timeout: Duration) -> Self {
        let (requests, incoming) = mpsc::channel(HANDOVER_LIMIT);
        let (sender, link) = watch::channel(ConnectionStatus::default());
        let commands = SharedCounters::default();
        let task = ConnectionTask {
            socket,
            reply_timeout: timeout,
            requests: incoming,
            status: sender,
            queue: CommandQueue::default(),
            pause: Duration::ZERO,
            commands: commands.clone(),
        };
        let task = tokio::spawn(task.run()).abort_handle();
        Self {
            priority: Priority::Poll,
            requests,
            link,
            commands,
            task,
        }
    }

    /// The same connection at another priority; [`BirdClient::spawn`] gives [`Priority::Poll`].
    pub fn at(&self, priority: Priority) -> Self {
        Self {
            priority,
            ..self.clone()
        }
    }

    /// The connection's task. Its end closes what [`BirdClient::link`] gives.
    pub(crate) fn task(&self) -> AbortHandle {
        self.task.clone()
    }

    /// How the connection stands, now and later.
    pub fn link(&self) -> watch::Receiver<ConnectionStatus> {
        self.link.clone()
    }

    /// What was asked and how it was answered, for the metrics.
    pub fn commands(&self) -> SharedCounters<BirdCommandCounts> {
        self.commands.clone()
    }

    /// `show status`.
    pub async fn show_status(&self) -> Result<BirdStatus, BirdError> {
        let reply = self.ask(BirdCommand::status()).await?;
        parse::status(&reply)
    }

    /// `show protocols`: one question for all of them.
    pub async fn show_protocols(&self) -> Result<Vec<ProtocolRow>, BirdError> {
        let reply = self.ask(BirdCommand::protocols()).await?;
        parse::protocols(&reply)
    }

    /// `show protocols all "NAME"`.
    ///
    /// # Errors
    /// [`BirdError::NoSuchProtocol`] where there is none of that name.
    pub async fn show_protocol(&self, name: &str) -> Result<ProtocolDetail, BirdError> {
        let reply = self.ask(BirdCommand::protocol(name)?).await?;
        parse::protocol(&reply, name)
    }

    /// `show static NAME`: what a static protocol holds, also while it is disabled.
    ///
    /// # Errors
    /// [`BirdError::NoSuchProtocol`] where there is none of that name.
    pub async fn show_static(&self, name: &str) -> Result<Vec<StaticRoute>, BirdError> {
        let reply = self.ask(BirdCommand::static_routes(name)?).await?;
        parse::static_routes(&reply, name)
    }

    /// `show route PREFIX exported UPSTREAM`: what was really sent for that prefix, from BIRD's
    /// own record of its exports; empty where nothing was.
    ///
    /// # Errors
    /// [`BirdError::SessionDown`] where the session, or its channel of that family, is not up.
    pub async fn show_route_exported(&self, prefix: IpNet, upstream: &str) -> Result<Vec<Route>, BirdError> {
        let reply = self.ask(BirdCommand::exported(prefix, upstream)?).await?;
        parse::exported(&reply, upstream)
    }

    /// `show route PREFIX export UPSTREAM all`: the route of that prefix as the session's export filter
    /// leaves it, with the next hop that the filter gives it; empty where the filter refuses it.
    ///
    /// # Errors
    /// [`BirdError::SessionDown`] where the session, or its channel of that family, is not up.
    pub async fn show_route_export(&self, prefix: IpNet, upstream: &str) -> Result<Vec<Route>, BirdError> {
        let reply = self.ask(BirdCommand::export_view(prefix, upstream)?).await?;
        parse::exported(&reply, upstream)
    }

    /// `show route PREFIX table all`: every route of exactly that prefix, in every table.
    pub async fn show_route_everywhere(&self, prefix: IpNet) -> Result<Vec<Route>, BirdError> {
        let reply = self.ask(BirdCommand::everywhere(prefix)).await?;
        parse::routes(&reply, None)
    }

    /// `show route PREFIX [protocol P] all`: every route of exactly that prefix, best first; empty
    /// where there is none.
    pub async fn show_route(&self, prefix: IpNet, protocol: Option<&str>) -> Result<Vec<Route>, BirdError> {
        let reply = self.ask(BirdCommand::routes(prefix, protocol)?).await?;
        parse::routes(&reply, protocol)
    }

    /// `show route table TABLE where source = RTS_BGP && net ~ [ ... ] all`: what neighbours told of these
    /// prefixes, of what covers them without being the default route, and of what is inside them. Only for a
    /// table that was counted and is small.
    pub async fn show_routes_around(&self, table: &str, prefixes: &[IpNet]) -> Result<Vec<Route>, BirdError> {
        let reply = self.ask(BirdCommand::around(table, prefixes)?).await?;
        parse::routes(&reply, None)
    }

    /// `show route PREFIX table TABLE all`: every route of exactly that prefix in one table.
    pub async fn show_route_in_table(&self, prefix: IpNet, table: &str) -> Result<Vec<Route>, BirdError> {
        let reply = self.ask(BirdCommand::in_table(prefix, table)?).await?;
        parse::routes(&reply, None)
    }

    /// `show route table TABLE count`; `None` where BIRD has no such table.
    pub async fn show_route_count(&self, table: &str) -> Result<Option<RouteCount>, BirdError> {
        let reply = self.ask(BirdCommand::count(table)?).await?;
        parse::count(&reply)
    }

    /// `show route table TABLE where source = RTS_STATIC`: what can be rehearsed there; `None` where
    /// BIRD has no such table. Only for a table that was counted and is small.
    pub async fn show_rehearsal(&self, table: &str) -> Result<Option<Vec<Route>>, BirdError> {
        let reply = self.ask(BirdCommand::rehearsal(table)?).await?;
        parse::rehearsed(&reply)
    }

    /// `show route table TABLE filter FILTER`: which of the routes there the filter would let out;
    /// `None` where BIRD has no such table or filter. Only for a table that was counted and is small.
    pub async fn show_rehearsed(&self, table: &str, filter: &str) -> Result<Option<Vec<Route>>, BirdError> {
        let reply = self.ask(BirdCommand::rehearsed(table, filter)?).await?;
        parse::rehearsed(&reply)
    }

    /// `show bfd sessions`: of every BFD protocol; empty where there is none.
    pub async fn show_bfd_sessions(&self) -> Result<Vec<BfdSession>, BirdError> {
        let reply = self.ask(BirdCommand::bfd_sessions()).await?;
        parse::bfd_sessions(&reply)
    }

    /// `enable "NAME" "REASON"`. The answer says that BIRD accepted it and no more (A2).
    ///
    /// The reason is made fit: quotes and control characters are taken out, and it is cut to 255
    /// bytes (A3).
    pub async fn enable(&self, name: &str, reason: &str) -> Result<SwitchReply, BirdError> {
        let reply = self.ask(BirdCommand::enable(name, reason)?).await?;
        parse::enabled(&reply, name)
    }

    /// `disable "NAME" "REASON"`, as [`BirdClient::enable`].
    pub async fn disable(&self, name: &str, reason: &str) -> Result<SwitchReply, BirdError> {
        let reply = self.ask(BirdCommand::disable(name, reason)?).await?;
        parse::disabled(&reply, name)
    }

    /// The path of the configuration file that BIRD would read at a `configure`, as BIRD sees it. It
    /// is parsed for that, and nothing changes.
    pub async fn configuration_file(&self) -> Result<PathBuf, BirdError> {
        let reply = self.ask(BirdCommand::configure_check_own()).await?;
        parse::configuration_file(&reply)
    }

    /// `configure`: BIRD's own configuration file is read anew, and stays. Only for a file that BIRD
    /// runs already (A9), and with the same reservation as for [`BirdClient::configure_timeout`].
    pub async fn configure(&self) -> Result<ConfigureReply, BirdError> {
        let reply = self.ask(BirdCommand::configure()).await?;
        parse::configured(&reply)
    }

    /// `configure timeout SECONDS`: BIRD's own configuration file is read anew, and undone unless
    /// [`BirdClient::configure_confirm`] comes in time. Only for rendering (A9), and only while
    /// [`BirdClient::configure_status`] says that nothing is in progress: BIRD 3 dies of a second one.
    pub async fn configure_timeout(&self, within: Duration) -> Result<ConfigureReply, BirdError> {
        let reply = self.ask(BirdCommand::configure_timeout(within)).await?;
        parse::configured(&reply)
    }

    /// `configure confirm`: the undo timer is stopped.
    pub async fn configure_confirm(&self) -> Result<ConfigureReply, BirdError> {
        let reply = self.ask(BirdCommand::configure_confirm()).await?;
        parse::configured(&reply)
    }

    /// `configure undo`: back to the configuration before. The same reservation holds as for
    /// [`BirdClient::configure_timeout`].
    pub async fn configure_undo(&self) -> Result<ConfigureReply, BirdError> {
        let reply = self.ask(BirdCommand::configure_undo()).await?;
        parse::configured(&reply)
    }

    /// `configure status`.
    pub async fn configure_status(&self) -> Result<ConfigureStatus, BirdError> {
        let reply = self.ask(BirdCommand::configure_status()).await?;
        parse::configure_status(&reply)
    }

    async fn ask(&self, question: BirdCommand) -> Result<Arc<BirdReply>, BirdError> {
        let (answer, waiting) = oneshot::channel();
        let request = QueuedCommand {
            question,
            priority: self.priority,
            answer,
        };
        self.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => BirdError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => ended(),
        })?;
        waiting.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// Only while the program ends: the task lives as long as its handles.
fn ended() -> BirdError {
    BirdError::Unreachable {
        why: "Falconer is ending".to_owned(),
    }
}
