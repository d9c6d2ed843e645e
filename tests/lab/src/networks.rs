//! The lab with three networks: the primary's ISP and the standby's, which peer, a transit above both, and a
//! client in each who fetches from the service all along. It shows what decides after a power cut whether the
//! clients reach the standby. Hosts, BIRDs, FRR, faults and clients are those of the lab with one upstream.

pub mod patterns;
pub mod record;
mod routers;
mod site;
mod topology;
mod wiring;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::{ProbeState, Strength};

pub use self::routers::BELOW_PEERS;
pub use self::site::Always;
pub use self::topology::{Network, Relation};

use self::routers::SiteSession;
use crate::bird::Bird;
use crate::client::{Client, Served};
use crate::frr::Frr;
use crate::netns::Netns;
use crate::process::Process;
use crate::topology::{Host, SERVICE4};
use crate::{Falconer, Flavour, SESSIONS, Settings, faults, http, isolate, wait};

/// The block, half of which is [`crate::PREFIX4`].
pub const BLOCK: &str = "198.51.100.0/23";
/// Its halves.
pub const HALVES: [&str; 2] = ["198.51.100.0/24", "198.51.101.0/24"];

/// The standby's second upstream, as falconer.toml has it.
const SECOND_UPSTREAM: &str = "[[upstream]]\nname = \"transit\"\nneighbor = \"100.64.0.13\"\nneighbor_as = 64530\n\
    source = \"100.64.0.14\"\nhold_time = \"9s\"\nkeepalive_time = \"3s\"\nprepend = 1\nimport = \"services\"";

/// How long every client must have been answered by one site, and by no other, to be settled.
const SETTLED: Duration = Duration::from_secs(1);

/// Who announces at a site.
#[derive(Clone, Debug)]
pub enum Announcer {
    /// Its BIRD alone, for as long as it lives.
    Bird(Always),
    /// Falconer.
    Falconer(Box<Settings>),
}

impl Announcer {
    /// These prefixes, for as long as the site's BIRD lives.
    pub fn always(prefixes: &[&'static str]) -> Self {
        Self::Bird(Always::of(prefixes))
    }
}

/// What the three networks are to be.
#[derive(Clone, Debug)]
pub struct NetworksPlan {
    /// The BGP of the primary's ISP.
    pub isp_a: Flavour,
    /// The hold time between the primary and its ISP, in seconds.
    pub hold: u32,
    /// Whether the primary and its ISP have BFD, at 300 ms x 3.
    pub bfd: bool,
    /// The primary.
    pub primary: Announcer,
    /// The standby.
    pub standby: Announcer,
    /// Whether the standby's Falconer has the transit as its second upstream, with one prepend: as long a path
    /// as the primary's.
    pub second_upstream: bool,
    /// In front of every namespace's name; several can stand side by side.
    pub prefix: String,
    /// Where its files go.
    pub base: PathBuf,
}

impl NetworksPlan {
    /// With BIRD at the primary's ISP, a hold time of 90 s, and no BFD.
    pub fn new(primary: Announcer, standby: Announcer) -> Self {
        Self {
            isp_a: Flavour::Bird,
            hold: 90,
            bfd: false,
            primary,
            standby,
            second_upstream: false,
            prefix: String::new(),
            base: PathBuf::from(isolate::BASE),
        }
    }
}

/// The three networks at work. Their programs end when it is dropped.
#[derive(Debug)]
pub struct Networks {
    /// The primary's BIRD.
    pub primary: Bird,
    /// The standby's BIRD.
    pub standby: Bird,
    /// The primary's Falconer, where the plan has one.
    pub primary_falconer: Option<Falconer>,
    /// The standby's Falconer, where the plan has one.
    pub falconer: Option<Falconer>,
    clients: Vec<(Network, Client)>,
    routers: Vec<(Network, Router)>,
    services: Vec<(Host, Process)>,
    plan: NetworksPlan,
}

/// A network's BGP.
#[derive(Debug)]
enum Router {
    Bird(Bird),
    Frr(Frr),
}

impl Networks {
    /// Starts everything, and waits until all sessions are up, every client is served by one site, and the
    /// standby's Falconer has found the primary well.
    pub fn start(plan: &NetworksPlan) -> Result<Self> {
        wiring::build(&plan.prefix)?;
        let bird = |host: Host| {
            let directory = plan.base.join(host.name());
            std::fs::create_dir_all(&directory)?;
            Bird::new(&Netns::of(&plan.prefix, host), &directory)
        };
        let mut networks = Self {
            primary: bird(Host::Cn)?,
            standby: bird(Host::Hk)?,
            primary_falconer: None,
            falconer: None,
            clients: Vec::new(),
            routers: Vec::new(),
            services: Vec::new(),
            plan: plan.clone(),
        };
        for network in Network::ALL {
            let router = networks.start_router(network)?;
            networks.routers.push((network, router));
        }
        for host in [Host::Cn, Host::Hk] {
            networks.start_service(host)?;
        }
        networks.primary_falconer = networks.start_site(Host::Cn)?;
        networks.falconer = networks.start_site(Host::Hk)?;
        networks.until_sessions()?;
        for network in Network::ALL {
            let namespace = Netns::of(&plan.prefix, network.client());
            let client = Client::start(&namespace, SERVICE4.into());
            networks.clients.push((network, client));
        }
        networks.until_settled()?;
        if let Some(falconer) = &networks.falconer {
            falconer.until("watch over a living primary", SESSIONS, |service| {
                service.want == Some(Strength::Off)
                    && service.actual == Some(Strength::Off)
                    && service.probes.iter().all(|probe| probe.state == ProbeState::Up)
            })?;
        }
        Ok(networks)
    }

    fn start_router(&self, network: Network) -> Result<Router> {
        let namespace = Netns::of(&self.plan.prefix, network);
        let directory = self.plan.base.join(network.name());
        std::fs::create_dir_all(&directory)?;
        let site = SiteSession {
            hold: self.hold(network == Network::IspA),
            bfd: self.plan.bfd && network == Network::IspA,
            second_upstream: self.plan.second_upstream,
        };
        if network == Network::IspA && self.plan.isp_a == Flavour::Frr {
            let daemons = routers::frr(network, site);
            return Ok(Router::Frr(Frr::start(&namespace, &directory, &daemons)?));
        }
        let mut bird = Bird::new(&namespace, &directory)?;
        bird.configure_with(&routers::bird(network, site))?;
        bird.start()?;
        Ok(Router::Bird(bird))
    }

    /// Seconds.
    fn hold(&self, primary: bool) -> u32 {
        if primary { self.plan.hold } else { 9 }
    }

    /// Starts a site's BIRD, and its Falconer, where it has one.
    fn start_site(&mut self, host: Host) -> Result<Option<Falconer>> {
        let primary = host == Host::Cn;
        let (announcer, hold) = if primary {
            (self.plan.primary.clone(), self.plan.hold)
        } else {
            (self.plan.standby.clone(), self.hold(false))
        };
        let (namespace, directory) = (
            Netns::of(&self.plan.prefix, host),
            self.plan.base.join(host.name()),
        );
        let bfd = self.plan.bfd && primary;
        let bird = if primary {
            &mut self.primary
        } else {
            &mut self.standby
        };
        let settings = match announcer {
            Announcer::Bird(always) => {
                bird.configure_with(&always.bird_conf(host, hold, bfd))?;
                bird.start()?;
                return Ok(None);
            }
            Announcer::Falconer(settings) => settings,
        };
        for own in ["run", "state"] {
            // As systemd makes them for the daemon.
            std::fs::create_dir_all(directory.join(own))?;
        }
        let isp = if primary { Network::IspA } else { Network::IspB };
        let mut keys = format!(
            "neighbor_as = {}\nhold_time = \"{hold}s\"\nkeepalive_time = \"{}s\"",
            isp.asn(),
            hold / 3
        );
        if bfd {
            keys.push_str("\nbfd = {}");
        }
        let mut settings = settings.ipv4_only().more_upstream(&keys);
        if self.plan.second_upstream && !primary {
            settings = settings.more(SECOND_UPSTREAM);
        }
        let mut falconer = Falconer::new(&namespace, &directory, &settings)?;
        falconer.start()?;
        let file = bird.configuration();
        wait::until_true("rendered bird.conf", SESSIONS, || Ok(file.exists()))?;
        bird.start()?;
        Ok(Some(falconer))
    }

    /// Waits until every session is up, by the word of the BIRDs: FRR speaks with nobody else.
    fn until_sessions(&self) -> Result<()> {
        let routers = self.routers.iter().filter_map(|(network, router)| match router {
            Router::Bird(bird) => Some((network.name(), bird)),
            Router::Frr(_) => None,
        });
        let sites = [("cn", &self.primary), ("hk", &self.standby)];
        for (name, bird) in routers.chain(sites) {
            wait::until(&format!("sessions of {name}"), SESSIONS, || {
                let table = bird.birdc("show protocols")?;
                let sessions = table.lines().filter(|row| row.contains(" BGP "));
                let down: Vec<_> = sessions.filter(|row| !row.contains("Established")).collect();
                ensure!(down.is_empty(), "{down:?}");
                Ok(Some(()))
            })?;
        }
        Ok(())
    }

    /// Waits until every client has been answered by one site alone for a second.
    pub fn until_settled(&self) -> Result<()> {
        self.until_clients("service for every client", SESSIONS, |_, served| {
            served.failed == 0 && served.answers.len() == 1
        })
    }

    /// Waits until every client has been answered by this site alone for a second.
    pub fn until_served_by(&self, site: Host, deadline: Duration) -> Result<()> {
        let what = format!("service by {site} for every client");
        self.until_clients(&what, deadline, |_, served| {
            served.failed == 0 && served.answers.keys().eq([site.name()])
        })
    }

    /// Waits until the last second of every client is as wanted.
    pub fn until_clients(
        &self,
        what: &str,
        deadline: Duration,
        wanted: impl Fn(Network, &Served) -> bool,
    ) -> Result<()> {
        wait::until_every(Duration::from_millis(50), what, deadline, || {
            // The fetches that began last may not be done yet.
            let to = wait::now() - Duration::from_millis(450);
            let served = self.served(to - SETTLED, to);
            let all = served.iter().all(|(network, served)| {
                served.answers.values().sum::<usize>() + served.failed >= 20 && wanted(*network, served)
            });
            ensure!(all, "{served:#?}");
            Ok(Some(()))
        })
        .with_context(|| self.tables())
    }

    /// What each client saw of the service in this time.
    pub fn served(&self, from: SystemTime, to: SystemTime) -> Vec<(Network, Served)> {
        let clients = self.clients.iter();
        clients
            .map(|(network, client)| (*network, client.served(from, to)))
            .collect()
    }

    /// The client in a network.
    pub fn client(&self, network: Network) -> Result<&Client> {
        let mut clients = self.clients.iter();
        let found = clients.find(|(of, _)| *of == network);
        Ok(&found.context("a client in every network")?.1)
    }

    /// The routes to the block and its halves in every network, in their routers' own words.
    pub fn tables(&self) -> String {
        let tables = self.routers.iter().map(|(network, router)| {
            let table = match router {
                Router::Bird(bird) => bird.birdc(&format!("show route in {BLOCK}")),
                Router::Frr(frr) => frr.vtysh(&format!("show bgp ipv4 unicast {BLOCK} longer-prefixes")),
            };
            format!("{network}:\n{}", table.unwrap_or_else(|error| error.to_string()))
        });
        tables.collect::<Vec<_>>().join("\n")
    }

    /// Starts a site's HTTP service.
    fn start_service(&mut self, host: Host) -> Result<()> {
        let namespace = Netns::of(&self.plan.prefix, host);
        let service = http::start(&namespace, host, &self.plan.base.join(host.name()))?;
        self.services.push((host, service));
        Ok(())
    }

    /// The primary is told that it goes down: it hands over, and loses its power then. Returns when it was told.
    pub fn shut_down(&mut self) -> Result<SystemTime> {
        let falconer = self
            .primary_falconer
            .as_ref()
            .context("a primary with Falconer")?;
        let told = wait::now();
        falconer.must(&["withdraw", "--all", "--drain", "20s", "--for", "15m"])?;
        self.power_cut()?;
        Ok(told)
    }

    /// The primary loses its power behind a switch: its ISP sees no carrier lost, and nobody says goodbye.
    pub fn power_cut(&mut self) -> Result<SystemTime> {
        let isp = Netns::of(&self.plan.prefix, Network::IspA);
        let site = Netns::of(&self.plan.prefix, Host::Cn);
        let at = faults::silence(&isp, &site, Host::Cn)?;
        self.primary_dies()?;
        Ok(at)
    }

    /// The primary loses its power, and its ISP the carrier.
    pub fn power_cut_with_carrier(&mut self) -> Result<SystemTime> {
        let isp = Netns::of(&self.plan.prefix, Network::IspA);
        let at = faults::carrier(&isp, Host::Cn, false)?;
        self.primary_dies()?;
        Ok(at)
    }

    /// After its link: what its kernel still sends for them reaches nobody.
    fn primary_dies(&mut self) -> Result<()> {
        if let Some(falconer) = &mut self.primary_falconer {
            falconer.kill()?;
        }
        self.primary.kill()?;
        self.services.retain(|(host, _)| *host != Host::Cn);
        Ok(())
    }

    /// Undoes [`Self::power_cut`]: the primary starts anew.
    pub fn power_back(&mut self) -> Result<SystemTime> {
        let isp = Netns::of(&self.plan.prefix, Network::IspA);
        let site = Netns::of(&self.plan.prefix, Host::Cn);
        let at = faults::heal(&isp, &site, Host::Cn)?;
        self.start_service(Host::Cn)?;
        if let Some(falconer) = &mut self.primary_falconer {
            falconer.forget_run_dir()?;
            falconer.start()?;
        }
        self.primary.start()?;
        Ok(at)
    }
}
