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
use super::model::{Check, Config, Host, Probe, Source};
use super::place::Path;

pub(super) use advice::STANDBY_KEYS;
pub(super) use names::sessions as every_session;
pub(super) use targets::announced;

/// Everything that is wrong between the tables.
pub(super) fn all(config: &Config, found: &mut Findings) {
    names::check(config, found);
    sessions::check(config, found);
    prefixes::check(config, found);
    thresholds::check(config, found);
    targets::check(config, found);
    advice::check(config, found);
}

/// Every probe of every service, with its path.
fn probes(config: &Config) -> impl Iterator<Item = (Path, &Probe)> {
    config.services.iter().enumerate().flat_map(|(service, its)| {
        let path = Path::service(service);
        its.probes
            .iter()
            .enumerate()
            .map(move |(probe, its)| (path.probe(probe), its))
    })
}

/// Every witness, with its path.
fn witnesses(config: &Config) -> impl Iterator<Item = (Path, &Probe)> {
    config
        .witnesses
        .iter()
        .enumerate()
        .map(|(index, witness)| (Path::witness(index), witness))
}

/// Every probe and every witness, with its path.
pub(super) fn every_probe(config: &Config) -> impl Iterator<Item = (Path, &Probe)> {
    probes(config).chain(witnesses(config))
}

/// Who is really asked by a check over the network, and the key that says so.
pub fn target(check: &Check) -> Option<(&'static str, Host)> {
    match check {
        Check::Icmp(icmp) => Some(("target", icmp.target.clone())),
        Check::Tcp(tcp) => Some(("target", tcp.target.clone())),
        Check::Dns(dns) => Some(("target", dns.server.clone())),
        Check::Http(http) => Some(match &http.connect_to {
            Some((host, _)) => ("connect_to", host.clone()),
            None => ("url", super::host_of(&http.url)),
        }),
        Check::Exec(_) | Check::BirdRoute(_) | Check::BirdProtocol(_) => None,
    }
}

/// Where a check's packets come from.
pub(super) fn source(check: &Check) -> Option<&Source> {
    match check {
        Check::Icmp(icmp) => icmp.source.as_ref(),
        Check::Tcp(tcp) => tcp.source.as_ref(),
        Check::Dns(dns) => dns.source.as_ref(),
        Check::Http(http) => http.source.as_ref(),
        Check::Exec(_) | Check::BirdRoute(_) | Check::BirdProtocol(_) => None,
    }
}
