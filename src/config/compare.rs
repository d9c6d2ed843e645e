//! What changed between two configurations, table by table and service by service. It says what is
//! different, not what follows from it.

use std::fmt::Debug;

use super::model::{Api, Bird, Config, Isolation, Log, Probe, Render, Router, Service, Site, Upstream};

/// What changed between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
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
    /// What happened to it; its probes are `probe` here.
    pub change: Change,
    /// What happened to each of its probes, where the service was there before and after.
    pub probes: Vec<NamedChange>,
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

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Display for Changes {
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
            for probe in &service.probes {
                writeln!(
                    f,
                    "service {}, probe {}: {}",
                    service.name, probe.name, probe.change
                )?;
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

/// The fields of two values of one type that differ. Every field must be named, so that a new one
/// is not forgotten. What has no equality of its own (a regular expression) is the same where it
/// is written the same.
macro_rules! differing {
    ($type:ident { $($field:ident),* $(,)? }, $old:expr, $new:expr) => {{
        let ($type { $($field: _),* }, new) = ($old, $new);
        let _: &$type = new;
        let mut keys: Vec<&'static str> = Vec::new();
        $(if !same(&$old.$field, &new.$field) { keys.push(stringify!($field)); })*
        keys
    }};
}

/// What changed from `old` to `new`.
pub fn compare(old: &Config, new: &Config) -> Changes {
    Changes {
        tables: tables(old, new),
        upstreams: named(&old.upstreams, &new.upstreams, |it| &it.name, upstream),
        peers: named(&old.peers, &new.peers, |it| &it.name, upstream),
        services: services(&old.services, &new.services),
        witnesses: named(&old.witnesses, &new.witnesses, |it| &it.name, probe),
    }
}

fn tables(old: &Config, new: &Config) -> Vec<TableChange> {
    let bird = differing!(
        Bird {
            socket,
            timeout,
            poll_interval,
            binary,
            on_exit
        },
        &old.bird,
        &new.bird
    );
    let render = |old: &Render, new: &Render| {
        differing!(
            Render {
                template,
                template_dir,
                output,
                apply,
                confirm_within,
                vars
            },
            old,
            new
        )
    };
    let router = |old: &Router, new: &Router| differing!(Router { id, local_as }, old, new);
    let changes = [
        (
            "site",
            keys(differing!(
                Site {
                    name,
                    state_dir,
                    run_dir
                },
                &old.site,
                &new.site
            )),
        ),
        ("bird", keys(bird)),
        (
            "render",
            optional(old.render.as_ref(), new.render.as_ref(), render),
        ),
        (
            "router",
            optional(old.router.as_ref(), new.router.as_ref(), router),
        ),
        (
            "isolation",
            keys(differing!(Isolation { min_up }, &old.isolation, &new.isolation)),
        ),
        (
            "api",
            keys(differing!(Api { socket, listen }, &old.api, &new.api)),
        ),
        ("log", keys(differing!(Log { level, format }, &old.log, &new.log))),
    ];
    let happened = changes.into_iter().filter_map(|(table, change)| {
        Some(TableChange {
            table,
            change: change?,
        })
    });
    happened.collect()
}

fn same<T: Debug>(old: &T, new: &T) -> bool {
    format!("{old:?}") == format!("{new:?}")
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

fn services(old: &[Service], new: &[Service]) -> Vec<ServiceChange> {
    let changes = named(old, new, |it| &it.name, service);
    let find = |services: &[Service], name: &str| services.iter().find(|it| it.name == name).cloned();
    let with_probes = changes.into_iter().map(|NamedChange { name, change }| {
        let probes = match (find(old, &name), find(new, &name)) {
            (Some(old), Some(new)) => named(&old.probes, &new.probes, |it| &it.name, probe),
            (_, _) => Vec::new(),
        };
        ServiceChange { name, change, probes }
    });
    with_probes.collect()
}

fn upstream(old: &Upstream, new: &Upstream) -> Vec<&'static str> {
    differing!(
        Upstream {
            name,
            session,
            families
        },
        old,
        new
    )
}

fn probe(old: &Probe, new: &Probe) -> Vec<&'static str> {
    differing!(
        Probe {
            name,
            check,
            interval,
            timeout,
            retry_interval,
            fall,
            rise,
            votes,
            decides
        },
        old,
        new
    )
}

fn service(old: &Service, new: &Service) -> Vec<&'static str> {
    differing!(
        Service {
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
        },
        old,
        new
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    const STANDBY: &str = include_str!("../../tests/fixtures/config/standby.toml");

    /// What changed once `from` is `to`.
    fn changed(from: &str, to: &str) -> String {
        let before = load(STANDBY, "before").unwrap().0;
        assert!(STANDBY.contains(from));
        let after = load(&STANDBY.replacen(from, to, 1), "after").unwrap().0;
        compare(&before, &after).to_string()
    }

    #[test]
    fn the_same_text_changes_nothing() {
        assert_eq!(changed("Hong Kong", "Hongkong"), "");
        let config = load(STANDBY, "it").unwrap().0;
        assert!(compare(&config, &config).is_empty());
    }

    #[test]
    fn each_change_is_said_of_its_table_alone() {
        assert_eq!(changed("name = \"hk1\"", "name = \"hk2\""), "[site]: name\n");
        assert_eq!(
            changed("[render]", "[render]\noutput = \"/etc/b.conf\""),
            "[render]: output\n"
        );
        assert_eq!(
            changed("local_as = 64501", "local_as = 64503"),
            "[router]: local_as\n"
        );
        assert_eq!(
            changed("[router]", "[log]\nlevel = \"debug\"\n[router]"),
            "[log]: level\n"
        );
        assert_eq!(
            changed("neighbor_as = 64500", "neighbor_as = 64499"),
            "upstream isp_upstream: session\n"
        );
        assert_eq!(
            changed("target = \"192.0.2.53\"", "target = \"192.0.2.54\""),
            "witness resolver: check\n"
        );
    }

    #[test]
    fn a_service_says_which_of_its_probes_changed() {
        assert_eq!(
            changed("role = \"standby\"", "role = \"standby\"\nrank = 2"),
            "service web: rank\n"
        );
        assert_eq!(
            changed("target = \"198.18.0.1\"", "target = \"198.18.0.1\"\nfall = 5"),
            "service web: probes\nservice web, probe ping: fall\n"
        );
        assert_eq!(
            changed("name = \"ping\"", "name = \"echo\""),
            "service web: probes\nservice web, probe echo: added\nservice web, probe ping: removed\n"
        );
    }

    #[test]
    fn what_comes_and_goes_is_said() {
        assert_eq!(
            changed("name = \"gateway\"", "name = \"router\""),
            "witness router: added\nwitness gateway: removed\n"
        );
        assert_eq!(
            changed("name = \"web\"", "name = \"site\""),
            "service site: added\nservice web: removed\n"
        );
    }
}
