//! Makes the namespaces and links of the three networks. It knows nothing of BGP.

use std::fmt::Write as _;

use anyhow::Result;

use super::topology::{LINKS, Network, RouterLink};
use crate::netns::{self, Netns};
use crate::topology::{Host, SERVICE4};

/// Makes every host and link.
pub(super) fn build(prefix: &str) -> Result<()> {
    let sites = [Host::Cn.name(), Host::Hk.name()];
    let hosts = || {
        let clients = Network::ALL.map(Network::client);
        sites.into_iter().chain(clients)
    };
    let routers = Network::ALL.map(Network::name);
    let mut lines = String::new();
    for host in hosts().chain(routers) {
        writeln!(lines, "netns add {prefix}{host}")?;
    }
    netns::ip_batch(&lines)?;
    for host in hosts() {
        netns::settings(&Netns::of(prefix, host), false)?;
    }
    for router in routers {
        netns::settings(&Netns::of(prefix, router), true)?;
        Netns::of(prefix, router).ip_batch("link set lo up\n")?;
    }
    for network in Network::ALL {
        if let Some(witness) = network.witness() {
            Netns::of(prefix, network).ip_batch(&format!("address add {witness}/32 dev lo\n"))?;
        }
    }
    for link in LINKS {
        connect(prefix, &link)?;
    }
    for site in sites {
        Netns::of(prefix, site).ip_batch(&format!("address add {SERVICE4}/32 dev lo\n"))?;
    }
    Ok(())
}

fn connect(prefix: &str, link: &RouterLink) -> Result<()> {
    let RouterLink {
        router,
        here,
        host,
        there,
    } = link;
    let interface = link.interface_there();
    netns::ip_batch(&format!(
        "link add {host} netns {prefix}{router} type veth peer name {interface} netns {prefix}{host}\n"
    ))?;
    Netns::of(prefix, router).ip_batch(&format!("link set {host} up\naddress add {here} dev {host}\n"))?;
    let mut lines = format!("link set lo up\nlink set {interface} up\naddress add {there} dev {interface}\n");
    if interface == "wan0" {
        let gateway = here.split('/').next().unwrap_or(here);
        writeln!(lines, "route add default via {gateway}")?;
    }
    Netns::of(prefix, host).ip_batch(&lines)
}
