//! The answers of the API: their status, headers and JSON.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::Stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// What goes back to the client.
pub(crate) type ApiResponse = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// An answer whose JSON is already written.
pub(crate) fn json_bytes(status: StatusCode, body: Bytes) -> ApiResponse {
    reply(status, "application/json", Full::new(body))
}

/// An answer in JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> ApiResponse {
    match serde_json::to_vec(value) {
        Ok(body) => json_bytes(status, body.into()),
        Err(error) => failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("cannot write JSON: {error}"),
        ),
    }
}

/// An answer in plain text.
pub(crate) fn text(status: StatusCode, body: &'static str) -> ApiResponse {
    reply(status, "text/plain; charset=utf-8", Full::from(body))
}

/// An answer of a kind that is the caller's.
pub(crate) fn bytes(status: StatusCode, content_type: &'static str, body: Bytes) -> ApiResponse {
    reply(status, content_type, Full::new(body))
}

/// An answer that goes on (server-sent events).
pub(crate) fn stream<S>(frames: S) -> ApiResponse
where
    S: Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + 'static,
{
    reply(StatusCode::OK, "text/event-stream", StreamBody::new(frames))
}

/// `{"error": "..."}`.
pub(crate) fn failure(status: StatusCode, error: &str) -> ApiResponse {
    let body = serde_json::json!({ "error": error }).to_string();
    json_bytes(status, body.into())
}

/// 503: too many others ask; and when to ask again.
pub(crate) fn busy(error: &str) -> ApiResponse {
    let mut reply = failure(StatusCode::SERVICE_UNAVAILABLE, error);
    reply
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

/// 405, with the methods that would do.
pub(crate) fn wrong_method(allow: &'static str) -> ApiResponse {
    let mut reply = failure(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("the method here is {allow}"),
    );
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    reply
}

/// Nothing of ours is worth keeping: it is the state of this instant.
fn reply<B>(status: StatusCode, content_type: &'static str, body: B) -> ApiResponse
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let mut reply = Response::new(body.boxed_unsync());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}
