//! The prefixes of a service, what the primary announces, and what is announced all the time (D14).

use ipnet::IpNet;

use crate::config::finding::Finding;
use crate::config::reader::TableReader;
use crate::config::spans::KeyPath;
use crate::config::value::address::PREFIX;
use crate::config::value::{Flag, list_of};

/// The longest prefixes that most networks accept from one another.
pub(crate) const LONGEST_V4: u8 = 24;
pub(crate) const LONGEST_V6: u8 = 48;

/// The prefixes that one service speaks of.
pub(crate) struct ServicePrefixes {
    /// What a takeover announces.
    pub(crate) prefixes: Vec<IpNet>,
    /// What the primary announces, where that differs.
    pub(crate) primary: Vec<IpNet>,
    /// What is announced all the time.
    pub(crate) standing: Vec<IpNet>,
}

pub(crate) fn service_prefixes(t: &mut TableReader<'_, '_>) -> ServicePrefixes {
    let prefixes = t
        .key("prefixes", list_of(PREFIX).not_empty())
        .doc("The prefixes, IPv4 no longer than /24 and IPv6 no longer than /48.")
        .also_called(&["prefix", "routes"])
        .example("[\"198.51.100.0/24\"]")
        .required();
    let primary = t
        .key("primary_prefixes", list_of(PREFIX).not_empty())
        .doc("What the primary announces, where that differs from `prefixes`, which it must contain. More specific `prefixes` win everywhere at once, even over a route that the primary's ISP still keeps (D14).")
        .default_by("the same as `prefixes`", Vec::new());
    let standing = t
        .key("standing", list_of(PREFIX).not_empty())
        .doc("Prefixes announced all the time as a last resort, from static protocols of their own; they must contain `prefixes` (D14).")
        .default_by("none", Vec::new());
    let long = t
        .key("allow_long_prefixes", Flag)
        .doc("Let longer prefixes pass, where the upstreams are known to accept them.")
        .default(false);
    let keys = [
        ("prefixes", &prefixes),
        ("primary_prefixes", &primary),
        ("standing", &standing),
    ];
    for (key, prefixes) in keys {
        let path = t.path().key(key);
        for (index, prefix) in prefixes.iter().enumerate() {
            if let Some(finding) = refuse(prefix, &path.item(index), long) {
                t.report(finding);
            }
        }
    }
    ServicePrefixes {
        prefixes,
        primary,
        standing,
    }
}

/// What is wrong with one prefix by itself.
fn refuse(prefix: &IpNet, at: &KeyPath, allow_long: bool) -> Option<Finding> {
    let longest = match prefix {
        IpNet::V4(_) => LONGEST_V4,
        IpNet::V6(_) => LONGEST_V6,
    };
    if prefix.prefix_len() == 0 {
        let finding = Finding::error("default-route", "a service cannot announce the default route");
        return Some(
            finding
                .at(at, "all addresses there are")
                .help("write the service's own prefix"),
        );
    }
    if let Some(what) = special(prefix) {
        let finding = Finding::error("special-prefix", format!("`{prefix}` cannot be announced"));
        return Some(
            finding
                .at(at, what)
                .note("no network takes a route to it from another"),
        );
    }
    (prefix.prefix_len() > longest && !allow_long).then(|| {
        Finding::error("long-prefix", format!("`{prefix}` is longer than /{longest}"))
            .at(at, "most networks drop a route this specific")
            .help("announce the covering prefix, or set `allow_long_prefixes = true` where the upstreams take it")
            .note("a failover prefix that is filtered somewhere is dead there, and nothing here would show it")
    })
}

/// What an address block is that nobody can announce (RFC 6890, RFC 5771, RFC 4291). Private and
/// documentation blocks are let through, since laboratories and networks of their own use them.
fn special(prefix: &IpNet) -> Option<&'static str> {
    let blocks = [
        ("0.0.0.0/8", "addresses of \"this network\" (RFC 791)"),
        ("127.0.0.0/8", "loopback addresses"),
        ("169.254.0.0/16", "link-local addresses"),
        ("224.0.0.0/4", "multicast addresses"),
        ("240.0.0.0/4", "reserved addresses"),
        ("::/8", "reserved addresses"),
        ("fe80::/10", "link-local addresses"),
        ("ff00::/8", "multicast addresses"),
    ];
    let overlap = |block: &str| {
        block
            .parse::<IpNet>()
            .is_ok_and(|block| block.contains(prefix) || prefix.contains(&block))
    };
    blocks
        .into_iter()
        .find(|(block, _)| overlap(block))
        .map(|(_, what)| what)
}
