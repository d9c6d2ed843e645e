//! Iterates over every probe, witness and session with its path, and finds the probes' targets.

use crate::config::model::UpstreamConfig;
use crate::config::model::{CheckConfig, Config, Host, ProbeConfig, Source};
use crate::config::spans::KeyPath;

/// Every probe of every service, with its path.
pub(crate) fn probes(config: &Config) -> impl Iterator<Item = (KeyPath, &ProbeConfig)> {
    config.services.iter().enumerate().flat_map(|(service, its)| {
        let path = KeyPath::service(service);
        its.probes
            .iter()
            .enumerate()
            .map(move |(probe, its)| (path.probe(probe), its))
    })
}

/// Every check of whether this site can serve, with its path.
pub(crate) fn serves(config: &Config) -> impl Iterator<Item = (KeyPath, &ProbeConfig)> {
    config.services.iter().enumerate().flat_map(|(service, its)| {
        let path = KeyPath::service(service);
        let checks = its.serves.iter().enumerate();
        checks.map(move |(check, its)| (path.serves(check), its))
    })
}

/// Every witness, with its path.
pub(crate) fn witnesses(config: &Config) -> impl Iterator<Item = (KeyPath, &ProbeConfig)> {
    config
        .witnesses
        .iter()
        .enumerate()
        .map(|(index, witness)| (KeyPath::witness(index), witness))
}

/// Every probe, every check of whether this site can serve and every witness, with its path.
pub(crate) fn every_probe(config: &Config) -> impl Iterator<Item = (KeyPath, &ProbeConfig)> {
    probes(config).chain(serves(config)).chain(witnesses(config))
}

/// Who is really asked by a check over the network, and the key that says so.
pub fn target(check: &CheckConfig) -> Option<(&'static str, Host)> {
    match check {
        CheckConfig::Icmp(icmp) => Some(("target", icmp.target.clone())),
        CheckConfig::Tcp(tcp) => Some(("target", tcp.target.clone())),
        CheckConfig::Dns(dns) => Some(("target", dns.server.clone())),
        CheckConfig::Http(http) => Some(match &http.connect_to {
            Some((host, _)) => ("connect_to", host.clone()),
            None => ("url", crate::config::host_of(&http.url)),
        }),
        CheckConfig::Exec(_) | CheckConfig::BirdRoute(_) | CheckConfig::BirdProtocol(_) => None,
    }
}

/// Where a check's packets come from.
pub fn source(check: &CheckConfig) -> Option<&Source> {
    match check {
        CheckConfig::Icmp(icmp) => icmp.source.as_ref(),
        CheckConfig::Tcp(tcp) => tcp.source.as_ref(),
        CheckConfig::Dns(dns) => dns.source.as_ref(),
        CheckConfig::Http(http) => http.source.as_ref(),
        CheckConfig::Exec(_) | CheckConfig::BirdRoute(_) | CheckConfig::BirdProtocol(_) => None,
    }
}

/// Every BGP session, with its path.
pub(crate) fn every_session(config: &Config) -> impl Iterator<Item = (KeyPath, &UpstreamConfig)> {
    let upstreams = config
        .upstreams
        .iter()
        .enumerate()
        .map(|(index, upstream)| (KeyPath::upstream(index), upstream));
    upstreams.chain(
        config
            .peers
            .iter()
            .enumerate()
            .map(|(index, peer)| (KeyPath::peer(index), peer)),
    )
}
