//! The context as the engine sees it: maps that remember the last name somebody asked for in vain,
//! so that the error can say which names there are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectExt};

/// A name that was asked for in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UndefinedName {
    /// Where: a path such as `upstreams[0]`; empty at the top.
    pub(crate) path: String,
    /// What was asked for.
    pub(crate) name: String,
    /// What is there.
    pub(crate) available: Vec<String>,
}

/// The last miss of a rendering. The engine wants its objects to be shared between threads, hence
/// the lock; only the thread that renders ever takes it.
pub(crate) type LastUndefinedName = Arc<Mutex<Option<UndefinedName>>>;

#[derive(Debug)]
struct Fields {
    path: String,
    fields: BTreeMap<String, Value>,
    last_miss: LastUndefinedName,
}

/// Turns the context into values.
pub(crate) fn value(path: &str, json: &serde_json::Value, last_miss: &LastUndefinedName) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(yes) => Value::from(*yes),
        serde_json::Value::Number(number) => number_value(number),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| value(&format!("{path}[{at}]"), item, last_miss))
            .collect(),
        serde_json::Value::Object(map) => Value::from_object(Fields {
            path: path.to_owned(),
            fields: map
                .iter()
                .map(|(name, item)| {
                    let below = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    (name.clone(), value(&below, item, last_miss))
                })
                .collect(),
            last_miss: Arc::clone(last_miss),
        }),
    }
}

fn number_value(number: &serde_json::Number) -> Value {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(signed), _, _) => Value::from(signed),
        (None, Some(unsigned), _) => Value::from(unsigned),
        (None, None, Some(float)) => Value::from(float),
        (None, None, None) => Value::from(number.to_string()),
    }
}

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let found = self.fields.get(key).cloned();
        if found.is_none() {
            *self.last_miss.lock().unwrap_or_else(PoisonError::into_inner) = Some(UndefinedName {
                path: self.path.clone(),
                name: key.to_owned(),
                available: self.fields.keys().cloned().collect(),
            });
        }
        found
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|this| Box::new(this.fields.keys().map(|name| Value::from(name.as_str()))))
    }
}
