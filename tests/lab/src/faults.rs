//! What goes wrong between the hosts: silence, loss of some packets, loss of the carrier. Faults of
//! programs are signals, see `process`.

use std::fmt::Display;
use std::time::SystemTime;

use anyhow::Result;

use crate::netns::Netns;
use crate::wait;

/// Packets that are lost while the link as such works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// ICMP echo, both families, to and from the primary.
    Ping,
    /// TCP to and from the primary's own address; its BGP session is left alone.
    Tcp,
    /// Everything between the standby and the primary, and nothing else: the client still reaches both.
    ProbePath,
    /// Everything between the standby and the witnesses.
    Witnesses,
    /// Everything between the standby and the first witness.
    FirstWitness,
}

impl Loss {
    fn table(self) -> &'static str {
        match self {
            Self::Ping => "lab_ping",
            Self::Tcp => "lab_tcp",
            Self::ProbePath => "lab_probe_path",
            Self::Witnesses => "lab_witnesses",
            Self::FirstWitness => "lab_first_witness",
        }
    }

    /// nftables expressions for what is dropped where the upstream forwards it.
    fn dropped(self) -> &'static [&'static str] {
        match self {
            Self::Ping => &[
                "oifname \"cn\" meta l4proto { icmp, ipv6-icmp }",
                "iifname \"cn\" meta l4proto { icmp, ipv6-icmp }",
            ],
            Self::Tcp => &[
                "oifname \"cn\" ip daddr 198.18.0.1 meta l4proto tcp",
                "oifname \"cn\" ip6 daddr 2001:db8:18::1 meta l4proto tcp",
            ],
            Self::ProbePath => &["iifname \"hk\" oifname \"cn\"", "iifname \"cn\" oifname \"hk\""],
            Self::Witnesses => &[
                "iifname \"hk\" oifname \"witness\"",
                "iifname \"witness\" oifname \"hk\"",
            ],
            Self::FirstWitness => &["ip daddr 192.0.2.53", "ip6 daddr 2001:db8:53::53"],
        }
    }
}

/// Cuts a host's link in both directions: nothing is answered, not even ARP, and both ends keep their
/// carrier. To everybody else the host lost its power. Returns when it happened.
///
/// What the host still sends is seen by a capture at the upstream's interface, and then dropped.
pub fn silence(isp: &Netns, host: &Netns, name: impl Display) -> Result<SystemTime> {
    // Both rule sets take effect at once with their commit; the upstream's is the one that counts.
    host.nft(&ingress("wan0"))?;
    isp.nft(&ingress(&name.to_string()))?;
    Ok(wait::now())
}

/// Heals what [`silence`] cut, and returns when.
pub fn heal(isp: &Netns, host: &Netns, name: impl Display) -> Result<SystemTime> {
    host.nft(&format!("delete table netdev {}\n", cut_table("wan0")))?;
    isp.nft(&format!("delete table netdev {}\n", cut_table(&name.to_string())))?;
    Ok(wait::now())
}

/// Starts losing some packets at the upstream, and returns when.
pub fn lose(isp: &Netns, loss: Loss) -> Result<SystemTime> {
    let mut rules = format!(
        "table inet {} {{\n chain forward {{\n  type filter hook forward priority 0;\n",
        loss.table()
    );
    for expression in loss.dropped() {
        rules.push_str(&format!("  {expression} drop\n"));
    }
    rules.push_str(" }\n}\n");
    isp.nft(&rules)?;
    Ok(wait::now())
}

/// Stops losing them, and returns when.
pub fn find_again(isp: &Netns, loss: Loss) -> Result<SystemTime> {
    isp.nft(&format!("delete table inet {}\n", loss.table()))?;
    Ok(wait::now())
}

/// Takes a host's carrier away (at the upstream's end) or gives it back.
pub fn carrier(isp: &Netns, host: impl Display, up: bool) -> Result<SystemTime> {
    let state = if up { "up" } else { "down" };
    isp.ip_batch(&format!("link set {host} {state}\n"))?;
    Ok(wait::now())
}

fn cut_table(interface: &str) -> String {
    format!("lab_cut_{interface}")
}

fn ingress(interface: &str) -> String {
    format!(
        "table netdev {} {{\n chain everything {{\n  type filter hook ingress device \"{interface}\" priority 0;\n  drop\n }}\n}}\n",
        cut_table(interface)
    )
}
