//! Times in JSON: RFC 3339, UTC, always with three digits of milliseconds; for serde's `with`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};

/// The text form, such as `2026-11-22T20:40:40.060Z`.
pub fn format(at: &Timestamp) -> String {
    format!("{at:.3}")
}

/// Writes [`format`]'s form.
pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(at))
}

/// Reads any RFC 3339 time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    Timestamp::deserialize(deserializer)
}

/// The same for a time that may be null.
pub mod option {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes null, or the time.
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => crate::model::millis::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads null, or a time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Option::deserialize(deserializer)
    }
}
