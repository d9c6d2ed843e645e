//! BGP sessions, and who refers to them.

use std::net::IpAddr;

use crate::config::finding::{Finding, Findings};
use crate::config::model::{
    BirdProtocolConfig, CheckConfig, Config, Family, ImportPolicy, ProbeConfig, ServiceConfig, SessionConfig,
    Votes,
};
use crate::config::similar::{list, most_alike};
use crate::config::spans::KeyPath;

pub(crate) fn check(config: &Config, found: &mut Findings) {
    for (path, session) in super::walk::every_session(config) {
        if let Some(session) = &session.session {
            addresses(session, &path, found);
            bfd_over_hops(session, &path, found);
        }
    }
    super::channels::check(config, found);
    same_neighbor(config, found);
    for (index, service) in config.services.iter().enumerate() {
        upstreams_of(service, &KeyPath::service(index), config, found);
    }
    for (path, probe) in crate::config::checks::walk::every_probe(config) {
        asked_of_bird(probe, &path, config, found);
    }
}

fn addresses(session: &SessionConfig, path: &KeyPath, found: &mut Findings) {
    let (neighbor, source) = (path.key("neighbor"), path.key("source"));
    let Some(from) = session.source else { return };
    if from == session.neighbor {
        found.report(
            Finding::error("neighbor-is-self", "the neighbour is this router itself")
                .at(&neighbor, "the same address")
                .at(&source, "our own")
                .help("`neighbor` is the other end of the session, `source` is ours"),
        );
    } else if from.is_ipv4() != session.neighbor.is_ipv4() {
        found.report(
            Finding::error(
                "two-families",
                "the source is of another family than the neighbour",
            )
            .at(&source, if from.is_ipv4() { "IPv4" } else { "IPv6" })
            .at(&neighbor, if from.is_ipv4() { "IPv6" } else { "IPv4" })
            .note("a session has one address family, whatever routes it carries"),
        );
    }
}

fn bfd_over_hops(session: &SessionConfig, path: &KeyPath, found: &mut Findings) {
    if session.bfd.is_some() && session.multihop.is_some() && session.source.is_none() {
        found.report(
            Finding::error("bfd-needs-source", "BFD over several hops needs our own address")
                .at_key(&path.key("bfd"), "BFD")
                .at_key(&path.key("multihop"), "over several hops")
                .help("add `source`, our address in this session")
                .note("BIRD refuses such a session without one"),
        );
    }
}

/// Two sessions with one neighbour: with the same two ends BIRD cannot tell an incoming one from the
/// other, and with two sources BIRD 2.0 starts only one of them.
fn same_neighbor(config: &Config, found: &mut Findings) {
    let mut seen: Vec<(IpAddr, Option<IpAddr>, KeyPath)> = Vec::new();
    for (path, session) in super::walk::every_session(config) {
        let Some(session) = &session.session else { continue };
        let same_ends =
            |source: Option<IpAddr>| source == session.source || source.is_none() || session.source.is_none();
        let mut before = seen.iter().filter(|(neighbor, ..)| *neighbor == session.neighbor);
        if let Some((_, _, first)) = before.clone().find(|(_, source, _)| same_ends(*source)) {
            found.report(
                Finding::error("duplicate-neighbor", format!("there are two sessions with {}", session.neighbor))
                    .at(&path.key("neighbor"), "the same neighbour again")
                    .at(&first.key("neighbor"), "first here")
                    .help("one session can carry both families: `families = [\"ipv4\", \"ipv6\"]`; or give each its own `source`")
                    .note("BIRD could not tell which of them an incoming connection is for"),
            );
        } else if let Some((_, _, first)) = before.next() {
            found.report(
                Finding::warning("second-session", format!("BIRD 2.0 starts only one of two sessions with {}", session.neighbor))
                    .at(&path.key("neighbor"), "the same neighbour again")
                    .at(&first.key("neighbor"), "first here")
                    .help("use another address of the neighbour's, one session with both `families`, or a newer BIRD")
                    .note("2.0.12 keeps the other one Idle, whatever their sources are; 2.19 and 3.3 start both"),
            );
        }
        seen.push((session.neighbor, session.source, path));
    }
}

fn upstreams_of(service: &ServiceConfig, path: &KeyPath, config: &Config, found: &mut Findings) {
    let key = path.key("upstreams");
    // One whose name could not be read may be the one that is meant.
    let all_known = !found.is_unread_within(&KeyPath::top().key("upstream"));
    for (index, name) in service.upstreams.iter().enumerate() {
        let at = key.item(index);
        if service.upstreams[..index].contains(name) && found.is_written(&at) {
            found.report(
                Finding::error("duplicate-name", format!("`{name}` is listed twice"))
                    .at(&at, "the same name again"),
            );
        }
        if !is_defined(name, config) && found.is_written(&at) && all_known {
            found.report(unknown_upstream(name, &at, config));
        }
    }
    if all_known && service.upstreams.iter().all(|name| is_defined(name, config)) {
        carriers(service, path, config, found);
    }
}

fn is_defined(upstream: &str, config: &Config) -> bool {
    config.upstreams.iter().any(|defined| defined.name == upstream)
}

fn unknown_upstream(name: &str, at: &KeyPath, config: &Config) -> Finding {
    let finding = Finding::error("unknown-upstream", format!("there is no upstream `{name}`"));
    let finding = finding.at(at, "nobody defines it");
    if config.peers.iter().any(|peer| peer.name == name) {
        return finding.help("it is a `[[peer]]`, which carries nothing out; make it an `[[upstream]]`");
    }
    let names: Vec<&str> = config
        .upstreams
        .iter()
        .map(|upstream| upstream.name.as_str())
        .collect();
    match most_alike(name, names.iter().copied()) {
        Some(meant) => finding.fix("did you mean this one?", at, format!("\"{meant}\"")),
        None => finding.help(format!(
            "the upstreams are {}; another one needs its own `[[upstream]]`",
            list(&names)
        )),
    }
}

/// Whether enough of the service's upstreams carry each of its families.
fn carriers(service: &ServiceConfig, path: &KeyPath, config: &Config, found: &mut Findings) {
    let mut fewest: Option<(usize, Family)> = None;
    for family in [Family::V4, Family::V6] {
        let Some(prefix) = service
            .prefixes
            .iter()
            .position(|prefix| Family::of(prefix) == family)
        else {
            continue;
        };
        let carriers = config.upstreams.iter().filter(|upstream| {
            // An upstream whose channels only BIRD knows may carry any family.
            let has_channel = upstream
                .families
                .as_ref()
                .is_none_or(|families| families.contains(&family));
            has_channel && service.upstreams.contains(&upstream.name)
        });
        let carriers = carriers.count();
        if carriers == 0 {
            found.report(no_carrier(path, prefix, family));
        } else if fewest.is_none_or(|(fewest, _)| carriers < fewest) {
            fewest = Some((carriers, family));
        }
    }
    if let Some((carriers, family)) = fewest
        && service.min_upstreams > carriers
    {
        let message = format!(
            "`min_upstreams` is above the number of upstreams that carry {}",
            family.channel()
        );
        found.report(
            Finding::error("out-of-range", message)
                .at(&path.key("min_upstreams"), format!("only {carriers} could"))
                .help(format!("make it at most {carriers}"))
                .note("the service would be alarmed for ever"),
        );
    }
}

fn no_carrier(path: &KeyPath, prefix: usize, family: Family) -> Finding {
    let channel = family.channel();
    Finding::error(
        "no-carrier",
        format!("none of the service's upstreams carries {channel}"),
    )
    .at(&path.key("prefixes").item(prefix), format!("needs {channel}"))
    .at(&path.key("upstreams"), "none of its upstreams has this channel")
    .help(format!(
        "add an upstream with a neighbour of this family, or `families` with \"{channel}\" to one"
    ))
    .note("the prefix would be enabled and go nowhere")
}

/// A bird-route or bird-protocol probe names sessions, too.
fn asked_of_bird(probe: &ProbeConfig, path: &KeyPath, config: &Config, found: &mut Findings) {
    let at = path.key("protocol");
    match &probe.check {
        CheckConfig::BirdRoute(route) => {
            if let Some(name) = &route.protocol {
                rendered_session(name, &at, config, found);
                // For a failback that waits for the route it is an error, reported with the blind ones.
                if probe.votes != Votes::Failback {
                    import_lets_in(name, &at, config, found);
                }
            }
        }
        CheckConfig::BirdProtocol(BirdProtocolConfig::Bgp(name)) => {
            rendered_session(name, &at, config, found);
        }
        CheckConfig::BirdProtocol(BirdProtocolConfig::Bfd(neighbor)) => {
            bfd_session(*neighbor, &path.key("bfd"), config, found);
        }
        CheckConfig::Icmp(_)
        | CheckConfig::Tcp(_)
        | CheckConfig::Http(_)
        | CheckConfig::Dns(_)
        | CheckConfig::Exec(_) => {}
    }
}

/// In a file of the user's own there may be any session; in ours there are those that stand here,
/// unless a template adds some.
fn rendered_session(name: &str, at: &KeyPath, config: &Config, found: &mut Findings) {
    let known = super::walk::every_session(config).any(|(_, session)| session.name == name);
    if config.render.is_none() || known {
        return;
    }
    let names: Vec<&str> = super::walk::every_session(config)
        .map(|(_, session)| session.name.as_str())
        .collect();
    let finding = Finding::warning(
        "unknown-protocol",
        format!("there is no upstream or peer `{name}`"),
    )
    .at(at, "only a template of your own could define it")
    .note("until BIRD has such a protocol every check is an error, and the probe stays unknown");
    found.report(match most_alike(name, names.iter().copied()) {
        Some(meant) => finding.fix("did you mean this one?", at, format!("\"{meant}\"")),
        None => finding.help(format!("there are {}", list(&names))),
    });
}

fn import_lets_in(name: &str, at: &KeyPath, config: &Config, found: &mut Findings) {
    let session = super::walk::every_session(config).find(|(_, session)| session.name == name);
    if let Some((path, upstream)) = session
        && let Some(session) = &upstream.session
        && session.import == ImportPolicy::None
    {
        found.report(
            Finding::warning("never-seen", format!("BIRD takes no routes from `{name}`, so this probe sees none"))
                .at(at, "routes of this session")
                .at(&path.key("import"), "`import` is \"none\" here")
                .help("set `import = \"services\"` there: the services' prefixes are let in, and never reach the kernel"),
        );
    }
}

fn bfd_session(neighbor: IpAddr, at: &KeyPath, config: &Config, found: &mut Findings) {
    if config.render.is_none() {
        return;
    }
    let mut sessions = super::walk::every_session(config).filter_map(|(_, session)| session.session.as_ref());
    if !sessions.any(|session| session.neighbor == neighbor && session.bfd.is_some()) {
        found.report(
            Finding::warning(
                "unknown-protocol",
                format!("no upstream or peer has BFD with {neighbor}"),
            )
            .at(at, "only a template of your own could set it up")
            .help("add `bfd = {}` to the session with this neighbour"),
        );
    }
}
