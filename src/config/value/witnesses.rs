//! How many witnesses must be up: a number, or a number for each group.

use serde_json::json;
use toml::de::{DeTable, DeValue};

use super::integer;
use crate::config::key_docs::ValueSchema;
use crate::config::model::MinUp;
use crate::config::similar::most_alike;
use crate::config::value::value_type::{ValueContext, ValueError, ValueType, wrong_type};

/// `1`, or `{ near = 1, far = 1 }`.
pub(crate) struct Witnesses;

impl ValueType for Witnesses {
    type Value = MinUp;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> MinUp {
        match value {
            DeValue::Table(table) => by_group(table, site),
            DeValue::Integer(_) => MinUp::of_all(integer(0..=1000).read(value, site)),
            DeValue::String(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {
                let complaint = wrong_type("a whole number, or a table of them by group", value);
                site.refuse(complaint.help("write `1`, or `{ near = 1, far = 1 }`"));
                MinUp::default()
            }
        }
    }

    fn stand_in(&self) -> MinUp {
        MinUp::default()
    }

    fn shape(&self) -> ValueSchema {
        let number = integer::<usize>(1..=1000).shape().schema;
        ValueSchema::new(
            "whole number, 0 to 1000, or table of `near` and `far`, each with: whole number, 1 to 1000",
            json!({ "oneOf": [
                integer::<usize>(0..=1000).shape().schema,
                {
                    "type": "object",
                    "properties": { "near": number, "far": number },
                    "additionalProperties": false,
                    "minProperties": 1,
                },
            ] }),
        )
    }
}

fn by_group(table: &DeTable<'_>, site: &mut ValueContext<'_>) -> MinUp {
    let mut min_up = MinUp::default();
    for (group, number) in table {
        let mut site = site.key(group.get_ref());
        let needed = match group.get_ref().as_ref() {
            "near" => &mut min_up.near,
            "far" => &mut min_up.far,
            other => {
                let message = format!("there is no group `{other}`");
                let complaint = ValueError::new("unknown-group", message);
                let complaint = match most_alike(other, ["near", "far"]) {
                    Some(meant) => complaint.label(format!("no such group; did you mean `{meant}`?")),
                    None => complaint.label("no such group"),
                };
                site.refuse(complaint.help("the groups of witnesses are `near` and `far`"));
                continue;
            }
        };
        *needed = integer(1..=1000).read(number.get_ref(), &mut site);
    }
    if table.is_empty() {
        let complaint = ValueError::new("out-of-range", "expected at least one group").label("no group");
        site.refuse(complaint.help("write `{ near = 1, far = 1 }`, or a number"));
    }
    min_up
}
