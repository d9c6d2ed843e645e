//! The one connection to BIRD's control socket.
//!
//! A task owns the connection and is the only one who writes to it. It keeps the connection open,
//! has one command in flight, and never lets go of a BIRD that is away: it reconnects, and says in
//! [`Link`] how things stand. It decides nothing: it does not verify that what BIRD accepted came
//! to be, and retries no command.

mod error;
mod link;

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::watch;

pub use error::BirdError;
pub use link::Link;

use crate::bird::answer::{
    BfdSession, ConfigureStatus, Configured, Protocol, ProtocolDetail, Route, StaticRoute, Status, Switch,
};

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
    #[expect(dead_code, reason = "the queues come with the connection task")]
    priority: Priority,
    link: watch::Receiver<Link>,
}

impl Client {
    /// Starts the connection's task. `timeout` is for one command, from being written to the last
    /// line of its answer; connecting has a limit of its own.
    pub fn spawn(socket: PathBuf, timeout: Duration) -> Self {
        let _ = (socket, timeout);
        let (_, link) = watch::channel(Link::default());
        Self {
            priority: Priority::Poll,
            link,
        }
    }

    /// The same connection at another priority; [`Client::spawn`] gives [`Priority::Poll`].
    pub fn at(&self, priority: Priority) -> Self {
        Self {
            priority,
            ..self.clone()
        }
    }

    /// How the connection stands, now and later.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    /// `show status`.
    pub async fn show_status(&self) -> Result<Status, BirdError> {
        Err(BirdError::not_yet())
    }

    /// `show protocols`: one question for all of them.
    pub async fn show_protocols(&self) -> Result<Vec<Protocol>, BirdError> {
        Err(BirdError::not_yet())
    }

    /// `show protocols all "NAME"`.
    ///
    /// # Errors
    /// [`BirdError::NoSuchProtocol`] where there is none of that name.
    pub async fn show_protocol(&self, name: &str) -> Result<ProtocolDetail, BirdError> {
        let _ = name;
        Err(BirdError::not_yet())
    }

    /// `show static NAME`: what a static protocol holds, also while it is disabled.
    ///
    /// # Errors
    /// [`BirdError::NoSuchProtocol`] where there is none of that name.
    pub async fn show_static(&self, name: &str) -> Result<Vec<StaticRoute>, BirdError> {
        let _ = name;
        Err(BirdError::not_yet())
    }

    /// `show route PREFIX exported UPSTREAM`: what was really sent for that prefix, from BIRD's
    /// own record of its exports; empty where nothing was.
    ///
    /// # Errors
    /// [`BirdError::SessionDown`] where the session, or its channel of that family, is not up.
    pub async fn show_route_exported(&self, prefix: IpNet, upstream: &str) -> Result<Vec<Route>, BirdError> {
        let _ = (prefix, upstream);
        Err(BirdError::not_yet())
    }

    /// `show route PREFIX [protocol P] all`: every route of exactly that prefix, best first; empty
    /// where there is none.
    pub async fn show_route(&self, prefix: IpNet, protocol: Option<&str>) -> Result<Vec<Route>, BirdError> {
        let _ = (prefix, protocol);
        Err(BirdError::not_yet())
    }

    /// `show bfd sessions`: of every BFD protocol; empty where there is none.
    pub async fn show_bfd_sessions(&self) -> Result<Vec<BfdSession>, BirdError> {
        Err(BirdError::not_yet())
    }

    /// `enable "NAME" "REASON"`. The answer says that BIRD accepted it and no more (A2).
    ///
    /// The reason is made fit: quotes and control characters are taken out, and it is cut to 255
    /// bytes (A3).
    pub async fn enable(&self, name: &str, reason: &str) -> Result<Switch, BirdError> {
        let _ = (name, reason);
        Err(BirdError::not_yet())
    }

    /// `disable "NAME" "REASON"`, as [`Client::enable`].
    pub async fn disable(&self, name: &str, reason: &str) -> Result<Switch, BirdError> {
        let _ = (name, reason);
        Err(BirdError::not_yet())
    }

    /// `configure check "PATH"`: whether the running BIRD would accept that file. Changes nothing.
    ///
    /// # Errors
    /// [`BirdError::Refused`] with code 8002 carries the file's first error.
    pub async fn configure_check(&self, path: &std::path::Path) -> Result<Configured, BirdError> {
        let _ = path;
        Err(BirdError::not_yet())
    }

    /// `configure timeout SECONDS`: BIRD's own configuration file is read anew, and undone unless
    /// [`Client::configure_confirm`] comes in time. Only for rendering (A9), and only while
    /// [`Client::configure_status`] says that nothing is in progress: BIRD 3 dies of a second one.
    pub async fn configure_timeout(&self, within: Duration) -> Result<Configured, BirdError> {
        let _ = within;
        Err(BirdError::not_yet())
    }

    /// `configure confirm`: the undo timer is stopped.
    pub async fn configure_confirm(&self) -> Result<Configured, BirdError> {
        Err(BirdError::not_yet())
    }

    /// `configure undo`: back to the configuration before. The same reservation holds as for
    /// [`Client::configure_timeout`].
    pub async fn configure_undo(&self) -> Result<Configured, BirdError> {
        Err(BirdError::not_yet())
    }

    /// `configure status`.
    pub async fn configure_status(&self) -> Result<ConfigureStatus, BirdError> {
        Err(BirdError::not_yet())
    }
}
