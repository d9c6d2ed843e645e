//! How the connection stands.

use crate::bird::version::BirdVersion;
use crate::model::snapshot::BirdState;

/// How the connection to BIRD stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionStatus {
    /// Up: greeted, and answering. Busy: there, and too slow or without room for us. Down: not
    /// there, or we may not talk to it.
    pub state: BirdState,
    /// As the last greeting said.
    pub version: Option<BirdVersion>,
    /// The process that listens, where the system tells: BIRD itself, unless it went into the background
    /// after it had opened its socket.
    pub pid: Option<i32>,
    /// What is wrong, in an operator's words, with what to do; `None` while up, and before the
    /// first attempt has ended.
    pub error: Option<String>,
    /// How many greetings there were: a change means that BIRD must be read anew.
    pub connects: u64,
}

impl Default for ConnectionStatus {
    fn default() -> Self {
        Self {
            state: BirdState::Down,
            version: None,
            pid: None,
            error: None,
            connects: 0,
        }
    }
}
