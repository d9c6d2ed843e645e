//! Prefixes of one service, and of others, those included that are announced all the time.

use ipnet::IpNet;

use crate::config::finding::{Finding, Findings};
use crate::config::model::Config;
use crate::config::spans::KeyPath;

/// A prefix that a service announces.
struct Announced {
    service: usize,
    prefix: IpNet,
    path: KeyPath,
    /// All the time, and not only in a takeover (D14).
    standing: bool,
}

pub(crate) fn check(config: &Config, found: &mut Findings) {
    // In this order a prefix comes after those that it lies in, and those are the last on the stack
    // that still contain it: one pass, however many there are.
    let mut all = all(config);
    all.sort_by_key(|this| (this.prefix, this.service, this.standing));
    let mut around: Vec<&Announced> = Vec::new();
    for this in &all {
        while around
            .pop_if(|other| !other.prefix.contains(&this.prefix))
            .is_some()
        {}
        let conflicts = |other: &&&Announced| match other.service == this.service {
            // A service's standing prefixes are meant to be around its own.
            true => other.prefix == this.prefix && other.standing == this.standing,
            // A default route is an error already.
            false => other.prefix.prefix_len() > 0,
        };
        if let Some(other) = around.iter().rev().find(conflicts) {
            found.report(conflict(this, other));
        }
        around.push(this);
    }
}

fn conflict(this: &Announced, other: &Announced) -> Finding {
    let same = this.prefix == other.prefix;
    let same_service = this.service == other.service;
    match (same, this.standing || (same && other.standing)) {
        (_, true) if !same_service => standing_inside(this, other),
        (true, _) => twice(&this.prefix, &this.path, &other.path, same_service),
        (false, _) => nested((&this.prefix, &this.path), (&other.prefix, &other.path)),
    }
}

/// What one service announces all the time draws the traffic of the other.
fn standing_inside(this: &Announced, other: &Announced) -> Finding {
    let (prefix, outer) = (this.prefix, other.prefix);
    let is = match prefix == outer {
        true => "is also announced",
        false => "lies inside what is announced",
    };
    Finding::error(
        "standing-inside",
        format!("`{prefix}` {is} for another service, and a standing prefix must be one service's alone"),
    )
    .at(
        &this.path,
        if this.standing {
            "announced all the time"
        } else {
            "the same prefix"
        },
    )
    .at(&other.path, "another service's")
    .help("put both into one service, or leave `standing` out of one of them")
    .note("what is announced all the time would draw the traffic of the other service to this site")
}

/// Every prefix that is announced, at some time or all the time.
fn all(config: &Config) -> Vec<Announced> {
    let services = config.services.iter().enumerate();
    let prefixes = services.flat_map(|(service, its)| {
        let keys = [("prefixes", &its.prefixes), ("standing", &its.standing_prefixes)];
        keys.into_iter().flat_map(move |(name, prefixes)| {
            let key = KeyPath::service(service).key(name);
            let prefixes = prefixes.iter().enumerate();
            prefixes.map(move |(index, prefix)| Announced {
                service,
                prefix: *prefix,
                path: key.item(index),
                standing: name == "standing",
            })
        })
    });
    prefixes.collect()
}

fn twice(prefix: &IpNet, at: &KeyPath, first: &KeyPath, same_service: bool) -> Finding {
    let message = match same_service {
        true => format!("the service has `{prefix}` twice"),
        false => format!("two services have `{prefix}`"),
    };
    let finding = Finding::error("duplicate-prefix", message)
        .at(at, "the same prefix again")
        .at(first, "first here");
    match same_service {
        true => finding,
        false => finding.note("one would announce what the other withdraws"),
    }
}

fn nested((inner, at): (&IpNet, &KeyPath), (outer, other): (&IpNet, &KeyPath)) -> Finding {
    Finding::warning(
        "overlapping-prefixes",
        format!("`{inner}` lies inside `{outer}`, which is another service's"),
    )
    .at(at, "lies inside")
    .at(other, "this one")
    .note(format!(
        "while only `{outer}` is announced, it draws the traffic of `{inner}` too"
    ))
}
