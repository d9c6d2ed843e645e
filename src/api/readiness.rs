//! `/v1/ready` and `/readyz`: from what the daemon gathered last. Nothing is gathered for a request,
//! so that a crowd of them cannot load BIRD.

use hyper::StatusCode;

use super::reply::{self, Reply};
use crate::ready::{Level, Readiness};

/// Every check.
pub(super) fn ready(readiness: &Readiness) -> Reply {
    reply::json(StatusCode::OK, readiness)
}

/// 200, or 503 where a takeover would fail or would not be tried.
pub(super) fn readyz(readiness: &Readiness) -> Reply {
    match readiness.level {
        Level::Ok => reply::text(StatusCode::OK, "ok\n"),
        Level::Warning => reply::text(StatusCode::OK, "warning\n"),
        Level::No => reply::text(StatusCode::SERVICE_UNAVAILABLE, "no\n"),
    }
}
