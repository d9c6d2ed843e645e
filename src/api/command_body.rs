//! An operator's command as HTTP carries it: what the command line writes, and what the API reads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::endpoint::{CommandPath, ServiceVerb};
use crate::config::duration::{self, BadDuration};
use crate::core::Strength;
use crate::model::command::{DaemonCommand, DrillPlan, FilesCommand, OperatorCommand, OverrideOptions};

/// The longest reason, in bytes: as much as BIRD keeps of one (A3).
pub(crate) const REASON_LIMIT: usize = 255;

/// How long a drill stays announced unless told otherwise.
pub(crate) const HOLD: &str = "10s";

/// The longest that a drill stays announced: it is a rehearsal, and no override.
const HOLD_LIMIT: Duration = Duration::from_mins(10);

/// The body of a change: `{"for": "20s", "reason": "..."}`, both optional; a withdrawal's may have `drain`, too.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct OverrideBody {
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    span: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drain: Option<String>,
}

/// The body of a drill.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct DrillBody {
    full: bool,
    dry_run: bool,
    #[serde(rename = "for")]
    hold: Option<String>,
    reason: Option<String>,
}

/// The body of an apply.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct ApplyBody {
    force: bool,
}

/// The path that a command is posted to.
pub(crate) fn path(command: &DaemonCommand) -> String {
    let (service, verb) = match command {
        DaemonCommand::Files(FilesCommand::Reload) => return "/v1/reload".to_owned(),
        DaemonCommand::Files(FilesCommand::Apply { .. }) => return "/v1/render/apply".to_owned(),
        DaemonCommand::Explain { service } => (service, "explain"),
        DaemonCommand::Service { service, command } => (
            service,
            match command {
                OperatorCommand::Announce(_) => "announce",
                OperatorCommand::Withdraw(_) => "withdraw",
                OperatorCommand::Freeze(_) => "freeze",
                OperatorCommand::Auto { .. } => "auto",
                OperatorCommand::Failback { .. } => "failback",
                OperatorCommand::Drill(_) => "drill",
            },
        ),
    };
    format!("/v1/services/{service}/{verb}")
}

/// The body that a command is posted with.
pub(crate) fn body(command: &DaemonCommand) -> Result<Vec<u8>, serde_json::Error> {
    match command {
        DaemonCommand::Files(FilesCommand::Reload) | DaemonCommand::Explain { .. } => Ok(Vec::new()),
        DaemonCommand::Files(FilesCommand::Apply { force }) => {
            serde_json::to_vec(&ApplyBody { force: *force })
        }
        DaemonCommand::Service { command, .. } => match command {
            OperatorCommand::Announce(options)
            | OperatorCommand::Withdraw(options)
            | OperatorCommand::Freeze(options) => serde_json::to_vec(&OverrideBody {
                span: options.lasting.map(duration::format),
                reason: options.reason.clone(),
                drain: options.drain.map(duration::format),
            }),
            OperatorCommand::Auto { reason } | OperatorCommand::Failback { reason } => {
                serde_json::to_vec(&OverrideBody {
                    span: None,
                    reason: reason.clone(),
                    drain: None,
                })
            }
            OperatorCommand::Drill(plan) => serde_json::to_vec(&DrillBody {
                full: plan.strength == Strength::Full,
                dry_run: plan.dry_run,
                hold: Some(duration::format(plan.hold)),
                reason: plan.reason.clone(),
            }),
        },
    }
}

/// Reads the command that was posted to this path. An error says what would be right.
pub(crate) fn read(path: CommandPath<'_>, body: &[u8]) -> Result<DaemonCommand, String> {
    let (service, verb) = match path {
        CommandPath::Service(service, verb) => (service.to_owned(), verb),
        // There is nothing to say beside it: a body is not read.
        CommandPath::Reload => return Ok(DaemonCommand::Files(FilesCommand::Reload)),
        CommandPath::Apply => {
            let ApplyBody { force } = object(body, r#"{"force": false}"#)?;
            return Ok(DaemonCommand::Files(FilesCommand::Apply { force }));
        }
    };
    let command = match verb {
        ServiceVerb::Drill => OperatorCommand::Drill(plan(body)?),
        ServiceVerb::Announce => OperatorCommand::Announce(without_drain(body)?),
        ServiceVerb::Withdraw => OperatorCommand::Withdraw(options(body)?),
        ServiceVerb::Freeze => OperatorCommand::Freeze(without_drain(body)?),
        ServiceVerb::Auto => OperatorCommand::Auto {
            reason: reason_alone(body)?,
        },
        ServiceVerb::Failback => OperatorCommand::Failback {
            reason: reason_alone(body)?,
        },
        ServiceVerb::Explain => {
            reason_alone(body)?;
            return Ok(DaemonCommand::Explain { service });
        }
    };
    Ok(DaemonCommand::Service { service, command })
}

/// Reads the body of an override; an empty one asks for one without an end.
fn options(body: &[u8]) -> Result<OverrideOptions, String> {
    let OverrideBody {
        span: lasting,
        reason,
        drain,
    } = object(body, r#"{"for": "20s", "reason": "..."}"#)?;
    Ok(OverrideOptions {
        lasting: lasting.as_deref().map(span).transpose()?,
        reason: said_reason(reason)?,
        drain: drain.as_deref().map(span).transpose()?,
    })
}

/// Reads the body of an override that has nothing to drain.
fn without_drain(body: &[u8]) -> Result<OverrideOptions, String> {
    let options = options(body)?;
    match options.drain {
        None => Ok(options),
        Some(_) => Err(r#""drain" is for withdraw only"#.to_owned()),
    }
}

/// Reads the body of what has no duration.
fn reason_alone(body: &[u8]) -> Result<Option<String>, String> {
    let OverrideOptions { lasting, reason, .. } = without_drain(body)?;
    match lasting {
        None => Ok(reason),
        Some(_) => Err(r#""for" is for announce, withdraw and freeze only"#.to_owned()),
    }
}

/// Reads the body of a drill; an empty one asks for a drill as it is usual.
fn plan(body: &[u8]) -> Result<DrillPlan, String> {
    let body: DrillBody = object(
        body,
        r#"{"full": false, "dry_run": false, "for": "10s", "reason": "..."}"#,
    )?;
    let reason = said_reason(body.reason)?;
    Ok(DrillPlan {
        strength: if body.full {
            Strength::Full
        } else {
            Strength::Drain
        },
        hold: hold(body.hold.as_deref().unwrap_or(HOLD))?,
        dry_run: body.dry_run,
        reason,
    })
}

/// Reads an object; an empty body is one without fields. serde would take an array for an object, field
/// by field, which nobody means.
fn object<T: Default + serde::de::DeserializeOwned>(body: &[u8], right: &str) -> Result<T, String> {
    let body = body.trim_ascii();
    if body.is_empty() {
        return Ok(T::default());
    }
    let read = if body.starts_with(b"[") {
        Err(serde::de::Error::custom("an array, where an object is wanted"))
    } else {
        serde_json::from_slice(body)
    };
    read.map_err(|error: serde_json::Error| format!("the body is not what it should be, {right}: {error}"))
}

/// Reads a duration as falconer.toml writes it, such as "90s", "20m" or "2h30m".
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let span = duration::parse(text).map_err(|why| match why {
        BadDuration::TooLong => {
            format!(r#""{text}" is more than a year; without a duration it lasts until "falconer auto""#)
        }
        BadDuration::Empty
        | BadDuration::NoUnit(_)
        | BadDuration::BadUnit(_)
        | BadDuration::NoNumber(_) => {
            format!(r#""{text}" is not a duration: {why}; write it like "90s", "20m" or "2h30m", as in falconer.toml"#)
        }
    })?;
    if span.is_zero() {
        return Err("a duration of nothing: it would end at once".to_owned());
    }
    Ok(span)
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

/// A reason, where one is given.
fn said_reason(text: Option<String>) -> Result<Option<String>, String> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.as_deref().map(reason).transpose()
}

/// Reads a reason. One that is too long or not one line is refused: it goes to BIRD, to the log and to
/// terminals.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    if text.len() > REASON_LIMIT {
        return Err(format!(
            "the reason has {} bytes, and at most {REASON_LIMIT} are kept",
            text.len()
        ));
    }
    if text.chars().any(char::is_control) {
        return Err("the reason must be one line without control characters".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
