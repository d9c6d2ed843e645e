//! What must not be lost by a new bird.conf, and whether it is.

use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::Config;
use crate::config::model::{Family, ServiceConfig};

/// What the new configuration still wants: only that can be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedProtocols {
    /// BIRD's undo timer.
    pub confirm_within: Duration,
    /// BGP protocols.
    pub sessions: BTreeSet<String>,
    /// Static protocols.
    pub statics: BTreeSet<String>,
    /// Which prefix goes to which upstream.
    pub carries: BTreeSet<(IpNet, String)>,
}

/// The protocols at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtocolStates {
    /// BGP protocols that are established.
    pub established: BTreeSet<String>,
    /// Static protocols that are up.
    pub up: BTreeSet<String>,
    /// What is really exported to whom.
    pub exported: BTreeSet<(IpNet, String)>,
}

impl WantedProtocols {
    /// What `config`, the new one, wants.
    pub fn of(config: &Config, confirm_within: Duration) -> Self {
        let sessions = config
            .upstreams
            .iter()
            .chain(&config.peers)
            .map(|session| session.name.clone());
        let statics = config.services.iter().flat_map(ServiceConfig::statics);
        let mut carries = BTreeSet::new();
        for service in &config.services {
            for upstream in config
                .upstreams
                .iter()
                .filter(|up| service.upstreams.contains(&up.name))
            {
                let carried = |prefix: &IpNet| {
                    upstream
                        .families
                        .as_ref()
                        .is_none_or(|families| families.contains(&Family::of(prefix)))
                };
                carries.extend(
                    service
                        .announced_prefixes()
                        .filter(carried)
                        .map(|prefix| (prefix, upstream.name.clone())),
                );
            }
        }
        Self {
            confirm_within,
            sessions: sessions.collect(),
            statics: statics.map(|fixed| fixed.name.clone()).collect(),
            carries,
        }
    }

    /// What was there before, is still wanted, and is not there now; in words.
    pub fn lost(&self, before: &ProtocolStates, now: &ProtocolStates) -> Vec<String> {
        let gone = |had: &BTreeSet<String>, has: &BTreeSet<String>, wanted: &BTreeSet<String>| {
            had.iter()
                .filter(|name| wanted.contains(*name) && !has.contains(*name))
                .cloned()
                .collect::<Vec<_>>()
        };
        let mut lost = Vec::new();
        for name in gone(&before.established, &now.established, &self.sessions) {
            lost.push(format!("the session {name} is lost"));
        }
        for name in gone(&before.up, &now.up, &self.statics) {
            lost.push(format!("the static protocol {name} is down"));
        }
        for (prefix, upstream) in before.exported.difference(&now.exported) {
            if self.carries.contains(&(*prefix, upstream.clone())) && now.established.contains(upstream) {
                lost.push(format!("{prefix} is not exported to {upstream} any more"));
            }
        }
        for prefix in self.silenced(before, now) {
            lost.push(format!("{prefix} is not exported to anybody any more"));
        }
        lost
    }

    /// Prefixes that were exported to somebody, are still a service's, and go to nobody now: as when
    /// all upstreams have new names, so that none of the old ones counts as lost.
    fn silenced(&self, before: &ProtocolStates, now: &ProtocolStates) -> BTreeSet<IpNet> {
        let to_anybody = |look: &ProtocolStates| {
            look.exported
                .iter()
                .map(|(prefix, _)| *prefix)
                .collect::<BTreeSet<_>>()
        };
        let wanted: BTreeSet<IpNet> = self.carries.iter().map(|(prefix, _)| *prefix).collect();
        let gone: BTreeSet<IpNet> = to_anybody(before).difference(&to_anybody(now)).copied().collect();
        gone.intersection(&wanted).copied().collect()
    }
}
