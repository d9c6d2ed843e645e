//! Targets of probes inside an announced prefix.
//!
//! While this site announces a prefix, addresses in it are answered by this site or not at all. A
//! standby that probes such an address would see its own takeover as the target's recovery, fail back,
//! see it dead again, and flap. Names are checked where they are resolved.

use ipnet::IpNet;
use std::net::IpAddr;

use crate::config::finding::{Finding, Findings};
use crate::config::model::{CheckConfig, Config, Host, ProbeConfig, Role, Source};
use crate::config::spans::KeyPath;

pub(crate) fn check(config: &Config, found: &mut Findings) {
    for (index, service) in config.services.iter().enumerate() {
        let path = KeyPath::service(index);
        if service.role == Role::Standby && !found.is_unread(&path.key("role")) {
            for (index, probe) in service.probes.iter().enumerate() {
                asks_outside(probe, &path.probe(index), "standby's probe", config, found);
            }
        }
    }
    for (path, witness) in crate::config::checks::walk::witnesses(config) {
        asks_outside(witness, &path, "witness", config, found);
        is_no_target(witness, &path, config, found);
    }
}

/// The announced prefix that an address lies in, with its path.
pub(crate) fn announced(addr: IpAddr, config: &Config) -> Option<(IpNet, KeyPath)> {
    let addr = addr.to_canonical();
    let services = config.services.iter().enumerate();
    let mut prefixes = services.flat_map(|(service, its)| {
        let path = KeyPath::service(service);
        let keys = [("prefixes", &its.prefixes), ("standing", &its.standing_prefixes)];
        keys.into_iter().flat_map(move |(key, prefixes)| {
            let key = path.key(key);
            let prefixes = prefixes.iter().enumerate();
            prefixes.map(move |(index, prefix)| (*prefix, key.item(index)))
        })
    });
    // A default route is an error already.
    prefixes.find(|(prefix, _)| prefix.prefix_len() > 0 && prefix.contains(&addr))
}

/// When a prefix at this place is announced here.
fn when_announced(at: &KeyPath) -> &'static str {
    match at.to_string().contains(".standing") {
        true => "announced here all the time",
        false => "announced here after a takeover",
    }
}

fn asks_outside(probe: &ProbeConfig, path: &KeyPath, what: &str, config: &Config, found: &mut Findings) {
    if let Some((key, Host::Addr(addr))) = crate::config::checks::walk::target(&probe.check)
        && let Some((prefix, announced)) = announced(addr, config)
    {
        found.report(
            Finding::error(
                "target-inside",
                format!("a {what} asks an address inside an announced prefix"),
            )
            .at(&path.key(key), format!("inside {prefix}"))
            .at(&announced, when_announced(&announced))
            .help("ask an address of the target that stays there, outside the prefixes that move")
            .note(
                "after a takeover this address is here: the answer would come from this site, look like a \
                     recovery, make it fail back, and so on",
            ),
        );
    }
    if let Some(Source::Addr(addr)) = crate::config::checks::walk::source(&probe.check)
        && let Some((prefix, announced)) = announced(*addr, config)
    {
        found.report(
            Finding::error(
                "source-inside",
                format!("a {what} asks from an address inside an announced prefix"),
            )
            .at(&path.key("source"), format!("inside {prefix}"))
            .at(&announced, "announced by whoever has it at the time")
            .help("use an address that is this site's alone")
            .note("while another site has the prefix, the answers go there"),
        );
    }
    asks_for_own_route(probe, path, config, found);
}

/// A bird-route probe for a prefix of ours that any route would satisfy.
fn asks_for_own_route(probe: &ProbeConfig, path: &KeyPath, config: &Config, found: &mut Findings) {
    let CheckConfig::BirdRoute(route) = &probe.check else {
        return;
    };
    let named = route.protocol.is_some()
        || route.origin_as.is_some()
        || route.community.is_some()
        || route.large_community.is_some()
        || route.next_hop.is_some();
    if !named
        && config
            .services
            .iter()
            .any(|service| service.announced_prefixes().any(|prefix| prefix == route.prefix))
    {
        found.report(
            Finding::warning("any-route", "this probe does not say whose route it looks for")
                .at(&path.key("prefix"), "announced by several sites")
                .help("add `protocol`, `origin_as`, `community`, `large_community` or `next_hop`")
                .note("another standby's announcement of the prefix would look like the primary's"),
        );
    }
}

/// A witness that dies with the target proves nothing about this site.
fn is_no_target(witness: &ProbeConfig, path: &KeyPath, config: &Config, found: &mut Findings) {
    let Some((key, host)) = crate::config::checks::walk::target(&witness.check) else {
        return;
    };
    for (probe_path, probe) in crate::config::checks::walk::probes(config) {
        if let Some((probe_key, probed)) = crate::config::checks::walk::target(&probe.check)
            && same(&host, &probed)
        {
            found.report(
                Finding::error("witness-is-target", format!("the witness `{}` is also a target", witness.name))
                    .at(&path.key(key), "the same host")
                    .at(&probe_path.key(probe_key), format!("probed here as `{}`", probe.name))
                    .help("choose something that answers whether or not the target lives, such as a resolver or the upstream's router")
                    .note("when the target died, the witness would too: the site would think itself isolated, and never take over"),
            );
            return;
        }
    }
}

fn same(one: &Host, other: &Host) -> bool {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    match (one, other) {
        (Host::Addr(one), Host::Addr(other)) => one.to_canonical() == other.to_canonical(),
        (Host::Name(one), Host::Name(other)) => !one.is_empty() && plain(one) == plain(other),
        (Host::Addr(_), Host::Name(_)) | (Host::Name(_), Host::Addr(_)) => false,
    }
}
