//! Which kernel protocols would turn which routes into blackholes.

use ipnet::IpNet;

use super::*;
use crate::bird::parse::ProtocolState;
use crate::bird::reconcile::obstacles::kernel_blackhole;
use crate::bird::reconcile::routes::{OtherRoute, OtherRoutes, RouteFacts};
use crate::config::model::{Family, StaticProtocolConfig};
use crate::model::snapshot::Obstacle;

const PREFIX: &str = "198.51.100.0/24";

fn prefix() -> IpNet {
    PREFIX.parse().unwrap()
}

fn row(name: &str, proto: &str) -> ProtocolRow {
    ProtocolRow {
        name: name.to_owned(),
        proto: proto.to_owned(),
        table: Some("master4".to_owned()),
        state: ProtocolState::Up,
        info: String::new(),
    }
}

/// Our protocol, the route of another one, and a kernel protocol that exports by a filter.
struct Host {
    routes: RouteFacts,
    other: OtherRoute,
    channel: Channel,
}

impl Host {
    fn exporting(filter: &str) -> Self {
        Self {
            routes: RouteFacts {
                table: "master4".to_owned(),
                preference: Some(200),
                input_filter: ACCEPT.to_owned(),
                targets: vec![(prefix(), vec!["blackhole".to_owned()])],
            },
            other: OtherRoute {
                table: "master4".to_owned(),
                protocol: "isp_a".to_owned(),
                preference: Some(100),
            },
            channel: Channel {
                name: "ipv4".to_owned(),
                table: "master4".to_owned(),
                output_filter: filter.to_owned(),
                ..Channel::default()
            },
        }
    }

    fn told(self) -> Option<Obstacle> {
        let ours = StaticProtocolConfig {
            name: "web_v4".to_owned(),
            family: Family::V4,
            prefixes: vec![prefix()],
        };
        let mut kernels = kernel_protocols(&[
            row("kernel1", "Kernel"),
            row("direct1", "Direct"),
            row("isp_a", "BGP"),
        ]);
        assert_eq!(kernels.names, ["kernel1"]);
        kernels.add(&ProtocolDetail {
            protocol: row("kernel1", "Kernel"),
            description: None,
            message: None,
            bgp: None,
            channels: vec![self.channel],
        });
        let mut others = OtherRoutes::default();
        others.routes.insert(prefix(), vec![self.other]);
        kernel_blackhole(&ours, &self.routes, &others, &kernels)
    }
}

#[test]
fn a_route_that_export_all_would_turn_into_a_blackhole_is_told_with_the_line_that_would_be_right() {
    let told = Host::exporting("ACCEPT").told().unwrap();
    assert!(!told.certain, "the announcement works");
    assert_eq!(told.protocol, "web_v4");
    assert_eq!(
        told.text,
        "kernel1 exports all of table master4 to the kernel: while web_v4 is up, 198.51.100.0/24 is blackhole there, in \
         place of the route of isp_a, and this host reaches nothing in it that has no more specific route"
    );
    assert!(
        told.advice.contains("`export where source != RTS_STATIC`"),
        "{}",
        told.advice
    );
}

#[test]
fn a_kernel_protocol_with_a_filter_or_of_another_table_or_family_is_not_told() {
    for filter in ["REJECT", "(unnamed)", "to_kernel"] {
        assert_eq!(Host::exporting(filter).told(), None, "{filter}");
    }
    let mut host = Host::exporting("ACCEPT");
    host.channel.table = "vrf4".to_owned();
    assert_eq!(host.told(), None);
    let mut host = Host::exporting("ACCEPT");
    host.channel.name = "ipv6".to_owned();
    assert_eq!(host.told(), None);
}

#[test]
fn a_route_that_the_kernel_has_by_itself_or_keeps_is_not_told() {
    for name in ["kernel1", "direct1"] {
        let mut host = Host::exporting("ACCEPT");
        host.other.protocol = name.to_owned();
        assert_eq!(host.told(), None, "{name}");
    }
    let mut host = Host::exporting("ACCEPT");
    host.other.preference = Some(200);
    assert_eq!(host.told(), None, "it beats ours, which is another obstacle");
    let mut host = Host::exporting("ACCEPT");
    host.other.table = "vrf4".to_owned();
    assert_eq!(host.told(), None);
    let mut host = Host::exporting("ACCEPT");
    host.routes.targets[0].1 = vec!["via 192.0.2.1 on eth0".to_owned()];
    assert_eq!(host.told(), None, "it leads somewhere");
}
