//! The static protocols of a service, one for each family.

use ipnet::IpNet;

use crate::config::finding::Finding;
use crate::config::model::{Family, StaticProtocolConfig};
use crate::config::reader::TableReader;
use crate::config::value::list_of;
use crate::config::value::text::PROTOCOL;

/// The static protocols, one a family, IPv4's first.
pub(crate) struct ServiceStatics {
    pub(crate) full: Vec<StaticProtocolConfig>,
    pub(crate) drain: Vec<StaticProtocolConfig>,
    pub(crate) standing: Vec<StaticProtocolConfig>,
}

pub(crate) fn service_statics(
    t: &mut TableReader<'_, '_>,
    service: &str,
    prefixes: &[IpNet],
    standing_prefixes: &[IpNet],
    rendering: bool,
) -> ServiceStatics {
    let own = t
        .key("protocols", list_of(PROTOCOL))
        .doc("Names of static protocols of your own, one for each family of the prefixes, IPv4's first. Only without `[render]`.")
        .also_called(&["protocol"])
        .default_by("the service's name with `_v4`, `_v6`", Vec::new());
    let own_drain = t
        .key("drain_protocols", list_of(PROTOCOL))
        .doc("Likewise for strength drain.")
        .default_by(
            "the service's name with `_v4_drain`, `_v6_drain`; none without `[render]`",
            Vec::new(),
        );
    let own_standing = t
        .key("standing_protocols", list_of(PROTOCOL))
        .doc("Likewise for `standing`.")
        .default_by(
            "the service's name with `_v4_standing`, `_v6_standing`; none without `standing`",
            Vec::new(),
        );
    let (families, standing_families) = (families_of(prefixes), families_of(standing_prefixes));
    check_own_names(t, ("protocols", "prefixes"), own.len(), &families, rendering);
    check_own_names(
        t,
        ("drain_protocols", "prefixes"),
        own_drain.len(),
        &families,
        rendering,
    );
    check_own_names(
        t,
        ("standing_protocols", "standing"),
        own_standing.len(),
        &standing_families,
        rendering,
    );
    let full_names = match t.has("protocols") {
        true => own,
        false => named(service, &families, ""),
    };
    let drain_names = match (t.has("drain_protocols"), rendering) {
        (true, _) => own_drain,
        (false, true) => named(service, &families, "_drain"),
        (false, false) => Vec::new(),
    };
    let standing_names = match t.has("standing_protocols") {
        true => own_standing,
        false => named(service, &standing_families, "_standing"),
    };
    ServiceStatics {
        full: with_routes(full_names, &families, prefixes),
        drain: with_routes(drain_names, &families, prefixes),
        standing: with_routes(standing_names, &standing_families, standing_prefixes),
    }
}

fn families_of(prefixes: &[IpNet]) -> Vec<Family> {
    let mut families: Vec<Family> = prefixes.iter().map(Family::of).collect();
    families.sort_unstable();
    families.dedup();
    families
}

fn named(service: &str, families: &[Family], ending: &str) -> Vec<String> {
    let number = |family: &Family| match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    };
    families
        .iter()
        .map(|family| format!("{service}_{}{ending}", number(family)))
        .collect()
}

fn with_routes(names: Vec<String>, families: &[Family], prefixes: &[IpNet]) -> Vec<StaticProtocolConfig> {
    let of = |family: Family| {
        prefixes
            .iter()
            .copied()
            .filter(|prefix| Family::of(prefix) == family)
            .collect()
    };
    let protocols = names.into_iter().zip(families.iter().copied());
    protocols
        .map(|(name, family)| StaticProtocolConfig {
            name,
            family,
            prefixes: of(family),
        })
        .collect()
}

/// `of` is the key with the prefixes that the protocols of `key` announce.
fn check_own_names(
    t: &mut TableReader<'_, '_>,
    (key, of): (&'static str, &'static str),
    count: usize,
    families: &[Family],
    rendering: bool,
) {
    if !t.has_good(key) {
        return;
    }
    let path = t.path().key(key);
    if !t.has(of) {
        t.report(
            Finding::error("own-protocols", format!("`{key}` without `{of}`"))
                .at_key(&path, "would announce nothing")
                .help(format!(
                    "add `{of}` with the prefixes that it announces, or leave it out"
                )),
        );
        return;
    }
    if !t.has_good(of) {
        return;
    }
    if rendering {
        t.report(
            Finding::error(
                "own-protocols",
                format!("`{key}` is only for a bird.conf of your own"),
            )
            .at_key(&path, "not together with `[render]`")
            .help("leave it out: the rendered protocols are named after the service"),
        );
    } else if count != families.len() {
        let channels: Vec<&str> = families.iter().map(|family| family.channel()).collect();
        let channels = channels.join(" and ");
        t.report(
            Finding::error(
                "own-protocols",
                format!("`{key}` needs one name for each family of `{of}`"),
            )
            .at(&path, format!("{count} named"))
            .at(&t.path().key(of), format!("of {channels}"))
            .note("a static protocol of BIRD has one channel, so each family has a protocol of its own"),
        );
    }
}
