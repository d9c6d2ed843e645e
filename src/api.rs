//! The API: HTTP/1.1 over a Unix socket (everything) and over TCP (read-only).
//!
//! It shows the daemon's latest snapshot and hands operators' requests to the daemon. It decides
//! nothing, and it knows nothing of BIRD: a request's answer is what the daemon says of it.

mod access;
mod account;
mod budget;
mod caller;
mod command;
mod command_body;
mod connections;
mod endpoint;
mod handles;
mod history;
mod latency;
mod listener;
mod page;
mod readiness;
mod request;
mod request_counters;
mod response;
mod scrape;
mod serve;
mod server;
mod sse;
#[cfg(test)]
mod tests;
mod thread;
mod write_timeout;

pub(crate) use self::account::group_name;
pub(crate) use self::command_body::{HOLD, body, hold, path, reason, span};
pub use self::handles::Handles;
pub use self::history::HistoryReader;
pub use self::request::{CommandReply, OperatorRequest, Refusal, ReplySender};
pub use self::serve::serve;
pub(crate) use self::server::unknown_service;
pub(crate) use self::thread::start;
