//! Arrays of one kind of value.

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use crate::config::key_docs::ValueSchema;
use crate::config::value::value_type::{ValueContext, ValueError, ValueType, quoted, wrong_type};

/// An array of one kind of value.
pub(crate) struct ListValue<K> {
    of: K,
    at_least: usize,
    at_most: usize,
}

/// The longest array that is read: more than any router is told by hand.
pub(crate) const LONGEST_LIST: usize = 1000;

/// An array of one kind of value, which may be empty.
pub(crate) fn list_of<K: ValueType>(of: K) -> ListValue<K> {
    ListValue {
        of,
        at_least: 0,
        at_most: LONGEST_LIST,
    }
}

impl<K> ListValue<K> {
    /// At least one.
    pub(crate) fn not_empty(self) -> Self {
        Self { at_least: 1, ..self }
    }

    /// Exactly that many.
    pub(crate) fn exactly(self, count: usize) -> Self {
        Self {
            at_least: count,
            at_most: count,
            ..self
        }
    }
}

impl<K: ValueType> ValueType for ListValue<K> {
    type Value = Vec<K::Value>;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> Self::Value {
        let Some(items) = value.as_array() else {
            let of = self.of.shape().words;
            let complaint = wrong_type("an array", value);
            site.refuse(match value.as_str() {
                Some(text) => complaint.better(format!("[{}]", quoted(text))),
                None => complaint.help(format!("write it in brackets, even if it is only one: [{of}]")),
            });
            return self.stand_in();
        };
        if items.len() < self.at_least || items.len() > self.at_most {
            let (few, many) = (self.at_least, self.at_most);
            let expected = match (few, many) {
                (few, many) if few == many => format!("exactly {few}"),
                (1, LONGEST_LIST) => "at least one".to_owned(),
                (few, many) => format!("{few} to {many}"),
            };
            let found = items.len();
            let complaint = ValueError::new("out-of-range", format!("expected {expected}, found {found}"));
            site.refuse(complaint.label(if found == 0 {
                "empty"
            } else {
                "this many are not expected"
            }));
            return self.stand_in();
        }
        let read = |(index, item): (usize, &Spanned<DeValue<'_>>)| {
            self.of.read(item.get_ref(), &mut site.item(index))
        };
        items.iter().enumerate().map(read).collect()
    }

    fn stand_in(&self) -> Self::Value {
        (0..self.at_least).map(|_| self.of.stand_in()).collect()
    }

    fn shape(&self) -> ValueSchema {
        let of = self.of.shape();
        let mut schema = json!({ "type": "array", "items": of.schema });
        if self.at_least > 0 {
            schema["minItems"] = json!(self.at_least);
        }
        if self.at_most < LONGEST_LIST {
            schema["maxItems"] = json!(self.at_most);
        }
        ValueSchema {
            values: of.values,
            ..ValueSchema::new(format!("array of: {}", of.words), schema)
        }
    }
}

/// One value by itself, or an array of some of them.
pub(crate) struct OneOrMore<K>(ListValue<K>);

/// One value by itself, or an array that is not empty.
pub(crate) fn one_or_more<K: ValueType>(of: K) -> OneOrMore<K> {
    OneOrMore(list_of(of).not_empty())
}

impl<K> OneOrMore<K> {
    /// No more than that many.
    pub(crate) fn at_most(self, count: usize) -> Self {
        Self(ListValue {
            at_most: count,
            ..self.0
        })
    }
}

impl<K: ValueType> ValueType for OneOrMore<K> {
    type Value = Vec<K::Value>;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> Self::Value {
        if value.is_array() {
            self.0.read(value, site)
        } else {
            vec![self.0.of.read(value, site)]
        }
    }

    fn stand_in(&self) -> Self::Value {
        self.0.stand_in()
    }

    fn shape(&self) -> ValueSchema {
        let one = self.0.of.shape();
        let many = self.0.shape();
        ValueSchema {
            values: one.values,
            ..ValueSchema::new(
                format!("{}, or {}", one.words, many.words),
                json!({ "anyOf": [one.schema, many.schema] }),
            )
        }
    }
}
