//! `configure` and its relatives.

use std::time::Duration;

/// What became of a configuration, or of a request to undo or confirm one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Configured {
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
