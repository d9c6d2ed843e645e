//! The template engine, as strict as it gets: an undefined name is an error also in `if`, nothing
//! that is not plain text or a number is ever printed, and a loop that does not end is stopped.

use std::sync::PoisonError;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

use super::context::Context;
use super::error::{RenderError, TemplatePosition};
use super::strict_context;
use super::strict_context::{LastUndefinedName, UndefinedName};
use super::templates::Templates;
use crate::config::names;

/// How much work a rendering may be: about that many instructions, or 64 times as many bytes.
/// 200 services at ten upstreams are well within it.
const FUEL: u64 = 5_000_000;

/// The filters that the engine brings, for "did you mean".
const FILTERS: [&str; 35] = [
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "count",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "split",
    "symbol",
    "trim",
    "unique",
];
/// The functions that the engine brings.
const FUNCTIONS: [&str; 5] = ["debug", "dict", "namespace", "range", "super"];
/// The tests that the engine brings, as in `x is defined`.
const TESTS: [&str; 13] = [
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "false",
    "in",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
];

/// Renders the template `name`.
pub(crate) fn run(name: &str, templates: &Templates, context: &Context) -> Result<String, RenderError> {
    let json = serde_json::to_value(context)
        .map_err(|error| RenderError::new(format!("the context cannot be handed to a template: {error}")))?;
    let last_miss = LastUndefinedName::default();
    let root = strict_context::value("", &json, &last_miss);
    let env = environment(templates).map_err(|error| RenderError::new(error.to_string()))?;
    env.get_template(name)
        .and_then(|template| template.render(root))
        .map_err(|error| {
            let miss = last_miss.lock().unwrap_or_else(PoisonError::into_inner).take();
            explain(&error, templates, miss)
        })
}

fn environment(templates: &Templates) -> Result<Environment<'static>, minijinja::Error> {
    let mut env = Environment::new();
    env.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()?,
    );
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_debug(true);
    env.set_fuel(Some(FUEL));
    env.set_formatter(|out, _, value| {
        if let Some(refusal) = unprintable(value) {
            return Err(minijinja::Error::new(ErrorKind::InvalidOperation, refusal));
        }
        out.write_fmt(format_args!("{value}"))
            .map_err(minijinja::Error::from)
    });
    env.add_filter("symbol", |name: &str| names::symbol(name));
    let templates = templates.clone();
    env.set_loader(move |name| Ok(templates.find(name).map(|text| text.to_string())));
    Ok(env)
}

/// Why a value cannot be printed into bird.conf: "none" or a list would stand there literally.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's own kinds, and it may get more"
)]
fn unprintable(value: &Value) -> Option<&'static str> {
    match value.kind() {
        ValueKind::None => Some("this is none here, which cannot be printed; ask `is not none` first"),
        ValueKind::Seq | ValueKind::Iterable => {
            Some("this is a list, which cannot be printed; `join` it or loop over it")
        }
        ValueKind::Map | ValueKind::Plain => {
            Some("this is a map, which cannot be printed; print one of its fields")
        }
        _ => None,
    }
}

/// The engine's error in our words: the innermost one, with its place and what would be right.
fn explain(error: &minijinja::Error, templates: &Templates, miss: Option<UndefinedName>) -> RenderError {
    let error = innermost(error);
    let problem = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let mut explained = RenderError::new(problem);
    explained.place = error.name().and_then(|name| {
        let source = templates.find(name)?;
        Some(TemplatePosition::new(
            templates.shown(name),
            source,
            error.line()?,
            error.range(),
        ))
    });
    let culprit = explained
        .place
        .as_ref()
        .map_or("", |place| &place.source[place.span.clone()])
        .to_owned();
    for help in help(error, templates, miss, &culprit) {
        explained = explained.help(help);
    }
    explained
}

/// An include's or a block's error wraps the one that matters.
fn innermost(error: &minijinja::Error) -> &minijinja::Error {
    let mut innermost = error;
    let mut next: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(source) = next {
        if let Some(inner) = source.downcast_ref::<minijinja::Error>() {
            innermost = inner;
        }
        next = source.source();
    }
    innermost
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's own kinds, and it may get more"
)]
fn help(
    error: &minijinja::Error,
    templates: &Templates,
    miss: Option<UndefinedName>,
    culprit: &str,
) -> Vec<String> {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::UndefinedError => match miss {
            Some(miss) if culprit.contains(&miss.name) || detail.contains(&miss.name) => missing_name(&miss),
            _ => vec!["docs/templates.md lists every variable".to_owned()],
        },
        ErrorKind::UnknownFilter => nearest(&quoted_word(detail, "filter "), &FILTERS),
        ErrorKind::UnknownTest => nearest(&quoted_word(detail, "test "), &TESTS),
        ErrorKind::UnknownFunction => nearest(&quoted_word(detail, ""), &FUNCTIONS),
        ErrorKind::TemplateNotFound => {
            let name = detail.split(['"', '\'']).nth(1).unwrap_or_default();
            nearest(name, &templates.names())
        }
        ErrorKind::OutOfFuel => vec!["a loop in the template does not end, or is far too long".to_owned()],
        _ => Vec::new(),
    }
}

/// What the user's own templates want is given in falconer.toml.
const VARS: &str = "vars";

fn missing_name(miss: &UndefinedName) -> Vec<String> {
    let available: Vec<&str> = miss.available.iter().map(String::as_str).collect();
    let mut help = Vec::new();
    if let Some(near) = did_you_mean(&miss.name, &available) {
        help.push(format!("did you mean `{near}`?"));
    }
    let owner = if miss.path.is_empty() {
        "a template"
    } else {
        &miss.path
    };
    if available.is_empty() {
        help.push(format!("{owner} has nothing in it yet"));
    } else {
        help.push(format!("{owner} has: {}", available.join(", ")));
    }
    if miss.path == VARS {
        help.push(format!(
            "give it a value in falconer.toml: [render] vars = {{ {} = ... }}",
            miss.name
        ));
    }
    help
}

fn nearest(name: &str, available: &[&str]) -> Vec<String> {
    let mut help = Vec::new();
    if let Some(near) = did_you_mean(name, available) {
        help.push(format!("did you mean `{near}`?"));
    }
    help.push(format!("there are: {}", available.join(", ")));
    help
}

fn did_you_mean<'a>(name: &str, available: &[&'a str]) -> Option<&'a str> {
    available
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The word behind `prefix` in "filter foo is unknown".
fn quoted_word(detail: &str, prefix: &str) -> String {
    detail
        .strip_prefix(prefix)
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or_default()
        .to_owned()
}
