//! What is counted of those who come to the API, for the metrics; by listener, never by client.

use hyper::StatusCode;

use super::desk::Caller;
use crate::metrics::{Listener, Rejection, Tally};

/// The counts of both listeners.
#[derive(Debug, Default)]
pub(super) struct Toll {
    /// The Unix socket.
    pub(super) socket: Tally<Listener>,
    /// The TCP port.
    pub(super) tcp: Tally<Listener>,
}

impl Toll {
    /// Someone was answered.
    pub(super) fn answered(&self, caller: Caller, status: StatusCode) {
        self.of(caller)
            .count(|counts| *counts.answers.entry(status.as_u16()).or_default() += 1);
    }

    /// Someone was turned away.
    pub(super) fn refused(&self, caller: Caller, why: Rejection) {
        self.of(caller).count(|counts| counts.refuse(why));
    }

    fn of(&self, caller: Caller) -> &Tally<Listener> {
        match caller {
            Caller::Operator { .. } => &self.socket,
            Caller::Network => &self.tcp,
        }
    }

    /// Both listeners as they are now; `feeds`: how many follow the events on each.
    pub(super) fn listeners(&self, feeds: (u64, u64)) -> Vec<(&'static str, Listener)> {
        let with = |counts: &Tally<Listener>, feeds| Listener {
            feeds,
            ..counts.copy()
        };
        vec![
            ("socket", with(&self.socket, feeds.0)),
            ("tcp", with(&self.tcp, feeds.1)),
        ]
    }
}
