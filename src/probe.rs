//! The checks themselves: what goes out to the network, to a program or to BIRD, once.
//!
//! When a check is made and what its result means is not decided here, but in the health and
//! failover modules. What an edge learns here of BIRD it is handed by the daemon, as a [`BirdView`].

mod bird;
mod deadline;
mod descriptors;
mod dns;
mod exec;
mod http;
mod icmp;
pub mod report;
mod resolve;
pub mod serving;
mod socket;
mod tcp;
mod tls;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;

pub use bird::{BirdAnswer, BirdView};
pub use descriptors::{budget, fit};
pub use report::CheckReport;

use self::deadline::CheckDeadline;
use self::descriptors::Descriptors;
use self::resolve::{Prefixes, Resolver, Target, TargetPlace};
use crate::config::model::{self, CheckConfig, Host, Source};
use crate::metrics::{self, SharedCounters};

/// What the checks of one configuration share: ping sockets, resolved names, trusted certificates
/// and the view of BIRD. Dropping it and all its probes ends what it keeps going.
pub struct ProbeResources {
    pings: Arc<icmp::Pings>,
    resolver: Arc<Resolver>,
    trust: tls::TrustStore,
    descriptors: Arc<Descriptors>,
    bird: Arc<dyn BirdView>,
    own_protocols: Arc<[String]>,
    no_import: Vec<(IpNet, String)>,
    /// The prefixes that the last probe's target must not lie in: most probes share them. A lock, since
    /// probes may be made from any task; held for a comparison.
    announced: Mutex<Prefixes>,
}

impl ProbeResources {
    /// Nothing goes out yet. `own_protocols` are the static protocols that carry our own services:
    /// their routes never count for a bird-route probe.
    pub fn new(bird: Arc<dyn BirdView>, own_protocols: impl IntoIterator<Item = String>) -> Self {
        Self {
            pings: Arc::default(),
            resolver: Arc::new(Resolver::new()),
            trust: tls::TrustStore::default(),
            descriptors: Arc::new(Descriptors::of_this_process(SharedCounters::default())),
            bird,
            own_protocols: own_protocols.into_iter().collect(),
            no_import: Vec::new(),
            announced: Mutex::default(),
        }
    }

    /// The same for a changed configuration: ping sockets and the names found stay in use, CA files
    /// are read anew.
    pub fn for_new_config(
        &self,
        bird: Arc<dyn BirdView>,
        own_protocols: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            pings: self.pings.clone(),
            resolver: self.resolver.clone(),
            descriptors: self.descriptors.clone(),
            ..Self::new(bird, own_protocols)
        }
    }

    /// Sessions that take in no route to a prefix: though they stand, its absence is no evidence for
    /// a bird-route probe (D3).
    pub fn without(self, no_import: impl IntoIterator<Item = (IpNet, String)>) -> Self {
        Self {
            no_import: no_import.into_iter().collect(),
            ..self
        }
    }

    /// The descriptors that the checks take are counted there.
    pub fn counting(self, counts: SharedCounters<metrics::DescriptorCounts>) -> Self {
        Self {
            descriptors: Arc::new(Descriptors::of_this_process(counts)),
            ..self
        }
    }

    /// Makes a probe ready to be asked: its name is resolved from now on, its CA file is read, its
    /// ping socket is opened. What cannot be had makes its checks errors.
    ///
    /// `announced` are the prefixes that its target must not lie in: all that this site may announce,
    /// for a standby's probes and for witnesses; none for a primary's, which look at home.
    ///
    /// Must be called within a tokio runtime.
    pub fn probe(&self, probe: &model::ProbeConfig, announced: &[IpNet]) -> ProbeRunner {
        self.runner(probe, &TargetPlace::Outside(self.shared(announced)))
    }

    fn runner(&self, probe: &model::ProbeConfig, place: &TargetPlace) -> ProbeRunner {
        let target = |host: &Host, source: Option<&Source>| {
            Target::new(host, socket::family(source), place.clone(), &self.resolver)
        };
        let kind = match &probe.check {
            CheckConfig::Icmp(icmp) => {
                let to = target(&icmp.target, icmp.source.as_ref());
                RunnerKind::Icmp(icmp::Icmp::new(icmp, to, self.pings.clone()))
            }
            CheckConfig::Tcp(tcp) => {
                RunnerKind::Tcp(tcp::TcpProbe::new(tcp, target(&tcp.target, tcp.source.as_ref())))
            }
            CheckConfig::Http(http) => {
                let host = http::host(http);
                let to = target(&host, http.source.as_ref());
                RunnerKind::Http(Box::new(http::HttpProbe::new(http, to, &self.trust)))
            }
            CheckConfig::Dns(dns) => {
                RunnerKind::Dns(dns::DnsProbe::new(dns, target(&dns.server, dns.source.as_ref())))
            }
            CheckConfig::Exec(exec) => RunnerKind::Exec(exec::ExecProbe::new(exec, probe)),
            CheckConfig::BirdRoute(route) => RunnerKind::BirdRoute(bird::RouteProbe::new(
                route.clone(),
                self.bird.clone(),
                self.own_protocols.clone(),
                self.no_import_of(route.prefix),
            )),
            CheckConfig::BirdProtocol(protocol) => {
                RunnerKind::BirdProtocol(bird::ProtocolProbe::new(protocol.clone(), self.bird.clone()))
            }
        };
        ProbeRunner {
            timeout: probe.timeout,
            need: descriptors::need(&probe.check),
            descriptors: self.descriptors.clone(),
            kind: Arc::new(kind),
        }
    }

    /// Another number whenever a name got other addresses: what [`ProbeRunner::trouble`] says may have changed.
    pub fn addresses_changed(&self) -> u64 {
        self.resolver.changes()
    }

    fn shared(&self, announced: &[IpNet]) -> Prefixes {
        let mut last = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        if !last.are(announced) {
            *last = announced.into();
        }
        last.clone()
    }

    fn no_import_of(&self, prefix: IpNet) -> Arc<[String]> {
        let no_import = self.no_import.iter().filter(|(other, _)| *other == prefix);
        no_import.map(|(_, name)| name.clone()).collect()
    }

    /// What lessens the worth of all checks of a kind, in words: pings without a large receive
    /// buffer. It is complete once every probe was made.
    pub fn warnings(&self) -> Vec<String> {
        self.pings.warnings()
    }
}

/// A probe that is ready to be asked. Cheap to clone; checks of one probe may overlap.
#[derive(Clone, Debug)]
pub struct ProbeRunner {
    timeout: Duration,
    need: u32,
    descriptors: Arc<Descriptors>,
    kind: Arc<RunnerKind>,
}

#[derive(Debug)]
enum RunnerKind {
    Icmp(icmp::Icmp),
    Tcp(tcp::TcpProbe),
    Http(Box<http::HttpProbe>),
    Dns(dns::DnsProbe),
    Exec(exec::ExecProbe),
    BirdRoute(bird::RouteProbe),
    BirdProtocol(bird::ProtocolProbe),
}

impl ProbeRunner {
    /// Makes one check, which ends within the probe's `timeout`. Dropping the future ends it at
    /// once, a program with its whole process group.
    pub async fn check(&self) -> CheckReport {
        let _taken = match self.descriptors.take(self.need).await {
            Ok(taken) => taken,
            Err(none) => return none.into(),
        };
        let limit = CheckDeadline::new(self.timeout);
        match &*self.kind {
            RunnerKind::Icmp(icmp) => icmp.check(limit).await,
            RunnerKind::Tcp(tcp) => tcp.check(limit).await,
            RunnerKind::Http(http) => http.check(limit).await,
            RunnerKind::Dns(dns) => dns.check(limit).await,
            RunnerKind::Exec(exec) => exec.check(limit).await,
            RunnerKind::BirdRoute(route) => route.check(limit).await,
            RunnerKind::BirdProtocol(protocol) => protocol.check(limit).await,
        }
    }

    /// What makes every check of this probe an error now, in words, where that is known without a
    /// check: its target lies inside an announced prefix, or its CA file cannot be read. Alarm it. It changes
    /// only with [`ProbeResources::addresses_changed`].
    pub fn trouble(&self) -> Option<String> {
        match &*self.kind {
            RunnerKind::Icmp(icmp) => icmp.trouble(),
            RunnerKind::Tcp(tcp) => tcp.trouble(),
            RunnerKind::Http(http) => http.trouble(),
            RunnerKind::Dns(dns) => dns.trouble(),
            RunnerKind::Exec(_) | RunnerKind::BirdRoute(_) | RunnerKind::BirdProtocol(_) => None,
        }
    }
}
