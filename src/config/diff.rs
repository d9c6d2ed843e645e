//! The differences between two configurations, table by table and service by service; not their
//! consequences.

use super::model::{
    ApiConfig, BirdConfig, BirdRouteConfig, CheckConfig, Config, DnsConfig, ExecConfig, HttpConfig,
    IcmpConfig, IsolationConfig, LogConfig, ProbeConfig, RenderConfig, RouterConfig, ServiceConfig,
    SessionConfig, SiteConfig, TcpConfig, UpstreamConfig,
};

/// What changed between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigChanges {
    /// Tables that stand there once, such as `[site]`, in the file's order.
    pub tables: Vec<TableChange>,
    /// `[[upstream]]`, by name.
    pub upstreams: Vec<NamedChange>,
    /// `[[peer]]`, by name.
    pub peers: Vec<NamedChange>,
    /// `[[service]]`, by name. Those that are not here keep everything.
    pub services: Vec<ServiceChange>,
    /// `[[witness]]`, by name.
    pub witnesses: Vec<NamedChange>,
}

/// A table that stands there once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableChange {
    /// Its name, such as `site`.
    pub table: &'static str,
    /// What happened to it.
    pub change: Change,
}

/// One of several tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedChange {
    /// Its name.
    pub name: String,
    /// What happened to it.
    pub change: Change,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceChange {
    /// Its name.
    pub name: String,
    /// What happened to it; its probes are `probe` here, its checks of whether this site can serve `serves`.
    pub change: Change,
    /// What happened to each of its probes, where the service was there before and after.
    pub probes: Vec<NamedChange>,
    /// The same for its checks of whether this site can serve.
    pub serves: Vec<NamedChange>,
}

/// What happened to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    Added,
    /// It is gone.
    Removed,
    /// These keys have other values.
    Keys(Vec<&'static str>),
}

impl ConfigChanges {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Display for ConfigChanges {
    /// A line for each table that changed, as an operator would say it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for change in &self.tables {
            writeln!(f, "[{}]: {}", change.table, change.change)?;
        }
        let named = [
            ("upstream", &self.upstreams),
            ("peer", &self.peers),
            ("witness", &self.witnesses),
        ];
        for (kind, changes) in named {
            for change in changes {
                writeln!(f, "{kind} {}: {}", change.name, change.change)?;
            }
        }
        for service in &self.services {
            writeln!(f, "service {}: {}", service.name, service.change)?;
            for (kind, changes) in [("probe", &service.probes), ("serves", &service.serves)] {
                for NamedChange { name, change } in changes {
                    writeln!(f, "service {}, {kind} {name}: {change}", service.name)?;
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Added => f.write_str("added"),
            Self::Removed => f.write_str("removed"),
            Self::Keys(keys) => f.write_str(&keys.join(", ")),
        }
    }
}

/// What changed from `old` to `new`. Nothing changed where they are equal.
pub fn compare(old: &Config, new: &Config) -> ConfigChanges {
    let Config {
        site: _,
        bird: _,
        render: _,
        router: _,
        upstreams,
        peers,
        services,
        witnesses,
        isolation: _,
        api: _,
        log: _,
    } = old;
    ConfigChanges {
        tables: tables(old, new),
        upstreams: named(upstreams, &new.upstreams, |it| &it.name, upstream),
        peers: named(peers, &new.peers, |it| &it.name, upstream),
        services: with_probes(services, &new.services),
        witnesses: named(witnesses, &new.witnesses, |it| &it.name, probe),
    }
}

fn tables(old: &Config, new: &Config) -> Vec<TableChange> {
    let changes = [
        ("site", keys(site(&old.site, &new.site))),
        ("bird", keys(bird(&old.bird, &new.bird))),
        (
            "render",
            optional(old.render.as_ref(), new.render.as_ref(), render),
        ),
        (
            "router",
            optional(old.router.as_ref(), new.router.as_ref(), router),
        ),
        ("isolation", keys(isolation(&old.isolation, &new.isolation))),
        ("api", keys(api(&old.api, &new.api))),
        ("log", keys(log(&old.log, &new.log))),
    ];
    let happened = changes.into_iter().filter_map(|(table, change)| {
        Some(TableChange {
            table,
            change: change?,
        })
    });
    happened.collect()
}

fn keys(keys: Vec<&'static str>) -> Option<Change> {
    (!keys.is_empty()).then_some(Change::Keys(keys))
}

fn optional<T>(
    old: Option<&T>,
    new: Option<&T>,
    differing: impl Fn(&T, &T) -> Vec<&'static str>,
) -> Option<Change> {
    match (old, new) {
        (None, None) => None,
        (None, Some(_)) => Some(Change::Added),
        (Some(_), None) => Some(Change::Removed),
        (Some(old), Some(new)) => keys(differing(old, new)),
    }
}

/// What happened to each of several tables, in the new order, the removed ones last.
fn named<T>(
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> &String,
    differing: impl Fn(&T, &T) -> Vec<&'static str>,
) -> Vec<NamedChange> {
    let before = |wanted: &T| old.iter().find(|it| name(it) == name(wanted));
    let after = |wanted: &T| new.iter().any(|it| name(it) == name(wanted));
    let mut changes = Vec::new();
    for it in new {
        if let Some(change) = optional(before(it), Some(it), &differing) {
            changes.push(NamedChange {
                name: name(it).clone(),
                change,
            });
        }
    }
    let removed = old.iter().filter(|it| !after(it));
    changes.extend(removed.map(|it| NamedChange {
        name: name(it).clone(),
        change: Change::Removed,
    }));
    changes
}

fn with_probes(old: &[ServiceConfig], new: &[ServiceConfig]) -> Vec<ServiceChange> {
    let changes = named(old, new, |it| &it.name, service);
    let find = |services: &[ServiceConfig], name: &str| services.iter().find(|it| it.name == name).cloned();
    let with_probes = changes.into_iter().map(|NamedChange { name, change }| {
        let (probes, serves) = match (find(old, &name), find(new, &name)) {
            (Some(old), Some(new)) => (
                named(&old.probes, &new.probes, |it| &it.name, probe),
                named(&old.serves, &new.serves, |it| &it.name, probe),
            ),
            (_, _) => (Vec::new(), Vec::new()),
        };
        ServiceChange {
            name,
            change,
            probes,
            serves,
        }
    });
    with_probes.collect()
}

/// For each type a function that says which of its keys have other values. Every field must be
/// named, with the key that it comes of where that has another name, so that a new one is not
/// forgotten.
macro_rules! differing {
    ($($function:ident of $type:ident: $($field:ident $($key:literal)?),+;)+) => {$(
        fn $function(old: &$type, new: &$type) -> Vec<&'static str> {
            let $type { $($field: _),+ } = old;
            let mut keys = Vec::new();
            $(if old.$field != new.$field {
                keys.push([$($key,)? stringify!($field)][0]);
            })+
            keys
        }
    )+};
}

differing! {
    site of SiteConfig: name, state_dir, run_dir;
    bird of BirdConfig: socket, timeout, poll_interval, binary, on_exit;
    render of RenderConfig: template, template_dir, output, apply, confirm_within, vars;
    router of RouterConfig: id, local_as;
    isolation of IsolationConfig: min_up, on_cut_off;
    api of ApiConfig: socket, listen, allow, names;
    log of LogConfig: level, format;
    upstream_itself of UpstreamConfig: name, session, families, origin_as;
    session of SessionConfig:
        neighbor, neighbor_as, source, multihop, password_file, hold_time, keepalive_time, connect_retry_time,
        error_wait_time, graceful_restart, bfd, communities, large_communities,
        standing_communities, drain_communities, no_llgr, prepend, med, import, import_limit,
        next_hop;
    service_itself of ServiceConfig:
        name, role, prefixes, primary_prefixes, standing_prefixes "standing", upstreams, min_upstreams, down_when, up_when, takeover_delay, failback, failback_delay,
        failback_window, failback_drain, failback_confirm, flap_limit, flap_window, on_isolated, rank,
        full "protocols", drain "drain_protocols", standing "standing_protocols", probes "probe", serves, on_not_serving;
    probe_itself of ProbeConfig: name, check, interval, timeout, retry_interval, fall, rise, votes, decides, group;
    icmp of IcmpConfig: target, source;
    tcp of TcpConfig: target, port, source;
    http of HttpConfig:
        url, method, headers, headers_file, expect_status, error_status, expect_body, expect_header, connect_to,
        tls_ca_file, tls_verify,
        on_no_answer, source;
    dns of DnsConfig: server, port, query, record, tcp "transport", expect_rcode, expect_answers, source;
    exec of ExecConfig: command;
    bird_route of BirdRouteConfig: prefix, protocol, origin_as, community, large_community, next_hop;
}

/// The prefixes stand in the static protocols, too, where nobody wrote them.
fn service(old: &ServiceConfig, new: &ServiceConfig) -> Vec<&'static str> {
    let mut keys = service_itself(old, new);
    if old.prefixes != new.prefixes {
        keys.retain(|key| !matches!(*key, "protocols" | "drain_protocols"));
    }
    if old.standing_prefixes != new.standing_prefixes {
        keys.retain(|key| *key != "standing_protocols");
    }
    keys
}

/// A session's keys stand beside the upstream's own.
fn upstream(old: &UpstreamConfig, new: &UpstreamConfig) -> Vec<&'static str> {
    let keys = upstream_itself(old, new);
    match (&old.session, &new.session) {
        (Some(old), Some(new)) => in_place_of("session", keys, session(old, new)),
        (_, _) => in_place_of("session", keys, vec!["neighbor"]),
    }
}

/// What is checked stands beside how often it is.
fn probe(old: &ProbeConfig, new: &ProbeConfig) -> Vec<&'static str> {
    in_place_of("check", probe_itself(old, new), check(&old.check, &new.check))
}

fn check(old: &CheckConfig, new: &CheckConfig) -> Vec<&'static str> {
    match (old, new) {
        (CheckConfig::Icmp(old), CheckConfig::Icmp(new)) => icmp(old, new),
        (CheckConfig::Tcp(old), CheckConfig::Tcp(new)) => tcp(old, new),
        (CheckConfig::Http(old), CheckConfig::Http(new)) => http(old, new),
        (CheckConfig::Dns(old), CheckConfig::Dns(new)) => dns(old, new),
        (CheckConfig::Exec(old), CheckConfig::Exec(new)) => exec(old, new),
        (CheckConfig::BirdRoute(old), CheckConfig::BirdRoute(new)) => bird_route(old, new),
        (CheckConfig::BirdProtocol(_), CheckConfig::BirdProtocol(_)) => vec!["protocol"],
        (_, _) => vec!["type"],
    }
}

/// The keys, with those of a group in the place of its name.
fn in_place_of(group: &str, keys: Vec<&'static str>, of_group: Vec<&'static str>) -> Vec<&'static str> {
    let one = |key| if key == group { of_group.clone() } else { vec![key] };
    keys.into_iter().flat_map(one).collect()
}

#[cfg(test)]
mod tests;
