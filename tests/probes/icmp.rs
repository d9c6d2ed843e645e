//! The icmp probe.

use std::net::TcpListener;
use std::time::Duration;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use tokio::time::Instant;

use crate::make::{Error, Fail, Pass, check, checker, expect, from, icmp, icmp_from, on, probe, tcp};
use falconer_lab::probed_site::{self, Lab};

#[test]
fn a_site_that_answers_passes_with_its_rtt() {
    Lab::run(async |_| {
        for site in [probed_site::SITE, probed_site::SITE6] {
            let report = check(icmp(site), 1000).await;
            expect(&report, Pass, site);
            let rtt = report.rtt.unwrap();
            assert!(
                rtt > Duration::ZERO && rtt < Duration::from_millis(500),
                "{rtt:?}"
            );
        }
    });
}

#[test]
fn d1_silence_is_a_fail_after_the_timeout_and_not_before() {
    Lab::run(async |_| {
        let started = Instant::now();
        expect(
            &check(icmp(probed_site::ROUTER_BLACKHOLE), 300).await,
            Fail,
            "within 300ms",
        );
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(300), "{took:?}");
        assert!(took < Duration::from_millis(450), "{took:?}");
    });
}

#[test]
fn d1_an_icmp_error_ends_no_check_and_is_told_by_who_said_it_at_the_timeout() {
    Lab::run(async |_| {
        for (target, says) in [
            (
                probed_site::ROUTER_UNREACHABLE,
                "host unreachable, says 192.0.2.1 (ICMP type 3 code 1)",
            ),
            (
                probed_site::ROUTER_PROHIBIT,
                "administratively prohibited, says 192.0.2.1",
            ),
            (
                probed_site::ROUTER_UNREACHABLE6,
                "says 2001:db8:1::1 (ICMP type 1 code",
            ),
            (probed_site::DEAD_AT_SITE, "host unreachable, says 192.0.2.1"),
        ] {
            let started = Instant::now();
            let report = check(icmp(target), 600).await;
            expect(&report, Fail, "no answer within 600ms, pinging ");
            expect(&report, Fail, says);
            assert!(started.elapsed() >= Duration::from_millis(600), "{target}");
        }
    });
}

#[test]
fn d1_failed_neighbour_resolution_is_a_fail() {
    Lab::run(async |_| {
        for target in [probed_site::DEAD_ON_LINK, probed_site::DEAD_ON_LINK6] {
            // The second time the kernel remembers that nobody answered.
            for _ in 0..2 {
                expect(&check(icmp(target), 600).await, Fail, "unreachable, says ");
            }
        }
    });
}

/// A router that has no way for a moment, as while routes change.
#[test]
fn d1_an_answer_after_an_icmp_error_is_a_pass() {
    Lab::run(async |lab| {
        lab.router.run("ip route add unreachable 198.51.100.2/32");
        let check = tokio::spawn(check(tcp(probed_site::SITE, 80), 3000));
        let _listener = lab
            .site
            .inside(|| TcpListener::bind((probed_site::SITE, 80)).unwrap());
        let deadline = Instant::now() + Duration::from_secs(2);
        while icmp_received("InDestUnreachs") == 0 {
            assert!(Instant::now() < deadline, "the router sent no error");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!check.is_finished());
        lab.router.run("ip route del unreachable 198.51.100.2/32");
        expect(&check.await.unwrap(), Pass, "connected to");
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
            expect(&check(icmp(target), 2000).await, Error, words);
        }
    });
}

#[test]
fn d1_a_policy_rule_of_our_own_is_an_error() {
    Lab::run(async |lab| {
        let probe = checker().probe(&probe(icmp(probed_site::SITE), 500), &[]);
        expect(&probe.check().await, Pass, "");
        lab.here.run("ip rule add to 198.51.100.2 prohibit");
        expect(&probe.check().await, Error, "prohibited");
    });
}

#[test]
fn the_source_is_an_address_or_an_interface_and_must_be_there() {
    Lab::run(async |lab| {
        lab.here.run("ip addr add 192.0.2.77/24 dev up0");
        // The site answers this address alone, so that the wrong source gets no answer.
        lab.site.run("ip route del default");
        lab.site.run("ip route add 192.0.2.77 via 198.51.100.1");
        expect(&check(icmp(probed_site::SITE), 300).await, Fail, "within");
        expect(
            &check(icmp_from(probed_site::SITE, from("192.0.2.77")), 1000).await,
            Pass,
            "",
        );
        lab.site.run("ip route add 192.0.2.2 via 198.51.100.1");
        expect(
            &check(icmp_from(probed_site::SITE, on("up0")), 1000).await,
            Pass,
            "",
        );
        expect(
            &check(icmp_from(probed_site::SITE, on("lo")), 300).await,
            Fail,
            "within",
        );
        expect(
            &check(icmp_from(probed_site::SITE, from("192.0.2.78")), 1000).await,
            Error,
            "from 192.0.2.78",
        );
        expect(
            &check(icmp_from(probed_site::SITE, on("gone0")), 1000).await,
            Error,
            "on interface gone0",
        );
    });
}

#[test]
fn a_link_local_target_is_reached_through_the_interface() {
    Lab::run(async |lab| {
        lab.router.run("ip -6 addr add fe80::1/64 dev down0 nodad");
        expect(
            &check(icmp_from("fe80::1", on("up0")), 1000).await,
            Pass,
            "fe80::1",
        );
        expect(
            &check(icmp_from("fe80::9", on("up0")), 1000).await,
            Fail,
            "unreachable",
        );
    });
}

#[test]
fn an_interface_that_is_made_anew_is_followed() {
    Lab::run(async |lab| {
        let probe = checker().probe(&probe(icmp_from("192.0.2.129", on("tun0")), 1000), &[]);
        for _ in 0..2 {
            lab.here.run("ip link add tun0 type veth peer name far0");
            lab.here.run("ip link set tun0 up");
            lab.here.run("ip link set far0 up");
            lab.here.run("ip addr add 192.0.2.130/30 dev tun0");
            // Nobody is at the other end: what matters is that the ping went out of the new one.
            expect(&probe.check().await, Fail, "192.0.2.129");
            lab.here.run("ip link del tun0");
            expect(&probe.check().await, Error, "");
        }
    });
}

#[test]
fn pings_of_one_target_do_not_take_each_others_replies() {
    Lab::run(async |_| {
        let checker = checker();
        let alive: Vec<_> = (0..20)
            .map(|_| checker.probe(&probe(icmp(probed_site::SITE), 2000), &[]))
            .collect();
        let dead = checker.probe(&probe(icmp(probed_site::ROUTER_BLACKHOLE), 500), &[]);
        let mut checks = tokio::task::JoinSet::new();
        for probe in [alive.clone(), alive].concat() {
            checks.spawn(async move { probe.check().await });
        }
        expect(&dead.check().await, Fail, "within");
        for report in checks.join_all().await {
            expect(&report, Pass, "");
        }
    });
}

#[test]
fn a_thousand_pings_on_one_tick_lose_none() {
    for threads in [1, 2] {
        let namespace = probed_site::Namespace::new();
        namespace.inside(|| {
            let mut builder = match threads {
                1 => tokio::runtime::Builder::new_current_thread(),
                _ => tokio::runtime::Builder::new_multi_thread(),
            };
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(async {
                let checker = checker();
                let probes: Vec<_> = (0..1000_u32)
                    .map(|n| {
                        let target = format!("127.0.{}.{}", n / 200, n % 200 + 1);
                        checker.probe(&probe(icmp(&target), 2000), &[])
                    })
                    .collect();
                let mut checks = tokio::task::JoinSet::new();
                for probe in probes {
                    checks.spawn(async move { probe.check().await });
                }
                let reports = checks.join_all().await;
                let lost = reports.iter().filter(|report| report.outcome != Pass).count();
                assert_eq!((reports.len(), lost), (1000, 0), "on {threads} threads");
            });
        });
    }
}

#[test]
fn without_permission_a_ping_is_an_error_that_says_what_to_do() {
    Lab::run(async |_| {
        let _laid_aside = without_capabilities();
        for site in [probed_site::SITE, probed_site::SITE6] {
            let report = check(icmp(site), 1000).await;
            expect(&report, Error, "CAP_NET_RAW");
            expect(&report, Error, "net.ipv4.ping_group_range");
        }
    });
}

#[test]
fn without_raw_sockets_datagram_sockets_do() {
    Lab::run(async |lab| {
        lab.here
            .inside(|| std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").unwrap());
        let _laid_aside = without_capabilities();
        let checker = checker();
        for site in [probed_site::SITE, probed_site::SITE6] {
            let target = checker.probe(&probe(icmp(site), 1000), &[]);
            let again = checker.probe(&probe(icmp(site), 1000), &[]);
            // The kernel chooses the identifier: only the number tells these two apart.
            let (one, other) = tokio::join!(target.check(), again.check());
            expect(&one, Pass, site);
            expect(&other, Pass, site);
        }
        for (target, outcome) in [
            (probed_site::ROUTER_BLACKHOLE, Fail),
            (probed_site::ROUTER_UNREACHABLE, Fail),
            (probed_site::DEAD_ON_LINK, Fail),
            (probed_site::OWN_UNREACHABLE, Error),
            (probed_site::NO_ROUTE, Error),
        ] {
            let report = checker.probe(&probe(icmp(target), 300), &[]).check().await;
            expect(&report, outcome, target);
        }
        // Without CAP_NET_ADMIN the buffer is what the system allows.
        let room = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
        let enough = room.trim().parse::<usize>().unwrap() >= 4 << 20;
        assert_eq!(checker.warnings().is_empty(), enough, "{:?}", checker.warnings());
    });
}

#[test]
fn with_permission_there_is_nothing_to_warn_of() {
    Lab::run(async |_| {
        let checker = checker();
        for site in [probed_site::SITE, probed_site::SITE6] {
            let probe = checker.probe(&probe(icmp(site), 1000), &[]);
            expect(&probe.check().await, Pass, "");
        }
        assert_eq!(checker.warnings(), Vec::<String>::new());
    });
}

#[test]
fn privileges_may_be_laid_aside_once_the_probes_are_made() {
    Lab::run(async |_| {
        let probe = checker().probe(&probe(icmp(probed_site::SITE), 1000), &[]);
        let _laid_aside = without_capabilities();
        expect(&probe.check().await, Pass, "");
    });
}

#[test]
fn a_target_inside_an_announced_prefix_is_an_error_and_trouble() {
    Lab::run(async |_| {
        let announced = ["198.51.100.0/24".parse().unwrap()];
        let probe = checker().probe(&probe(icmp(probed_site::SITE), 1000), &announced);
        expect(&probe.check().await, Error, "lies inside 198.51.100.0/24");
        assert!(
            probe.trouble().unwrap().contains("198.51.100.2"),
            "{:?}",
            probe.trouble()
        );
    });
}

#[test]
fn a_socket_lives_as_long_as_the_checker_or_a_probe() {
    Lab::run(async |_| {
        let probe = {
            let checker = checker();
            drop(checker.probe(&probe(icmp(probed_site::SITE), 1000), &[]));
            checker.probe(&probe(icmp(probed_site::SITE), 1000), &[])
        };
        let clone = probe.clone();
        drop(clone);
        expect(&probe.check().await, Pass, "");
    });
}

/// A redirect says that the packet went on by another way: it is neither a reply nor an error.
#[test]
fn a_redirect_is_no_answer() {
    Lab::run(async |lab| {
        lab.router.run("ip route add 203.0.113.9 via 192.0.2.9");
        expect(&check(icmp("203.0.113.9"), 500).await, Fail, "within 500ms");
        assert!(icmp_received("InRedirects") > 0, "the router sent none");
    });
}

/// How many ICMP packets of a kind this namespace received.
fn icmp_received(kind: &str) -> u32 {
    let counters = std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap();
    let mut lines = counters.lines().filter_map(|line| line.strip_prefix("Icmp: "));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let place = names.split(' ').position(|name| name == kind).unwrap();
    values.split(' ').nth(place).unwrap().parse().unwrap()
}

/// Lays this thread's capabilities aside, as a service without privileges has none.
fn without_capabilities() -> Restore {
    let sets = capabilities(None).unwrap();
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        ..sets
    };
    set_capabilities(None, none).unwrap();
    Restore(sets)
}

/// Gives them back when it is dropped.
struct Restore(CapabilitySets);

impl Drop for Restore {
    fn drop(&mut self) {
        set_capabilities(None, self.0).unwrap();
    }
}
