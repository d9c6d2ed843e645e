//! Bird-route probes that do not see the primary's route while this site announces, and probes that are
//! asked in drain instead (D8).
//!
//! An ISP tells a neighbour its best route. While that is our own, because an ISP prefers its customer, it
//! tells us nothing of the primary's route to the same prefix.

use crate::config::checks::walk::every_session;
use crate::config::finding::{Finding, Findings};
use crate::config::model::{
    CheckConfig, Config, Decides, ImportPolicy, ProbeConfig, Role, ServiceConfig, UpstreamConfig, Votes,
};
use crate::config::spans::KeyPath;

/// Whether each of a service's probes is blind while the service is announced at full.
pub fn blind_probes(config: &Config, service: &ServiceConfig) -> Vec<bool> {
    let probes = service.probes.iter();
    probes
        .map(|probe| is_blind(config, service, &probe.check))
        .collect()
}

/// Whether it looks for a prefix that the service announces at full, through a session that carries the
/// service out. Another prefix, such as a block that contains it, has another best route.
pub fn is_blind(config: &Config, service: &ServiceConfig, check: &CheckConfig) -> bool {
    let CheckConfig::BirdRoute(route) = check else {
        return false;
    };
    let carries = |name: &String| service.upstreams.contains(name);
    let blind = match &route.protocol {
        Some(protocol) => carries(protocol),
        // It looks through every session: one that carries nothing out would show the route.
        None => !every_session(config).any(|(_, session)| !carries(&session.name) && imports(session)),
    };
    blind && service.role == Role::Standby && service.prefixes.contains(&route.prefix)
}

/// Whether routes are taken from it; in a file of the user's own nobody knows.
fn imports(session: &UpstreamConfig) -> bool {
    let rendered = session.session.as_ref();
    rendered.is_none_or(|session| session.import != ImportPolicy::None)
}

pub(crate) fn check(config: &Config, found: &mut Findings) {
    for (index, service) in config.services.iter().enumerate() {
        let path = KeyPath::service(index);
        if found.is_unread(&path.key("role")) || found.is_unread_within(&path.key("upstreams")) {
            continue;
        }
        for (at, probe) in service.probes.iter().enumerate() {
            let votes_up = matches!(probe.votes, Votes::Both | Votes::Up);
            if votes_up && is_blind(config, service, &probe.check) {
                found.report(blind(config, service, probe, &path, at));
            }
            if probe.votes == Votes::Failback {
                votes_failback(config, service, probe, &path.probe(at), found);
            }
        }
        more_specific(service, &path, found);
    }
}

fn blind(
    config: &Config,
    service: &ServiceConfig,
    probe: &ProbeConfig,
    path: &KeyPath,
    at: usize,
) -> Finding {
    let message = format!(
        "`{}` cannot see the primary's route while `{}` is announced",
        probe.name, service.name
    );
    let CheckConfig::BirdRoute(route) = &probe.check else {
        return Finding::error("blind-probe", message);
    };
    // In a file of the user's own there may be sessions that are not listed here.
    let finding = match (&route.protocol, &config.render) {
        (None, None) => Finding::warning("blind-probe", message),
        (Some(_), _) | (None, Some(_)) => Finding::error("blind-probe", message),
    };
    let probe_path = path.probe(at);
    let through = match &route.protocol {
        Some(_) => finding.at(
            &probe_path.key("protocol"),
            "this session carries the service out",
        ),
        None => finding.at(
            &probe_path.key("prefix"),
            "no session that carries nothing out could show it",
        ),
    };
    through
        .at(&probe_path.key("votes"), "votes for up")
        .help(
            "write `votes = \"failback\"`: the probe is asked in drain, before the withdrawal; or name in `protocol` a \
             session that carries nothing out, such as a `[[peer]]`; or ask the primary's /v1/services/NAME/announced",
        )
        .note(
            "an ISP that prefers its customer tells us its best route, and that is our own then: the verdict would \
             never become up, and the service never fail back (D8)",
        )
}

/// Whether a probe that votes for failback can be asked in drain, and can pass there.
fn votes_failback(
    config: &Config,
    service: &ServiceConfig,
    probe: &ProbeConfig,
    path: &KeyPath,
    found: &mut Findings,
) {
    let votes = path.key("votes");
    if service.role == Role::Primary {
        found.report(
            Finding::error("no-failback", "a primary does not fail back")
                .at(&votes, "asked in a standby's drain")
                .help("leave `votes` out, or write another vote"),
        );
        return;
    }
    if service.drain.is_empty() && config.render.is_none() {
        found.report(
            Finding::error("no-drain-protocols", "there are no protocols to drain through")
                .at(&votes, "asked in drain")
                .help("name the static protocols of your bird.conf that announce as a last resort in `drain_protocols`"),
        );
    }
    if probe.decides == Some(Decides::Up) {
        found.report(
            Finding::error(
                "blind-probe",
                "a probe that is asked in drain cannot decide \"up\"",
            )
            .at(&path.key("decides"), "before any drain")
            .at(&votes, "asked in drain, which follows the verdict up")
            .help("leave `decides` out"),
        );
    }
    let CheckConfig::BirdRoute(route) = &probe.check else {
        return;
    };
    let named = every_session(config).find(|(_, session)| route.protocol.as_ref() == Some(&session.name));
    if let Some((session, _)) = named.filter(|(_, session)| !imports(session)) {
        found.report(
            Finding::error("never-seen", "the failback would wait for ever for a route that BIRD does not take")
                .at(&path.key("protocol"), "routes of this session")
                .at(&session.key("import"), "`import` is \"none\" here")
                .help("set `import = \"services\"` there: the services' prefixes are let in, and never reach the kernel"),
        );
    }
}

/// More specific routes win until the last router has forgotten them.
fn more_specific(service: &ServiceConfig, path: &KeyPath, found: &mut Findings) {
    let covered = |prefix| !service.primary_prefixes.is_empty() && !service.primary_prefixes.contains(prefix);
    let prefixes = service.role == Role::Standby && service.prefixes.iter().any(covered);
    if prefixes && service.failback_drain.is_zero() && !found.is_unread(&path.key("failback_drain")) {
        found.report(
            Finding::warning("abrupt-failback", "more specific routes are withdrawn without a drain")
                .at(&path.key("prefixes"), "more specific than `primary_prefixes`")
                .help("set `failback_drain = \"30s\"`, and have drain protocols")
                .note(
                    "each router that forgets them later than its neighbour sends traffic back to it; in drain they \
                     hear of the end first, and other routes are preferred as soon as there are any (D8)",
                ),
        );
    }
}
