//! The JSON Schema (draft 2020-12) of falconer.toml, for editors. It describes each key by itself;
//! relations between keys are checked by `falconer check`.

use serde_json::{Map, Value, json};

use super::{ConfigSchema, KeyDoc, KeyPresence, TableForm, TableSchema};

/// The schema of the whole file.
pub(crate) fn of(book: &ConfigSchema) -> Value {
    let mut definitions = Map::new();
    for section in book
        .sections
        .iter()
        .filter(|section| !section.path.is_empty() && section.same_as.is_none())
    {
        definitions.insert(section.path.clone(), object(book, section));
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "falconer.toml",
        "description": "Configuration of Falconer, a sidecar to the BIRD routing daemon.",
    });
    if let (Some(schema), Some(top)) = (schema.as_object_mut(), book.section("")) {
        if let Value::Object(object) = object(book, top) {
            schema.extend(object);
        }
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

fn object(book: &ConfigSchema, section: &TableSchema) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in section.keys.iter().filter(|key| key.only.is_none()) {
        properties.insert(key.name.to_owned(), property(key));
        if key.need == KeyPresence::Required {
            required.push(json!(key.name));
        }
    }
    for child in children(book, section) {
        let name = child.path.rsplit('.').next().unwrap_or_default();
        properties.insert(name.to_owned(), reference(child));
        if matches!(child.form, TableForm::OnceAtLeast | TableForm::ManyAtLeastOne) {
            required.push(json!(name));
        }
    }
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = Value::Array(required);
    }
    let variants = variants(section);
    if variants.is_empty() {
        object["additionalProperties"] = json!(false);
    } else {
        // Which keys are allowed beside the common ones depends on the sort.
        object["unevaluatedProperties"] = json!(false);
        object["allOf"] = Value::Array(variants);
    }
    object
}

/// The tables that stand in this one.
fn children<'b>(book: &'b ConfigSchema, section: &TableSchema) -> impl Iterator<Item = &'b TableSchema> {
    let before = if section.path.is_empty() {
        String::new()
    } else {
        format!("{}.", section.path)
    };
    book.sections.iter().filter(move |child| {
        child
            .path
            .strip_prefix(&before)
            .is_some_and(|name| !name.is_empty() && !name.contains('.'))
    })
}

fn reference(section: &TableSchema) -> Value {
    let definition = format!("#/$defs/{}", section.same_as.unwrap_or(&section.path));
    match section.form {
        TableForm::Once | TableForm::OnceAtLeast | TableForm::Inline => {
            json!({ "$ref": definition, "description": section.doc })
        }
        TableForm::Many => {
            json!({ "type": "array", "items": { "$ref": definition }, "description": section.doc })
        }
        TableForm::ManyAtLeastOne => json!({
            "type": "array", "minItems": 1, "items": { "$ref": definition }, "description": section.doc,
        }),
    }
}

/// One rule a sort: where the key has this value, these keys are known, and these must be there.
fn variants(section: &TableSchema) -> Vec<Value> {
    let mut names: Vec<_> = section.keys.iter().filter_map(|key| key.only).collect();
    names.dedup();
    let rules = names.into_iter().map(|(key, value)| {
        let own = section
            .keys
            .iter()
            .filter(|entry| entry.only == Some((key, value)));
        let required: Vec<&str> = own
            .clone()
            .filter(|key| key.need == KeyPresence::Required)
            .map(|key| key.name)
            .collect();
        let properties: Map<String, Value> = own.map(|key| (key.name.to_owned(), property(key))).collect();
        json!({
            "if": { "properties": { key: { "const": value } }, "required": [key] },
            "then": { "properties": properties, "required": required },
        })
    });
    rules.collect()
}

fn property(key: &KeyDoc) -> Value {
    let mut property = key.shape.schema.clone();
    let mut description = key.doc.to_owned();
    match &key.need {
        KeyPresence::Default(value) => match default(value) {
            Some(value) => property["default"] = value,
            None => description.push_str(&format!(" Default: {}.", value.replace('`', ""))),
        },
        KeyPresence::RequiredWhere(when) => {
            description.push_str(&format!(" Required {when}.").replace('`', ""));
        }
        KeyPresence::Required | KeyPresence::Optional => {}
    }
    property["description"] = json!(description);
    property
}

/// A default that is a value and not a sentence.
fn default(words: &str) -> Option<Value> {
    let toml = words.strip_prefix('`')?.strip_suffix('`')?;
    let table: toml::Table = format!("value = {toml}").parse().ok()?;
    table
        .get("value")
        .and_then(|value| serde_json::to_value(value).ok())
}
