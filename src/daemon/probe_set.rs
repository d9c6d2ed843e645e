//! The probes of a configuration, ready to be asked, and the view of BIRD that some of them need.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::alarms::AlarmCondition;
use super::checks::CheckFactory;
use crate::bird::client::BirdClient;
use crate::bird::parse::{BfdSession, ProtocolRow, Route};
use crate::config::model::{self, CheckConfig, Family, ImportPolicy, Role, ServiceConfig, UpstreamConfig};
use crate::config::{Config, serving_prefixes};
use crate::core::ProbeId;
use crate::metrics::{DescriptorCounts, SharedCounters};
use crate::model::message::coded;
use crate::model::serving::ServingRoute;
use crate::model::snapshot::AlarmCode;
use crate::probe::serving::{ServingContext, ServingRunner};
use crate::probe::{BirdAnswer, BirdView, ProbeResources, ProbeRunner};

/// The probes of a configuration. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ProbeSet {
    services: Arc<[ServiceProbes]>,
    witnesses: Arc<[NamedProbe]>,
    // Keeps going what the probes share.
    checker: Arc<ProbeResources>,
}

/// What is asked for one service.
struct ServiceProbes {
    name: String,
    probes: Vec<NamedProbe>,
    /// Whether this site serves it.
    serves: Vec<(String, ServingRunner)>,
}

/// A probe under its name.
type NamedProbe = (String, ProbeRunner);

impl ProbeSet {
    /// Makes every probe ready. Must be called within the runtime.
    pub(crate) fn new(config: &Config, client: BirdClient, counts: SharedCounters<DescriptorCounts>) -> Self {
        let checker = ProbeResources::new(Arc::new(BirdAdapter(client)), own_protocols(config))
            .without(deaf(config))
            .counting(counts);
        Self::made(config, checker, |_, _| None)
    }

    /// Those of a changed configuration. What a probe has learned is kept where it checks the same.
    pub(crate) fn after(&self, old: &Config, new: &Config, client: BirdClient) -> Self {
        let eyes = Arc::new(BirdAdapter(client));
        let checker = self
            .checker
            .for_new_config(eyes, own_protocols(new))
            .without(deaf(new));
        let same_ground = announced(old) == announced(new)
            && deaf(old) == deaf(new)
            && own_protocols(old).eq(own_protocols(new));
        Self::made(new, checker, |service, probe| {
            same_ground.then(|| self.kept(old, service, probe)).flatten()
        })
    }

    /// `kept`: the probe of a service, or the witness, that is ready already.
    fn made(
        config: &Config,
        checker: ProbeResources,
        kept: impl Fn(Option<&ServiceConfig>, &model::ProbeConfig) -> Option<ProbeRunner>,
    ) -> Self {
        let announced = announced(config);
        let ready = |service: Option<&ServiceConfig>, probe: &model::ProbeConfig| {
            // A primary's probes look at home: what they ask lies inside the prefix by right.
            let at_home = service.is_some_and(|service| service.role == Role::Primary);
            let away = if at_home { &[][..] } else { &announced };
            let ready = kept(service, probe).unwrap_or_else(|| checker.probe(probe, away));
            (probe.name.clone(), ready)
        };
        let services = config.services.iter().map(|service| {
            let probes = service.probes.iter().map(|probe| ready(Some(service), probe));
            let context = serving_context(config, service);
            let serves = service.serves.iter();
            let serves = serves.map(|check| (check.name.clone(), checker.serves(check, &context)));
            ServiceProbes {
                name: service.name.clone(),
                probes: probes.collect(),
                serves: serves.collect(),
            }
        });
        let services = services.collect();
        let witnesses = config.witnesses.iter().map(|probe| ready(None, probe));
        let witnesses = witnesses.collect();
        for warning in checker.warnings() {
            tracing::warn!(warning, "a probe cannot work as configured");
        }
        Self {
            services,
            witnesses,
            checker: Arc::new(checker),
        }
    }

    /// The probe that checks the same by the old configuration. A CA file or a file of
    /// headers may have changed meanwhile, so a probe that has one is made anew.
    fn kept(
        &self,
        old: &Config,
        service: Option<&ServiceConfig>,
        probe: &model::ProbeConfig,
    ) -> Option<ProbeRunner> {
        if let CheckConfig::Http(http) = &probe.check
            && (http.tls_ca_file.is_some() || http.headers_file.is_some())
        {
            return None;
        }
        let same = |old: &model::ProbeConfig| {
            (&old.name, &old.check, old.timeout) == (&probe.name, &probe.check, probe.timeout)
        };
        let Some(service) = service else {
            let at = old.witnesses.iter().position(same)?;
            return self.probe(ProbeId::Witness(at)).cloned();
        };
        let mut before = old.services.iter();
        let at = before.position(|old| (&old.name, old.role) == (&service.name, service.role))?;
        let probe = old.services.get(at)?.probes.iter().position(same)?;
        self.probe(ProbeId::Service(at, probe)).cloned()
    }

    /// How checks are made.
    pub(crate) fn make(&self) -> CheckFactory {
        let probe_set = self.clone();
        Arc::new(move |of| {
            let probe = probe_set.probe(of).cloned();
            let serves = probe_set.serves(of).cloned();
            Box::pin(async move {
                match (probe, serves) {
                    (Some(probe), _) => probe.check().await,
                    (None, Some(serves)) => serves.check().await,
                    (None, None) => crate::probe::CheckReport::error("there is no such probe"),
                }
            })
        })
    }

    fn probe(&self, of: ProbeId) -> Option<&ProbeRunner> {
        match of {
            ProbeId::Service(service, probe) => self.services.get(service)?.probes.get(probe),
            ProbeId::Witness(witness) => self.witnesses.get(witness),
            ProbeId::Serves(..) => None,
        }
        .map(|(_, probe)| probe)
    }

    fn serves(&self, of: ProbeId) -> Option<&ServingRunner> {
        match of {
            ProbeId::Service(..) | ProbeId::Witness(_) => None,
            ProbeId::Serves(service, check) => self.services.get(service)?.serves.get(check),
        }
        .map(|(_, check)| check)
    }

    /// Where the kernel would send packets to the addresses that a service's checks ask, each once (D16).
    pub(crate) fn routes(&self, service: usize) -> Vec<ServingRoute> {
        let serves = self.services.get(service).map(|service| service.serves.iter());
        let mut routes: Vec<ServingRoute> = Vec::new();
        for route in serves.into_iter().flatten().flat_map(|(_, check)| check.routes()) {
            if !routes.iter().any(|known| known.address == route.address) {
                routes.push(route);
            }
        }
        routes
    }

    /// Another number whenever [`ProbeSet::troubles`] may have changed.
    fn version(&self) -> u64 {
        self.checker.addresses_changed()
    }

    /// Which probes cannot prove anything, known without a check: by service, `None` for witnesses.
    fn troubles(&self) -> BTreeMap<Option<usize>, Vec<AlarmCondition>> {
        let services = self.services.iter().enumerate();
        let of_services = services.map(|(index, of)| {
            let ServiceProbes { name, probes, serves } = of;
            (Some(index), Some(name), &probes[..], &serves[..])
        });
        let groups = of_services.chain([(None, None, &self.witnesses[..], &[][..])]);
        let troubled = groups.map(|(of, service, probes, serves)| {
            let probes = probes.iter().map(|(name, probe)| (name, probe.trouble()));
            let serves = serves.iter().map(|(name, check)| (name, check.trouble()));
            let troubles = probes.chain(serves).filter_map(|(name, trouble)| {
                let trouble = trouble?;
                let text = coded!("probe_trouble", "{name}: {trouble}", name, trouble);
                Some(AlarmCondition {
                    code: AlarmCode::Probe,
                    service: service.cloned(),
                    subject: name.clone(),
                    text,
                })
            });
            (of, troubles.collect::<Vec<_>>())
        });
        troubled.filter(|(_, troubles)| !troubles.is_empty()).collect()
    }
}

/// Which probes cannot prove anything, known without a check: kept until the addresses of a name change.
#[derive(Debug, Default)]
pub(crate) struct Unusable {
    /// As of which version; `None`: nobody has looked yet.
    version: Option<u64>,
    troubles: BTreeMap<Option<usize>, Vec<AlarmCondition>>,
}

impl Unusable {
    /// Looks again where something may have changed. Returns the services of which something did.
    pub(crate) fn renew(&mut self, probe_set: &ProbeSet) -> Vec<usize> {
        let version = Some(probe_set.version());
        if self.version == version {
            return Vec::new();
        }
        self.version = version;
        let before = std::mem::replace(&mut self.troubles, probe_set.troubles());
        let services: BTreeSet<_> = before.keys().chain(self.troubles.keys()).copied().collect();
        let changed = services
            .into_iter()
            .filter(|of| before.get(of) != self.troubles.get(of));
        changed.flatten().collect()
    }

    /// Those of a service; `None`: of the witnesses.
    pub(crate) fn of(&self, service: Option<usize>) -> &[AlarmCondition] {
        self.troubles.get(&service).map_or(&[], Vec::as_slice)
    }
}

/// What tells where a service may be served.
fn serving_context(config: &Config, service: &ServiceConfig) -> ServingContext {
    let used = config.upstreams.iter();
    let used = used.filter(|upstream| service.upstreams.contains(&upstream.name));
    let neighbors =
        used.filter_map(|upstream| Some((upstream.name.clone(), upstream.session.as_ref()?.neighbor)));
    ServingContext {
        prefixes: serving_prefixes(service),
        rendered: config.render.is_some(),
        upstreams: neighbors.collect(),
    }
}

/// Every prefix that this site may announce.
fn announced(config: &Config) -> Vec<IpNet> {
    let services = config.services.iter();
    services.flat_map(ServiceConfig::announced_prefixes).collect()
}

/// The static protocols that carry our own services.
fn own_protocols(config: &Config) -> impl Iterator<Item = String> {
    let services = config.services.iter();
    let own = services.flat_map(ServiceConfig::statics);
    own.map(|own| own.name.clone())
}

/// The sessions that take in no route to a prefix that bird-route probes look for. Of a bird.conf of
/// the user's own it is only known where `families` are given.
fn deaf(config: &Config) -> Vec<(IpNet, String)> {
    let probes = config.services.iter().flat_map(|service| &service.probes);
    let prefixes = probes.chain(&config.witnesses).filter_map(|probe| {
        let CheckConfig::BirdRoute(route) = &probe.check else {
            return None;
        };
        Some(route.prefix)
    });
    let sessions = || config.upstreams.iter().chain(&config.peers);
    let pairs = prefixes.flat_map(|prefix| sessions().map(move |session| (prefix, session)));
    let deaf = pairs.filter(|(prefix, session)| !may_carry(session, prefix, config));
    deaf.map(|(prefix, session)| (prefix, session.name.clone()))
        .collect()
}

fn may_carry(session: &UpstreamConfig, prefix: &IpNet, config: &Config) -> bool {
    let families = session.families.as_ref();
    let imports = session
        .session
        .as_ref()
        .is_none_or(|rendered| match rendered.import {
            ImportPolicy::None => false,
            ImportPolicy::DefaultRoute => prefix.prefix_len() == 0,
            ImportPolicy::Services => config
                .services
                .iter()
                .any(|service| service.importable_prefixes().any(|known| known == *prefix)),
            ImportPolicy::Filter(_) => true,
        });
    imports && families.is_none_or(|families| families.contains(&Family::of(prefix)))
}

/// BIRD, as probes see it: behind every decision's commands, identical questions asked once (A10).
struct BirdAdapter(BirdClient);

impl BirdView for BirdAdapter {
    fn connection(&self) -> u64 {
        self.0.link().borrow().connects
    }

    fn routes<'a>(&'a self, prefix: IpNet, protocol: Option<&'a str>) -> BirdAnswer<'a, Vec<Route>> {
        Box::pin(async move {
            self.0
                .show_route(prefix, protocol)
                .await
                .map_err(|error| error.to_string())
        })
    }

    fn protocols(&self) -> BirdAnswer<'_, Vec<ProtocolRow>> {
        Box::pin(async move { self.0.show_protocols().await.map_err(|error| error.to_string()) })
    }

    fn bfd_sessions(&self) -> BirdAnswer<'_, Vec<BfdSession>> {
        Box::pin(async move {
            self.0
                .show_bfd_sessions()
                .await
                .map_err(|error| error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"
        site.name = "hk1"
        render = {}
        router = { id = "203.0.113.2", local_as = 64501 }
        upstream = [{ name = "isp", neighbor = "203.0.113.1", neighbor_as = 64500 }]
        peer = [{ name = "cn1", neighbor = "198.18.0.1", neighbor_as = 64501, multihop = 8, import = "services" }]
        [[service]]
        name = "web"
        role = "standby"
        prefixes = ["198.51.100.0/24"]
        [[service.probe]]
        name = "route"
        type = "bird-route"
        prefix = "198.51.100.0/24"
    "#;

    #[test]
    fn d3_a_session_that_imports_nothing_could_carry_no_route() {
        let (config, _) = crate::config::load(CONFIG, "falconer.toml").expect("a right configuration");
        let prefix: IpNet = "198.51.100.0/24".parse().unwrap();
        assert_eq!(deaf(&config), [(prefix, "isp".to_owned())]);
    }
}
