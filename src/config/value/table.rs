//! Tables whose keys are chosen by the user.

use serde_json::json;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::number::number;
use crate::config::key_docs::ValueSchema;
use crate::config::value::value_type::{ValueContext, ValueError, ValueType, wrong_type};

/// A table of names of the user's own, each with one kind of value.
pub(crate) struct Dictionary<N, K> {
    /// What the names are.
    pub(crate) names: N,
    /// What the values are.
    pub(crate) of: K,
}

impl<N: ValueType, K: ValueType> ValueType for Dictionary<N, K> {
    type Value = Vec<(N::Value, K::Value)>;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> Self::Value {
        let Some(table) = value.as_table() else {
            let complaint = wrong_type("a table", value);
            site.refuse(complaint.help(format!("write `{{ NAME = {} }}`", self.of.shape().words)));
            return Vec::new();
        };
        let entries = table.iter().map(|(name, value)| {
            let mut site = site.key(name.get_ref());
            let key = self
                .names
                .read(&DeValue::String(name.get_ref().clone()), &mut site);
            (key, self.of.read(value.get_ref(), &mut site))
        });
        entries.collect()
    }

    fn stand_in(&self) -> Self::Value {
        Vec::new()
    }

    fn shape(&self) -> ValueSchema {
        let of = self.of.shape();
        let schema = json!({ "type": "object", "additionalProperties": of.schema });
        ValueSchema::new(
            format!("table of {}, each with: {}", self.names.shape().words, of.words),
            schema,
        )
    }
}

/// Anything at all, kept as JSON.
pub(crate) struct AnyJson;

impl ValueType for AnyJson {
    type Value = serde_json::Map<String, serde_json::Value>;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> Self::Value {
        if let Some(table) = value.as_table() {
            return table_as_json(table, site);
        }
        site.refuse(wrong_type("a table", value).help("write `{ name = value }`"));
        self.stand_in()
    }

    fn stand_in(&self) -> Self::Value {
        serde_json::Map::new()
    }

    fn shape(&self) -> ValueSchema {
        ValueSchema::new("table of your own", json!({ "type": "object" }))
    }
}

fn as_json(value: &DeValue<'_>, site: &mut ValueContext<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(_) => match number(value).and_then(|number| i64::try_from(number).ok()) {
            Some(number) => json!(number),
            None => {
                site.refuse(
                    ValueError::new("out-of-range", "expected a number of at most 64 bits")
                        .label("too large"),
                );
                json!(0)
            }
        },
        DeValue::Float(float) => match float
            .as_str()
            .parse::<f64>()
            .ok()
            .filter(|float| float.is_finite())
        {
            Some(float) => json!(float),
            None => {
                site.refuse(ValueError::new("out-of-range", "expected a finite number").label("not finite"));
                json!(0)
            }
        },
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Datetime(date) => json!(date.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| as_json(item.get_ref(), &mut site.item(index)))
                .collect()
        }
        DeValue::Table(table) => serde_json::Value::Object(table_as_json(table, site)),
    }
}

fn table_as_json(
    table: &DeTable<'_>,
    site: &mut ValueContext<'_>,
) -> serde_json::Map<String, serde_json::Value> {
    let entry = |(name, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
        (
            name.get_ref().to_string(),
            as_json(value.get_ref(), &mut site.key(name.get_ref())),
        )
    };
    table.iter().map(entry).collect()
}
