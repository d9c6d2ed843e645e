//! How a service's prefixes, the primary's and the standing ones lie to each other (D14).

use ipnet::IpNet;

use crate::config::finding::{Finding, Findings};
use crate::config::model::{Config, Family, Role, ServiceConfig, UpstreamConfig};
use crate::config::spans::KeyPath;

pub(crate) fn check(config: &Config, found: &mut Findings) {
    for (index, service) in config.services.iter().enumerate() {
        let path = KeyPath::service(index);
        if ["prefixes", "primary_prefixes", "standing"]
            .iter()
            .any(|key| found.is_unread(&path.key(key)))
        {
            continue;
        }
        if service.role == Role::Standby && !service.primary_prefixes.is_empty() {
            primary(service, &path, found);
        }
        if !service.standing_prefixes.is_empty() {
            standing(service, &path, found);
            attracts(service, &path, config, found);
        }
    }
}

/// Each prefix lies in one of the primary's, and nothing of the primary's is left out.
fn primary(service: &ServiceConfig, path: &KeyPath, found: &mut Findings) {
    let key = path.key("primary_prefixes");
    let (prefixes, primary) = (&service.prefixes, &service.primary_prefixes);
    for (index, prefix) in uncovered(prefixes, primary) {
        found.report(
            Finding::error("uncovered-prefix", format!("the primary does not announce `{prefix}`"))
                .at(&path.key("prefixes").item(index), "in none of `primary_prefixes`")
                .at(&key, "what the primary announces")
                .help("`primary_prefixes` must contain every one of `prefixes`")
                .note("a takeover announces what the primary announces, or parts of it: they win everywhere at once"),
        );
    }
    for (index, outer) in primary.iter().enumerate() {
        let inside: Vec<&IpNet> = prefixes.iter().filter(|prefix| outer.contains(*prefix)).collect();
        let at = key.item(index);
        if inside.is_empty() {
            found.report(
                Finding::error("idle-prefix", format!("nothing of `{outer}` would be taken over"))
                    .at(&at, "none of `prefixes` lies inside")
                    .at(&path.key("prefixes"), "what a takeover announces")
                    .help(format!(
                        "add {} to `prefixes`, or leave it out here",
                        halves(outer)
                    )),
            );
        } else if !is_filled(outer, &inside) {
            found.report(
                Finding::warning(
                    "partly-taken-over",
                    format!("only a part of `{outer}` would be taken over"),
                )
                .at(&at, "announced by the primary")
                .at(&path.key("prefixes"), "these do not fill it")
                .help(format!("the whole of it is {}", halves(outer)))
                .note("the rest of its addresses would stay dead with the primary"),
            );
        }
    }
}

/// What is announced all the time is around what a takeover announces.
fn standing(service: &ServiceConfig, path: &KeyPath, found: &mut Findings) {
    let key = path.key("standing");
    let (prefixes, standing) = (&service.prefixes, &service.standing_prefixes);
    let has_family = |prefix: &IpNet| standing.iter().any(|one| Family::of(one) == Family::of(prefix));
    for (index, prefix) in uncovered(prefixes, standing) {
        if has_family(&prefix) {
            found.report(
                Finding::error(
                    "uncovered-prefix",
                    format!("no standing prefix contains `{prefix}`"),
                )
                .at(&path.key("prefixes").item(index), "in none of `standing`")
                .at(&key, "announced all the time")
                .help("`standing` must contain every one of `prefixes` of its family"),
            );
        }
    }
    for (index, outer) in standing.iter().enumerate() {
        if !prefixes.iter().any(|prefix| outer.contains(prefix)) {
            found.report(
                Finding::error(
                    "idle-prefix",
                    format!("`{outer}` is announced all the time, and is not this service's"),
                )
                .at(&key.item(index), "none of `prefixes` lies inside")
                .at(&path.key("prefixes"), "what a takeover announces")
                .help("`standing` must be the service's prefixes, or larger ones that contain them"),
            );
        }
    }
}

/// What is announced all the time must not draw the traffic of a living primary.
fn attracts(service: &ServiceConfig, path: &KeyPath, config: &Config, found: &mut Findings) {
    let key = path.key("standing");
    let of_primary = service.primary_prefixes();
    for (index, prefix) in service.standing_prefixes.iter().enumerate() {
        let at = key.item(index);
        let is_inside = |outer: &&IpNet| *outer != prefix && outer.contains(prefix);
        if service.role == Role::Standby
            && let Some(outer) = of_primary.iter().find(is_inside)
        {
            found.report(
                Finding::error(
                    "standing-wins",
                    format!("`{prefix}` would draw the traffic of a living primary, all the time"),
                )
                .at(&at, format!("more specific than the primary's {outer}"))
                .help(format!("let `{outer}` stand, or a larger prefix"))
                .note("the more specific prefix wins in every network, whatever its communities and prepends are"),
            );
        } else if of_primary.contains(prefix)
            && let Some(upstream) = unmarked(service, Family::of(prefix), config)
        {
            found.report(
                Finding::warning(
                    "standing-unmarked",
                    "a prepend is only a request: customers of your upstream will come here all the time",
                )
                .at(&at, "the primary announces the same prefix")
                .at(&upstream, "no `standing_communities` here")
                .help("ask your ISP for its community for a lower preference, and put it into `standing_communities`")
                .note("an ISP prefers a customer's route whatever the length of its AS path is"),
            );
        }
    }
}

/// The first of the service's upstreams that puts no community on standing prefixes; one that we do not
/// render may do so.
fn unmarked(service: &ServiceConfig, family: Family, config: &Config) -> Option<KeyPath> {
    let is_unmarked = |upstream: &UpstreamConfig| {
        let session = upstream.session.as_ref();
        let carries = |families: &Vec<Family>| families.contains(&family);
        upstream.families.as_ref().is_none_or(carries)
            && service.upstreams.contains(&upstream.name)
            && session.is_some_and(|session| session.standing_communities.is_empty())
    };
    let index = config.upstreams.iter().position(is_unmarked)?;
    Some(KeyPath::upstream(index).key("name"))
}

/// The prefixes that lie in none of `outer`, with their places.
fn uncovered<'a>(
    prefixes: &'a [IpNet],
    outer: &'a [IpNet],
) -> impl Iterator<Item = (usize, IpNet)> + use<'a> {
    let is_covered = |prefix: &IpNet| outer.iter().any(|outer| outer.contains(prefix));
    let prefixes = prefixes.iter().copied().enumerate();
    prefixes.filter(move |(_, prefix)| !is_covered(prefix))
}

/// Whether the prefixes inside make up the whole.
fn is_filled(outer: &IpNet, inside: &[&IpNet]) -> bool {
    let owned: Vec<IpNet> = inside.iter().map(|prefix| **prefix).collect();
    IpNet::aggregate(&owned).contains(outer)
}

/// The two halves of a prefix, as they are written; the prefix itself where it has none.
fn halves(prefix: &IpNet) -> String {
    let halves: Vec<String> = prefix
        .subnets(prefix.prefix_len().saturating_add(1))
        .map(|halves| halves.map(|half| format!("\"{half}\"")).collect())
        .unwrap_or_default();
    match halves.as_slice() {
        [] => format!("\"{prefix}\""),
        halves => halves.join(" and "),
    }
}
