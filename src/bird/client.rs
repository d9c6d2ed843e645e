//! The one connection to BIRD's control socket.
//!
//! A task owns the connection and is the only one who writes to it. It keeps the connection open,
//! has one command in flight, and never lets go of a BIRD that is away: it reconnects, and says in
//! [`Link`] how things stand. It decides nothing: it does not verify that what BIRD accepted came
//! to be, and retries no command.

mod connection;
mod link;
mod queue;
mod task;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

pub use link::Link;

pub use crate::bird::error::BirdError;

use self::queue::{Queue, Request};
use self::task::Task;
use crate::bird::answer::{
    self, BfdSession, ConfigureStatus, Configured, Count, Protocol, ProtocolDetail, Route, StaticRoute,
    Status, Switch,
};
use crate::bird::question::Question;
use crate::bird::reply::Reply;
use crate::metrics::{Commands, Tally};

/// The most commands that are on their way to the task. It takes them in as soon as it runs, so
/// this only bridges moments; how many may wait for BIRD is the queue's limit.
const HANDOVER_LIMIT: usize = 1024;

/// Which of the waiting commands goes first (A10). One in flight is never overtaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    /// A decision's commands, and the questions that verify it.
    Decision,
    /// Polls and bird-* probes.
    Poll,
}

/// A handle on the connection. Cheap to clone; the connection's task ends when the last one is
/// dropped.
#[derive(Clone, Debug)]
pub struct Client {
    priority: Priority,
    requests: mpsc::Sender<Request>,
    link: watch::Receiver<Link>,
    commands: Tally<Commands>,
    task: AbortHandle,
}

impl Client {
    /// Starts the connection's task. `timeout` is for one command, from being written to the last
    /// line of its answer, and for the greeting; connecting has a limit of its own.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(socket: PathBuf, timeout: Duration) -> Self {
        let (requests, incoming) = mpsc::channel(HANDOVER_LIMIT);
        let (sender, link) = watch::channel(Link::default());
        let commands = Tally::default();
        let task = Task {
            socket,
            patience: timeout,
            requests: incoming,
            link: sender,
            queue: Queue::default(),
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

    /// The same connection at another priority; [`Client::spawn`] gives [`Priority::Poll`].
    pub fn at(&self, priority: Priority) -> Self {
        Self {
            priority,
            ..self.clone()
        }
    }

    /// The connection's task. Its end closes what [`Client::link`] gives.
    pub(crate) fn task(&self) -> AbortHandle {
        self.task.clone()
    }

    /// How the connection stands, now and later.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    /// What was asked and how it was answered, for the metrics.
    pub fn commands(&self) -> Tally<Commands> {
        self.commands.clone()
    }

    /// `show status`.
    pub async fn show_status(&self) -> Result<Status, BirdError> {
        let reply = self.ask(Question::status()).await?;
        answer::status(&reply)
    }

    /// `show protocols`: one question for all of them.
    pub async fn show_protocols(&self) -> Result<Vec<Protocol>, BirdError> {
        let reply = self.ask(Question::protocols()).await?;
        answer::protocols(&reply)
    }

    /// `show protocols all "NAME"`.
    ///
    /// # Errors
    /// [`BirdError::NoSuchProtocol`] where there is none of that name.
    pub async fn show_protocol(&self, name: &str) -> Result<ProtocolDetail, BirdError> {
        let reply = self.ask(Question::protocol(name)?).await?;
        answer::protocol(&reply, name)
    }

    /// `show static NAME`: what a static protocol holds, also while it is disabled.
    ///
    /// # Errors
    /// [`BirdError::NoSuchProtocol`] where there is none of that name.
    pub async fn show_static(&self, name: &str) -> Result<Vec<StaticRoute>, BirdError> {
        let reply = self.ask(Question::static_routes(name)?).await?;
        answer::static_routes(&reply, name)
    }

    /// `show route PREFIX exported UPSTREAM`: what was really sent for that prefix, from BIRD's
    /// own record of its exports; empty where nothing was.
    ///
    /// # Errors
    /// [`BirdError::SessionDown`] where the session, or its channel of that family, is not up.
    pub async fn show_route_exported(&self, prefix: IpNet, upstream: &str) -> Result<Vec<Route>, BirdError> {
        let reply = self.ask(Question::exported(prefix, upstream)?).await?;
        answer::exported(&reply, upstream)
    }

    /// `show route PREFIX export UPSTREAM all`: the route of that prefix as the session's export filter
    /// leaves it, with the next hop that the filter gives it; empty where the filter refuses it.
    ///
    /// # Errors
    /// [`BirdError::SessionDown`] where the session, or its channel of that family, is not up.
    pub async fn show_route_export(&self, prefix: IpNet, upstream: &str) -> Result<Vec<Route>, BirdError> {
        let reply = self.ask(Question::export_view(prefix, upstream)?).await?;
        answer::exported(&reply, upstream)
    }

    /// `show route PREFIX table all`: every route of exactly that prefix, in every table.
    pub async fn show_route_everywhere(&self, prefix: IpNet) -> Result<Vec<Route>, BirdError> {
        let reply = self.ask(Question::everywhere(prefix)).await?;
        answer::routes(&reply, None)
    }

    /// `show route PREFIX [protocol P] all`: every route of exactly that prefix, best first; empty
    /// where there is none.
    pub async fn show_route(&self, prefix: IpNet, protocol: Option<&str>) -> Result<Vec<Route>, BirdError> {
        let reply = self.ask(Question::routes(prefix, protocol)?).await?;
        answer::routes(&reply, protocol)
    }

    /// `show route table TABLE count`; `None` where BIRD has no such table.
    pub async fn show_route_count(&self, table: &str) -> Result<Option<Count>, BirdError> {
        let reply = self.ask(Question::count(table)?).await?;
        answer::count(&reply)
    }

    /// `show route table TABLE where source = RTS_STATIC`: what can be rehearsed there; `None` where
    /// BIRD has no such table. Only for a table that was counted and is small.
    pub async fn show_rehearsal(&self, table: &str) -> Result<Option<Vec<Route>>, BirdError> {
        let reply = self.ask(Question::rehearsal(table)?).await?;
        answer::rehearsed(&reply)
    }

    /// `show route table TABLE filter FILTER`: which of the routes there the filter would let out;
    /// `None` where BIRD has no such table or filter. Only for a table that was counted and is small.
    pub async fn show_rehearsed(&self, table: &str, filter: &str) -> Result<Option<Vec<Route>>, BirdError> {
        let reply = self.ask(Question::rehearsed(table, filter)?).await?;
        answer::rehearsed(&reply)
    }

    /// `show bfd sessions`: of every BFD protocol; empty where there is none.
    pub async fn show_bfd_sessions(&self) -> Result<Vec<BfdSession>, BirdError> {
        let reply = self.ask(Question::bfd_sessions()).await?;
        answer::bfd_sessions(&reply)
    }

    /// `enable "NAME" "REASON"`. The answer says that BIRD accepted it and no more (A2).
    ///
    /// The reason is made fit: quotes and control characters are taken out, and it is cut to 255
    /// bytes (A3).
    pub async fn enable(&self, name: &str, reason: &str) -> Result<Switch, BirdError> {
        let reply = self.ask(Question::enable(name, reason)?).await?;
        answer::enabled(&reply, name)
    }

    /// `disable "NAME" "REASON"`, as [`Client::enable`].
    pub async fn disable(&self, name: &str, reason: &str) -> Result<Switch, BirdError> {
        let reply = self.ask(Question::disable(name, reason)?).await?;
        answer::disabled(&reply, name)
    }

    /// `configure check "PATH"`: whether the running BIRD would accept that file. Changes nothing.
    ///
    /// # Errors
    /// [`BirdError::Refused`] with code 8002 carries the file's first error.
    pub async fn configure_check(&self, path: &Path) -> Result<Configured, BirdError> {
        let reply = self.ask(Question::configure_check(path)?).await?;
        answer::configured(&reply)
    }

    /// The path of the configuration file that BIRD would read at a `configure`, as BIRD sees it. It
    /// is parsed for that, and nothing changes.
    pub async fn configuration_file(&self) -> Result<PathBuf, BirdError> {
        let reply = self.ask(Question::configure_check_own()).await?;
        answer::configuration_file(&reply)
    }

    /// `configure`: BIRD's own configuration file is read anew, and stays. Only for a file that BIRD
    /// runs already (A9), and with the same reservation as for [`Client::configure_timeout`].
    pub async fn configure(&self) -> Result<Configured, BirdError> {
        let reply = self.ask(Question::configure()).await?;
        answer::configured(&reply)
    }

    /// `configure timeout SECONDS`: BIRD's own configuration file is read anew, and undone unless
    /// [`Client::configure_confirm`] comes in time. Only for rendering (A9), and only while
    /// [`Client::configure_status`] says that nothing is in progress: BIRD 3 dies of a second one.
    pub async fn configure_timeout(&self, within: Duration) -> Result<Configured, BirdError> {
        let reply = self.ask(Question::configure_timeout(within)).await?;
        answer::configured(&reply)
    }

    /// `configure confirm`: the undo timer is stopped.
    pub async fn configure_confirm(&self) -> Result<Configured, BirdError> {
        let reply = self.ask(Question::configure_confirm()).await?;
        answer::configured(&reply)
    }

    /// `configure undo`: back to the configuration before. The same reservation holds as for
    /// [`Client::configure_timeout`].
    pub async fn configure_undo(&self) -> Result<Configured, BirdError> {
        let reply = self.ask(Question::configure_undo()).await?;
        answer::configured(&reply)
    }

    /// `configure status`.
    pub async fn configure_status(&self) -> Result<ConfigureStatus, BirdError> {
        let reply = self.ask(Question::configure_status()).await?;
        answer::configure_status(&reply)
    }

    async fn ask(&self, question: Question) -> Result<Arc<Reply>, BirdError> {
        let (answer, waiting) = oneshot::channel();
        let request = Request {
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
