//! `[[upstream]]` and `[[peer]]`: BGP sessions, and how they are rendered.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::finding::Finding;
use crate::config::key_docs::TableForm;
use crate::config::model::{BfdConfig, Family, GracefulRestart, ImportPolicy, SessionConfig, UpstreamConfig};
use crate::config::reader::TableReader;
use crate::config::value::address::{ADDRESS, NEIGHBOR};
use crate::config::value::bgp::{Asn, COMMUNITY, IMPORT, LARGE_COMMUNITY};
use crate::config::value::duration::{DurationValue, span};
use crate::config::value::text::{PATH, PROTOCOL};
use crate::config::value::{Choice, Flag, integer, list_of, one_or_more};

/// RFC 4271 section 4.2: the hold time is zero or at least three seconds, in 16 bits.
const SHORTEST_HOLD: Duration = Duration::from_secs(3);
const LONGEST_HOLD: Duration = Duration::from_secs(65_535);

/// How often we send a message, unless the hold time asks for more (RFC 4271: a third of it).
const KEEPALIVE: Duration = Duration::from_secs(6);

/// Reads one session. Where nothing is rendered only its name and families count.
pub(crate) fn upstream(t: &mut TableReader<'_, '_>, rendering: bool) -> UpstreamConfig {
    let name = t
        .key("name", PROTOCOL)
        .doc("The BGP protocol's name in BIRD.")
        .example("\"isp_upstream\"")
        .required();
    let neighbor = t
        .key("neighbor", NEIGHBOR)
        .doc("The neighbour's address.")
        .also_called(&["neighbour", "peer_address", "address", "remote", "peer"])
        .example("\"203.0.113.1\"")
        .required_where(rendering, "where `[render]` is given");
    let neighbor_as = t
        .key("neighbor_as", Asn)
        .doc("The neighbour's AS number.")
        .also_called(&["neighbour_as", "asn", "as", "peer_as", "remote_as"])
        .example("64500")
        .required_where(rendering, "where `[render]` is given");
    let default_families = neighbor
        .filter(|_| rendering)
        .map(|neighbor| vec![Family::of_address(neighbor)]);
    let session = session(
        t,
        neighbor.unwrap_or(IpAddr::from([0; 4])),
        neighbor_as.unwrap_or(1),
    );
    let families = families(t, default_families);
    if !rendering {
        warn_of_unused(t);
    }
    let origin_as = t
        .key("origin_as", Asn)
        .doc("The origin AS number that the Internet sees in what is announced here, where it is not `router.local_as`.")
        .optional();
    UpstreamConfig {
        name,
        session: rendering.then_some(session),
        families,
        origin_as,
    }
}

fn session(t: &mut TableReader<'_, '_>, neighbor: IpAddr, neighbor_as: u32) -> SessionConfig {
    let source = t
        .key("source", ADDRESS)
        .doc("Our address in the session; without it BIRD uses the interface's.")
        .also_called(&["local", "local_address", "source_address"])
        .optional();
    let multihop = t
        .key("multihop", integer(1..=255))
        .doc("The neighbour is up to this many hops away. Without it the neighbour must be directly connected.")
        .optional();
    let password_file = password_file(t);
    let (hold_time, keepalive_time) = hold(t);
    let seconds = span()
        .at_least(Duration::from_secs(1))
        .at_most(LONGEST_HOLD)
        .whole_seconds();
    let connect_retry_time = t
        .key("connect_retry_time", seconds)
        .doc("How long to wait before connecting again.")
        .default("5s");
    let error_wait_time = error_wait_time(t, seconds);
    let graceful_restart = t
        .key("graceful_restart", Choice(&GRACEFUL))
        .doc("Graceful restart (RFC 4724).")
        .default("aware");
    let bfd = t.optional(
        "bfd",
        TableForm::Inline,
        "BFD on the session (RFC 5880); without the table there is none.",
        bfd,
    );
    let marks = route_marks(t);
    SessionConfig {
        neighbor,
        neighbor_as,
        source,
        multihop,
        password_file,
        hold_time,
        keepalive_time,
        connect_retry_time,
        error_wait_time,
        graceful_restart,
        bfd,
        communities: marks.communities,
        large_communities: marks.large_communities,
        standing_communities: marks.standing_communities,
        drain_communities: marks.drain_communities,
        no_llgr: marks.no_llgr,
        prepend: marks.prepend,
        med: marks.med,
        import: import(t),
        import_limit: t
            .key("import_limit", integer(1..=u64::from(u32::MAX)))
            .doc("How many routes of each family may be imported, whatever `import` is; at one more BIRD disables the session.")
            .also_called(&["max_prefix", "max_prefixes", "maximum_prefix"])
            .optional(),
        next_hop: next_hop(t),
    }
}

/// What is put on the routes that are announced.
struct RouteMarks {
    communities: Vec<(u16, u16)>,
    large_communities: Vec<(u32, u32, u32)>,
    standing_communities: Vec<(u16, u16)>,
    drain_communities: Vec<(u16, u16)>,
    no_llgr: bool,
    prepend: u8,
    med: Option<u32>,
}

fn route_marks(t: &mut TableReader<'_, '_>) -> RouteMarks {
    RouteMarks {
        communities: t
            .key("communities", list_of(COMMUNITY))
            .doc("Communities put on what is announced here (RFC 1997).")
            .also_called(&["community"])
            .default([]),
        large_communities: t
            .key("large_communities", list_of(LARGE_COMMUNITY))
            .doc("Large communities put on what is announced here (RFC 8092).")
            .also_called(&["large_community"])
            .default([]),
        standing_communities: t
            .key("standing_communities", list_of(COMMUNITY))
            .doc("Communities put on the `standing` prefixes of services, in addition: your ISP's community for a lower preference belongs here (D14).")
            .default([]),
        drain_communities: t
            .key("drain_communities", list_of(COMMUNITY))
            .doc("Communities put on what is announced at strength drain, in addition: your ISP's community for a lower preference belongs here (D8).")
            .default([]),
        no_llgr: t
            .key("no_llgr", Flag)
            .doc("Put the community NO_LLGR (65535:7, RFC 9494) on what is announced here, so that no neighbour keeps our routes for hours after the session is lost.")
            .default(true),
        prepend: t
            .key("prepend", integer(0..=16))
            .doc("How often our AS number is prepended, beyond the one that BGP puts there.")
            .also_called(&["prepends"])
            .default(0),
        med: t
            .key("med", integer(0..=u64::from(u32::MAX)))
            .doc("MULTI_EXIT_DISC.")
            .optional(),
    }
}

fn password_file(t: &mut TableReader<'_, '_>) -> Option<PathBuf> {
    t.key("password_file", PATH)
        .doc("A file whose first line is the TCP-MD5 password (RFC 2385); root and Falconer alone may read it.")
        .also_called(&["password"])
        .optional()
}

fn import(t: &mut TableReader<'_, '_>) -> ImportPolicy {
    t.key("import", IMPORT)
        .doc(
            "Which routes are imported from the neighbour: none, the default route, the services' prefixes (for bird-route probes; never to the kernel), or those that a filter in your template accepts.",
        )
        .default_by("`\"none\"`", ImportPolicy::None)
}

/// An IPv4 address comes first, whatever the order in the file.
fn next_hop(t: &mut TableReader<'_, '_>) -> Vec<IpAddr> {
    let mut addresses = t
        .key("next_hop", one_or_more(ADDRESS).at_most(2))
        .doc(
            "Our address as the next hop of announcements, for its own family; a list has one for each. It is needed if the session's interface has no address of a family that the session carries.",
        )
        .also_called(&["next_hop_self", "nexthop"])
        .default_by("an address of the session's interface", Vec::new());
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses
}

fn hold(t: &mut TableReader<'_, '_>) -> (Duration, Duration) {
    let hold_time = t
        .key("hold_time", span().at_most(LONGEST_HOLD).whole_seconds())
        .doc("How long the session lasts without a message from the neighbour (RFC 4271): zero for ever, else at least 3s.")
        .also_called(&["hold"])
        .default("20s");
    let third = Duration::from_secs((hold_time.as_secs() / 3).max(1));
    let default = if hold_time.is_zero() {
        KEEPALIVE
    } else {
        third.min(KEEPALIVE)
    };
    let seconds = span()
        .at_least(Duration::from_secs(1))
        .at_most(LONGEST_HOLD)
        .whole_seconds();
    let keepalive_time = t
        .key("keepalive_time", seconds)
        .doc("How often we send the neighbour a message; less than `hold_time`.")
        .also_called(&["keepalive"])
        .default_by("`\"6s\"`, or a third of `hold_time` if that is less", default);
    let (hold, keepalive) = (t.path().key("hold_time"), t.path().key("keepalive_time"));
    if !hold_time.is_zero() && hold_time < SHORTEST_HOLD {
        t.report(
            Finding::error("hold-time", "the hold time is shorter than BGP allows")
                .at(&hold, "neither zero nor at least 3s")
                .note("RFC 4271 section 4.2 allows zero, which turns it off, or three seconds and more"),
        );
    } else if !hold_time.is_zero() && keepalive_time >= hold_time {
        t.report(
            Finding::error(
                "keepalive-time",
                "the keepalive time is not less than the hold time",
            )
            .at(&keepalive, "signs of life this rare come too late")
            .at(&hold, "the neighbour gives up after this")
            .help("leave `keepalive_time` out, and it is a third of `hold_time`"),
        );
    }
    if hold_time.is_zero() {
        t.report(
            Finding::warning(
                "hold-time",
                "without a hold time a neighbour that died silently is never noticed",
            )
            .at(&hold, "no hold time")
            .help("use \"20s\", or BFD beside it"),
        );
    }
    (hold_time, keepalive_time)
}

fn error_wait_time(t: &mut TableReader<'_, '_>, seconds: DurationValue) -> [Duration; 2] {
    let waits = t
        .key("error_wait_time", list_of(seconds).exactly(2))
        .doc("How long to wait after an error: the first time, and at most.")
        .default(["1s", "10s"]);
    let path = t.path().key("error_wait_time");
    let waits = match waits.as_slice() {
        [first, most] => [*first, *most],
        _ => [Duration::from_secs(1), Duration::from_secs(10)],
    };
    if waits[0] > waits[1] {
        t.report(
            Finding::error(
                "error-wait-time",
                "the first wait after an error is longer than the longest",
            )
            .at(&path, "first, then at most")
            .help("write the shorter one first"),
        );
    }
    waits
}

const GRACEFUL: [(&str, GracefulRestart, &str); 3] = [
    (
        "aware",
        GracefulRestart::Aware,
        "help the neighbour, never ask it to keep our dead routes",
    ),
    (
        "on",
        GracefulRestart::On,
        "the neighbour keeps our routes while we are gone, dead or not",
    ),
    ("off", GracefulRestart::Off, "not at all"),
];

fn bfd(t: &mut TableReader<'_, '_>) -> BfdConfig {
    let interval = span()
        .at_least(Duration::from_millis(10))
        .at_most(Duration::from_secs(60));
    BfdConfig {
        interval: t
            .key("interval", interval)
            .doc("The least interval to receive and transmit.")
            .default("300ms"),
        multiplier: t
            .key("multiplier", integer(2..=255))
            .doc("Missed packets that mean down.")
            .default(3),
    }
}

const FAMILIES: [(&str, Family, &str); 2] = [
    ("ipv4", Family::V4, "IPv4 unicast"),
    ("ipv6", Family::V6, "IPv6 unicast"),
];

fn families(t: &mut TableReader<'_, '_>, default: Option<Vec<Family>>) -> Option<Vec<Family>> {
    let words = "the family of `neighbor`; without `[render]` BIRD is asked";
    let given = t.has("families");
    let families = t
        .key("families", list_of(Choice(&FAMILIES)).not_empty())
        .doc("The channels that the session has.")
        .also_called(&["family", "channels"])
        .default_by(words, default.clone().unwrap_or_default());
    let families = if given { Some(families) } else { default };
    families.map(|mut families| {
        families.sort_unstable();
        families.dedup();
        families
    })
}

/// Where the bird.conf is the user's own, what it says counts, and not what stands here.
fn warn_of_unused(t: &mut TableReader<'_, '_>) {
    const RENDERED: [&str; 21] = [
        "neighbor",
        "neighbor_as",
        "source",
        "multihop",
        "password_file",
        "hold_time",
        "keepalive_time",
        "connect_retry_time",
        "error_wait_time",
        "graceful_restart",
        "bfd",
        "communities",
        "large_communities",
        "standing_communities",
        "drain_communities",
        "no_llgr",
        "prepend",
        "med",
        "import",
        "import_limit",
        "next_hop",
    ];
    if let Some(name) = RENDERED.iter().find(|name| t.has(name)) {
        let path = t.path().key(name);
        t.report(
            Finding::warning("unused-key", "how the session is set up has no effect without `[render]`")
                .at_key(&path, "this, and whatever else describes the session")
                .note("without `[render]` your own bird.conf says how the session is; only `name` and `families` are read here"),
        );
    }
}
