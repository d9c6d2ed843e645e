//! `configure` and its relatives.

use std::path::PathBuf;
use std::time::Duration;

use crate::bird::error::BirdError;
use crate::bird::parse::reply_check::{accepted, malformed};
use crate::bird::reply::{BirdReply, ReplyCode};

/// What became of a configuration, or of a request to undo or confirm one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConfigureReply {
    /// 0020: the file would be accepted; nothing was done.
    CheckedOk,
    /// 0003: it is in force.
    Done,
    /// 0004: accepted, and not in force everywhere yet.
    InProgress,
    /// 0005: it waits behind another one that is in progress.
    Queued,
    /// 0006: BIRD is shutting down and does nothing about it.
    ShuttingDown,
    /// 0017: the one that waited was taken out of the queue (an undo).
    QueueEmptied,
    /// 0018: the undo timer is stopped and the configuration stays.
    Confirmed,
    /// 0019: there was nothing to undo or to confirm.
    NothingToDo,
}

/// What `configure status` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigureStatus {
    /// A reconfiguration, or an undo, is in progress.
    pub in_progress: bool,
    /// Another one waits behind it.
    pub queued: bool,
    /// BIRD is shutting down.
    pub shutting_down: bool,
    /// How long until an unconfirmed configuration is undone; `None` where no undo is pending.
    pub undo_in: Option<Duration>,
}

/// Reads the answer to `configure check`, `timeout`, `confirm` and `undo`: its last line.
///
/// # Errors
/// BIRD's own, such as 8002 with the file's first error, or [`BirdError::Malformed`].
pub fn configured(reply: &BirdReply) -> Result<ConfigureReply, BirdError> {
    accepted(reply)?;
    Ok(match reply.last.code {
        ReplyCode::CONFIGURATION_OK => ConfigureReply::CheckedOk,
        ReplyCode::RECONFIGURED => ConfigureReply::Done,
        ReplyCode::RECONFIGURATION_IN_PROGRESS => ConfigureReply::InProgress,
        ReplyCode::RECONFIGURATION_QUEUED => ConfigureReply::Queued,
        ReplyCode::RECONFIGURATION_IGNORED => ConfigureReply::ShuttingDown,
        ReplyCode::QUEUE_EMPTIED => ConfigureReply::QueueEmptied,
        ReplyCode::RECONFIGURATION_CONFIRMED => ConfigureReply::Confirmed,
        ReplyCode::NOTHING_TO_DO => ConfigureReply::NothingToDo,
        _ => return Err(malformed("an answer to configure", &reply.last.text)),
    })
}

/// What BIRD says before the path that it reads.
const READING: &str = "Reading configuration from ";

/// Reads from the answer to `configure check` which file BIRD reads, whatever is wrong in it.
///
/// # Errors
/// BIRD's own where it says no path, or [`BirdError::Malformed`].
pub fn configuration_file(reply: &BirdReply) -> Result<PathBuf, BirdError> {
    let said = reply.with_code(ReplyCode::READING_CONFIGURATION).next();
    if let Some(path) = said.and_then(|text| text.trim().strip_prefix(READING)) {
        return Ok(path.into());
    }
    accepted(reply)?;
    Err(malformed("an answer to configure check", &reply.last.text))
}

/// Reads the answer to `configure status`.
///
/// # Errors
/// BIRD's own, or [`BirdError::Malformed`].
pub fn configure_status(reply: &BirdReply) -> Result<ConfigureStatus, BirdError> {
    accepted(reply)?;
    let has = |code| reply.with_code(code).next().is_some();
    let queued = has(ReplyCode::RECONFIGURATION_QUEUED);
    let shutting_down = has(ReplyCode::RECONFIGURATION_IGNORED);
    let in_progress = queued || has(ReplyCode::RECONFIGURATION_IN_PROGRESS);
    if !(in_progress || shutting_down || has(ReplyCode::RECONFIGURED)) {
        return Err(malformed("configure status says nothing", &reply.last.text));
    }
    let undo_in = match reply.with_code(ReplyCode::UNDO_SCHEDULED).next() {
        Some(text) => Some(seconds_left(text).ok_or_else(|| malformed("an undo timer", text))?),
        None => None,
    };
    Ok(ConfigureStatus {
        in_progress,
        queued,
        shutting_down,
        undo_in,
    })
}

/// "Configuration unconfirmed, undo in 1.999 s".
fn seconds_left(text: &str) -> Option<Duration> {
    let number = text.strip_suffix(" s")?.rsplit(' ').next()?;
    Duration::try_from_secs_f64(number.parse().ok()?).ok()
}

#[cfg(test)]
mod tests;
