//! Probes as a configuration would have them, and words for what came of a check.

use std::sync::Arc;
use std::time::Duration;

use falconer::config::model::{Check, Host, Icmp, Probe, Source, Tcp, Votes};
use falconer::probe::{Checker, Report};
use falconer::status::snapshot::Outcome;

use crate::view::NoBird;

/// A checker that has no BIRD.
pub(crate) fn checker() -> Checker {
    Checker::new(Arc::new(NoBird), [])
}

/// A probe that may take that many milliseconds.
pub(crate) fn probe(check: Check, timeout_ms: u64) -> Probe {
    Probe {
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
pub(crate) async fn check(check: Check, timeout_ms: u64) -> Report {
    checker().probe(&probe(check, timeout_ms), &[]).check().await
}

pub(crate) fn icmp(target: &str) -> Check {
    icmp_from(target, None)
}

pub(crate) fn icmp_from(target: &str, source: Option<Source>) -> Check {
    Check::Icmp(Icmp {
        target: host(target),
        source,
    })
}

pub(crate) fn tcp(target: &str, port: u16) -> Check {
    tcp_from(target, port, None)
}

pub(crate) fn tcp_from(target: &str, port: u16, source: Option<Source>) -> Check {
    Check::Tcp(Tcp {
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
pub(crate) fn expect(report: &Report, outcome: Outcome, words: &str) {
    assert_eq!(report.outcome, outcome, "{}", report.detail);
    assert!(
        report.detail.contains(words),
        "{words:?} is not in {:?}",
        report.detail
    );
}

pub(crate) use Outcome::{Error, Fail, Pass};
