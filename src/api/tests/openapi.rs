//! docs/openapi.json against the code: every route is in it, everything in it is routed, and what we
//! answer has the shape that it says.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::Value;

use super::*;
use crate::api::endpoint::{Endpoint, route};
use crate::model::history::{HistoryEntry, HistoryEvent};

fn document() -> Value {
    serde_json::from_slice(server::OPENAPI).unwrap()
}

/// Every method and path of the document, with a name in place of the parameter.
fn operations(document: &Value) -> Vec<(Method, String)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "parameters");
        methods.map(|method| {
            let method: Method = method.to_uppercase().parse().unwrap();
            (
                method,
                path.replace("{name}", "web").replace("{file}", "page.css"),
            )
        })
    });
    operations.collect()
}

/// The names of an enum's variants, as the source has them.
fn variants(source: &str, of: &str) -> BTreeSet<String> {
    let body = source.split(&format!("enum {of}")).nth(1).unwrap();
    let body = body.split("\n}").next().unwrap();
    let names = body.lines().filter_map(|line| {
        let line = line.strip_prefix("    ")?;
        let name: String = line.chars().take_while(|c| c.is_alphanumeric()).collect();
        name.starts_with(|c: char| c.is_uppercase()).then_some(name)
    });
    names.collect()
}

#[test]
fn whatever_the_document_says_is_routed() {
    for (method, path) in operations(&document()) {
        assert!(route(&method, &path).is_ok(), "{method} {path}");
    }
}

#[test]
fn every_route_and_every_verb_is_in_the_document() {
    let source = include_str!("../endpoint.rs");
    let documented: BTreeSet<String> = operations(&document())
        .iter()
        .map(|(method, path)| {
            let route: Endpoint<'_> = route(method, path).unwrap();
            format!("{route:?}")
                .chars()
                .take_while(|c| c.is_alphanumeric())
                .collect()
        })
        .collect();
    assert_eq!(documented, variants(source, "Endpoint"));
    let words = regex::Regex::new(r#""(\w+)" => (?:Some\()?Self::"#).unwrap();
    let verbs: Vec<_> = words
        .captures_iter(source)
        .map(|found| found[1].to_owned())
        .collect();
    assert!(verbs.len() >= 6, "{verbs:?}");
    for verb in verbs {
        let path = format!("/v1/services/{{name}}/{verb}");
        assert!(document()["paths"][&path]["post"].is_object(), "{path}");
    }
}

#[test]
fn every_event_is_in_the_document() {
    let source = include_str!("../../model/history.rs");
    let snake = |name: &String| {
        let mut snake = String::new();
        for (at, c) in name.char_indices() {
            if c.is_uppercase() && at > 0 {
                snake.push('_');
            }
            snake.extend(c.to_lowercase());
        }
        snake
    };
    let events: BTreeSet<String> = variants(source, "HistoryEvent").iter().map(snake).collect();
    let listed = document()["components"]["schemas"]["Entry"]["properties"]["event"]["enum"].clone();
    let listed: BTreeSet<String> = serde_json::from_value(listed).unwrap();
    assert_eq!(listed, events);
}

#[tokio::test]
async fn it_is_served_as_it_is_committed() {
    let api = Api::start(situations::steady()).await;
    let (status, body) = api.ask_over_tcp("GET", "/v1/openapi.json").await;
    assert_eq!(status, 200);
    assert_eq!(body.as_bytes(), server::OPENAPI);
}

/// What does not fit between a value and the schema. Other than JSON Schema has it, a property that
/// the schema does not name is one: the document must know whatever we answer.
fn misfits(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/components/schemas/");
        return misfits(
            document,
            &document["components"]["schemas"][name],
            value,
            at,
            found,
        );
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = |schema: &Value| {
            let mut misfit = Vec::new();
            misfits(document, schema, value, at, &mut misfit);
            misfit
        };
        let tried: Vec<Vec<String>> = any.iter().map(fits).collect();
        if tried.iter().all(|misfit| !misfit.is_empty()) {
            found.extend(tried.into_iter().next().unwrap_or_default());
        }
        return;
    }
    let several = schema["type"].as_array().into_iter().flatten();
    let types: Vec<&str> = several
        .chain([&schema["type"]])
        .filter_map(Value::as_str)
        .collect();
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = types.contains(&is) || (is == "integer" && types.contains(&"number"));
    if !fits {
        found.push(format!("{at} is {is}, and not {types:?}"));
        return;
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        found.push(format!("{at} is {value}, and none of {words:?}"));
    }
    if schema["format"] == "date-time"
        && value
            .as_str()
            .is_some_and(|time| time.parse::<Timestamp>().is_err())
    {
        found.push(format!("{at} is no time: {value}"));
    }
    for item in value.as_array().into_iter().flatten() {
        misfits(document, &schema["items"], item, &format!("{at}[]"), found);
    }
    let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else {
        return;
    };
    for (name, value) in fields {
        match properties.get(name) {
            Some(schema) => misfits(document, schema, value, &format!("{at}.{name}"), found),
            None => found.push(format!("{at}.{name} is not in the document")),
        }
    }
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter(|name| !fields.contains_key(name.as_str().unwrap_or_default())) {
        found.push(format!("{at} has no {name}"));
    }
}

fn must_fit(name: &str, value: &Value) {
    let document = document();
    let mut found = Vec::new();
    misfits(
        &document,
        &document["components"]["schemas"][name],
        value,
        name,
        &mut found,
    );
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_snapshot_has_the_shape_that_the_document_says() {
    let at = Some(situations::now());
    let stages = crate::model::snapshot::StageTimes {
        decided: at,
        ..Default::default()
    };
    let mut full = situations::overridden();
    full.services[0].transition = Some(crate::model::snapshot::TransitionSnapshot {
        from: Some(Strength::Off),
        to: Some(Strength::Full),
        rule: "D4".into(),
        reason: String::new(),
        stages: stages.clone(),
    });
    full.services[0].last_drill = Some(crate::model::snapshot::LastDrill {
        at: situations::now(),
        outcome: crate::model::snapshot::DrillOutcome::Passed,
        strength: Strength::Drain,
        text: String::new(),
    });
    full.services[0].drill = Some(crate::model::snapshot::DrillSnapshot {
        strength: Strength::Drain,
        phase: crate::model::snapshot::DrillPhase::Holding,
        since: situations::now(),
        until: at,
        actor: "root".into(),
        reason: None,
        stages,
    });
    full.ready = Some(Readiness::not_yet(situations::now()).summary());
    for snapshot in [
        full,
        situations::steady(),
        situations::announced(),
        situations::not_exported(),
    ] {
        must_fit("Snapshot", &serde_json::to_value(snapshot).unwrap());
    }
}

#[test]
fn the_other_answers_have_the_shape_that_the_document_says() {
    must_fit(
        "Readiness",
        &serde_json::to_value(Readiness::not_yet(situations::now())).unwrap(),
    );
    must_fit("Error", &serde_json::json!({ "error": "" }));
    let latched = HistoryEntry {
        seq: 1,
        at: situations::now(),
        service: None,
        what: HistoryEvent::Latched,
    };
    must_fit("Entry", &serde_json::to_value(latched).unwrap());
}

#[test]
fn a_misfit_is_found() {
    let mut snapshot = serde_json::to_value(situations::steady()).unwrap();
    let document = document();
    let schema = &document["components"]["schemas"]["Snapshot"];
    let count = |snapshot: &Value| {
        let mut found = Vec::new();
        misfits(&document, schema, snapshot, "", &mut found);
        found.len()
    };
    assert_eq!(count(&snapshot), 0);
    snapshot["services"][0]["verdict"] = "maybe".into();
    snapshot["at"] = "yesterday".into();
    snapshot["surprise"] = 1.into();
    snapshot["bird"]["since"] = 5.into();
    snapshot.as_object_mut().unwrap().remove("site");
    assert_eq!(count(&snapshot), 5);
}

#[tokio::test]
async fn a_page_of_the_history_goes_back_to_the_disk_for_what_is_not_in_mind() {
    let api = Api::start(situations::steady()).await;
    api.history.send(Arc::from([entry(5), entry(6)])).unwrap();
    let (status, body) = api.ask("GET", "/v1/events?limit=3", "").await;
    assert_eq!(status, 200, "{body}");
    let page: Value = serde_json::from_str(&body).unwrap();
    must_fit("Events", &page);
    let numbers = |page: &Value| -> Vec<u64> {
        let events = page["events"].as_array().unwrap();
        events
            .iter()
            .map(|entry| entry["seq"].as_u64().unwrap())
            .collect()
    };
    assert_eq!((numbers(&page), page["next"].as_u64()), (vec![4, 5, 6], Some(4)));
    let (_, body) = api.ask("GET", "/v1/events?before=4", "").await;
    let page: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((numbers(&page), page["next"].as_u64()), (vec![1, 2, 3], None));
    assert_eq!(api.ask("GET", "/v1/events?limit=0", "").await.0, 400);
}
