//! `show bfd sessions`.

use std::net::IpAddr;

use crate::bird::error::BirdError;
use crate::bird::parse::reply_check::{accepted, malformed};
use crate::bird::reply::{BirdReply, ReplyCode};

/// What BIRD answers where no BFD protocol runs.
const NO_BFD: &str = "There is no BFD protocol running";

/// What stands in the place of an interface where there is none.
const NOTHING: &str = "---";

/// A BFD session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdSession {
    /// The BFD protocol that runs it.
    pub protocol: String,
    /// The neighbour.
    pub address: IpAddr,
    /// The interface; `None` for a multihop session.
    pub interface: Option<String>,
    /// Its state.
    pub state: BfdState,
}

/// The state of a BFD session (RFC 5880, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BfdState {
    /// Held down by an operator.
    AdminDown,
    /// Down.
    Down,
    /// The neighbour is heard, and does not hear us yet.
    Init,
    /// Up.
    Up,
}

/// Reads the answer to `show bfd sessions`; empty where no BFD protocol runs.
///
/// # Errors
/// BIRD's own, or [`BirdError::Malformed`].
pub fn bfd_sessions(reply: &BirdReply) -> Result<Vec<BfdSession>, BirdError> {
    if reply.last.code.is_error() && reply.last.text == NO_BFD {
        return Ok(Vec::new());
    }
    accepted(reply)?;
    let mut sessions = Vec::new();
    let mut protocol = "";
    for line in reply.with_code(ReplyCode::BFD_SESSIONS) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name] => {
                protocol = name
                    .strip_suffix(':')
                    .ok_or_else(|| malformed("a BFD protocol", line))?;
            }
            // "bfd1: is not up"
            [name, ..] if name.ends_with(':') && name.parse::<IpAddr>().is_err() => {}
            ["IP", "address", ..] | [] => {}
            [address, interface, state, ..] => sessions.push(BfdSession {
                protocol: protocol.to_owned(),
                address: address.parse().map_err(|_| malformed("a BFD session", line))?,
                interface: (interface != NOTHING).then(|| interface.to_owned()),
                state: BfdState::parse(state).ok_or_else(|| malformed("a BFD session's state", line))?,
            }),
            [_, _] => return Err(malformed("a BFD session", line)),
        }
    }
    Ok(sessions)
}

impl BfdState {
    /// proto/bfd/bfd.c:bfd_state_names.
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "AdminDown" => Self::AdminDown,
            "Down" => Self::Down,
            "Init" => Self::Init,
            "Up" => Self::Up,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
