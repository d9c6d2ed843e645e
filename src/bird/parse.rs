//! What BIRD's replies mean: one pure parser for each family of questions.
//!
//! Everything is found by label and whitespace, never by column, because names longer than a
//! column shift the rest.

mod bfd;
mod configure;
mod protocol;
mod rehearsal;
mod reply_check;
mod route;
mod static_route;
mod status;
mod switch;

pub use bfd::{BfdSession, BfdState, bfd_sessions};
pub use configure::{ConfigureReply, ConfigureStatus, configuration_file, configure_status, configured};
pub use protocol::{
    BgpDetail, Channel, ExportLimit, HOLD_TIME_REFUSED, OwnNextHop, ProtocolDetail, ProtocolRow,
    ProtocolState, RouteCounts, protocol, protocols,
};
pub use rehearsal::{RouteCount, count, rehearsed};
pub use route::{Dest, NextHop, Route, exported, routes};
pub use static_route::{StaticRoute, static_routes};
pub use status::{BirdStatus, DaemonState, status};
pub use switch::{SwitchReply, disabled, enabled};

#[cfg(test)]
mod tests;
