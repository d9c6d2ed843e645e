//! Durations as people write them: `500ms`, `5s`, `1m30s`, `2h`.
//!
//! One strict form, so that the reference, the schema for editors and the reader agree. The longest
//! is a year: whatever is longer is a slip of the pen, and sums of durations cannot overflow.

use std::time::Duration;

/// The longest duration that is read.
pub const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// The form as a regular expression, for the schema.
pub(crate) const PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$";

const UNITS: [(&str, u64); 5] = [
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Why a text is not a duration, in a few words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// A number and no unit.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// A unit that is none.
    #[error("`{0}` is not a unit")]
    BadUnit(String),
    /// A number was expected.
    #[error("`{0}` does not begin with a number")]
    NoNumber(String),
    /// Longer than [`LONGEST`].
    #[error("it is longer than a year")]
    TooLong,
}

/// Reads a duration such as `500ms`, `5s`, `1.5s`, `1h30m` or `2d`.
///
/// # Errors
/// Says in a few words what is wrong.
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    if text.is_empty() {
        return Err(BadDuration::Empty);
    }
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split(after, |c| !c.is_ascii_digit() && c != '.');
        let nanos = part(number, unit, rest)?;
        sum = sum
            .checked_add(nanos)
            .filter(|sum| *sum <= LONGEST)
            .ok_or(BadDuration::TooLong)?;
        rest = after;
    }
    Ok(sum)
}

/// The shortest exact form, which [`parse`] reads back: `90s` is `1m30s`.
pub fn format(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_owned();
    }
    let whole = duration.as_secs();
    let mut text = String::new();
    for (unit, count) in [
        ("d", whole / 86_400),
        ("h", whole / 3_600 % 24),
        ("m", whole / 60 % 60),
        ("s", whole % 60),
    ] {
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    let below = Duration::from_nanos(u64::from(duration.subsec_nanos()));
    if !below.is_zero() {
        let ms = format!("{}", below.as_nanos() as f64 / 1e6);
        text.push_str(&format!("{ms}ms"));
    }
    text
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// One number with its unit. Fractions are cut below the nanosecond.
fn part(number: &str, unit: &str, rest: &str) -> Result<Duration, BadDuration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(BadDuration::NoNumber(rest.to_owned()));
    }
    if unit.is_empty() {
        return Err(BadDuration::NoUnit(number.to_owned()));
    }
    let (_, nanos_per_unit) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| BadDuration::BadUnit(unit.to_owned()))?;
    // Twelve digits of a fraction are enough for the nanosecond of a day, and few enough for u128.
    let fraction = &fraction[..fraction.len().min(12)];
    let per = u128::from(*nanos_per_unit);
    let whole: u128 = whole.parse().map_err(|_| BadDuration::TooLong)?;
    let scale = 10u128.pow(u32::try_from(fraction.len()).unwrap_or(12));
    let fraction: u128 = fraction.parse().unwrap_or(0);
    let nanos = whole
        .checked_mul(per)
        .and_then(|whole| whole.checked_add(fraction * per / scale))
        .ok_or(BadDuration::TooLong)?;
    let nanos = u64::try_from(nanos).map_err(|_| BadDuration::TooLong)?;
    Ok(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let cases = [
            ("0s", 0),
            ("1ms", 1),
            ("500ms", 500),
            ("5s", 5_000),
            ("1.5s", 1_500),
            ("0.25ms", 0),
            ("90s", 90_000),
            ("1m30s", 90_000),
            ("1h30m", 5_400_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("365d", 31_536_000_000),
        ];
        for (text, millis) in cases {
            assert_eq!(parse(text).unwrap().as_millis(), millis, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        let cases = [
            ("", BadDuration::Empty),
            ("5", BadDuration::NoUnit("5".to_owned())),
            ("1h30", BadDuration::NoUnit("30".to_owned())),
            ("s", BadDuration::NoNumber("s".to_owned())),
            ("-5s", BadDuration::NoNumber("-5s".to_owned())),
            (".5s", BadDuration::NoNumber(".5s".to_owned())),
            ("1.2.3s", BadDuration::NoNumber("1.2.3s".to_owned())),
            ("5 s", BadDuration::BadUnit(" s".to_owned())),
            ("5S", BadDuration::BadUnit("S".to_owned())),
            ("5us", BadDuration::BadUnit("us".to_owned())),
            ("366d", BadDuration::TooLong),
            (
                "9999999999999999999999999999999999999999999999999s",
                BadDuration::TooLong,
            ),
            ("340282366920938463463374607431768211455d", BadDuration::TooLong),
        ];
        for (text, why) in cases {
            assert_eq!(parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_in_their_shortest_form() {
        let cases = [
            (0, "0s"),
            (1, "1ms"),
            (500, "500ms"),
            (1_500, "1s500ms"),
            (90_000, "1m30s"),
            (86_400_000, "1d"),
        ];
        for (millis, text) in cases {
            assert_eq!(format(Duration::from_millis(millis)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(nanos in 0u64..31_536_000_000_000_000) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn no_text_is_too_odd(text in "[0-9.a-z ]{0,40}|.{0,10}") {
            let _ = parse(&text);
        }
    }
}
