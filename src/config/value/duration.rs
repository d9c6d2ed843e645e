//! Durations.

use std::time::Duration;

use serde_json::json;
use toml::de::DeValue;

use super::number;
use crate::config::duration;
use crate::config::key_docs::ValueSchema;
use crate::config::value::value_type::{ValueContext, ValueError, ValueType, quoted, wrong_type};

/// A duration within bounds.
#[derive(Clone, Copy)]
pub(crate) struct DurationValue {
    at_least: Duration,
    at_most: Duration,
    whole_seconds: bool,
    because: Option<&'static str>,
}

/// A duration, from nothing to a year.
pub(crate) const fn span() -> DurationValue {
    DurationValue {
        at_least: Duration::ZERO,
        at_most: duration::LONGEST,
        whole_seconds: false,
        because: None,
    }
}

impl DurationValue {
    /// No shorter than this.
    pub(crate) const fn at_least(self, at_least: Duration) -> Self {
        Self { at_least, ..self }
    }

    /// No longer than this.
    pub(crate) const fn at_most(self, at_most: Duration) -> Self {
        Self { at_most, ..self }
    }

    /// Why it has bounds.
    pub(crate) const fn because(self, because: &'static str) -> Self {
        Self {
            because: Some(because),
            ..self
        }
    }

    /// In whole seconds, since BIRD or the protocol counts in these.
    pub(crate) const fn whole_seconds(self) -> Self {
        Self {
            whole_seconds: true,
            ..self
        }
    }

    fn judge(self, value: Duration) -> Result<Duration, ValueError> {
        let why = |complaint: ValueError| match self.because {
            Some(because) => complaint.note(because),
            None => complaint,
        };
        if value < self.at_least {
            let least = duration::format(self.at_least);
            let complaint = ValueError::new("out-of-range", format!("expected at least {least}"));
            return Err(why(complaint.label("too short")));
        }
        if value > self.at_most {
            let most = duration::format(self.at_most);
            let complaint = ValueError::new("out-of-range", format!("expected at most {most}"));
            return Err(why(complaint.label("too long")));
        }
        if self.whole_seconds && value.subsec_nanos() != 0 {
            let complaint =
                ValueError::new("out-of-range", "expected whole seconds").label("a fraction of a second");
            return Err(complaint.note("BGP and BIRD count this in whole seconds"));
        }
        Ok(value)
    }
}

impl ValueType for DurationValue {
    type Value = Duration;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> Duration {
        let read = match value.as_str() {
            None => Err(not_a_string(value)),
            Some(text) => duration::parse(text)
                .map_err(|why| not_a_duration(text, &why))
                .and_then(|d| self.judge(d)),
        };
        read.unwrap_or_else(|complaint| {
            site.refuse(complaint);
            self.at_least
        })
    }

    fn stand_in(&self) -> Duration {
        self.at_least
    }

    fn shape(&self) -> ValueSchema {
        let mut words = "duration".to_owned();
        if !self.at_least.is_zero() {
            words.push_str(&format!(", at least {}", duration::format(self.at_least)));
        }
        if self.at_most < duration::LONGEST {
            words.push_str(&format!(", at most {}", duration::format(self.at_most)));
        }
        if self.whole_seconds {
            words.push_str(", whole seconds");
        }
        ValueSchema::new(words, json!({ "type": "string", "pattern": duration::PATTERN }))
    }
}

fn not_a_string(value: &DeValue<'_>) -> ValueError {
    let complaint = wrong_type("a duration, which is a string", value);
    match number(value) {
        Some(number) => complaint.better(quoted(&format!("{number}s"))),
        None => complaint.help("write a number with its unit, such as \"500ms\", \"5s\" or \"2h\""),
    }
}

fn not_a_duration(text: &str, why: &duration::BadDuration) -> ValueError {
    let complaint = ValueError::new("bad-duration", "this is not a duration").label(why.to_string());
    match mended(text) {
        Some(mended) => complaint.better(quoted(&mended)),
        None => complaint
            .help("write numbers with the units ms, s, m, h or d, such as \"500ms\", \"5s\" or \"1h30m\""),
    }
}

/// What was probably meant by other spellings, such as `2 sec`, `10min` or `5`.
fn mended(text: &str) -> Option<String> {
    let text = text.replace(' ', "").to_lowercase();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit {
        "msec" | "msecs" | "millis" | "milliseconds" => "ms",
        "" | "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        unit => unit,
    };
    let mended = format!("{number}{unit}");
    duration::parse(&mended).is_ok().then_some(mended)
}
