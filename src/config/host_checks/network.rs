//! Names, addresses and interfaces.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::path::Path as FilePath;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::config::checks::{announced, every_probe, every_session, serving_prefixes, source, target};
use crate::config::finding::{Finding, Findings};
use crate::config::model::{Config, Host, Role, Source};
use crate::config::spans::KeyPath;

/// How long a name may take: whoever waits at a terminal is told soon, and a resolver that takes
/// longer is a finding in itself.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) async fn check(config: &Config, found: &mut Findings) {
    names(config, found).await;
    for (path, probe) in every_probe(config) {
        match source(&probe.check) {
            Some(Source::Addr(addr)) => our_address(*addr, &path.key("source"), found),
            Some(Source::Interface(name)) => our_interface(name, &path.key("source"), found),
            None => {}
        }
    }
    for (path, session) in every_session(config) {
        if let Some(addr) = session.session.as_ref().and_then(|session| session.source) {
            our_address(addr, &path.key("source"), found);
        }
    }
    if let Some(listen) = config.api.listen {
        our_address(listen.ip(), &KeyPath::top().key("api").key("listen"), found);
    }
}

/// One name, and where it is asked for.
struct NameLookup {
    path: KeyPath,
    place: RequiredPlace,
}

/// Where the addresses of a name must lie.
enum RequiredPlace {
    /// A standby's probe, or a witness: outside the announced prefixes.
    Outside,
    /// A check of whether this site can serve the service of this index: inside its prefixes.
    Inside(usize),
    /// A primary's probe.
    Anywhere,
}

async fn names(config: &Config, found: &mut Findings) {
    let mut asked: BTreeMap<String, Vec<NameLookup>> = BTreeMap::new();
    for (path, probe) in every_probe(config) {
        if let Some((key, Host::Name(name))) = target(&probe.check) {
            asked.entry(name).or_default().push(NameLookup {
                place: required_place(&path, config),
                path: path.key(key),
            });
        }
    }
    let mut tasks = JoinSet::new();
    for name in asked.keys().cloned() {
        tasks.spawn(async move {
            let answer = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name.clone(), 0))).await;
            let addresses = match answer {
                Ok(Ok(addresses)) => Ok(addresses.map(|addr| addr.ip()).collect::<Vec<_>>()),
                Ok(Err(why)) => Err(why.to_string()),
                Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
            };
            (name, addresses)
        });
    }
    while let Some(Ok((name, answer))) = tasks.join_next().await {
        for asked in asked.get(&name).into_iter().flatten() {
            match &answer {
                Err(why) => found.report(unresolved(&name, why, &asked.path)),
                Ok(addresses) => match asked.place {
                    RequiredPlace::Outside => outside(&name, addresses, &asked.path, config, found),
                    RequiredPlace::Inside(service) => {
                        inside(&name, addresses, &asked.path, service, config, found);
                    }
                    RequiredPlace::Anywhere => {}
                },
            }
        }
    }
}

fn required_place(probe: &KeyPath, config: &Config) -> RequiredPlace {
    for (index, service) in config.services.iter().enumerate() {
        let path = KeyPath::service(index);
        if (0..service.serves.len()).any(|at| path.serves(at) == *probe) {
            return RequiredPlace::Inside(index);
        }
        let primary = service.role == Role::Primary;
        if primary && (0..service.probes.len()).any(|at| path.probe(at) == *probe) {
            return RequiredPlace::Anywhere;
        }
    }
    RequiredPlace::Outside
}

fn unresolved(name: &str, why: &str, at: &KeyPath) -> Finding {
    Finding::warning("unresolved", format!("`{name}` does not resolve now: {why}"))
        .at(at, "no address")
        .help("write the address itself, so that no resolver has to live for this check")
        .note("until it has resolved once, every check of it is an error; then the last addresses found stay in use")
}

fn outside(name: &str, addresses: &[IpAddr], at: &KeyPath, config: &Config, found: &mut Findings) {
    let inside = addresses
        .iter()
        .find_map(|addr| Some((addr, announced(*addr, config)?)));
    if let Some((addr, (prefix, announced))) = inside {
        found.report(
            Finding::warning("target-inside", format!("`{name}` has an address inside an announced prefix: {addr}"))
                .at(at, format!("inside {prefix}"))
                .at(&announced, "announced here after a takeover")
                .help("ask a name or an address of the target that stays there, outside the prefixes that move")
                .note("as long as it has, every check of it is an error: after a takeover this site would answer itself"),
        );
    }
}

fn inside(
    name: &str,
    addresses: &[IpAddr],
    at: &KeyPath,
    service: usize,
    config: &Config,
    found: &mut Findings,
) {
    let prefixes = serving_prefixes(&config.services[service]);
    let outside = |addr: &&IpAddr| !prefixes.iter().any(|prefix| prefix.contains(*addr));
    if let Some(addr) = addresses.iter().find(outside) {
        found.report(
            Finding::warning("target-outside", format!("`{name}` has an address outside the service's prefixes: {addr}"))
                .at(at, "in none of the prefixes")
                .at(&KeyPath::service(service).key("prefixes"), "what clients will ask for")
                .help("ask a name or an address inside the prefix, at this host or behind its tunnel")
                .note("as long as it has, every check of it is an error: an answer from elsewhere does not show that this site can serve"),
        );
    }
}

/// Whether an address is one of this host's: the kernel says so when a socket is bound to it.
fn our_address(addr: IpAddr, at: &KeyPath, found: &mut Findings) {
    let Err(why) = UdpSocket::bind((addr, 0)) else {
        return;
    };
    if why.kind() == ErrorKind::AddrNotAvailable {
        found.report(
            Finding::warning(
                "foreign-address",
                format!("{addr} is no address of this host now"),
            )
            .at(at, "nobody's here")
            .note("what needs it fails until it is there"),
        );
    }
}

fn our_interface(name: &str, at: &KeyPath, found: &mut Findings) {
    if !FilePath::new("/sys/class/net").join(name).exists() {
        found.report(
            Finding::warning(
                "missing-interface",
                format!("this host has no interface `{name}` now"),
            )
            .at(at, "not there")
            .note("until it is, every check from it is an error"),
        );
    }
}
