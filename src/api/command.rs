//! `POST`: an operator's command goes to the daemon, and what comes of it comes back. Whoever asks for a
//! drill, an apply or a reload may go away; it goes on.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::Body;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::caller::Caller;
use super::endpoint::{CommandPath, ServiceVerb};
use super::request::{CommandReply, OperatorRequest, Refusal};
use super::response;
use super::response::ApiResponse;
use super::server::{Server, find};
use super::{account, command_body};
use crate::model::drill::DrillReport;
use crate::model::snapshot::DrillOutcome;

/// The most that a change's body may hold, in bytes: several times a reason in JSON's escapes.
const BODY_LIMIT: usize = 4096;
/// How long a body may take: it is one packet.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the daemon may take to answer an operator, twice what BIRD may take by default.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(10);

/// What the network is told that wants to change something.
const READ_ONLY: &str = "read-only here: changes are made over the Unix socket";

/// A report of a drill that never began.
#[derive(Serialize)]
struct RefusedDrill<'a> {
    error: &'a str,
    #[serde(flatten)]
    report: &'a DrillReport,
}

impl Server {
    /// Hands a command to the daemon, and waits for its answer.
    pub(crate) async fn command<B>(&self, caller: Caller, path: CommandPath<'_>, body: B) -> ApiResponse
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let uid = match caller {
            Caller::Operator { uid } => uid,
            Caller::Network => return response::failure(StatusCode::FORBIDDEN, READ_ONLY),
        };
        if let CommandPath::Service(name, _) = path
            && let Err(unknown) = find(&self.snapshot(), name)
        {
            return *unknown;
        }
        let body = match path {
            CommandPath::Reload => Bytes::new(),
            CommandPath::Service(..) | CommandPath::Apply => match whole(body).await {
                Ok(body) => body,
                Err((status, said)) => return response::failure(status, said),
            },
        };
        let command = match command_body::read(path, &body) {
            Ok(command) => command,
            Err(said) => return response::failure(StatusCode::BAD_REQUEST, &said),
        };
        let (answer, answered) = oneshot::channel();
        let request = OperatorRequest {
            command,
            actor: account::user_name(uid),
            answer,
        };
        let told = async {
            self.handles.requests.send(request).await.ok()?;
            answered.await.ok()
        };
        if takes_long(path) {
            return outcome(told.await);
        }
        match timeout(DAEMON_TIMEOUT, told).await {
            Ok(told) => outcome(told),
            Err(_) => response::failure(
                StatusCode::GATEWAY_TIMEOUT,
                "the daemon took too long to answer; look at the status to see whether it was done",
            ),
        }
    }
}

/// Whether the command's own limits are the limit: a drill's, BIRD's undo timer, the reading of the files.
fn takes_long(path: CommandPath<'_>) -> bool {
    match path {
        CommandPath::Apply | CommandPath::Reload | CommandPath::Service(_, ServiceVerb::Drill) => true,
        CommandPath::Service(
            _,
            ServiceVerb::Announce
            | ServiceVerb::Withdraw
            | ServiceVerb::Freeze
            | ServiceVerb::Auto
            | ServiceVerb::Failback
            | ServiceVerb::Explain,
        ) => false,
    }
}

/// The whole body, within the limits.
async fn whole<B>(body: B) -> Result<Bytes, (StatusCode, &'static str)>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let limited = std::pin::pin!(Limited::new(body, BODY_LIMIT));
    match timeout(BODY_TIMEOUT, limited.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err((
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than 4096 bytes",
        )),
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body took longer than 5 s")),
    }
}

/// What the daemon said; `None`: it said nothing any more.
fn outcome(told: Option<Result<CommandReply, Refusal>>) -> ApiResponse {
    match told {
        Some(Ok(CommandReply::Said(said))) => {
            response::json(StatusCode::OK, &serde_json::json!({ "said": said }))
        }
        Some(Ok(CommandReply::Drill(report))) if report.outcome == DrillOutcome::Refused => {
            let refused = RefusedDrill {
                error: &format!("no drill of {}: {}", report.service, report.text),
                report: &report,
            };
            response::json(StatusCode::CONFLICT, &refused)
        }
        Some(Ok(CommandReply::Drill(report))) => response::json(StatusCode::OK, &report),
        Some(Err(refusal)) => response::failure(status_of(&refusal), &refusal.to_string()),
        None => response::failure(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping"),
    }
}

/// The status of a refusal.
fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NoSuchService => StatusCode::NOT_FOUND,
        Refusal::NotNow(_) => StatusCode::CONFLICT,
        Refusal::Configuration(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
