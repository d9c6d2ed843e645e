//! `show route table TABLE ...`: what stands in a rehearsal table, and what of it passes a filter.

use super::route;
use super::route::Route;
use crate::bird::error::BirdError;
use crate::bird::parse::reply_check::{UNDEFINED_SYMBOL, accepted, malformed};
use crate::bird::reply::{BirdReply, ReplyCode};

/// How BIRD says that a name is that of something else (nest/config.Y, conf/cf-lex.l).
const SOMETHING_ELSE: [&str; 2] = ["Table name required", "Filter name required"];

/// What `show route table TABLE count` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteCount {
    /// All routes of the table.
    pub routes: u64,
}

/// Reads the answer to `show route table TABLE count`, "2 of 2 routes for 2 networks in table T";
/// `None` where BIRD has no such table.
///
/// # Errors
/// BIRD's own, or [`BirdError::Malformed`].
pub fn count(reply: &BirdReply) -> Result<Option<RouteCount>, BirdError> {
    if is_unknown(reply) {
        return Ok(None);
    }
    accepted(reply)?;
    let count = reply.with_code(ReplyCode::ROUTE_ROW).find_map(|text| {
        let (_, behind) = text.split_once(" of ")?;
        let routes = behind.split(' ').next()?.parse().ok()?;
        Some(RouteCount { routes })
    });
    count
        .map(Some)
        .ok_or_else(|| malformed("a count of routes", &reply.last.text))
}

/// Reads the answer to `show route table TABLE [where ...] [filter ...]`; `None` where BIRD has no such
/// table or filter.
///
/// # Errors
/// BIRD's own, or [`BirdError::Malformed`].
pub fn rehearsed(reply: &BirdReply) -> Result<Option<Vec<Route>>, BirdError> {
    if is_unknown(reply) {
        return Ok(None);
    }
    route::routes(reply, None).map(Some)
}

/// Whether one of the names is nobody's, or something else's.
fn is_unknown(reply: &BirdReply) -> bool {
    let text = &reply.last.text;
    let named = text.contains(UNDEFINED_SYMBOL) || SOMETHING_ELSE.iter().any(|words| text.contains(words));
    let code = reply.last.code;
    named && (code == ReplyCode::PARSE_ERROR || code == ReplyCode::INVALID_SYMBOL_TYPE)
}

#[cfg(test)]
mod tests;
