//! Prefixes of one service, and of others.

use ipnet::IpNet;

use crate::config::finding::{Finding, Findings};
use crate::config::model::Config;
use crate::config::spans::KeyPath;

pub(crate) fn check(config: &Config, found: &mut Findings) {
    // In this order a prefix comes after those that it lies in, and those are the last on the stack
    // that still contain it: one pass, however many there are.
    let mut all = all(config);
    all.sort_by_key(|(service, prefix, _)| (*prefix, *service));
    let mut around: Vec<&(usize, IpNet, KeyPath)> = Vec::new();
    for this in &all {
        let (service, prefix, path) = this;
        while around.pop_if(|(_, outer, _)| !outer.contains(prefix)).is_some() {}
        match around
            .iter()
            .rev()
            .find(|(other, outer, _)| outer == prefix || other != service)
        {
            Some((other, outer, first)) if outer == prefix => {
                found.report(twice(prefix, path, first, service == other));
            }
            // A default route is an error already.
            Some((_, outer, other)) if outer.prefix_len() > 0 => {
                found.report(nested((prefix, path), (outer, other)));
            }
            Some(_) | None => {}
        }
        around.push(this);
    }
}

/// Every prefix with its service's number and its path.
fn all(config: &Config) -> Vec<(usize, IpNet, KeyPath)> {
    let services = config.services.iter().enumerate();
    let prefixes = services.flat_map(|(service, its)| {
        let key = KeyPath::service(service).key("prefixes");
        let prefixes = its.prefixes.iter().enumerate();
        prefixes.map(move |(index, prefix)| (service, *prefix, key.item(index)))
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
