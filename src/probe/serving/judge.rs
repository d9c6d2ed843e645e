//! What the kernel's answer means: whether a packet to an address would be served at this site while its
//! prefix is announced. What would be another with the announcement in place is taken into account, and
//! nothing is installed to find out.

use std::net::IpAddr;

use ipnet::IpNet;

use super::kernel::{KernelAnswer, KernelHop, KernelRoute, KernelSocket, RouteRefusal};
use crate::config::model::Family;
use crate::model::message::{CodedText, coded};
use crate::model::serving::ServingRoute;

/// Addresses that nothing more specific than a default route leads to: 240.0.0.0/4 is reserved (RFC 1112), and
/// 4000::/3 was never given out (RFC 4291).
const NOWHERE: [(Family, &str); 2] = [(Family::V4, "240.0.0.1"), (Family::V6, "4000::1")];

/// A default route, also where it is written as two halves, or as what was given out of IPv6.
const LONGEST_DEFAULT: [(Family, u8); 2] = [(Family::V4, 1), (Family::V6, 3)];

/// What of the configuration tells where a service may be served.
#[derive(Clone, Debug, Default)]
pub struct ServingContext {
    /// The prefixes that it announces.
    pub prefixes: Vec<IpNet>,
    /// Whether bird.conf is rendered: the kernel gets a blackhole for each prefix while it is announced.
    pub rendered: bool,
    /// The upstreams whose neighbours are known, and those.
    pub upstreams: Vec<(String, IpAddr)>,
}

/// Where a service may be served, and where its requests come in.
#[derive(Clone, Debug)]
pub(crate) struct ServingPlace {
    prefixes: Vec<IpNet>,
    rendered: bool,
    upstreams: Vec<(String, IpAddr)>,
}

/// What of the host the judgement rests on, beside the route itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostFacts {
    /// Whether packets of the family are forwarded; `None`: that cannot be read.
    pub(crate) forwards: Option<bool>,
    /// The interfaces of the default route.
    pub(crate) default: Vec<String>,
    /// The upstreams with their interfaces, and whether rp_filter is strict there.
    pub(crate) upstreams: Vec<(String, String, bool)>,
}

impl ServingPlace {
    pub(crate) fn new(context: &ServingContext) -> Self {
        Self {
            prefixes: context.prefixes.clone(),
            rendered: context.rendered,
            upstreams: context.upstreams.clone(),
        }
    }

    /// Asks the kernel of each address. Takes microseconds, unless the routes are being changed.
    pub(crate) fn ask(&self, addresses: &[IpAddr]) -> Vec<ServingRoute> {
        let mut kernel = match KernelSocket::open() {
            Ok(kernel) => kernel,
            Err(error) => {
                let error = format!("the kernel cannot be asked: {error}");
                let unknown = |address: &IpAddr| shown(*address, None, not_asked(&error), None);
                return addresses.iter().map(unknown).collect();
            }
        };
        let judged = addresses.iter().map(|address| {
            let answer = kernel.ask(*address);
            let host = self.host(&mut kernel, Family::of_address(*address));
            let way = |hop: &KernelHop| way(&kernel.interface(hop.interface), hop.gateway);
            let ways = match &answer {
                KernelAnswer::Route(route) => route.hops.iter().map(way).collect(),
                KernelAnswer::Refused(_) | KernelAnswer::NotAsked(_) => Vec::new(),
            };
            self.judge(*address, &answer, &ways, &host)
        });
        judged.collect()
    }

    /// What it means. `ways`: the answer's hops in words.
    pub(crate) fn judge(
        &self,
        address: IpAddr,
        answer: &KernelAnswer,
        ways: &[String],
        host: &HostFacts,
    ) -> ServingRoute {
        let (serves, words) = match answer {
            KernelAnswer::NotAsked(why) => (None, not_asked(why)),
            KernelAnswer::Refused(refusal) => (Some(false), refused(*refusal)),
            KernelAnswer::Route(route) if route.local => {
                (Some(true), coded!("route_local", "this host has the address"))
            }
            KernelAnswer::Route(route) => {
                let (serves, words) = self.behind(address, route, &ways.join(" and "), host);
                (Some(serves), words)
            }
        };
        let warning = strict_rp_filter(host).filter(|_| serves == Some(true));
        shown(address, serves, words, warning)
    }

    /// A packet would leave by an interface: to where it is served, or away.
    fn behind(&self, address: IpAddr, route: &KernelRoute, way: &str, host: &HostFacts) -> (bool, CodedText) {
        let prefix = route.prefix;
        if is_default(&prefix) {
            let words = coded!("route_default", "it would leave by the default route, {way}", way);
            return (false, words);
        }
        let announced = self
            .prefixes
            .iter()
            .filter(|announced| announced.contains(&address));
        let announced = announced.map(IpNet::prefix_len).max().unwrap_or(0);
        if route.by_bird && prefix.prefix_len() <= announced {
            let words = coded!(
                "route_of_bird",
                "it would leave by BIRD's own route {prefix}, {way}, whose place the announcement takes",
                prefix,
                way
            );
            return (false, words);
        }
        if self.rendered && prefix.prefix_len() < announced {
            let words = coded!(
                "route_too_short",
                "the route {prefix}, {way}, is less specific than the blackhole that the kernel gets while the prefix is announced",
                prefix,
                way
            );
            return (false, words);
        }
        if host.forwards == Some(false) {
            let switch = forwarding_switch(Family::of_address(address));
            let words = coded!(
                "route_not_forwarded",
                "it would go by {prefix}, {way}, but {switch} is 0: this host forwards nothing",
                prefix,
                way,
                switch
            );
            return (false, words);
        }
        (
            true,
            coded!("route_behind", "it goes by {prefix}, {way}", prefix, way),
        )
    }

    fn host(&self, kernel: &mut KernelSocket, family: Family) -> HostFacts {
        let nowhere = NOWHERE.iter().find(|(of, _)| *of == family);
        let nowhere = nowhere.and_then(|(_, address)| address.parse().ok());
        let default = nowhere
            .map(|address| interfaces(kernel, address))
            .unwrap_or_default();
        let neighbors = self.upstreams.iter();
        let neighbors =
            neighbors.filter(|(_, address)| family == Family::V4 && Family::of_address(*address) == family);
        let mut upstreams = Vec::new();
        for (name, address) in neighbors {
            for interface in interfaces(kernel, *address) {
                let strict = rp_filter(&interface) == Some(1);
                upstreams.push((name.clone(), interface, strict));
            }
        }
        HostFacts {
            forwards: read_switch(forwarding_switch(family)).map(|value| value != 0),
            default,
            upstreams,
        }
    }
}

fn interfaces(kernel: &mut KernelSocket, address: IpAddr) -> Vec<String> {
    match kernel.ask(address) {
        KernelAnswer::Route(route) => route
            .hops
            .iter()
            .map(|hop| kernel.interface(hop.interface))
            .collect(),
        KernelAnswer::Refused(_) | KernelAnswer::NotAsked(_) => Vec::new(),
    }
}

fn is_default(prefix: &IpNet) -> bool {
    let mut longest = LONGEST_DEFAULT.iter();
    longest.any(|(family, length)| *family == Family::of(prefix) && prefix.prefix_len() <= *length)
}

/// Requests come in where the answers do not leave, and the kernel takes them for forged (RFC 3704, 2.2).
fn strict_rp_filter(host: &HostFacts) -> Option<CodedText> {
    let elsewhere = |interface: &String| !host.default.is_empty() && !host.default.contains(interface);
    let mut strict = host.upstreams.iter();
    let (upstream, interface, _) = strict.find(|(_, interface, strict)| *strict && elsewhere(interface))?;
    let default = host.default.join(" and ");
    Some(coded!(
        "rp_filter_strict",
        "requests come in by {interface} ({upstream}), and answers leave by {default}: net.ipv4.conf.{interface}.rp_filter = 1 drops them",
        interface,
        upstream,
        default
    ))
}

/// The effective value: the larger of the interface's own and that of all (ip-sysctl).
fn rp_filter(interface: &str) -> Option<u8> {
    let of = |name: &str| read_switch(&format!("net.ipv4.conf.{name}.rp_filter"));
    Some(of(interface)?.max(of("all")?))
}

fn forwarding_switch(family: Family) -> &'static str {
    match family {
        Family::V4 => "net.ipv4.ip_forward",
        Family::V6 => "net.ipv6.conf.all.forwarding",
    }
}

/// A number below /proc/sys. An interface's name may have dots.
fn read_switch(name: &str) -> Option<u8> {
    let path = match name
        .strip_prefix("net.ipv4.conf.")
        .and_then(|rest| rest.rsplit_once('.'))
    {
        Some((interface, key)) => format!("/proc/sys/net/ipv4/conf/{interface}/{key}"),
        None => format!("/proc/sys/{}", name.replace('.', "/")),
    };
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn way(interface: &str, gateway: Option<IpAddr>) -> String {
    match gateway {
        Some(gateway) => format!("{interface} via {gateway}"),
        None => interface.to_owned(),
    }
}

fn not_asked(why: &str) -> CodedText {
    coded!("route_not_asked", "{why}", why)
}

fn refused(refusal: RouteRefusal) -> CodedText {
    match refusal {
        RouteRefusal::Blackhole => coded!(
            "route_blackhole",
            "a blackhole drops it, such as the one that the kernel gets while the prefix is announced"
        ),
        RouteRefusal::Unreachable => coded!("route_unreachable", "a route says unreachable"),
        RouteRefusal::Prohibited => coded!("route_prohibited", "a route says prohibited"),
        RouteRefusal::NoRoute => coded!("route_none", "there is no route to it"),
        RouteRefusal::NoHost => coded!("route_no_host", "it is a broadcast or multicast address"),
    }
}

fn shown(
    address: IpAddr,
    serves: Option<bool>,
    words: CodedText,
    warning: Option<CodedText>,
) -> ServingRoute {
    let (warning, warning_message) = match warning {
        Some(CodedText { text, message }) => (Some(text), message),
        None => (None, None),
    };
    ServingRoute {
        address,
        answer: words.text,
        answer_message: words.message,
        serves,
        warning,
        warning_message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(rendered: bool) -> ServingPlace {
        ServingPlace::new(&ServingContext {
            prefixes: vec![
                "198.51.100.0/24".parse().unwrap(),
                "2001:db8:5100::/48".parse().unwrap(),
            ],
            rendered,
            upstreams: Vec::new(),
        })
    }

    fn route(prefix: &str, local: bool, by_bird: bool) -> KernelAnswer {
        KernelAnswer::Route(KernelRoute {
            local,
            prefix: prefix.parse().unwrap(),
            by_bird,
            hops: Vec::new(),
        })
    }

    fn forwarding(on: bool) -> HostFacts {
        HostFacts {
            forwards: Some(on),
            ..HostFacts::default()
        }
    }

    fn judged(rendered: bool, address: &str, answer: &KernelAnswer, host: &HostFacts) -> ServingRoute {
        place(rendered).judge(
            address.parse().unwrap(),
            answer,
            &["eth0 via 192.0.2.1".to_owned()],
            host,
        )
    }

    #[test]
    fn d16_what_the_kernel_would_do_with_the_announcement_in_place() {
        let v4 = "198.51.100.10";
        let v6 = "2001:db8:5100::10";
        let nowhere = [
            RouteRefusal::Blackhole,
            RouteRefusal::Unreachable,
            RouteRefusal::Prohibited,
            RouteRefusal::NoRoute,
            RouteRefusal::NoHost,
        ];
        for refusal in nowhere {
            let judged = judged(true, v4, &KernelAnswer::Refused(refusal), &forwarding(true));
            assert_eq!(judged.serves, Some(false), "{judged:?}");
        }
        let not_asked = KernelAnswer::NotAsked("no".to_owned());
        assert_eq!(judged(true, v4, &not_asked, &forwarding(true)).serves, None);
        for (rendered, address, prefix, local, by_bird, serves) in [
            (true, v4, "198.51.100.10/32", true, false, true),
            (true, v4, "198.51.100.0/24", true, false, true),
            (true, v4, "0.0.0.0/0", false, false, false),
            (false, v4, "128.0.0.0/1", false, false, false),
            (false, v6, "::/0", false, false, false),
            (false, v6, "2000::/3", false, false, false),
            (true, v4, "198.51.100.0/24", false, false, true),
            (true, v4, "198.51.100.0/28", false, true, true),
            (true, v4, "198.51.100.0/24", false, true, false),
            (false, v4, "198.51.0.0/16", false, true, false),
            (false, v4, "198.51.0.0/16", false, false, true),
            (true, v4, "198.51.0.0/16", false, false, false),
            (true, v6, "2001:db8:5100::/48", false, false, true),
        ] {
            let judged = judged(
                rendered,
                address,
                &route(prefix, local, by_bird),
                &forwarding(true),
            );
            assert_eq!(judged.serves, Some(serves), "{prefix} {judged:?}");
        }
    }

    #[test]
    fn d16_what_is_behind_an_interface_needs_forwarding_and_what_is_here_does_not() {
        let behind = route("198.51.100.0/24", false, false);
        let off = judged(true, "198.51.100.10", &behind, &forwarding(false));
        assert_eq!(off.serves, Some(false));
        assert!(off.answer.contains("net.ipv4.ip_forward is 0"), "{}", off.answer);
        let here = route("198.51.100.10/32", true, false);
        assert_eq!(
            judged(true, "198.51.100.10", &here, &forwarding(false)).serves,
            Some(true)
        );
        let off = judged(
            true,
            "2001:db8:5100::10",
            &route("2001:db8:5100::/64", false, false),
            &forwarding(false),
        );
        assert!(
            off.answer.contains("net.ipv6.conf.all.forwarding is 0"),
            "{}",
            off.answer
        );
    }

    #[test]
    fn d16_a_strict_rp_filter_is_told_where_requests_come_in_and_answers_do_not_leave() {
        let here = route("198.51.100.10/32", true, false);
        let warned = |upstream: &str, strict, default: &[&str]| {
            let host = HostFacts {
                forwards: Some(true),
                default: default.iter().map(|name| (*name).to_owned()).collect(),
                upstreams: vec![("isp_b".to_owned(), upstream.to_owned(), strict)],
            };
            judged(true, "198.51.100.10", &here, &host).warning
        };
        let warning = warned("eth1", true, &["eth0"]).unwrap();
        assert_eq!(
            warning,
            "requests come in by eth1 (isp_b), and answers leave by eth0: net.ipv4.conf.eth1.rp_filter = 1 drops them"
        );
        assert_eq!(warned("eth1", false, &["eth0"]), None);
        assert_eq!(warned("eth0", true, &["eth0"]), None);
        assert_eq!(warned("eth1", true, &["eth0", "eth1"]), None);
        assert_eq!(warned("eth1", true, &[]), None);
    }
}
