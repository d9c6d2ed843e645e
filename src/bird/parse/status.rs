//! `show status`.

use crate::bird::error::BirdError;
use crate::bird::parse::reply_check::{accepted, malformed};
use crate::bird::reply::{BirdReply, ReplyCode};
use crate::bird::version::BirdVersion;

/// What `show status` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdStatus {
    /// Which BIRD it is.
    pub version: BirdVersion,
    /// Its router id, where it has one.
    pub router_id: Option<String>,
    /// What time it is, in BIRD's own time format and zone.
    pub server_time: Option<String>,
    /// When BIRD started, in BIRD's own time format. Computed anew from the wall clock at every
    /// question, so it differs by microseconds from one answer to the next.
    pub last_reboot: Option<String>,
    /// When BIRD last took a configuration, with the same reservation.
    pub last_reconfiguration: Option<String>,
    /// Whether graceful-restart recovery holds announcements back.
    pub graceful_restart_recovery: bool,
    /// What the daemon is doing.
    pub daemon: DaemonState,
}

/// What the daemon is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DaemonState {
    /// Up and running.
    Running,
    /// A reconfiguration is in progress.
    Reconfiguring,
    /// Shutting down: its answers to enable and disable mean nothing any more.
    ShuttingDown,
    /// Another sentence.
    Other,
}

/// Reads the answer to `show status` (nest/cmds.c:cmd_show_status).
///
/// # Errors
/// BIRD's own, or [`BirdError::Malformed`].
pub fn status(reply: &BirdReply) -> Result<BirdStatus, BirdError> {
    accepted(reply)?;
    let version = reply
        .with_code(ReplyCode::VERSION)
        .find_map(BirdVersion::of_daemon);
    let uptime = |words: &str| {
        let found = reply
            .with_code(ReplyCode::UPTIME)
            .find_map(|text| text.trim().strip_prefix(words));
        found.map(|rest| rest.trim().to_owned())
    };
    Ok(BirdStatus {
        version: version.ok_or_else(|| malformed("a status without a version", &reply.last.text))?,
        router_id: uptime("Router ID is"),
        server_time: uptime("Current server time is"),
        last_reboot: uptime("Last reboot on"),
        last_reconfiguration: uptime("Last reconfiguration on"),
        graceful_restart_recovery: reply.with_code(ReplyCode::GRACEFUL_RESTART).next().is_some(),
        daemon: DaemonState::parse(&reply.last.text),
    })
}

impl DaemonState {
    fn parse(text: &str) -> Self {
        match text.trim() {
            "Daemon is up and running" => Self::Running,
            "Reconfiguration in progress" => Self::Reconfiguring,
            "Shutdown in progress" => Self::ShuttingDown,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
