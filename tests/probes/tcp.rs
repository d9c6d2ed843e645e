//! The tcp probe, and with it how connections of all probes tell whose refusal it was.

use std::net::TcpListener;
use std::time::Duration;

use tokio::time::Instant;

use crate::make::{Error, Fail, Pass, check, expect, from, on, tcp, tcp_from};
use falconer_lab::probed_site::{self, Lab};

#[test]
fn a_port_that_accepts_passes_with_its_rtt() {
    Lab::run(async |lab| {
        for site in [probed_site::SITE, probed_site::SITE6] {
            let listener = lab.site.inside(|| TcpListener::bind((site, 80)).unwrap());
            let report = check(tcp(site, 80), 1000).await;
            expect(&report, Pass, "connected to");
            assert!(report.rtt.unwrap() < Duration::from_millis(500));
            drop(listener);
        }
    });
}

#[test]
fn the_connection_is_closed_in_order() {
    use std::io::Read;
    Lab::run(async |lab| {
        let listener = lab
            .site
            .inside(|| TcpListener::bind((probed_site::SITE, 80)).unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read(&mut [0; 1]).unwrap()
        });
        expect(&check(tcp(probed_site::SITE, 80), 1000).await, Pass, "");
        assert_eq!(server.join().unwrap(), 0, "an end, and not a reset");
    });
}

#[test]
fn d1_refusal_is_a_fail() {
    Lab::run(async |_| {
        for site in [probed_site::SITE, probed_site::SITE6, "127.0.0.1", "::1"] {
            let started = Instant::now();
            expect(&check(tcp(site, 81), 5000).await, Fail, "connection refused");
            assert!(started.elapsed() < Duration::from_secs(1), "{site}: not at once");
        }
    });
}

#[test]
fn d1_silence_is_a_fail_after_the_timeout() {
    Lab::run(async |_| {
        let started = Instant::now();
        expect(
            &check(tcp(probed_site::ROUTER_BLACKHOLE, 80), 300).await,
            Fail,
            "within 300ms, connecting to",
        );
        let took = started.elapsed();
        assert!((300..450).contains(&took.as_millis()), "{took:?}");
    });
}

#[test]
fn d1_an_icmp_error_ends_no_check_and_is_told_at_the_timeout() {
    for target in [
        probed_site::ROUTER_UNREACHABLE,
        probed_site::ROUTER_PROHIBIT,
        probed_site::ROUTER_UNREACHABLE6,
        probed_site::DEAD_AT_SITE,
    ] {
        // Each with a router of its own, since a router sends a host only so many errors a second.
        Lab::run(async |_| {
            let started = Instant::now();
            // The kernel sends a second SYN after a second, which some of these take to be answered.
            let report = check(tcp(target, 80), 2500).await;
            expect(&report, Fail, "no answer within 2.5s, connecting to ");
            expect(&report, Fail, "an ICMP error came back");
            assert!(started.elapsed() >= Duration::from_millis(2500), "{target}");
        });
    }
}

#[test]
fn d1_failed_neighbour_resolution_is_a_fail() {
    Lab::run(async |_| {
        for target in [probed_site::DEAD_ON_LINK, probed_site::DEAD_ON_LINK6] {
            for _ in 0..2 {
                expect(
                    &check(tcp(target, 80), 1000).await,
                    Fail,
                    "nobody answers on the link",
                );
            }
        }
    });
}

#[test]
fn d1_a_refusal_of_our_own_route_lookup_is_an_error() {
    Lab::run(async |_| {
        for (target, words) in [
            (probed_site::OWN_UNREACHABLE, "route says unreachable"),
            (probed_site::OWN_PROHIBIT, "route says prohibited"),
            (probed_site::OWN_BLACKHOLE, "route says blackhole"),
            (probed_site::OWN_THROW, "no route"),
            (probed_site::NO_ROUTE, "no route"),
            (probed_site::OWN_UNREACHABLE6, "route says unreachable"),
            (probed_site::OWN_PROHIBIT6, "route says prohibited"),
            (probed_site::OWN_BLACKHOLE6, "route says blackhole"),
            (probed_site::NO_ROUTE6, "no route"),
        ] {
            let started = Instant::now();
            expect(&check(tcp(target, 80), 2000).await, Error, words);
            assert!(started.elapsed() < Duration::from_millis(100), "{target}");
        }
    });
}

#[test]
fn the_source_is_an_address_or_an_interface_and_must_be_there() {
    Lab::run(async |lab| {
        let listener = lab
            .site
            .inside(|| TcpListener::bind((probed_site::SITE, 80)).unwrap());
        lab.here.run("ip addr add 192.0.2.77/24 dev up0");
        expect(
            &check(tcp_from(probed_site::SITE, 80, from("192.0.2.77")), 1000).await,
            Pass,
            "",
        );
        assert_eq!(listener.accept().unwrap().1.ip().to_string(), "192.0.2.77");
        expect(
            &check(tcp_from(probed_site::SITE, 80, on("up0")), 1000).await,
            Pass,
            "",
        );
        assert_eq!(listener.accept().unwrap().1.ip().to_string(), "192.0.2.2");
        expect(
            &check(tcp_from(probed_site::SITE, 80, from("192.0.2.78")), 1000).await,
            Error,
            "192.0.2.78",
        );
        expect(
            &check(tcp_from(probed_site::SITE, 80, on("gone0")), 1000).await,
            Error,
            "gone0",
        );
    });
}

#[test]
fn a_link_local_target_is_reached_through_the_interface() {
    Lab::run(async |lab| {
        lab.router.run("ip -6 addr add fe80::1/64 dev down0 nodad");
        let listener = lab.router.inside(|| TcpListener::bind(("::", 80)).unwrap());
        expect(
            &check(tcp_from("fe80::1", 80, on("up0")), 1000).await,
            Pass,
            "fe80::1",
        );
        expect(&check(tcp("fe80::1", 80), 1000).await, Error, "");
        drop(listener);
    });
}

#[test]
fn d1_a_link_that_lost_its_route_is_an_error_and_one_that_lost_its_far_end_a_fail() {
    Lab::run(async |lab| {
        lab.router.run("ip link set down0 down");
        expect(&check(tcp(probed_site::SITE, 80), 500).await, Fail, "");
        lab.here.run("ip link set up0 down");
        expect(&check(tcp(probed_site::SITE, 80), 500).await, Error, "no route");
    });
}
