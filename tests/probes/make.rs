//! Probes as a configuration would have them, and words for what came of a check.

use std::sync::Arc;
use std::time::Duration;

use falconer::config::model::{CheckConfig, Host, IcmpConfig, ProbeConfig, Source, TcpConfig, Votes};
use falconer::model::snapshot::CheckOutcome;
use falconer::probe::{CheckReport, ProbeResources};

use crate::view::NoBird;

/// A checker that has no BIRD.
pub(crate) fn checker() -> ProbeResources {
    ProbeResources::new(Arc::new(NoBird), [])
}

/// A probe that may take that many milliseconds.
pub(crate) fn probe(check: CheckConfig, timeout_ms: u64) -> ProbeConfig {
    ProbeConfig {
        name: "ping".into(),
        check,
        interval: Duration::from_secs(60),
        timeout: Duration::from_millis(timeout_ms),
        retry_interval: Duration::from_millis(500),
        fall: 3,
        rise: 2,
        votes: Votes::Both,
        decides: None,
        group: falconer::config::model::Group::Near,
    }
}

/// One check of it.
pub(crate) async fn check(check: CheckConfig, timeout_ms: u64) -> CheckReport {
    checker().probe(&probe(check, timeout_ms), &[]).check().await
}

pub(crate) fn icmp(target: &str) -> CheckConfig {
    icmp_from(target, None)
}

pub(crate) fn icmp_from(target: &str, source: Option<Source>) -> CheckConfig {
    CheckConfig::Icmp(IcmpConfig {
        target: host(target),
        source,
    })
}

pub(crate) fn tcp(target: &str, port: u16) -> CheckConfig {
    tcp_from(target, port, None)
}

pub(crate) fn tcp_from(target: &str, port: u16, source: Option<Source>) -> CheckConfig {
    CheckConfig::Tcp(TcpConfig {
        target: host(target),
        port,
        source,
    })
}

pub(crate) fn host(target: &str) -> Host {
    target.parse().map_or(Host::Name(target.into()), Host::Addr)
}

pub(crate) fn from(addr: &str) -> Option<Source> {
    Some(Source::Addr(addr.parse().unwrap()))
}

pub(crate) fn on(interface: &str) -> Option<Source> {
    Some(Source::Interface(interface.into()))
}

/// Checks what came of a check, and that the words have this in them.
#[track_caller]
pub(crate) fn expect(report: &CheckReport, outcome: CheckOutcome, words: &str) {
    assert_eq!(report.outcome, outcome, "{}", report.detail);
    assert!(
        report.detail.contains(words),
        "{words:?} is not in {:?}",
        report.detail
    );
}

pub(crate) use CheckOutcome::{Error, Fail, Pass};
