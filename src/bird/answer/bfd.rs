//! `show bfd sessions`.

use std::net::IpAddr;

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
