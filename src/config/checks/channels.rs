//! What a session's channels take in and send out: limits and next hops.

use crate::config::finding::{Finding, Findings};
use crate::config::model::{Config, Family, ImportPolicy, ServiceConfig, SessionConfig, UpstreamConfig};
use crate::config::spans::KeyPath;

pub(crate) fn check(config: &Config, found: &mut Findings) {
    for (path, session) in super::walk::every_session(config) {
        if let Some(rendered) = &session.session {
            import_limit(config, rendered, &path, found);
            next_hops(session, rendered, &path, found);
        }
    }
    for (index, upstream) in config.upstreams.iter().enumerate() {
        for family in [Family::V4, Family::V6] {
            foreign_family(config, upstream, family, &KeyPath::upstream(index), found);
        }
    }
    for (index, peer) in config.peers.iter().enumerate() {
        next_hop_of_nothing(peer, &KeyPath::peer(index), found);
    }
}

/// A limit that does nothing, or that ends the session as soon as all is well.
fn import_limit(config: &Config, session: &SessionConfig, path: &KeyPath, found: &mut Findings) {
    let Some(limit) = session.import_limit else { return };
    let (key, import) = (path.key("import_limit"), path.key("import"));
    let most = [Family::V4, Family::V6].map(|family| prefixes(&config.services, family));
    let most = most.into_iter().max().unwrap_or_default();
    match &session.import {
        ImportPolicy::None => found.report(
            Finding::warning(
                "import-limit",
                "a limit of what comes in has no effect where nothing comes in",
            )
            .at_key(&key, "limits nothing")
            .note("`import` is \"none\" unless it says something else"),
        ),
        ImportPolicy::Services if usize::try_from(limit).is_ok_and(|limit| limit < most) => found.report(
            Finding::error(
                "import-limit",
                format!("BIRD would disable this session: the services have {most} prefixes of one family"),
            )
            .at(&key, "fewer than may come in")
            .at(&import, "all of them may come in")
            .help(format!("make it at least {most}, or leave it out")),
        ),
        ImportPolicy::Services | ImportPolicy::DefaultRoute | ImportPolicy::Filter(_) => {}
    }
}

fn prefixes(services: &[ServiceConfig], family: Family) -> usize {
    let all = services.iter().flat_map(ServiceConfig::importable_prefixes);
    all.filter(|prefix| Family::of(prefix) == family).count()
}

/// Next hops that cannot be ours, or that no channel would use.
fn next_hops(upstream: &UpstreamConfig, session: &SessionConfig, path: &KeyPath, found: &mut Findings) {
    let key = path.key("next_hop");
    if found.is_unread_within(&key) {
        return;
    }
    if session.next_hop.contains(&session.neighbor) {
        found.report(
            Finding::error("next-hop", "the next hop is the neighbour itself")
                .at(&key, "must be an address of ours")
                .at(&path.key("neighbor"), "the other end of the session")
                .note("BIRD drops a route as it sends it to the router that is its next hop"),
        );
    }
    if let [first, second] = session.next_hop.as_slice()
        && first.is_ipv4() == second.is_ipv4()
    {
        let kind = Family::of_address(*first).channel();
        found.report(
            Finding::error("next-hop", format!("there are two {kind} next hops"))
                .at(&key, "which of them?")
                .help("a list has one address for each family"),
        );
    }
    for addr in &session.next_hop {
        let family = Family::of_address(*addr);
        if upstream
            .families
            .as_ref()
            .is_some_and(|families| !families.contains(&family))
        {
            found.report(no_channel(&key, path, family));
        }
    }
}

fn no_channel(key: &KeyPath, path: &KeyPath, family: Family) -> Finding {
    let kind = family.channel();
    Finding::error("next-hop", format!("the session carries no {kind} routes"))
        .at(key, format!("a next hop for {kind}"))
        .at(
            &path.key("neighbor"),
            "`families` is this address's family unless it says something else",
        )
        .help(format!(
            "add `families` with \"{kind}\" to the session, or leave this next hop out"
        ))
}

/// Routes of another family than the session's addresses have no next hop by themselves.
fn foreign_family(
    config: &Config,
    upstream: &UpstreamConfig,
    family: Family,
    path: &KeyPath,
    found: &mut Findings,
) {
    let Some(session) = &upstream.session else { return };
    let carries = upstream
        .families
        .as_ref()
        .is_some_and(|families| families.contains(&family));
    let is_foreign = Family::of_address(session.neighbor) != family;
    let carried = config
        .services
        .iter()
        .filter(|service| service.upstreams.contains(&upstream.name));
    let sends = carried
        .flat_map(|service| &service.prefixes)
        .any(|prefix| Family::of(prefix) == family);
    if !(carries && is_foreign && sends) || session.next_hop(family).is_some() {
        return;
    }
    let kind = family.channel();
    let message = format!(
        "the {kind} routes of this session have a next hop only if its interface has an {kind} address"
    );
    found.report(
        Finding::warning("next-hop", message)
            .at(&path.key("families"), format!("{kind} routes"))
            .at(
                &path.key("neighbor"),
                format!(
                    "a session over {}",
                    Family::of_address(session.neighbor).channel()
                ),
            )
            .help(format!(
                "add this router's own address: `next_hop = {}`",
                example(session, family)
            ))
            .note("without any address BIRD sends the next hop `::`, or drops the route as it sends it"),
    );
}

/// A next hop beside those that are given, as the file would have it.
fn example(session: &SessionConfig, family: Family) -> String {
    let ours = match family {
        Family::V4 => "203.0.113.2",
        Family::V6 => "2001:db8:113::2",
    };
    match session.next_hop.as_slice() {
        [] => format!("\"{ours}\""),
        [given, ..] => format!("[\"{given}\", \"{ours}\"]"),
    }
}

fn next_hop_of_nothing(peer: &UpstreamConfig, path: &KeyPath, found: &mut Findings) {
    if peer
        .session
        .as_ref()
        .is_some_and(|session| !session.next_hop.is_empty())
    {
        found.report(
            Finding::warning(
                "next-hop",
                "a peer carries nothing out, so its next hop has no effect",
            )
            .at_key(&path.key("next_hop"), "used by nobody")
            .help("make it an `[[upstream]]`, or leave the next hop out"),
        );
    }
}
