//! The answers of the API: their status, headers and JSON.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// What goes back to the client.
pub(super) type Reply = Response<Full<Bytes>>;

/// An answer whose JSON is already written.
pub(super) fn json_bytes(status: StatusCode, body: Bytes) -> Reply {
    reply(status, "application/json", body)
}

/// An answer in JSON.
pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => json_bytes(status, body.into()),
        Err(error) => failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("cannot write JSON: {error}"),
        ),
    }
}

/// An answer in plain text.
pub(super) fn text(status: StatusCode, body: &'static str) -> Reply {
    reply(
        status,
        "text/plain; charset=utf-8",
        Bytes::from_static(body.as_bytes()),
    )
}

/// `{"error": "..."}`.
pub(super) fn failure(status: StatusCode, error: &str) -> Reply {
    let body = serde_json::json!({ "error": error }).to_string();
    json_bytes(status, body.into())
}

/// 405, with the methods that would do.
pub(super) fn wrong_method(allow: &'static str) -> Reply {
    let mut reply = failure(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("the method here is {allow}"),
    );
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    reply
}

/// Nothing of ours is worth keeping: it is the state of this instant.
fn reply(status: StatusCode, content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}
