//! `[[service]]`: prefixes announced and withdrawn together, and what decides it.

use crate::config::model::OnLoss;
use std::time::Duration;

use ipnet::IpNet;

use super::probe;
use crate::config::finding::Finding;
use crate::config::key_docs::TableForm;
use crate::config::model::{
    DailyWindow, FailbackMode, Family, Quorum, Role, ServiceConfig, StaticProtocolConfig,
};
use crate::config::reader::TableReader;
use crate::config::spans::KeyPath;

use crate::config::value::address::PREFIX;
use crate::config::value::duration::span;
use crate::config::value::text::{PROTOCOL, SERVICE_NAME};
use crate::config::value::window::{HowMany, WINDOW};
use crate::config::value::{Choice, Flag, integer, list_of};

/// The longest prefixes that most networks accept from one another.
const LONGEST_V4: u8 = 24;
const LONGEST_V6: u8 = 48;

/// Reads one service. `upstreams` are the names of all upstreams.
pub(crate) fn service(t: &mut TableReader<'_, '_>, rendering: bool, upstreams: &[String]) -> ServiceConfig {
    let name = t
        .key("name", SERVICE_NAME)
        .doc("Also names the static protocols: `web_v4`, `web_v6`, and `web_v4_drain`, `web_v6_drain`.")
        .example("\"web\"")
        .required();
    let role = t
        .key("role", Choice(&ROLES))
        .doc("What the verdict of the probes means for the announcement (D4).")
        .example("\"standby\"")
        .required();
    let prefixes = prefixes(t);
    let upstreams = t
        .key("upstreams", list_of(PROTOCOL).not_empty())
        .doc("The upstreams that announce the prefixes.")
        .default_by("all", upstreams.to_vec());
    let min_upstreams = t
        .key("min_upstreams", integer(1..=1000))
        .doc("If fewer upstreams are established and carry the prefixes, the service stays announced, with an alarm (A5).")
        .default(1);
    let (down_when, up_when) = quorums(t, role);
    let takeover_delay = t
        .key("takeover_delay", span())
        .doc("How long the verdict must stay down before a standby announces.")
        .default("0s");
    let (failback, failback_delay, failback_window, failback_drain) = failback(t);
    let (flap_limit, flap_window) = flapping(t);
    let on_isolated = t
        .key("on_isolated", Choice(&ON_LOSS))
        .doc("What happens to the announcement while the site is isolated (D5).")
        .default("keep");
    let rank = t
        .key("rank", integer(1..=100))
        .doc("Among several standbys: 1 is best. Templates turn it into communities, MED or prepends.")
        .default(1);
    let (full, drain) = statics(t, &name, &prefixes, rendering);
    let probes = t.tables(
        "probe",
        TableForm::ManyAtLeastOne,
        "One repeated check.",
        probe::probe,
    );
    ServiceConfig {
        name,
        role,
        prefixes,
        upstreams,
        min_upstreams,
        down_when,
        up_when,
        takeover_delay,
        failback,
        failback_delay,
        failback_window,
        failback_drain,
        flap_limit,
        flap_window,
        on_isolated,
        rank,
        full,
        drain,
        probes,
    }
}

const ROLES: [(&str, Role, &str); 2] = [
    ("standby", Role::Standby, "announce while the target is down"),
    (
        "primary",
        Role::Primary,
        "announce while the target, usually the local service, is up",
    ),
];

const FAILBACKS: [(&str, FailbackMode, &str); 2] = [
    ("auto", FailbackMode::Auto, "by itself"),
    (
        "manual",
        FailbackMode::Manual,
        "after `falconer failback SERVICE`",
    ),
];

/// How a standby falls silent again: by whom, after how long, when, and with how long a drain.
fn failback(t: &mut TableReader<'_, '_>) -> (FailbackMode, Duration, Option<DailyWindow>, Duration) {
    let failback = t
        .key("failback", Choice(&FAILBACKS))
        .doc("Whether a standby withdraws by itself once the target is back.")
        .default("auto");
    let failback_delay = t
        .key("failback_delay", span())
        .doc("How long the verdict must stay up before that.")
        .default("30s");
    let failback_window = t
        .key("failback_window", WINDOW)
        .doc("Fail back only within this time of day; may cross midnight.")
        .optional();
    let failback_drain = t
        .key("failback_drain", span())
        .doc("How long to stay announced at strength drain before the withdrawal (D8).")
        .default("0s");
    (failback, failback_delay, failback_window, failback_drain)
}

/// When it has flapped too often.
fn flapping(t: &mut TableReader<'_, '_>) -> (u32, Duration) {
    let flap_limit = t
        .key("flap_limit", integer(1..=1000))
        .doc("After this many takeovers (of a primary: withdrawals) within `flap_window` the service is latched, until an operator releases it (D9).")
        .default(3);
    let flap_window = t
        .key("flap_window", span().at_least(Duration::from_secs(1)))
        .doc("See `flap_limit`.")
        .default("1h");
    (flap_limit, flap_window)
}

fn prefixes(t: &mut TableReader<'_, '_>) -> Vec<IpNet> {
    let prefixes = t
        .key("prefixes", list_of(PREFIX).not_empty())
        .doc("The prefixes, IPv4 no longer than /24 and IPv6 no longer than /48.")
        .also_called(&["prefix", "routes"])
        .example("[\"198.51.100.0/24\"]")
        .required();
    let long = t
        .key("allow_long_prefixes", Flag)
        .doc("Let longer prefixes pass, where the upstreams are known to accept them.")
        .default(false);
    let path = t.path().key("prefixes");
    for (index, prefix) in prefixes.iter().enumerate() {
        if let Some(finding) = refuse(prefix, &path.item(index), long) {
            t.report(finding);
        }
    }
    prefixes
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

fn quorums(t: &mut TableReader<'_, '_>, role: Role) -> (Quorum, Quorum) {
    let down = match role {
        Role::Standby => Quorum::All,
        Role::Primary => Quorum::Any,
    };
    let down_when = t
        .key("down_when", HowMany)
        .doc("How many of the probes that vote `down` must be down for the verdict down (D3).")
        .default_by("`\"all\"` for a standby, `\"any\"` for a primary", down);
    let up_when = t
        .key("up_when", HowMany)
        .doc("How many of the probes that vote `up` must be up for the verdict up (D3).")
        .default_by("`\"all\"`", Quorum::All);
    (down_when, up_when)
}

/// The static protocols, one a family, IPv4's first.
fn statics(
    t: &mut TableReader<'_, '_>,
    service: &str,
    prefixes: &[IpNet],
    rendering: bool,
) -> (Vec<StaticProtocolConfig>, Vec<StaticProtocolConfig>) {
    let own = t
        .key("protocols", list_of(PROTOCOL))
        .doc("Names of static protocols of your own, one for each family of the prefixes, IPv4's first. Only without `[render]`.")
        .also_called(&["protocol"])
        .default_by("the service's name with `_v4`, `_v6`", Vec::new());
    let own_drain = t
        .key("drain_protocols", list_of(PROTOCOL))
        .doc("Likewise for strength drain.")
        .default_by(
            "the service's name with `_v4_drain`, `_v6_drain`; none without `[render]`",
            Vec::new(),
        );
    let mut families: Vec<Family> = prefixes.iter().map(Family::of).collect();
    families.sort_unstable();
    families.dedup();
    for key in ["protocols", "drain_protocols"] {
        let names = if key == "protocols" { &own } else { &own_drain };
        check_own_names(t, key, names.len(), &families, rendering);
    }
    let full_names = if t.has("protocols") {
        own
    } else {
        named(service, &families, "")
    };
    let drain_names = match (t.has("drain_protocols"), rendering) {
        (true, _) => own_drain,
        (false, true) => named(service, &families, "_drain"),
        (false, false) => Vec::new(),
    };
    (
        with_routes(full_names, &families, prefixes),
        with_routes(drain_names, &families, prefixes),
    )
}

fn named(service: &str, families: &[Family], ending: &str) -> Vec<String> {
    let number = |family: &Family| match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    };
    families
        .iter()
        .map(|family| format!("{service}_{}{ending}", number(family)))
        .collect()
}

fn with_routes(names: Vec<String>, families: &[Family], prefixes: &[IpNet]) -> Vec<StaticProtocolConfig> {
    let of = |family: Family| {
        prefixes
            .iter()
            .copied()
            .filter(|prefix| Family::of(prefix) == family)
            .collect()
    };
    let protocols = names.into_iter().zip(families.iter().copied());
    protocols
        .map(|(name, family)| StaticProtocolConfig {
            name,
            family,
            prefixes: of(family),
        })
        .collect()
}

fn check_own_names(
    t: &mut TableReader<'_, '_>,
    key: &'static str,
    count: usize,
    families: &[Family],
    rendering: bool,
) {
    if !t.has_good(key) || !t.has_good("prefixes") {
        return;
    }
    let path = t.path().key(key);
    if rendering {
        t.report(
            Finding::error(
                "own-protocols",
                format!("`{key}` is only for a bird.conf of your own"),
            )
            .at_key(&path, "not together with `[render]`")
            .help("leave it out: the rendered protocols are named after the service"),
        );
    } else if count != families.len() {
        let channels: Vec<&str> = families.iter().map(|family| family.channel()).collect();
        let channels = channels.join(" and ");
        t.report(
            Finding::error(
                "own-protocols",
                format!("`{key}` needs one name for each family of the prefixes"),
            )
            .at(&path, format!("{count} named"))
            .at(&t.path().key("prefixes"), format!("of {channels}"))
            .note("a static protocol of BIRD has one channel, so each family has a protocol of its own"),
        );
    }
}

pub(crate) const ON_LOSS: [(&str, OnLoss, &str); 2] = [
    ("keep", OnLoss::Keep, "leave it as it is"),
    ("withdraw", OnLoss::Withdraw, "withdraw it"),
];
