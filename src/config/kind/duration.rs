//! Durations.

use std::time::Duration;

use serde_json::json;
use toml::de::DeValue;

use super::{Complaint, Kind, Site, number, quoted, wrong_type};
use crate::config::book::Shape;
use crate::config::duration;

/// A duration within bounds.
#[derive(Clone, Copy)]
pub(in crate::config) struct Span {
    at_least: Duration,
    at_most: Duration,
    whole_seconds: bool,
}

/// A duration, from nothing to a year.
pub(in crate::config) const fn span() -> Span {
    Span {
        at_least: Duration::ZERO,
        at_most: duration::LONGEST,
        whole_seconds: false,
    }
}

impl Span {
    /// No shorter than this.
    pub(in crate::config) const fn at_least(self, at_least: Duration) -> Self {
        Self { at_least, ..self }
    }

    /// No longer than this.
    pub(in crate::config) const fn at_most(self, at_most: Duration) -> Self {
        Self { at_most, ..self }
    }

    /// In whole seconds, since BIRD or the protocol counts in these.
    pub(in crate::config) const fn whole_seconds(self) -> Self {
        Self {
            whole_seconds: true,
            ..self
        }
    }

    fn judge(self, value: Duration) -> Result<Duration, Complaint> {
        if value < self.at_least {
            let least = duration::format(self.at_least);
            return Err(
                Complaint::new("out-of-range", format!("expected at least {least}")).label("too short"),
            );
        }
        if value > self.at_most {
            let most = duration::format(self.at_most);
            return Err(Complaint::new("out-of-range", format!("expected at most {most}")).label("too long"));
        }
        if self.whole_seconds && value.subsec_nanos() != 0 {
            let complaint =
                Complaint::new("out-of-range", "expected whole seconds").label("a fraction of a second");
            return Err(complaint.note("BGP and BIRD count this in whole seconds"));
        }
        Ok(value)
    }
}

impl Kind for Span {
    type Value = Duration;

    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> Duration {
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

    fn shape(&self) -> Shape {
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
        Shape::new(words, json!({ "type": "string", "pattern": duration::PATTERN }))
    }
}

fn not_a_string(value: &DeValue<'_>) -> Complaint {
    let complaint = wrong_type("a duration, which is a string", value);
    match number(value) {
        Some(number) => complaint.better(quoted(&format!("{number}s"))),
        None => complaint.help("write a number with its unit, such as \"500ms\", \"5s\" or \"2h\""),
    }
}

fn not_a_duration(text: &str, why: &duration::BadDuration) -> Complaint {
    let complaint = Complaint::new("bad-duration", "this is not a duration").label(why.to_string());
    let with_seconds = format!("{text}s");
    match duration::parse(&with_seconds) {
        Ok(_) => complaint.better(quoted(&with_seconds)),
        Err(_) => complaint
            .help("write numbers with the units ms, s, m, h or d, such as \"500ms\", \"5s\" or \"1h30m\""),
    }
}
