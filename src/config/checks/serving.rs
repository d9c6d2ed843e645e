//! Targets of the checks of whether this site can serve (D16): inside the service's own prefixes, the
//! opposite of what a standby's probe may ask. Names are checked where they are resolved.

use ipnet::IpNet;

use crate::config::checks::walk;
use crate::config::finding::{Finding, Findings};
use crate::config::model::{Config, Host, ServiceConfig};
use crate::config::spans::KeyPath;

pub(crate) fn check(config: &Config, found: &mut Findings) {
    for (index, service) in config.services.iter().enumerate() {
        let path = KeyPath::service(index);
        if found.is_unread(&path.key("prefixes")) {
            continue;
        }
        let prefixes = serving_prefixes(service);
        for (at, check) in service.serves.iter().enumerate() {
            let Some((key, Host::Addr(addr))) = walk::target(&check.check) else {
                continue;
            };
            if !prefixes
                .iter()
                .any(|prefix| prefix.contains(&addr.to_canonical()))
            {
                found.report(outside(service, &path, &path.serves(at).key(key)));
            }
        }
        holds_nothing(service, &path, found);
    }
}

/// The prefixes that a check of whether this site can serve must ask in: what the service announces,
/// also as a last resort.
pub fn serving_prefixes(service: &ServiceConfig) -> Vec<IpNet> {
    let prefixes = service.prefixes.iter();
    prefixes.chain(&service.standing_prefixes).copied().collect()
}

fn outside(service: &ServiceConfig, path: &KeyPath, at: &KeyPath) -> Finding {
    let name = &service.name;
    Finding::error(
        "target-outside",
        format!("a check of whether this site serves `{name}` asks an address outside its prefixes"),
    )
    .at(at, "in none of the prefixes")
    .at(&path.key("prefixes"), "what clients will ask for")
    .help("ask an address inside the prefix, at this host or behind its tunnel; what lies outside belongs in `[[service.probe]]`")
    .note("an answer from elsewhere does not show that this site can answer for the service")
}

/// `on_not_serving` says what to do with what the checks find.
fn holds_nothing(service: &ServiceConfig, path: &KeyPath, found: &mut Findings) {
    let key = path.key("on_not_serving");
    if service.serves.is_empty() && found.is_written(&key) && !found.is_unread(&key) {
        found.report(
            Finding::warning(
                "unused-key",
                "`on_not_serving` means nothing without `[[service.serves]]`",
            )
            .at_key(&key, "has no effect")
            .help("add a `[[service.serves]]` that asks an address inside the prefix"),
        );
    }
}
