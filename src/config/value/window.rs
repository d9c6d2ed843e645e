//! A daily window in a time zone, such as `02:00-05:00 Asia/Hong_Kong`; and quorums, the number of
//! probes that must agree.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde_json::json;
use toml::de::DeValue;

use super::number;
use super::text::TextValue;
use crate::config::key_docs::ValueSchema;
use crate::config::model::{DailyWindow, Quorum};
use crate::config::similar::most_alike;
use crate::config::value::value_type::{ValueContext, ValueError, ValueType, quoted, wrong_type};

/// A daily window.
pub(crate) const WINDOW: TextValue<DailyWindow> = TextValue {
    words: "daily window, `\"02:00-05:00 Asia/Hong_Kong\"`",
    pattern: Some("^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2} [A-Za-z0-9_+/-]+$"),
    parse: window,
    stand_in: || DailyWindow {
        start: Time::midnight(),
        end: Time::MAX,
        zone: TimeZone::UTC,
    },
};

const FORM: &str = "write it such as \"02:00-05:00 Asia/Hong_Kong\"";

fn window(text: &str) -> Result<DailyWindow, ValueError> {
    let complaint = || ValueError::new("bad-window", "this is not a daily window").help(FORM);
    let (times, zone) = match text.split_once(' ') {
        Some((times, zone)) => (times, zone.trim()),
        None => (text, ""),
    };
    let (from, to) = times
        .split_once('-')
        .ok_or_else(|| complaint().label("not two times with `-` between them"))?;
    let start = time(from).map_err(|label| complaint().label(label))?;
    let end = time(to).map_err(|label| complaint().label(label))?;
    if zone.is_empty() {
        return Err(ValueError::new("bad-window", "the window has no time zone")
            .label("in which zone?")
            .help("add the zone's name, such as `UTC` or `Asia/Hong_Kong`")
            .note("the servers' own zone differs between sites and may change"));
    }
    if start == end {
        return Err(ValueError::new("bad-window", "this window never opens")
            .label("ends as it begins")
            .help("leave `failback_window` out to fail back at any time, or set `failback = \"manual\"` for never by itself"));
    }
    Ok(DailyWindow {
        start,
        end,
        zone: time_zone(zone)?,
    })
}

fn time(text: &str) -> Result<Time, String> {
    let wrong = || format!("`{text}` is not a time from 00:00 to 23:59");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let digits = |text: &str| {
        text.parse::<i8>()
            .ok()
            .filter(|_| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()))
    };
    match (digits(hour), digits(minute)) {
        (Some(hour), Some(minute)) => Time::new(hour, minute, 0, 0).map_err(|_| wrong()),
        (_, _) => Err(wrong()),
    }
}

fn time_zone(name: &str) -> Result<TimeZone, ValueError> {
    let database = jiff::tz::db();
    database.get(name).map_err(|_| {
        let complaint = ValueError::new("unknown-zone", format!("there is no time zone `{name}`"));
        let known: Vec<String> = database.available().map(|known| known.to_string()).collect();
        let label = "not in the time zone database";
        match most_alike(name, known.iter().map(String::as_str)) {
            Some(meant) => complaint.label(format!("{label}; did you mean `{meant}`?")),
            None => complaint
                .label(label)
                .help("use a name of the time zone database, such as `UTC` or `Asia/Hong_Kong`"),
        }
    })
}

/// How many of the voting probes it takes.
pub(crate) struct HowMany;

impl ValueType for HowMany {
    type Value = Quorum;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> Quorum {
        let complaint = match (value.as_str(), number(value)) {
            (Some("any"), _) => return Quorum::Any,
            (Some("all"), _) => return Quorum::All,
            (_, Some(count @ 1..=1000)) => {
                return Quorum::AtLeast(usize::try_from(count).unwrap_or(usize::MAX));
            }
            (_, Some(0)) => ValueError::new("bad-quorum", "zero probes would always be enough")
                .label("met by none at all"),
            (_, Some(_)) => {
                ValueError::new("out-of-range", "expected a number from 1 to 1000").label("not in this range")
            }
            (Some(text), _) if text.parse::<u16>().is_ok_and(|count| count > 0) => {
                ValueError::new("wrong-type", "expected a number without quotes")
                    .label("a string")
                    .better(text)
            }
            (Some(text), _) => {
                let complaint = ValueError::new("unknown-word", "expected \"any\", \"all\" or a number")
                    .label("none of them");
                match most_alike(text, ["any", "all"]) {
                    Some(meant) => complaint.better(quoted(meant)),
                    None => complaint,
                }
            }
            (None, None) => wrong_type("\"any\", \"all\" or a number", value),
        };
        site.refuse(complaint);
        self.stand_in()
    }

    fn stand_in(&self) -> Quorum {
        Quorum::All
    }

    fn shape(&self) -> ValueSchema {
        let number = json!({ "type": "integer", "minimum": 1, "maximum": 1000 });
        ValueSchema::new(
            "`\"any\"`, `\"all\"` or a number",
            json!({ "anyOf": [{ "enum": ["any", "all"] }, number] }),
        )
    }
}
