//! The prefixes and the protocols of one address family, as text.

use ipnet::IpNet;

use crate::config::Config;
use crate::config::model::{Family, StaticProtocolConfig};

pub(crate) fn prefixes(all: &[IpNet], family: Family) -> Vec<String> {
    all.iter()
        .filter(|prefix| Family::of(prefix) == family)
        .map(ToString::to_string)
        .collect()
}

pub(crate) fn prefixes_of(config: &Config, family: Family) -> Vec<String> {
    config
        .services
        .iter()
        .flat_map(|service| prefixes(&service.prefixes, family))
        .collect()
}

/// What `import = "services"` lets in: the services' prefixes, what their primaries announce, and what
/// is announced all the time, each once.
pub(crate) fn importable(config: &Config, family: Family) -> Vec<String> {
    let mut all: Vec<IpNet> = Vec::new();
    for service in &config.services {
        for prefix in service.importable_prefixes() {
            if !all.contains(&prefix) {
                all.push(prefix);
            }
        }
    }
    prefixes(&all, family)
}

pub(crate) fn protocols<'a>(
    statics: impl IntoIterator<Item = &'a StaticProtocolConfig>,
    family: Family,
) -> Vec<String> {
    statics
        .into_iter()
        .filter(|s| s.family == family)
        .map(|s| s.name.clone())
        .collect()
}
