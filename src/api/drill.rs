//! `POST /v1/services/NAME/drill`: a long request, answered with the report when the drill has ended.
//! Whoever asks may go away; the drill goes on.

use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Body;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::account;
use super::command_body::{check_reason, object, span};
use super::request::DrillRequest;
use super::response;
use super::response::ApiResponse;
use super::server::{Server, find, status_of, whole};
use crate::core::Strength;
use crate::core::drill::DrillPlan;
use crate::model::drill::DrillReport;
use crate::model::snapshot::DrillOutcome;

/// How long a drill stays announced unless told otherwise.
pub(crate) const HOLD: &str = "10s";

/// The longest that a drill stays announced: it is a rehearsal, and no override.
const HOLD_LIMIT: Duration = Duration::from_mins(10);

/// The body, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DrillBody {
    full: bool,
    dry_run: bool,
    #[serde(rename = "for")]
    hold: Option<String>,
    reason: Option<String>,
}

/// A report of a drill that never began.
#[derive(Serialize)]
struct RefusedDrill<'a> {
    error: &'a str,
    #[serde(flatten)]
    report: &'a DrillReport,
}

impl Server {
    /// Asks the daemon for a drill, and waits for its end: its own limits are the limit.
    pub(crate) async fn drill<B>(&self, name: &str, uid: u32, body: B) -> ApiResponse
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Err(unknown) = find(&self.snapshot(), name) {
            return *unknown;
        }
        let body = match whole(body).await {
            Ok(body) => body,
            Err((status, said)) => return response::failure(status, said),
        };
        let plan = match plan(&body) {
            Ok(plan) => plan,
            Err(said) => return response::failure(StatusCode::BAD_REQUEST, &said),
        };
        let (answer, answered) = oneshot::channel();
        let wish = DrillRequest {
            service: name.to_owned(),
            plan,
            actor: account::user_name(uid),
            answer,
        };
        let told = match self.handles.drills.send(wish).await {
            Ok(()) => answered.await.ok(),
            Err(_) => None,
        };
        match told {
            Some(Ok(report)) if report.outcome == DrillOutcome::Refused => {
                let refused = RefusedDrill {
                    error: &format!("no drill of {name}: {}", report.text),
                    report: &report,
                };
                response::json(StatusCode::CONFLICT, &refused)
            }
            Some(Ok(report)) => response::json(StatusCode::OK, &report),
            Some(Err(refusal)) => response::failure(status_of(&refusal), &refusal.to_string()),
            None => response::failure(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping"),
        }
    }
}

/// Reads a body; an empty one asks for a drill as it is usual.
fn plan(body: &[u8]) -> Result<DrillPlan, String> {
    let order: DrillBody = if body.trim_ascii().is_empty() {
        DrillBody::default()
    } else {
        object(body).map_err(|error| {
            format!(
                r#"the body is not what it should be, {{"full": false, "dry_run": false, "for": "10s", "reason": "..."}}: {error}"#
            )
        })?
    };
    let reason = order.reason.filter(|reason| !reason.trim().is_empty());
    if let Some(reason) = &reason {
        check_reason(reason)?;
    }
    Ok(DrillPlan {
        strength: if order.full {
            Strength::Full
        } else {
            Strength::Drain
        },
        hold: hold(order.hold.as_deref().unwrap_or(HOLD))?,
        dry_run: order.dry_run,
        reason,
    })
}

/// Reads how long a drill is to stay announced.
pub(crate) fn hold(text: &str) -> Result<Duration, String> {
    let hold = span(text)?;
    if hold > HOLD_LIMIT {
        return Err(format!(
            r#""{text}" is more than ten minutes; what is to be announced for longer is an override, "falconer announce""#
        ));
    }
    Ok(hold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_asks_for_ten_seconds_at_strength_drain() {
        let usual = DrillPlan {
            strength: Strength::Drain,
            hold: Duration::from_secs(10),
            dry_run: false,
            reason: None,
        };
        assert_eq!(plan(b""), Ok(usual.clone()));
        assert_eq!(plan(b"{}"), Ok(usual));
    }

    #[test]
    fn a_body_says_how_strongly_how_long_and_why() {
        let body = br#"{"full": true, "dry_run": true, "for": "1m30s", "reason": "quarterly"}"#;
        let asked = DrillPlan {
            strength: Strength::Full,
            hold: Duration::from_secs(90),
            dry_run: true,
            reason: Some("quarterly".to_owned()),
        };
        assert_eq!(plan(body), Ok(asked));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_would_be_right() {
        let cases = [
            ("[1]", "the body is not what it should be"),
            (r#"{"full": "yes"}"#, "the body is not what it should be"),
            (r#"{"until": "20s"}"#, "unknown field `until`"),
            (r#"{"for": "0s"}"#, "would end at once"),
            (r#"{"for": "11m"}"#, "more than ten minutes"),
            (r#"{"for": "soon"}"#, "write it like"),
            (r#"{"reason": "a\nb"}"#, "one line"),
        ];
        for (body, expected) in cases {
            let said = plan(body.as_bytes()).unwrap_err();
            assert!(said.contains(expected), "{body}: {said}");
        }
    }
}
