//! `/v1/services/NAME/latency` and `/v1/witnesses/latency`: the latest results of each probe, or with
//! `?after=SEQ` only those that came since an earlier answer whose `seq` that was.

use hyper::StatusCode;

use super::response;
use super::response::ApiResponse;
use crate::metrics::latency::LatencyBuffers;

/// The results of a service's probes, or of the witnesses.
pub(crate) fn answer(book: &LatencyBuffers, service: Option<&str>, query: Option<&str>) -> ApiResponse {
    let after = match after(query) {
        Ok(after) => after,
        Err(said) => return response::failure(StatusCode::BAD_REQUEST, said),
    };
    match book.latency(service, after) {
        Some(latency) => response::json(StatusCode::OK, &latency),
        // It was in the snapshot a moment ago.
        None => response::failure(StatusCode::NOT_FOUND, "there is no such service any more"),
    }
}

/// What a query asks for: `after=SEQ`, or nothing.
fn after(query: Option<&str>) -> Result<u64, &'static str> {
    match query.filter(|query| !query.is_empty()) {
        None => Ok(0),
        Some(query) => query
            .strip_prefix("after=")
            .and_then(|number| number.parse().ok())
            .ok_or("the query is after=SEQ, with the seq of an earlier answer"),
    }
}
