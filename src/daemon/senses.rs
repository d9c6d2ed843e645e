//! The probes of a configuration, ready to be asked, and the view of BIRD that some of them need.

use std::sync::Arc;

use ipnet::IpNet;

use super::alarms::Trouble;
use super::checks::Make;
use crate::bird::answer::{BfdSession, Protocol, Route};
use crate::bird::client::Client;
use crate::config::Config;
use crate::config::model::{Role, Service};
use crate::failover::ProbeId;
use crate::probe::{BirdAnswer, BirdView, Checker, Probe};
use crate::status::snapshot::AlarmCode;

/// The probes of a configuration. Cheap to clone.
#[derive(Clone)]
pub(super) struct Senses {
    services: Arc<[(String, Vec<Named>)]>,
    witnesses: Arc<[Named]>,
    // Keeps going what the probes share.
    _checker: Arc<Checker>,
}

/// A probe under its name.
type Named = (String, Probe);

impl Senses {
    /// Makes every probe ready. Must be called within the runtime.
    pub(super) fn new(config: &Config, client: Client) -> Self {
        let own = config
            .services
            .iter()
            .flat_map(|service| service.full.iter().chain(&service.drain));
        let checker = Checker::new(Arc::new(Eyes(client)), own.map(|own| own.name.clone()));
        let announced: Vec<IpNet> = config
            .services
            .iter()
            .flat_map(|service| service.prefixes.clone())
            .collect();
        let of_service = |service: &Service| {
            // A primary's probes look at home: what they ask lies inside the prefix by right.
            let announced = if service.role == Role::Primary {
                &[][..]
            } else {
                &announced
            };
            let probes = service.probes.iter();
            let probes = probes.map(|probe| (probe.name.clone(), checker.probe(probe, announced)));
            (service.name.clone(), probes.collect())
        };
        let services = config.services.iter().map(of_service).collect();
        let witnesses = config.witnesses.iter();
        let witnesses = witnesses
            .map(|probe| (probe.name.clone(), checker.probe(probe, &announced)))
            .collect();
        for warning in checker.warnings() {
            tracing::warn!(warning, "probes");
        }
        Self {
            services,
            witnesses,
            _checker: Arc::new(checker),
        }
    }

    /// How checks are made.
    pub(super) fn make(&self) -> Make {
        let senses = self.clone();
        Arc::new(move |of| {
            let probe = senses.probe(of).cloned();
            Box::pin(async move {
                match probe {
                    Some(probe) => probe.check().await,
                    None => crate::probe::Report::error("there is no such probe"),
                }
            })
        })
    }

    fn probe(&self, of: ProbeId) -> Option<&Probe> {
        match of {
            ProbeId::Service(service, probe) => {
                self.services.get(service)?.1.get(probe).map(|(_, probe)| probe)
            }
            ProbeId::Witness(witness) => self.witnesses.get(witness).map(|(_, probe)| probe),
        }
    }

    /// Which probes cannot prove anything, known without a check.
    pub(super) fn troubles(&self) -> Vec<Trouble> {
        let of_services = self.services.iter().flat_map(|(service, probes)| {
            probes
                .iter()
                .map(move |(name, probe)| (Some(service.clone()), name, probe))
        });
        let witnesses = self.witnesses.iter().map(|(name, probe)| (None, name, probe));
        let troubled = of_services.chain(witnesses).filter_map(|(service, name, probe)| {
            let text = format!("{name}: {}", probe.trouble()?);
            Some(Trouble {
                code: AlarmCode::Probe,
                service,
                subject: name.clone(),
                text,
            })
        });
        troubled.collect()
    }
}

/// BIRD, as probes see it: behind every decision's commands, identical questions asked once (A10).
struct Eyes(Client);

impl BirdView for Eyes {
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

    fn protocols(&self) -> BirdAnswer<'_, Vec<Protocol>> {
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
