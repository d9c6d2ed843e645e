//! Checks of whether this site can serve (D16), against the routes of a real kernel.

use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use anyhow::Result;
use falconer::model::serving::ServingRoute;
use falconer::model::snapshot::CheckOutcome::{Fail, Pass};
use falconer::probe::CheckReport;
use falconer::probe::serving::ServingContext;
use falconer_lab::netns::Netns;
use falconer_lab::wait;

use crate::make::{checker, probe, tcp};

const SOON: Duration = Duration::from_secs(5);
const ADDRESS: &str = "198.51.100.10";
const ADDRESS6: &str = "2001:db8:5100::10";

/// One check inside, and what the kernel said.
fn check(netns: &Netns, address: &str) -> Result<(CheckReport, ServingRoute)> {
    let context = ServingContext {
        prefixes: vec!["198.51.100.0/24".parse()?, "2001:db8:5100::/48".parse()?],
        rendered: true,
        upstreams: vec![("isp_b".to_owned(), IpAddr::from([203, 0, 113, 1]))],
    };
    netns.inside(|| {
        // Its threads are started here, and so ask this kernel.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let check = checker().serves(&probe(tcp(address, 80), 500), &context);
            let report = check.check().await;
            let routes = check.routes();
            anyhow::ensure!(routes.len() == 1, "{routes:?}");
            Ok((report, routes[0].clone()))
        })
    })
}

/// A host with a default route by eth0.
fn host() -> Result<Netns> {
    let netns = Netns::alone()?;
    for line in [
        "ip link add eth0 type veth peer name isp0",
        "ip link add tun1 type veth peer name isp1",
        "ip link set isp0 up",
        "ip link set isp1 up",
        "ip addr add 192.0.2.2/24 dev eth0",
        "ip -6 addr add 2001:db8:1::2/64 dev eth0 nodad",
        "ip link set eth0 up",
        "ip link set tun1 up",
        "ip route add default via 192.0.2.1",
        "ip -6 route add default via 2001:db8:1::1",
        "sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0",
    ] {
        netns.run_line(line)?;
    }
    Ok(netns)
}

/// What the kernel says after each line, and whether that serves; the check is not sent where it does not.
fn told(address: &str, steps: &[(&str, bool, &str)]) {
    let netns = host().expect("a network namespace");
    for (line, serves, words) in steps {
        if !line.is_empty() {
            netns.run_line(line).expect(line);
        }
        // The kernel takes an address of IPv6 in a moment after it was added.
        let (report, route) = wait::until(&format!("{words} after {line}"), SOON, || {
            Ok(Some(check(&netns, address)?).filter(|(_, route)| route.answer == *words))
        })
        .expect("the kernel's answer");
        assert_eq!(route.serves, Some(*serves), "{line}: {route:?}");
        if !serves {
            assert_eq!(
                (report.outcome, report.detail),
                (Fail, format!("{address}: {words}")),
                "{line}"
            );
        }
    }
}

const BLACKHOLE: &str =
    "a blackhole drops it, such as the one that the kernel gets while the prefix is announced";

#[test]
fn d16_the_kernel_says_where_a_packet_would_go_over_ipv4() {
    told(
        ADDRESS,
        &[
            (
                "",
                false,
                "it would leave by the default route, eth0 via 192.0.2.1",
            ),
            ("ip route del default", false, "there is no route to it"),
            (
                "ip route add blackhole 198.51.100.0/24 metric 20000 proto bird",
                false,
                BLACKHOLE,
            ),
            (
                "ip route add unreachable 198.51.100.0/25",
                false,
                "a route says unreachable",
            ),
            (
                "ip route add prohibit 198.51.100.0/26",
                false,
                "a route says prohibited",
            ),
            (
                "ip route add 198.51.100.0/28 dev tun1",
                false,
                "it would go by 198.51.100.0/28, tun1, but net.ipv4.ip_forward is 0: this host forwards nothing",
            ),
            (
                "sysctl -qw net.ipv4.ip_forward=1",
                true,
                "it goes by 198.51.100.0/28, tun1",
            ),
            (
                "ip addr add 198.51.100.10/32 dev lo",
                true,
                "this host has the address",
            ),
        ],
    );
}

#[test]
fn d16_the_kernel_says_where_a_packet_would_go_over_ipv6() {
    told(
        ADDRESS6,
        &[
            (
                "",
                false,
                "it would leave by the default route, eth0 via 2001:db8:1::1",
            ),
            ("ip -6 route del default", false, "there is no route to it"),
            (
                "ip -6 route add blackhole 2001:db8:5100::/48 metric 20000 proto bird",
                false,
                BLACKHOLE,
            ),
            (
                "ip -6 route add unreachable 2001:db8:5100::/56",
                false,
                "a route says unreachable",
            ),
            (
                "ip -6 route add prohibit 2001:db8:5100::/60",
                false,
                "a route says prohibited",
            ),
            (
                "ip -6 route add 2001:db8:5100::/64 dev tun1",
                false,
                "it would go by 2001:db8:5100::/64, tun1, but net.ipv6.conf.all.forwarding is 0: this host forwards nothing",
            ),
            (
                "sysctl -qw net.ipv6.conf.all.forwarding=1",
                true,
                "it goes by 2001:db8:5100::/64, tun1",
            ),
            (
                "ip -6 addr add 2001:db8:5100::10/128 dev lo nodad",
                true,
                "this host has the address",
            ),
        ],
    );
}

#[test]
fn d16_the_hosts_own_route_is_believed_and_one_of_bird_to_the_whole_prefix_is_not() {
    told(
        ADDRESS,
        &[
            (
                "ip route add 198.51.100.0/24 via 192.0.2.1 proto bird",
                false,
                "it would leave by BIRD's own route 198.51.100.0/24, eth0 via 192.0.2.1, whose place the announcement takes",
            ),
            (
                "ip route replace 198.51.100.0/24 dev tun1 proto static",
                false,
                "it would go by 198.51.100.0/24, tun1, but net.ipv4.ip_forward is 0: this host forwards nothing",
            ),
        ],
    );
}

#[test]
fn d16_what_is_here_is_asked_and_passes_only_if_somebody_answers() {
    let netns = host().expect("a network namespace");
    netns
        .run_line("ip addr add 198.51.100.10/32 dev lo")
        .expect("an address");
    let (refused, _) = check(&netns, ADDRESS).expect("a check");
    assert_eq!(refused.outcome, Fail, "{refused:?}");
    let _server = netns
        .inside(|| Ok(TcpListener::bind((ADDRESS, 80))?))
        .expect("a listener");
    let (answered, route) = check(&netns, ADDRESS).expect("a check");
    assert_eq!((answered.outcome, route.warning), (Pass, None), "{answered:?}");
}

#[test]
fn d16_a_strict_rp_filter_is_told_where_requests_come_in_by_another_interface() {
    let netns = host().expect("a network namespace");
    for line in [
        "ip addr add 198.51.100.10/32 dev lo",
        "ip link add eth1 type veth peer name isp2",
        "ip link set isp2 up",
        "ip addr add 203.0.113.2/24 dev eth1",
        "ip link set eth1 up",
        "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth1.rp_filter=1",
    ] {
        netns.run_line(line).expect(line);
    }
    let warning = |netns| check(netns, ADDRESS).expect("a check").1.warning;
    let strict = "requests come in by eth1 (isp_b), and answers leave by eth0: net.ipv4.conf.eth1.rp_filter = 1 drops them";
    assert_eq!(warning(&netns).as_deref(), Some(strict));
    netns
        .run_line("sysctl -qw net.ipv4.conf.eth1.rp_filter=2")
        .expect("sysctl");
    assert_eq!(warning(&netns), None);
}
