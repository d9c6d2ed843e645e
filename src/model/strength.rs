//! How strongly a service is announced.

use serde::{Deserialize, Serialize};

/// How strongly a service is announced, weakest first. Where it may not be known, an `Option` says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Not announced.
    Off,
    /// As a last resort: low preference, GRACEFUL_SHUTDOWN (RFC 8326), prepends.
    Drain,
    /// Announced.
    Full,
}

impl Strength {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Drain => "drain",
            Self::Full => "full",
        }
    }
}

impl std::fmt::Display for Strength {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// What is not known is no strength: so `service.actual == Strength::Full` says what it means.
impl PartialEq<Strength> for Option<Strength> {
    fn eq(&self, other: &Strength) -> bool {
        *self == Some(*other)
    }
}

/// The word that stands in JSON for a strength that may not be known.
pub fn word(strength: Option<Strength>) -> &'static str {
    strength.map_or("unknown", Strength::word)
}

/// For serde's `with`: a strength that is not known is `"unknown"` in JSON, and not null.
pub mod or_unknown {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::model::strength::{Strength, word};

    /// Writes the word.
    pub fn serialize<S: Serializer>(strength: &Option<Strength>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(word(*strength))
    }

    /// Reads the word.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Strength>, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Word {
            Unknown,
            Off,
            Drain,
            Full,
        }
        Ok(match Word::deserialize(deserializer)? {
            Word::Unknown => None,
            Word::Off => Some(Strength::Off),
            Word::Drain => Some(Strength::Drain),
            Word::Full => Some(Strength::Full),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[test]
    fn each_strength_is_the_word_in_the_json() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Shown {
            #[serde(with = "or_unknown")]
            strength: Option<Strength>,
        }
        let all = [Strength::Off, Strength::Drain, Strength::Full];
        for strength in all.map(Some).into_iter().chain([None]) {
            let shown = Shown { strength };
            let json = serde_json::to_string(&shown).unwrap();
            assert_eq!(json, format!(r#"{{"strength":"{}"}}"#, word(strength)));
            assert_eq!(serde_json::from_str::<Shown>(&json).unwrap(), shown);
        }
        for wrong in [r#"{"strength":null}"#, r#"{"strength":"weak"}"#, "{}"] {
            assert!(serde_json::from_str::<Shown>(wrong).is_err(), "{wrong}");
        }
    }
}
