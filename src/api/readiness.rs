//! `/v1/ready` and `/readyz`: from what the daemon gathered last. Nothing is gathered for a request,
//! so that a crowd of them cannot load BIRD.

use hyper::StatusCode;
use jiff::Timestamp;

use super::reply::{self, Reply};
use crate::ready::{Level, Readiness};

/// Every check; what is too old to be trusted says so.
pub(super) fn ready(readiness: &Readiness, now: Timestamp) -> Reply {
    reply::json(StatusCode::OK, &*readiness.as_of(now))
}

/// 200, or 503 where a takeover would fail or would not be tried, or nobody knows any more.
pub(super) fn readyz(readiness: &Readiness, now: Timestamp) -> Reply {
    match readiness.as_of(now).level {
        Level::Ok => reply::text(StatusCode::OK, "ok\n"),
        Level::Warning => reply::text(StatusCode::OK, "warning\n"),
        Level::No => reply::text(StatusCode::SERVICE_UNAVAILABLE, "no\n"),
    }
}
