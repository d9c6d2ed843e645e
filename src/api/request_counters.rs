//! What is counted of those who come to the API, for the metrics; by listener, never by client.

use hyper::StatusCode;

use super::caller::Caller;
use crate::metrics::{ListenerCounts, Rejection, SharedCounters};

/// The counts of both listeners.
#[derive(Debug, Default)]
pub(crate) struct RequestCounters {
    /// The Unix socket.
    pub(crate) socket: SharedCounters<ListenerCounts>,
    /// The TCP port.
    pub(crate) tcp: SharedCounters<ListenerCounts>,
}

impl RequestCounters {
    /// Someone was answered.
    pub(crate) fn answered(&self, caller: Caller, status: StatusCode) {
        self.of(caller)
            .count(|counts| *counts.answers.entry(status.as_u16()).or_default() += 1);
    }

    /// Someone was turned away.
    pub(crate) fn refused(&self, caller: Caller, why: Rejection) {
        self.of(caller).count(|counts| counts.refuse(why));
    }

    fn of(&self, caller: Caller) -> &SharedCounters<ListenerCounts> {
        match caller {
            Caller::Operator { .. } => &self.socket,
            Caller::Network => &self.tcp,
        }
    }

    /// Both listeners as they are now; `feeds`: how many follow the events on each.
    pub(crate) fn listeners(&self, feeds: (u64, u64)) -> Vec<(&'static str, ListenerCounts)> {
        let with = |counts: &SharedCounters<ListenerCounts>, feeds| ListenerCounts {
            feeds,
            ..counts.copy()
        };
        vec![
            ("socket", with(&self.socket, feeds.0)),
            ("tcp", with(&self.tcp, feeds.1)),
        ]
    }
}
