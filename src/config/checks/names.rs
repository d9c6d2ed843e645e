//! Names that must be unique: services, probes, and every symbol that BIRD will see.

use super::walk::every_session;
use std::collections::BTreeMap;

use crate::config::bird_keywords;
use crate::config::finding::{Finding, Findings};
use crate::config::model::{Config, ImportPolicy};
use crate::config::names as rendered;
use crate::config::spans::KeyPath;

pub(crate) fn check(config: &Config, found: &mut Findings) {
    let services = config.services.iter().enumerate();
    unique(
        "service",
        services.map(|(index, service)| (KeyPath::service(index), service.name.as_str())),
        found,
    );
    for (index, service) in config.services.iter().enumerate() {
        let path = KeyPath::service(index);
        let probes = service.probes.iter().enumerate();
        let probes = probes.map(|(index, probe)| (path.probe(index), probe.name.as_str()));
        let serves = service.serves.iter().enumerate();
        let serves = serves.map(|(index, check)| (path.serves(index), check.name.as_str()));
        unique("probe of this service", probes.chain(serves), found);
    }
    let witnesses = crate::config::checks::walk::witnesses(config);
    unique(
        "witness",
        witnesses.map(|(path, witness)| (path, witness.name.as_str())),
        found,
    );
    symbols(config, found);
}

/// No two of a kind have the same name.
fn unique<'a>(what: &str, named: impl Iterator<Item = (KeyPath, &'a str)>, found: &mut Findings) {
    let mut first: BTreeMap<&str, KeyPath> = BTreeMap::new();
    for (path, name) in named {
        match first.get(name) {
            None => {
                first.insert(name, path);
            }
            Some(first) => found.report(
                Finding::error(
                    "duplicate-name",
                    format!("the name `{name}` is taken by another {what}"),
                )
                .at(&path.key("name"), "the same name again")
                .at(&first.key("name"), "first here")
                .note("commands, status and metrics tell them apart by their names alone"),
            ),
        }
    }
}

/// A name that stands in bird.conf.
struct Symbol {
    name: String,
    path: KeyPath,
    what: String,
}

/// No two things in bird.conf have the same name.
fn symbols(config: &Config, found: &mut Findings) {
    let rendering = config.render.is_some();
    let mut first: BTreeMap<String, Symbol> = BTreeMap::new();
    for symbol in
        written(config, found)
            .into_iter()
            .chain(if rendering { derived(config) } else { Vec::new() })
    {
        let is_reserved = rendering && rendered::reserved().contains(&symbol.name.as_str());
        if rendering && !is_reserved && bird_keywords::is_kept(&symbol.name) {
            found.report(kept(&symbol));
        }
        if is_reserved {
            found.report(reserved(&symbol));
        } else if symbol.name.len() > bird_keywords::LONGEST {
            found.report(too_long(&symbol));
        } else if let Some(first) = first.get(&symbol.name) {
            found.report(twice(&symbol, first));
        } else {
            first.insert(symbol.name.clone(), symbol);
        }
    }
}

/// The names that the configuration says, or that BIRD has because of it.
fn written(config: &Config, found: &Findings) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    let mut put = |name: &str, path: KeyPath, what: String| {
        symbols.push(Symbol {
            name: name.to_owned(),
            path,
            what,
        });
    };
    for (path, session) in every_session(config) {
        put(&session.name, path.key("name"), "a BGP protocol".to_owned());
    }
    for (index, service) in config.services.iter().enumerate() {
        let path = KeyPath::service(index);
        let statics = [
            ("protocols", &service.full),
            ("drain_protocols", &service.drain),
            ("standing_protocols", &service.standing),
        ];
        for (key, statics) in statics {
            for (number, protocol) in statics.iter().enumerate() {
                // The default names come from the service's own; so that is what has to change.
                let key = path.key(key);
                let at = if found.is_written(&key) {
                    key.item(number)
                } else {
                    path.key("name")
                };
                put(
                    &protocol.name,
                    at,
                    format!("a static protocol of service `{}`", service.name),
                );
            }
        }
    }
    symbols
}

/// The names that the rendered file makes of these, and those of the user's own filters.
fn derived(config: &Config) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    for (index, service) in config.services.iter().enumerate() {
        for protocol in service.full.iter().chain(&service.standing) {
            let what = format!("the rehearsal of service `{}`", service.name);
            symbols.push(Symbol {
                name: rendered::shadow(&protocol.name),
                path: KeyPath::service(index).key("name"),
                what,
            });
        }
    }
    for (index, upstream) in config.upstreams.iter().enumerate() {
        for family in upstream.families.iter().flatten() {
            let name = rendered::export_filter(&upstream.name, *family);
            let what = format!("the export filter of `{}`", upstream.name);
            symbols.push(Symbol {
                name,
                path: KeyPath::upstream(index).key("name"),
                what,
            });
        }
    }
    let mut filters: Vec<&str> = Vec::new();
    for (path, session) in every_session(config) {
        if let Some(ImportPolicy::Filter(filter)) = session.session.as_ref().map(|session| &session.import)
            && !filters.contains(&filter.as_str())
        {
            // One filter may serve many sessions.
            filters.push(filter);
            symbols.push(Symbol {
                name: filter.clone(),
                path: path.key("import"),
                what: "a filter".to_owned(),
            });
        }
    }
    symbols
}

fn reserved(symbol: &Symbol) -> Finding {
    Finding::error(
        "name-collision",
        format!("the rendered bird.conf has another `{}`", symbol.name),
    )
    .at(&symbol.path, format!("would be {}", symbol.what))
    .help("call it something else")
    .note("the templates use this name for a part of their own")
}

fn kept(symbol: &Symbol) -> Finding {
    Finding::warning(
        "bird-name",
        format!(
            "some versions of BIRD keep the word `{}` for themselves",
            symbol.name
        ),
    )
    .at(&symbol.path, format!("would be {}", symbol.what))
    .help(format!("call it something else, such as `{}1`", symbol.name))
    .note("a BIRD of such a version refuses the rendered file; `falconer check` asks the one that is here")
}

fn too_long(symbol: &Symbol) -> Finding {
    let longest = bird_keywords::LONGEST;
    Finding::error(
        "bird-name",
        "BIRD would not take the names that are made of this one",
    )
    .at(&symbol.path, "too long")
    .help(format!(
        "`{}`, {}, has more than {longest} characters",
        symbol.name, symbol.what
    ))
}

fn twice(symbol: &Symbol, first: &Symbol) -> Finding {
    Finding::error(
        "name-collision",
        format!("BIRD would have two things with the name `{}`", symbol.name),
    )
    .at(&symbol.path, format!("{} here", symbol.what))
    .at(&first.path, format!("and {} here", first.what))
    .help("call one of them something else")
    .note("protocols and filters of BIRD share one space of names")
}
