//! The lab's own bird.conf texts: the upstream's, the primary's, and the standby's where no Falconer
//! renders one. Text only.

use std::fmt::Write as _;
use std::path::Path;

use crate::topology::{Host, LINKS, PREFIX4, PREFIX6};

/// What every BIRD of the lab starts with.
pub(crate) fn head(id: &str) -> String {
    format!(
        "log stderr all;\nrouter id {id};\ntimeformat protocol iso long us;\nprotocol device {{ scan time 10; }}\n"
    )
}

/// The upstream: prefers the primary where both announce, follows RFC 8326, and passes on what it knows.
pub fn upstream() -> String {
    let mut text = head("192.0.2.1");
    text.push_str(
        "protocol kernel kernel4 { ipv4 { import none; export where source = RTS_BGP; }; }\n\
         protocol kernel kernel6 { ipv6 { import none; export where source = RTS_BGP; }; }\n\
         filter from_cn { bgp_local_pref = 200; accept; }\n\
         filter from_hk { bgp_local_pref = 100; if (65535, 0) ~ bgp_community then bgp_local_pref = 0; accept; }\n",
    );
    for host in [Host::Cn, Host::Hk] {
        for (family, neighbor, local) in sessions(host) {
            let hold = hold_time(host);
            let _ = writeln!(
                text,
                "protocol bgp {host}_{family} {{\n  local {local} as 64500;\n  neighbor {neighbor} as {};\n  \
                 hold time {hold}; keepalive time {};\n  connect delay time 1; connect retry time 1; \
                 error wait time 1, 1;\n  {family} {{ import filter from_{host}; export all; next hop self; }};\n}}",
                host.asn().unwrap_or_default(),
                hold / 3,
            );
        }
    }
    text
}

/// The primary as it is without Falconer: announces for as long as it lives.
pub fn primary() -> String {
    let mut text = head("198.18.0.1");
    let _ = write!(
        text,
        "protocol static web_v4 {{ ipv4; route {PREFIX4} blackhole; }}\n\
         protocol static web_v6 {{ ipv6; route {PREFIX6} blackhole; }}\n"
    );
    text.push_str(&to_the_upstream(Host::Cn, "export where proto = \"web_vN\";"));
    text
}

/// A site as an engineer would write it by hand, with the lines that let Falconer attach: a dedicated
/// static protocol for each family and strength, silent unless it is switched on, and whose state
/// survives a reconfiguration.
pub fn steered(host: Host, run_dir: &Path) -> String {
    let id = host
        .addresses()
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut text = head(&id);
    for (family, prefix) in [("ipv4", PREFIX4), ("ipv6", PREFIX6)] {
        let version = version(family);
        for (name, preference) in [
            (format!("web_{version}"), 200),
            (format!("web_{version}_drain"), 190),
        ] {
            let include = immune_include(run_dir, &name);
            let _ = write!(
                text,
                "protocol static {name} {{\n  disabled;\n{include}\n  {family} {{ preference {preference}; }};\n  \
                 route {prefix} blackhole;\n}}\n"
            );
        }
    }
    let export = "export filter {\n\
                  \x20   if proto = \"web_vN_drain\" then { bgp_community.add((65535, 0)); bgp_path.prepend(OWN); bgp_path.prepend(OWN); accept; }\n\
                  \x20   if proto = \"web_vN\" then accept;\n    reject;\n  };";
    let own = host.asn().unwrap_or_default().to_string();
    text.push_str(&to_the_upstream(host, &export.replace("OWN", &own)));
    text
}

/// A session between the sites that carries nothing, with BFD at 100 ms x 3: it notices a silent
/// death of the other within a third of a second.
pub fn watch_with_bfd(host: Host) -> String {
    let (other, multihop) = (if host == Host::Cn { Host::Hk } else { Host::Cn }, 4);
    let address = |host: Host| {
        host.addresses()
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    format!(
        "protocol bfd bfd1 {{ multihop {{ min rx interval 100 ms; min tx interval 100 ms; multiplier 3; }}; }}\n\
         protocol bgp other_site {{\n  local {} as {};\n  neighbor {} as {};\n  multihop {multihop};\n  bfd;\n  \
         connect delay time 1; connect retry time 1; error wait time 1, 2;\n  \
         ipv4 {{ import none; export none; }};\n}}\n",
        address(host),
        host.asn().unwrap_or_default(),
        address(other),
        other.asn().unwrap_or_default(),
    )
}

/// The bracket makes a missing file harmless (A6).
fn immune_include(run_dir: &Path, name: &str) -> String {
    let path = run_dir.display().to_string();
    let (front, last) = path.split_at(path.len() - 1);
    format!("include \"{front}[{last}]/bird/{name}.conf\";")
}

/// The sessions `isp_upstream` and `isp_upstream6` of a site; `vN` in the export rule becomes the family's.
fn to_the_upstream(host: Host, export: &str) -> String {
    let mut text = String::new();
    for (family, local, neighbor) in sessions(host) {
        let hold = hold_time(host);
        let export = export.replace("vN", version(family));
        let prefix = if family == "ipv4" { PREFIX4 } else { PREFIX6 };
        let _ = writeln!(
            text,
            "protocol bgp {} {{\n  local {local} as {};\n  neighbor {neighbor} as 64500;\n  \
             hold time {hold}; keepalive time {};\n  connect delay time 1; connect retry time 1; \
             error wait time 1, 2;\n  graceful restart aware;\n  {family} {{ import where net ~ [ {prefix} ]; {export} next hop self; }};\n}}",
            session_name(family),
            host.asn().unwrap_or_default(),
            hold / 3,
        );
    }
    text
}

/// What a site calls its session.
pub(crate) fn session_name(family: &str) -> &'static str {
    if family == "ipv4" {
        "isp_upstream"
    } else {
        "isp_upstream6"
    }
}

fn version(family: &str) -> &'static str {
    if family == "ipv4" { "v4" } else { "v6" }
}

/// Family, the site's address and the upstream's.
pub fn sessions(host: Host) -> Vec<(&'static str, String, String)> {
    let Some(link) = LINKS.iter().find(|link| link.host == host) else {
        return Vec::new();
    };
    let addresses = host.addresses();
    let first = |v6: bool| {
        addresses
            .iter()
            .find(|address| address.is_ipv6() == v6)
            .map(ToString::to_string)
    };
    ["ipv4", "ipv6"]
        .into_iter()
        .zip(link.isp)
        .filter_map(|(family, isp)| Some((family, first(family == "ipv6")?, isp.to_owned())))
        .collect()
}

/// Seconds. The primary's is the shortest that BGP allows, so that the upstream has forgotten a dead
/// primary by the time the standby announces; with BFD it would be even sooner.
pub fn hold_time(host: Host) -> u32 {
    if host == Host::Cn { 3 } else { 9 }
}
