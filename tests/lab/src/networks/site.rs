//! What a site announces without a Falconer, for as long as its BIRD lives. Text only.

use std::fmt::Write as _;

use super::topology::Network;
use crate::bird_conf::{head, sessions};
use crate::topology::Host;

/// An announcement that no Falconer steers.
#[derive(Clone, Debug, Default)]
pub struct Always {
    /// What is announced.
    pub prefixes: Vec<&'static str>,
    /// How many times the own AS is prepended.
    pub prepend: usize,
}

impl Always {
    /// These prefixes, without prepends.
    pub fn of(prefixes: &[&'static str]) -> Self {
        Self {
            prefixes: prefixes.to_vec(),
            prepend: 0,
        }
    }

    /// bird.conf of the site.
    pub(super) fn bird_conf(&self, host: Host, hold: u32, bfd: bool) -> String {
        let isp = if host == Host::Cn {
            Network::IspA
        } else {
            Network::IspB
        };
        let Some((_, local, neighbor)) = sessions(host).into_iter().next() else {
            return String::new();
        };
        let mut text = head(&local);
        if bfd {
            text.push_str("protocol bfd { }\n");
        }
        text.push_str("protocol static web_v4 {\n  ipv4;\n");
        for prefix in &self.prefixes {
            let _ = writeln!(text, "  route {prefix} blackhole;");
        }
        let own = host.asn().unwrap_or_default();
        let prepends = format!("bgp_path.prepend({own}); ").repeat(self.prepend);
        let bfd = if bfd {
            "bfd { interval 300 ms; multiplier 3; };"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "}}\nprotocol bgp isp_upstream {{\n  local {local} as {own};\n  neighbor {neighbor} as {};\n  \
             hold time {hold}; keepalive time {};\n  connect delay time 1; connect retry time 1; \
             error wait time 1, 1;\n  {bfd}\n  ipv4 {{ import none; \
             export filter {{ if proto = \"web_v4\" then {{ {prepends}accept; }} reject; }}; next hop self; }};\n}}",
            isp.asn(),
            hold / 3
        );
        text
    }
}
