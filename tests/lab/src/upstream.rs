//! The upstream, in two flavours: what its table says of the service's prefixes. It chooses between the
//! sites by its own BGP, and its kernel follows, so that the client really reaches the site chosen.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::bird::Bird;
use crate::bird_conf;
use crate::frr::{self, Frr};
use crate::netns::Netns;
use crate::topology::Host;
use crate::wait;

/// Whose BGP the upstream runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// BIRD.
    Bird,
    /// FRR.
    Frr,
}

/// A running upstream.
#[derive(Debug)]
pub struct Upstream {
    daemon: Daemon,
}

#[derive(Debug)]
enum Daemon {
    Bird(Bird),
    Frr(Frr),
}

/// A route in the upstream's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The site that announced it.
    pub from: Host,
    /// Whether the upstream prefers it.
    pub best: bool,
    /// AS_PATH.
    pub as_path: Vec<u32>,
    /// Its communities.
    pub communities: Vec<(u16, u16)>,
}

impl Upstream {
    /// Starts it.
    pub fn start(flavour: Flavour, namespace: &Netns, directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let daemon = match flavour {
            Flavour::Frr => Daemon::Frr(Frr::start(namespace, directory, &[("bgpd", frr::bgpd_conf())])?),
            Flavour::Bird => {
                let mut bird = Bird::new(namespace, directory)?;
                bird.configure_with(&bird_conf::upstream())?;
                bird.start()?;
                Daemon::Bird(bird)
            }
        };
        Ok(Self { daemon })
    }

    /// What the table holds for a prefix, the preferred one first.
    pub fn routes(&self, prefix: &str) -> Result<Vec<Route>> {
        let mut routes = match &self.daemon {
            Daemon::Bird(bird) => bird_routes(&self.table(prefix).or_else(|error| {
                // birdc's exit code says "not found" like any other refusal.
                bird.birdc("show status").map(|_| String::new()).context(error)
            })?),
            Daemon::Frr(frr) => {
                let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
                frr_routes(&frr.vtysh(&format!("show bgp {family} unicast {prefix} json"))?)?
            }
        };
        routes.sort_by_key(|route| !route.best);
        Ok(routes)
    }

    /// The table's own words about a prefix, for people.
    pub fn table(&self, prefix: &str) -> Result<String> {
        match &self.daemon {
            Daemon::Bird(bird) => bird.birdc(&format!("show route {prefix} all")),
            Daemon::Frr(frr) => {
                let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
                frr.vtysh(&format!("show bgp {family} unicast {prefix}"))
            }
        }
    }

    /// The program and its version, for people.
    pub fn version(&self) -> Result<String> {
        match &self.daemon {
            Daemon::Bird(bird) => Ok(first_line(&bird.birdc("show status")?).replace(" ready.", "")),
            Daemon::Frr(frr) => {
                let line = first_line(&frr.vtysh("show version")?);
                Ok(line
                    .split(" (")
                    .next()
                    .unwrap_or_default()
                    .replace("FRRouting", "FRR"))
            }
        }
    }

    /// The sites that announce a prefix, the preferred one first.
    pub fn sites(&self, prefix: &str) -> Result<Vec<Host>> {
        Ok(self.routes(prefix)?.into_iter().map(|route| route.from).collect())
    }

    /// Waits until exactly these sites announce a prefix, the preferred one first.
    pub fn until_sites(&self, prefix: &str, sites: &[Host], deadline: Duration) -> Result<()> {
        let what = format!("table of the upstream with {prefix} from {sites:?}");
        wait::until(&what, deadline, || {
            let now = self.sites(prefix)?;
            if now == sites {
                Ok(Some(()))
            } else {
                Err(anyhow::anyhow!("it is from {now:?}"))
            }
        })
    }

    /// Leaves it running after we are gone.
    pub fn let_go(&mut self) {
        match &mut self.daemon {
            Daemon::Bird(bird) => bird.let_go(),
            Daemon::Frr(frr) => frr.let_go(),
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// `show route PREFIX all` of BIRD 2 and 3: a row a route, then its attributes.
fn bird_routes(text: &str) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once('[')
            && let Some((protocol, rest)) = rest.split_once(' ')
            && let Some(from) = Host::ALL
                .into_iter()
                .find(|host| protocol.split('_').next() == Some(host.name()))
        {
            let best = rest
                .split(']')
                .nth(1)
                .is_some_and(|flags| flags.trim_start().starts_with('*'));
            routes.push(Route {
                from,
                best,
                as_path: Vec::new(),
                communities: Vec::new(),
            });
        }
        let Some(route) = routes.last_mut() else { continue };
        let line = line.trim();
        if let Some(path) = after(line, &["BGP.as_path:", "bgp_path:"]) {
            route.as_path = path
                .split_whitespace()
                .filter_map(|asn| asn.parse().ok())
                .collect();
        }
        if let Some(list) = after(line, &["BGP.community:", "bgp_community:"]) {
            route.communities = list
                .split_whitespace()
                .filter_map(|pair| community(pair, ','))
                .collect();
        }
    }
    routes
}

fn after<'a>(line: &'a str, labels: &[&str]) -> Option<&'a str> {
    labels
        .iter()
        .find_map(|label| line.split_once(label))
        .map(|(_, rest)| rest)
}

fn community(pair: &str, separator: char) -> Option<(u16, u16)> {
    let (high, low) = pair.trim_matches(['(', ')']).split_once(separator)?;
    Some((high.parse().ok()?, low.parse().ok()?))
}

/// `show bgp ... PREFIX json`; an empty object without a route.
fn frr_routes(text: &str) -> Result<Vec<Route>> {
    let table: Value = serde_json::from_str(text).with_context(|| format!("FRR said {text}"))?;
    let paths = table["paths"].as_array().map(Vec::as_slice).unwrap_or_default();
    paths.iter().map(frr_route).collect()
}

fn frr_route(path: &Value) -> Result<Route> {
    let peer = path["peer"]["peerId"].as_str().context("a path without a peer")?;
    let numbers = |text: &str| {
        text.split_whitespace()
            .filter_map(|asn| asn.parse().ok())
            .collect()
    };
    let communities = path["community"]["list"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let of_name = |name: &str| {
        if name == "gracefulShutdown" {
            Some((65535, 0))
        } else {
            community(name, ':')
        }
    };
    Ok(Route {
        from: Host::of(peer.parse()?).with_context(|| format!("an unknown peer {peer}"))?,
        best: path["bestpath"]["overall"].as_bool().unwrap_or(false),
        as_path: path["aspath"]["string"].as_str().map(numbers).unwrap_or_default(),
        communities: communities
            .iter()
            .filter_map(Value::as_str)
            .filter_map(of_name)
            .collect(),
    })
}
