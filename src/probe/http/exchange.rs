//! One HTTP request and its answer, over an open stream.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Method, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::task::AbortOnDropHandle;

use crate::probe::deadline::CheckDeadline;
use crate::probe::report::CheckError;

/// How much of a body is searched.
const BODY_LIMIT: usize = 64 << 10;

/// How much room an answer's status line and headers may take.
const HEAD_LIMIT: usize = 64 << 10;

/// A request, the same every time.
#[derive(Clone, Debug)]
pub(crate) struct HttpRequest {
    /// The method.
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: Uri,
    /// All of them, Host included.
    pub(crate) headers: HeaderMap,
}

/// An answer whose body is still to come. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    response: Response<Incoming>,
    _connection: AbortOnDropHandle<()>,
}

/// What was read of a body.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// All of it.
    Whole(Vec<u8>),
    /// The first [`BODY_LIMIT`] bytes of a longer one.
    Cut(Vec<u8>),
    /// It ended before its end; why, in words.
    Broken(String),
}

/// Speaks TLS over a connection.
pub(crate) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    client: Arc<ClientConfig>,
    server: ServerName<'static>,
    limit: CheckDeadline,
) -> Result<TlsStream<S>, CheckError> {
    let handshake = TlsConnector::from(client).connect(server, stream);
    limit
        .within("in the TLS handshake", handshake)
        .await?
        .map_err(|error| CheckError::Failed(format!("TLS: {}", causes(&error))))
}

/// Sends a request, and waits for the status line and the headers.
pub(crate) async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: &HttpRequest,
    limit: CheckDeadline,
) -> Result<HttpAnswer, CheckError> {
    let no_http = |error: hyper::Error| CheckError::Failed(format!("no HTTP answer: {}", causes(&error)));
    let handshake = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(no_http)?;
    // Its errors come out of `send_request` and of the body as well.
    let connection = AbortOnDropHandle::new(tokio::spawn(async { drop(connection.await) }));
    let mut message = hyper::Request::new(Empty::<Bytes>::new());
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = request.target.clone();
    *message.headers_mut() = request.headers.clone();
    let response = limit
        .within("waiting for the HTTP answer", sender.send_request(message))
        .await?
        .map_err(no_http)?;
    Ok(HttpAnswer {
        response,
        _connection: connection,
    })
}

impl HttpAnswer {
    /// The status code.
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The headers.
    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Reads the body, as far as it matters.
    pub(crate) async fn body(&mut self, limit: CheckDeadline) -> ResponseBody {
        let mut read = Vec::new();
        loop {
            match limit.within("reading the body", self.response.frame()).await {
                Err(late) => return ResponseBody::Broken(late.words().to_owned()),
                Ok(None) => return ResponseBody::Whole(read),
                Ok(Some(Err(error))) => return ResponseBody::Broken(causes(&error)),
                Ok(Some(Ok(frame))) => read.extend_from_slice(&frame.into_data().unwrap_or_default()),
            }
            if read.len() > BODY_LIMIT {
                read.truncate(BODY_LIMIT);
                return ResponseBody::Cut(read);
            }
        }
    }
}

/// An error and what caused it, without saying anything twice.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
