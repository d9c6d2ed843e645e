//! Targets that are names, with the system's own resolver.

use std::net::TcpListener;

use falconer::config::model::CheckConfig;
use falconer::probe::{CheckReport, ProbeRunner};
use tokio::time::{Duration, sleep};

use crate::make::{Error, Pass, checker, expect, from, icmp, probe, tcp, tcp_from};
use falconer_lab::probed_site::alone;

#[test]
fn a_name_is_resolved_and_used() {
    alone(async || {
        let _listener = TcpListener::bind("127.0.0.1:80").unwrap();
        let checker = checker();
        for check in [icmp("localhost"), tcp_from("localhost", 80, from("127.0.0.1"))] {
            let probe = checker.probe(&probe(check, 1000), &[]);
            expect(&soon(&probe).await, Pass, "127.0.0.1");
        }
    });
}

#[test]
fn d1_a_name_never_resolved_is_an_error() {
    alone(async || {
        for check in [icmp("nowhere.invalid"), tcp("nowhere.invalid", 80)] {
            let probe = checker().probe(&probe(check, 1000), &[]);
            expect(&probe.check().await, Error, "nowhere.invalid was never resolved");
        }
    });
}

#[test]
fn a_name_without_an_address_of_the_sources_family_is_an_error() {
    alone(async || {
        let probe = checker().probe(&probe(tcp_from("ip6-loopback", 80, from("127.0.0.1")), 1000), &[]);
        let report = soon(&probe).await;
        expect(&report, Error, "ip6-loopback");
    });
}

#[test]
fn a_name_inside_an_announced_prefix_is_an_error_and_trouble() {
    alone(async || {
        let inside = ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let check: CheckConfig = icmp("localhost");
        let probe = checker().probe(&probe(check, 1000), &inside);
        while probe.trouble().is_none() {
            expect(&probe.check().await, Error, "never resolved");
            sleep(Duration::from_millis(10)).await;
        }
        expect(&probe.check().await, Error, "which this site announces");
    });
}

/// The first report in which the name has been looked up.
async fn soon(probe: &ProbeRunner) -> CheckReport {
    for _ in 0..200 {
        let report = probe.check().await;
        if report.outcome != Error || !report.detail.contains("not yet") {
            return report;
        }
        sleep(Duration::from_millis(10)).await;
    }
    probe.check().await
}
