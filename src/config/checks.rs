//! What the parts of a configuration mean to each other. Each check is a function of the finished
//! configuration that reports what it finds at the paths it is about; what could not be read is a
//! stand-in here, and what is found about a stand-in is dropped by [`Findings`].

mod advice;
mod channels;
mod names;
mod prefixes;
mod sessions;
mod targets;
mod thresholds;

use super::finding::Findings;
use super::model::{CheckConfig, Config, Host, ProbeConfig, Source};
use super::spans::KeyPath;

pub(crate) use advice::STANDBY_KEYS;
pub(crate) use names::sessions as every_session;
pub(crate) use targets::announced;

/// Everything that is wrong between the tables.
pub(crate) fn all(config: &Config, found: &mut Findings) {
    names::check(config, found);
    sessions::check(config, found);
    prefixes::check(config, found);
    thresholds::check(config, found);
    targets::check(config, found);
    advice::check(config, found);
}

/// Every probe of every service, with its path.
fn probes(config: &Config) -> impl Iterator<Item = (KeyPath, &ProbeConfig)> {
    config.services.iter().enumerate().flat_map(|(service, its)| {
        let path = KeyPath::service(service);
        its.probes
            .iter()
            .enumerate()
            .map(move |(probe, its)| (path.probe(probe), its))
    })
}

/// Every witness, with its path.
fn witnesses(config: &Config) -> impl Iterator<Item = (KeyPath, &ProbeConfig)> {
    config
        .witnesses
        .iter()
        .enumerate()
        .map(|(index, witness)| (KeyPath::witness(index), witness))
}

/// Every probe and every witness, with its path.
pub(crate) fn every_probe(config: &Config) -> impl Iterator<Item = (KeyPath, &ProbeConfig)> {
    probes(config).chain(witnesses(config))
}

/// Who is really asked by a check over the network, and the key that says so.
pub fn target(check: &CheckConfig) -> Option<(&'static str, Host)> {
    match check {
        CheckConfig::Icmp(icmp) => Some(("target", icmp.target.clone())),
        CheckConfig::Tcp(tcp) => Some(("target", tcp.target.clone())),
        CheckConfig::Dns(dns) => Some(("target", dns.server.clone())),
        CheckConfig::Http(http) => Some(match &http.connect_to {
            Some((host, _)) => ("connect_to", host.clone()),
            None => ("url", super::host_of(&http.url)),
        }),
        CheckConfig::Exec(_) | CheckConfig::BirdRoute(_) | CheckConfig::BirdProtocol(_) => None,
    }
}

/// Where a check's packets come from.
pub(crate) fn source(check: &CheckConfig) -> Option<&Source> {
    match check {
        CheckConfig::Icmp(icmp) => icmp.source.as_ref(),
        CheckConfig::Tcp(tcp) => tcp.source.as_ref(),
        CheckConfig::Dns(dns) => dns.source.as_ref(),
        CheckConfig::Http(http) => http.source.as_ref(),
        CheckConfig::Exec(_) | CheckConfig::BirdRoute(_) | CheckConfig::BirdProtocol(_) => None,
    }
}
