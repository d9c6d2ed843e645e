//! What BIRD's replies mean: one pure parser for each family of questions. Everything is found by
//! label and whitespace, never by column, because names longer than a column shift the rest.

mod bfd;
mod configure;
mod protocol;
mod route;
mod static_route;
mod status;
mod switch;

pub use bfd::{BfdSession, BfdState};
pub use configure::{ConfigureStatus, Configured};
pub use protocol::{BgpDetail, Channel, Protocol, ProtocolDetail, RouteCounts, State};
pub use route::{Dest, NextHop, Route};
pub use static_route::StaticRoute;
pub use status::{Daemon, Status};
pub use switch::Switch;
