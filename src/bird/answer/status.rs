//! `show status`.

use crate::bird::version::Version;

/// What `show status` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Which BIRD it is.
    pub version: Version,
    /// Its router id, where it has one.
    pub router_id: Option<String>,
    /// When BIRD started, in BIRD's own time format. Computed anew from the wall clock at every
    /// question, so it differs by microseconds from one answer to the next.
    pub last_reboot: Option<String>,
    /// When BIRD last took a configuration, with the same reservation.
    pub last_reconfiguration: Option<String>,
    /// Whether graceful-restart recovery holds announcements back.
    pub graceful_restart_recovery: bool,
    /// What the daemon is doing.
    pub daemon: Daemon,
}

/// What the daemon is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Daemon {
    /// Up and running.
    Running,
    /// A reconfiguration is in progress.
    Reconfiguring,
    /// Shutting down: its answers to enable and disable mean nothing any more.
    ShuttingDown,
    /// Another sentence.
    Other,
}
