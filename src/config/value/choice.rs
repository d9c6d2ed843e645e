//! A value that is one of a few words.

use serde_json::json;
use toml::de::DeValue;

use crate::config::key_docs::ValueSchema;
use crate::config::similar::{list, most_alike};
use crate::config::value::value_type::{ValueContext, ValueError, ValueType, quoted, wrong_type};

/// One of a few words, each with what it stands for and its meaning. Never empty.
pub(crate) struct Choice<T: 'static>(pub(crate) &'static [(&'static str, T, &'static str)]);

impl<T: Copy> ValueType for Choice<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> T {
        let words: Vec<&str> = self.0.iter().map(|(word, _, _)| *word).collect();
        let word = read_word(value, &words, site);
        let found = self.0.iter().find(|(name, _, _)| Some(*name) == word);
        found.map_or_else(|| self.stand_in(), |(_, value, _)| *value)
    }

    fn stand_in(&self) -> T {
        self.0[0].1
    }

    fn shape(&self) -> ValueSchema {
        words_shape(
            self.0
                .iter()
                .map(|(word, _, meaning)| (*word, *meaning))
                .collect(),
        )
    }
}

/// The word that tells the sorts of a table apart.
pub(crate) struct Tag(pub(crate) Vec<(&'static str, &'static str)>);

impl ValueType for Tag {
    type Value = Option<&'static str>;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> Option<&'static str> {
        let words: Vec<&'static str> = self.0.iter().map(|(word, _)| *word).collect();
        read_word(value, &words, site)
    }

    fn stand_in(&self) -> Option<&'static str> {
        None
    }

    fn shape(&self) -> ValueSchema {
        words_shape(self.0.clone())
    }
}

fn read_word<'w>(value: &DeValue<'_>, words: &[&'w str], site: &mut ValueContext<'_>) -> Option<&'w str> {
    let either = || format!("one of {}", list(words));
    let Some(text) = value.as_str() else {
        site.refuse(wrong_type(&either(), value));
        return None;
    };
    let word = words.iter().find(|word| **word == text).copied();
    if word.is_none() {
        let complaint =
            ValueError::new("unknown-word", format!("expected {}", either())).label("not one of them");
        site.refuse(match most_alike(text, words.iter().copied()) {
            Some(meant) => complaint.better(quoted(meant)),
            None => complaint,
        });
    }
    word
}

fn words_shape(values: Vec<(&'static str, &'static str)>) -> ValueSchema {
    let words: Vec<&str> = values.iter().map(|(word, _)| *word).collect();
    let schema = json!({ "type": "string", "enum": words });
    let words: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
    ValueSchema {
        values,
        ..ValueSchema::new(words.join(", "), schema)
    }
}
