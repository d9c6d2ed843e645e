//! The second line of defence: what BIRD would not take, or what would put into bird.conf more than
//! it says. The configuration was read strictly before; this holds even where it was not.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Passwords, RenderError};
use crate::config::Config;
use crate::config::model::{ImportPolicy, UpstreamConfig};
use crate::config::names;

/// Everything in the configuration that is not fit for a bird.conf.
pub(crate) fn problems(config: &Config, passwords: &Passwords) -> Vec<RenderError> {
    let mut problems = Vec::new();
    if config.site.name.chars().any(char::is_control) {
        problems.push(RenderError::new("the site's name has a control character in it"));
    }
    for session in config.upstreams.iter().chain(&config.peers) {
        session_problems(session, passwords, &mut problems);
    }
    symbol_problems(config, &mut problems);
    if let Some(render) = &config.render {
        for (name, value) in &render.vars {
            var_problems(&format!("vars.{name}"), value, &mut problems);
        }
    }
    problems
}

fn session_problems(upstream: &UpstreamConfig, passwords: &Passwords, problems: &mut Vec<RenderError>) {
    let name = &upstream.name;
    let Some(session) = &upstream.session else {
        problems.push(RenderError::new(format!(
            "{name:?} cannot be rendered: it has no neighbor and neighbor_as"
        )));
        return;
    };
    if session.password_file.is_some() && passwords.get(name).is_none() {
        problems.push(RenderError::new(format!(
            "the password of {name:?} is missing: its password_file was not read"
        )));
    }
    if session.multihop.is_some() && session.bfd.is_some() && session.source.is_none() {
        problems.push(
            RenderError::new(format!(
                "{name:?} has multihop and bfd, but no source: BIRD refuses that"
            ))
            .help("give it `source`, our own address in that session"),
        );
    }
    if let ImportPolicy::Filter(filter) = &session.import
        && !names::is_name(filter)
    {
        problems.push(RenderError::new(format!(
            "BIRD takes no filter of the name {filter:?} (import of {name:?})"
        )));
    }
}

/// Every symbol that the file will define must be one that BIRD takes, and must be there once.
fn symbol_problems(config: &Config, problems: &mut Vec<RenderError>) {
    let mut seen: BTreeMap<String, String> = names::reserved()
        .into_iter()
        .map(|name| (name.to_owned(), "the templates themselves".to_owned()))
        .collect();
    for (name, owner) in symbols(config) {
        if !names::is_name(&name) {
            problems.push(
                RenderError::new(format!("BIRD takes no name like {name:?} ({owner})"))
                    .help("letters, digits, _ - . and :, and no more than 64 of them"),
            );
        } else if let Some(other) = seen.get(&name) {
            problems.push(RenderError::new(format!(
                "the name {name:?} would be there twice in bird.conf: for {other} and for {owner}"
            )));
        } else {
            seen.insert(name, owner);
        }
    }
}

/// The symbols that come of the configuration, and what each is for.
fn symbols(config: &Config) -> Vec<(String, String)> {
    let mut symbols = Vec::new();
    for service in &config.services {
        for fixed in service.statics() {
            symbols.push((
                fixed.name.clone(),
                format!("a static protocol of service {:?}", service.name),
            ));
        }
        for full in service.full.iter().chain(&service.standing) {
            let owner = format!("the rehearsal of service {:?}", service.name);
            symbols.push((names::shadow(&full.name), owner));
        }
    }
    for session in config.upstreams.iter().chain(&config.peers) {
        symbols.push((session.name.clone(), "a BGP session".to_owned()));
    }
    for upstream in &config.upstreams {
        for family in upstream.families.iter().flatten() {
            let owner = format!("the export filter of {:?}", upstream.name);
            symbols.push((names::export_filter(&upstream.name, *family), owner));
        }
    }
    symbols
}

/// A string of the user's must stay within the statement and the string that a template puts it
/// into.
fn var_problems(path: &str, value: &Value, problems: &mut Vec<RenderError>) {
    match value {
        Value::String(text) => {
            if let Some(bad) = text.chars().find(|c| c.is_control() || matches!(c, '"' | ';')) {
                problems.push(
                    RenderError::new(format!(
                        "{path} has {bad:?} in it, which could end a string or a statement"
                    ))
                    .help("put the statement into a template of your own, and only its value into vars"),
                );
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                var_problems(&format!("{path}[{at}]"), item, problems);
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields {
                var_problems(&format!("{path}.{name}"), item, problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
