//! Arrays of one kind of value.

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::{Complaint, Kind, Site, quoted, wrong_type};
use crate::config::book::Shape;

/// An array of one kind of value.
pub(in crate::config) struct List<K> {
    of: K,
    at_least: usize,
    at_most: usize,
}

/// The longest array that is read: more than any router is told by hand.
pub(in crate::config) const LONGEST_LIST: usize = 1000;

/// An array of one kind of value, which may be empty.
pub(in crate::config) fn list_of<K: Kind>(of: K) -> List<K> {
    List {
        of,
        at_least: 0,
        at_most: LONGEST_LIST,
    }
}

impl<K> List<K> {
    /// At least one.
    pub(in crate::config) fn not_empty(self) -> Self {
        Self { at_least: 1, ..self }
    }

    /// Exactly that many.
    pub(in crate::config) fn exactly(self, count: usize) -> Self {
        Self {
            at_least: count,
            at_most: count,
            ..self
        }
    }
}

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> Self::Value {
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
            let complaint = Complaint::new("out-of-range", format!("expected {expected}, found {found}"));
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

    fn shape(&self) -> Shape {
        let of = self.of.shape();
        let mut schema = json!({ "type": "array", "items": of.schema });
        if self.at_least > 0 {
            schema["minItems"] = json!(self.at_least);
        }
        if self.at_most < LONGEST_LIST {
            schema["maxItems"] = json!(self.at_most);
        }
        Shape {
            values: of.values,
            ..Shape::new(format!("array of: {}", of.words), schema)
        }
    }
}

/// One value by itself, or an array of some of them.
pub(in crate::config) struct OneOrMore<K>(List<K>);

/// One value by itself, or an array that is not empty.
pub(in crate::config) fn one_or_more<K: Kind>(of: K) -> OneOrMore<K> {
    OneOrMore(list_of(of).not_empty())
}

impl<K> OneOrMore<K> {
    /// No more than that many.
    pub(in crate::config) fn at_most(self, count: usize) -> Self {
        Self(List {
            at_most: count,
            ..self.0
        })
    }
}

impl<K: Kind> Kind for OneOrMore<K> {
    type Value = Vec<K::Value>;

    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> Self::Value {
        if value.is_array() {
            self.0.read(value, site)
        } else {
            vec![self.0.of.read(value, site)]
        }
    }

    fn stand_in(&self) -> Self::Value {
        self.0.stand_in()
    }

    fn shape(&self) -> Shape {
        let one = self.0.of.shape();
        let many = self.0.shape();
        Shape {
            values: one.values,
            ..Shape::new(
                format!("{}, or {}", one.words, many.words),
                json!({ "anyOf": [one.schema, many.schema] }),
            )
        }
    }
}
