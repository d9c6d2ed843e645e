//! `/v1/ready` and `/readyz`: from what the daemon gathered last. Nothing is gathered for a request,
//! so that a crowd of them cannot load BIRD.

use hyper::StatusCode;
use jiff::Timestamp;

use super::response;
use super::response::ApiResponse;
use crate::model::readiness::Readiness;
use crate::model::readiness::ReadinessLevel;

/// Every check; what is too old to be trusted says so.
pub(crate) fn ready(readiness: &Readiness, now: Timestamp) -> ApiResponse {
    response::json(StatusCode::OK, &*readiness.as_of(now))
}

/// 200, or 503 where a takeover would fail or would not be tried, or nobody knows any more.
pub(crate) fn readyz(readiness: &Readiness, now: Timestamp) -> ApiResponse {
    match readiness.as_of(now).level {
        ReadinessLevel::Ok => response::text(StatusCode::OK, "ok\n"),
        ReadinessLevel::Warning => response::text(StatusCode::OK, "warning\n"),
        ReadinessLevel::No => response::text(StatusCode::SERVICE_UNAVAILABLE, "no\n"),
    }
}
