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
use serde::Deserialize;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::exit::CliError;
use super::output;
use crate::api;
use crate::model::Snapshot;
use crate::model::command::{DaemonCommand, FilesCommand};
use crate::model::drill::DrillReport;
use crate::model::history::HistoryEntry;
use crate::model::history::query::HistoryQuery;
use crate::model::readiness::Readiness;
use crate::model::snapshot::{DrillSnapshot, ServiceSnapshot};

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
pub(crate) struct DaemonClient {
    socket: PathBuf,
}

/// `{"error": "..."}`.
#[derive(Deserialize)]
struct RefusedReply {
    error: String,
}

/// `{"said": "..."}`.
#[derive(Deserialize)]
struct MessageReply {
    said: String,
}

/// A page of the history.
#[derive(Deserialize)]
pub(crate) struct HistoryPage {
    /// Oldest first.
    pub(crate) events: Vec<HistoryEntry>,
    /// Where the page before it ends; `None`: there is none.
    #[serde(default)]
    pub(crate) next: Option<u64>,
}

impl DaemonClient {
    /// The daemon behind this socket; nothing is opened yet.
    pub(crate) fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The snapshot as the daemon wrote it.
    pub(crate) fn status_json(&self) -> Result<Bytes, CliError> {
        self.ask(Method::GET, "/v1/status", Bytes::new())
    }

    /// The snapshot.
    pub(crate) fn status(&self) -> Result<Snapshot, CliError> {
        let json = self.status_json()?;
        serde_json::from_slice(&json).map_err(|error| unreadable("status", &error))
    }

    /// Whether we would take over, as the daemon wrote it and as it reads.
    pub(crate) fn ready(&self) -> Result<(Bytes, Readiness), CliError> {
        let json = self.ask(Method::GET, "/v1/ready", Bytes::new())?;
        let read = serde_json::from_slice(&json).map_err(|error| unreadable("readiness", &error))?;
        Ok((json, read))
    }

    /// A page of the history.
    pub(crate) fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, CliError> {
        let path = format!("/v1/events?{}", written(query));
        let json = self.ask(Method::GET, &path, Bytes::new())?;
        serde_json::from_slice(&json).map_err(|error| unreadable("history", &error))
    }

    /// Fails if there is no such service, with what may have been meant.
    pub(crate) fn must_have(&self, service: &str) -> Result<(), CliError> {
        let snapshot = self.status()?;
        let names: Vec<&str> = snapshot
            .services
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        if names.contains(&service) {
            return Ok(());
        }
        Err(CliError::Failed(api::unknown_service(service, &names)))
    }

    /// Whether somebody listens behind the socket; a socket that may not be opened counts.
    pub(crate) fn runs(&self) -> bool {
        use io::ErrorKind::{ConnectionRefused, NotFound};
        let opened = std::os::unix::net::UnixStream::connect(&self.socket);
        opened.map_or_else(
            |error| !matches!(error.kind(), NotFound | ConnectionRefused),
            |_| true,
        )
    }

    /// Has a command carried out; what the daemon says of it comes back.
    pub(crate) fn command(&self, command: &DaemonCommand) -> Result<String, CliError> {
        if let Some(service) = command.service().filter(|service| !is_plain(service)) {
            // It cannot stand in a path, and no service is called so.
            self.must_have(service)?;
        }
        let patience = match command {
            DaemonCommand::Files(FilesCommand::Apply { .. }) => APPLY_TIMEOUT,
            DaemonCommand::Files(FilesCommand::Reload) => RELOAD_TIMEOUT,
            DaemonCommand::Service { .. } | DaemonCommand::Explain { .. } => TIMEOUT,
        };
        let (path, body) = (api::path(command), written_body(command)?);
        let answer = self.ask_within(patience, Method::POST, &path, body)?;
        said(&answer)
    }

    /// Asks for a drill, and waits for its end, however long that takes.
    pub(crate) async fn drill(&self, command: &DaemonCommand) -> Result<DrillReport, CliError> {
        let (path, body) = (api::path(command), written_body(command)?);
        let (status, answer) = self.exchange(Method::POST, &path, body).await?;
        // A refusal is a report too.
        if !status.is_success() && status != StatusCode::CONFLICT {
            return Err(self.failure(status, &answer));
        }
        serde_json::from_slice(&answer).map_err(|error| unreadable("report", &error))
    }

    /// The drill of a service that is under way.
    pub(crate) async fn drill_of(&self, service: &str) -> Result<Option<DrillSnapshot>, CliError> {
        Ok(self.service(service).await?.drill)
    }

    /// A service as it is now.
    pub(crate) async fn service(&self, service: &str) -> Result<ServiceSnapshot, CliError> {
        let path = format!("/v1/services/{service}");
        let (status, answer) = self.exchange(Method::GET, &path, Bytes::new()).await?;
        if !status.is_success() {
            return Err(self.failure(status, &answer));
        }
        serde_json::from_slice(&answer).map_err(|error| unreadable("status", &error))
    }

    /// Asks, and turns everything but a good answer into what to tell the user.
    fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, CliError> {
        self.ask_within(TIMEOUT, method, path, body)
    }

    fn ask_within(
        &self,
        patience: Duration,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, CliError> {
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
    fn failure(&self, status: StatusCode, body: &[u8]) -> CliError {
        let said = serde_json::from_slice(body).map_or_else(
            |_| {
                format!(
                    "{} is not a Falconer daemon: it answers {status}",
                    self.socket.display()
                )
            },
            |RefusedReply { error }| error,
        );
        match status {
            StatusCode::BAD_REQUEST => CliError::Usage(said),
            StatusCode::FORBIDDEN => CliError::Forbidden(said),
            StatusCode::UNPROCESSABLE_ENTITY => CliError::Configuration(said),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => CliError::Unavailable(said),
            _ => CliError::Failed(said),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), CliError> {
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
            .map_err(|error| CliError::Usage(format!("that cannot be asked: {error}")))?;
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
    fn unopened(&self, error: &io::Error) -> CliError {
        let socket = self.socket.display();
        let kind = error.kind();
        if kind == io::ErrorKind::NotFound {
            CliError::Unavailable(format!(
                "the daemon does not run: there is no {socket}\n{SEE_WHY}"
            ))
        } else if kind == io::ErrorKind::ConnectionRefused {
            CliError::Unavailable(format!(
                "the daemon does not run: nobody listens on {socket}\n{SEE_WHY}"
            ))
        } else if kind == io::ErrorKind::PermissionDenied {
            let who = who_may(group_of(&self.socket).as_deref());
            CliError::Forbidden(format!("you may not open {socket}\n{who}"))
        } else if kind == io::ErrorKind::WouldBlock {
            self.silent()
        } else {
            CliError::Unavailable(format!("cannot open {socket}: {error}\n{SEE_WHY}"))
        }
    }

    fn silent(&self) -> CliError {
        let socket = self.socket.display();
        CliError::Unavailable(format!("the daemon behind {socket} does not answer\n{SEE_WHY}"))
    }

    fn broken(&self, error: &(dyn std::error::Error + 'static)) -> CliError {
        let socket = self.socket.display();
        CliError::Unavailable(format!(
            "the daemon behind {socket} broke off: {error}\n{SEE_WHY}"
        ))
    }
}

/// The body of a command's request.
fn written_body(command: &DaemonCommand) -> Result<Bytes, CliError> {
    api::body(command)
        .map(Bytes::from)
        .map_err(|error| CliError::Usage(format!("that cannot be asked: {error}")))
}

/// The daemon's words.
fn said(answer: &[u8]) -> Result<String, CliError> {
    let MessageReply { said } = serde_json::from_slice(answer)
        .map_err(|error| CliError::Failed(format!("the daemon's answer cannot be read: {error}")))?;
    Ok(said)
}

/// What is said when daemon and command do not understand each other.
fn unreadable(what: &str, error: &serde_json::Error) -> CliError {
    let ours = env!("CARGO_PKG_VERSION");
    CliError::Failed(format!(
        "the daemon's {what} cannot be read by this falconer {ours}; are they of one version? ({error})"
    ))
}

/// A query as it stands in a URL.
fn written(query: &HistoryQuery) -> String {
    let mut written = url::form_urlencoded::Serializer::new(String::new());
    let HistoryQuery {
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
    Some(api::group_name(gid).unwrap_or_else(|| gid.to_string()))
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
