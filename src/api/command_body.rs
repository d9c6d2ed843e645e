//! The body of a change: `{"for": "20s", "reason": "..."}`, both optional.

use std::time::Duration;

use serde::Deserialize;

use super::endpoint::ServiceVerb;
use super::request::Ask;
use crate::config::duration::{self, BadDuration};

/// The longest reason, in bytes: as much as BIRD keeps of one (A3).
pub(crate) const REASON_LIMIT: usize = 255;

/// The body, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OverrideBody {
    #[serde(rename = "for")]
    span: Option<String>,
    reason: Option<String>,
}

/// Reads a body; an empty one asks for the verb alone. An error says what would be right.
pub(crate) fn read(verb: ServiceVerb, body: &[u8]) -> Result<Ask, String> {
    let body: OverrideBody = if body.trim_ascii().is_empty() {
        OverrideBody::default()
    } else {
        object(body).map_err(|error| {
            format!(r#"the body is not what it should be, {{"for": "20s", "reason": "..."}}: {error}"#)
        })?
    };
    let span = body.span.as_deref().map(span).transpose()?;
    let reason = body.reason.filter(|reason| !reason.trim().is_empty());
    if let Some(reason) = &reason {
        check_reason(reason)?;
    }
    match (verb, span) {
        (ServiceVerb::Override(action), span) => Ok(Ask::Override { action, span, reason }),
        (ServiceVerb::Auto | ServiceVerb::Failback | ServiceVerb::Explain, Some(_)) => {
            Err(r#""for" is for announce, withdraw and freeze only"#.to_owned())
        }
        (ServiceVerb::Auto, None) => Ok(Ask::Auto { reason }),
        (ServiceVerb::Explain, None) => Ok(Ask::Explain),
        (ServiceVerb::Failback, None) => Ok(Ask::Failback { reason }),
    }
}

/// The body of an apply, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ApplyBody {
    force: bool,
}

/// Reads the body of an apply; an empty one asks for no force.
pub(crate) fn force(body: &[u8]) -> Result<bool, String> {
    if body.trim_ascii().is_empty() {
        return Ok(false);
    }
    let body: ApplyBody = object(body)
        .map_err(|error| format!(r#"the body is not what it should be, {{"force": false}}: {error}"#))?;
    Ok(body.force)
}

/// Reads an object. serde would take an array for it, field by field, which nobody means.
pub(crate) fn object<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    if body.trim_ascii().starts_with(b"[") {
        return Err(serde::de::Error::custom("an array, where an object is wanted"));
    }
    serde_json::from_slice(body)
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

/// Refuses a reason that is too long or not one line: it goes to BIRD, to the log and to terminals.
pub(crate) fn check_reason(reason: &str) -> Result<(), String> {
    if reason.len() > REASON_LIMIT {
        return Err(format!(
            "the reason has {} bytes, and at most {REASON_LIMIT} are kept",
            reason.len()
        ));
    }
    if reason.chars().any(char::is_control) {
        return Err("the reason must be one line without control characters".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::snapshot::OverrideAction;

    const WITHDRAW: ServiceVerb = ServiceVerb::Override(OverrideAction::Withdraw);

    #[test]
    fn an_empty_body_asks_for_the_verb_alone() {
        for body in [
            "",
            " \n",
            "{}",
            r#"{"reason": null, "for": null}"#,
            r#"{"reason": "  "}"#,
        ] {
            let expected = Ask::Override {
                action: OverrideAction::Withdraw,
                span: None,
                reason: None,
            };
            assert_eq!(read(WITHDRAW, body.as_bytes()), Ok(expected), "{body:?}");
        }
        assert_eq!(read(ServiceVerb::Auto, b""), Ok(Ask::Auto { reason: None }));
    }

    #[test]
    fn duration_and_reason_are_read() {
        let ask = read(WITHDRAW, r#"{"for": "20s", "reason": "机房检修"}"#.as_bytes());
        let reason = Some("机房检修".to_owned());
        let span = Some(Duration::from_secs(20));
        assert_eq!(
            ask,
            Ok(Ask::Override {
                action: OverrideAction::Withdraw,
                span,
                reason
            })
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_would_be_right() {
        let long = format!(r#"{{"reason": "{}"}}"#, "x".repeat(256));
        let cases = [
            (WITHDRAW, "{", "the body is not what it should be"),
            (WITHDRAW, "[]", "the body is not what it should be"),
            (WITHDRAW, "[null, null]", "the body is not what it should be"),
            (WITHDRAW, r#"{"until": "20s"}"#, "unknown field `until`"),
            (WITHDRAW, r#"{"for": 20}"#, "the body is not what it should be"),
            (WITHDRAW, r#"{"for": "20"}"#, "has no unit; write it"),
            (WITHDRAW, r#"{"for": "-5s"}"#, "does not begin with a number"),
            (WITHDRAW, r#"{"for": "0s"}"#, "would end at once"),
            (WITHDRAW, r#"{"for": "99999999h"}"#, "more than a year"),
            (WITHDRAW, r#"{"for": "1h 30m"}"#, "as in falconer.toml"),
            (
                WITHDRAW,
                r#"{"reason": "a\u001b[31m"}"#,
                "one line without control characters",
            ),
            (WITHDRAW, &long, "256 bytes"),
            (ServiceVerb::Auto, r#"{"for": "20s"}"#, "only"),
            (ServiceVerb::Failback, r#"{"for": "20s"}"#, "only"),
        ];
        for (verb, body, expected) in cases {
            let said = read(verb, body.as_bytes()).unwrap_err();
            assert!(said.contains(expected), "{body}: {said}");
        }
    }
}
