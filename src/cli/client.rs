//! Talking with the daemon: one HTTP request over its Unix socket, with an end to all waiting, and
//! with errors that say what the user can do.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::failure::Failure;
use super::output;
use crate::drill::Report;
use crate::history::Entry;
use crate::history::query::Query;
use crate::ready::Readiness;
use crate::status::Snapshot;
use crate::status::snapshot::{Drill, Service};

/// How long one request may take: longer than the daemon gives itself to answer.
const TIMEOUT: Duration = Duration::from_secs(12);
/// How long an apply may take: `confirm_within` is at most an hour, and the rest is less than another.
const APPLY_TIMEOUT: Duration = Duration::from_hours(2);
/// How long a reload may take: BIRD and its binary are asked for their version, each with a time-out.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The most that is read of an answer, in bytes: ten times what 200 services and 1,000 probes need.
const ANSWER_LIMIT: usize = 16 << 20;

/// The daemon behind a socket.
#[derive(Debug)]
pub(super) struct Daemon {
    socket: PathBuf,
}

/// `{"error": "..."}`.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// `{"said": "..."}`.
#[derive(Deserialize)]
struct Said {
    said: String,
}

/// A page of the history.
#[derive(Deserialize)]
pub(super) struct Events {
    /// Oldest first.
    pub(super) events: Vec<Entry>,
    /// Where the page before it ends; `None`: there is none.
    #[serde(default)]
    pub(super) next: Option<u64>,
}

/// The body of a change.
#[derive(Debug, Default, Serialize)]
pub(super) struct Order {
    /// How long, as it was typed.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub(super) span: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

impl Daemon {
    /// The daemon behind this socket; nothing is opened yet.
    pub(super) fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The snapshot as the daemon wrote it.
    pub(super) fn status_json(&self) -> Result<Bytes, Failure> {
        self.ask(Method::GET, "/v1/status", Bytes::new())
    }

    /// The snapshot.
    pub(super) fn status(&self) -> Result<Snapshot, Failure> {
        let json = self.status_json()?;
        serde_json::from_slice(&json).map_err(|error| unreadable("status", &error))
    }

    /// Whether we would take over, as the daemon wrote it and as it reads.
    pub(super) fn ready(&self) -> Result<(Bytes, Readiness), Failure> {
        let json = self.ask(Method::GET, "/v1/ready", Bytes::new())?;
        let read = serde_json::from_slice(&json).map_err(|error| unreadable("readiness", &error))?;
        Ok((json, read))
    }

    /// A page of the history.
    pub(super) fn history(&self, query: &Query) -> Result<Events, Failure> {
        let path = format!("/v1/events?{}", written(query));
        let json = self.ask(Method::GET, &path, Bytes::new())?;
        serde_json::from_slice(&json).map_err(|error| unreadable("history", &error))
    }

    /// Fails if there is no such service, with what may have been meant.
    pub(super) fn must_have(&self, service: &str) -> Result<(), Failure> {
        let snapshot = self.status()?;
        let names: Vec<&str> = snapshot
            .services
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        if names.contains(&service) {
            return Ok(());
        }
        Err(Failure::Failed(crate::api::unknown_service(service, &names)))
    }

    /// Asks for a change of a service; what the daemon says of it comes back.
    pub(super) fn change(&self, service: &str, verb: &str, order: &Order) -> Result<String, Failure> {
        if !is_plain(service) {
            // It cannot stand in a path, and no service is called so.
            self.must_have(service)?;
        }
        let path = format!("/v1/services/{service}/{verb}");
        let body = serde_json::to_vec(order)
            .map_err(|error| Failure::Usage(format!("that cannot be asked: {error}")))?;
        let answer = self.ask(Method::POST, &path, body.into())?;
        said(&answer)
    }

    /// Whether somebody listens behind the socket; a socket that may not be opened counts.
    pub(super) fn runs(&self) -> bool {
        use io::ErrorKind::{ConnectionRefused, NotFound};
        let opened = std::os::unix::net::UnixStream::connect(&self.socket);
        opened.map_or_else(
            |error| !matches!(error.kind(), NotFound | ConnectionRefused),
            |_| true,
        )
    }

    /// Has bird.conf rendered anew and brought into BIRD; waits for as long as that takes.
    pub(super) fn apply(&self, force: bool) -> Result<String, Failure> {
        let body = serde_json::json!({ "force": force }).to_string();
        let answer = self.ask_within(APPLY_TIMEOUT, Method::POST, "/v1/render/apply", body.into())?;
        said(&answer)
    }

    /// Has falconer.toml read again.
    pub(super) fn reload(&self) -> Result<String, Failure> {
        let answer = self.ask_within(RELOAD_TIMEOUT, Method::POST, "/v1/reload", Bytes::new())?;
        said(&answer)
    }

    /// Asks for a drill, and waits for its end, however long that takes.
    pub(super) async fn drill(&self, service: &str, order: &impl Serialize) -> Result<Report, Failure> {
        let path = format!("/v1/services/{service}/drill");
        let body = serde_json::to_vec(order)
            .map_err(|error| Failure::Usage(format!("that cannot be asked: {error}")))?;
        let (status, answer) = self.exchange(Method::POST, &path, body.into()).await?;
        // A refusal is a report too.
        if !status.is_success() && status != StatusCode::CONFLICT {
            return Err(self.failure(status, &answer));
        }
        serde_json::from_slice(&answer).map_err(|error| unreadable("report", &error))
    }

    /// The drill of a service that is under way.
    pub(super) async fn drill_of(&self, service: &str) -> Result<Option<Drill>, Failure> {
        let path = format!("/v1/services/{service}");
        let (status, answer) = self.exchange(Method::GET, &path, Bytes::new()).await?;
        if !status.is_success() {
            return Err(self.failure(status, &answer));
        }
        let service: Service =
            serde_json::from_slice(&answer).map_err(|error| unreadable("status", &error))?;
        Ok(service.drill)
    }

    /// Asks, and turns everything but a good answer into what to tell the user.
    fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, Failure> {
        self.ask_within(TIMEOUT, method, path, body)
    }

    fn ask_within(
        &self,
        patience: Duration,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, Failure> {
        let runtime = output::runtime()?;
        let answer = runtime.block_on(async { timeout(patience, self.exchange(method, path, body)).await });
        let (status, body) = match answer {
            Ok(answer) => answer?,
            Err(_) => return Err(self.silent()),
        };
        if status.is_success() {
            return Ok(body);
        }
        Err(self.failure(status, &body))
    }

    /// What to tell the user of an answer that is none.
    fn failure(&self, status: StatusCode, body: &[u8]) -> Failure {
        let said = serde_json::from_slice(body).map_or_else(
            |_| {
                format!(
                    "{} is not a Falconer daemon: it answers {status}",
                    self.socket.display()
                )
            },
            |Refused { error }| error,
        );
        match status {
            StatusCode::BAD_REQUEST => Failure::Usage(said),
            StatusCode::FORBIDDEN => Failure::Forbidden(said),
            StatusCode::UNPROCESSABLE_ENTITY => Failure::Configuration(said),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Failure::Unavailable(said),
            _ => Failure::Failed(said),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| self.unopened(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| self.broken(&e))?;
        // It ends with the sender, at the end of this function.
        let connection = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .body(Full::new(body))
            .map_err(|error| Failure::Usage(format!("that cannot be asked: {error}")))?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| self.broken(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_LIMIT)
            .collect()
            .await
            .map_err(|error| self.broken(error.as_ref()))?;
        drop(sender);
        connection.abort();
        Ok((status, body.to_bytes()))
    }

    /// Why the socket could not be opened, and what to do about it.
    fn unopened(&self, error: &io::Error) -> Failure {
        let socket = self.socket.display();
        let kind = error.kind();
        if kind == io::ErrorKind::NotFound {
            Failure::Unavailable(format!(
                "the daemon does not run: there is no {socket}\n{SEE_WHY}"
            ))
        } else if kind == io::ErrorKind::ConnectionRefused {
            Failure::Unavailable(format!(
                "the daemon does not run: nobody listens on {socket}\n{SEE_WHY}"
            ))
        } else if kind == io::ErrorKind::PermissionDenied {
            let who = who_may(group_of(&self.socket).as_deref());
            Failure::Forbidden(format!("you may not open {socket}\n{who}"))
        } else if kind == io::ErrorKind::WouldBlock {
            self.silent()
        } else {
            Failure::Unavailable(format!("cannot open {socket}: {error}\n{SEE_WHY}"))
        }
    }

    fn silent(&self) -> Failure {
        let socket = self.socket.display();
        Failure::Unavailable(format!("the daemon behind {socket} does not answer\n{SEE_WHY}"))
    }

    fn broken(&self, error: &(dyn std::error::Error + 'static)) -> Failure {
        let socket = self.socket.display();
        Failure::Unavailable(format!(
            "the daemon behind {socket} broke off: {error}\n{SEE_WHY}"
        ))
    }
}

/// The daemon's words.
fn said(answer: &[u8]) -> Result<String, Failure> {
    let Said { said } = serde_json::from_slice(answer)
        .map_err(|error| Failure::Failed(format!("the daemon's answer cannot be read: {error}")))?;
    Ok(said)
}

/// What is said when daemon and command do not understand each other.
fn unreadable(what: &str, error: &serde_json::Error) -> Failure {
    let ours = env!("CARGO_PKG_VERSION");
    Failure::Failed(format!(
        "the daemon's {what} cannot be read by this falconer {ours}; are they of one version? ({error})"
    ))
}

/// A query as it stands in a URL.
fn written(query: &Query) -> String {
    let mut written = url::form_urlencoded::Serializer::new(String::new());
    let Query {
        service,
        since,
        after,
        before,
        limit,
    } = query;
    written.append_pair("limit", &limit.to_string());
    if let Some(service) = service {
        written.append_pair("service", service);
    }
    if let Some(since) = since {
        written.append_pair("since", &since.to_string());
    }
    for (key, number) in [("after", after), ("before", before)] {
        if let Some(number) = number {
            written.append_pair(key, &number.to_string());
        }
    }
    written.finish()
}

/// Whether a name could be a service's, as far as a path is concerned.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Where the daemon's own words are.
const SEE_WHY: &str = "see why with: systemctl status falconer; journalctl -u falconer";

/// The group that owns the socket, unless that is root's own; `None` too where that cannot be seen.
fn group_of(socket: &Path) -> Option<String> {
    let gid = std::fs::metadata(socket).ok()?.gid();
    if gid == 0 {
        return None;
    }
    Some(crate::api::group_name(gid).unwrap_or_else(|| gid.to_string()))
}

/// Who may open the socket.
fn who_may(group: Option<&str>) -> String {
    match group {
        Some(group) => format!(
            "it is for root and group {group}: use sudo, or join the group with \
             \"sudo adduser $USER {group}\" and log in again"
        ),
        None => "it is for root: use sudo".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_permission_the_group_that_helps_is_named() {
        assert!(who_may(Some("falconer")).contains("group falconer"));
        assert_eq!(who_may(None), "it is for root: use sudo");
    }
}
