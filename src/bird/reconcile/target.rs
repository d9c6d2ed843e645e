//! What of the configuration concerns the reconciler.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::model::{self, ImportPolicy, Role, StaticProtocolConfig};
use crate::core::service::Intent;

/// Which services are reconciled, and where the state files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconcilerConfig {
    /// The services, in the configuration's order. Intents and reports count like this.
    pub targets: Vec<ReconcileTarget>,
    /// Every upstream of the configuration, in its order.
    pub upstreams: Vec<String>,
    /// `site.run_dir`: the state files are in its directory `bird` (A6).
    pub run_dir: PathBuf,
    /// BIRD's control socket: whoever owns it must be able to read the state files.
    pub socket: PathBuf,
    /// How often BIRD is held against what is wanted when nothing happens.
    pub poll_interval: Duration,
    /// The sessions that may tell of other routes to the services' prefixes: every upstream and peer.
    pub sessions: Vec<SessionImport>,
}

/// What of a session's configuration says which routes it takes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionImport {
    /// The BGP protocol's name.
    pub name: String,
    /// Whether it takes in routes to the services' prefixes; `None` for a bird.conf of the user's own.
    pub takes_in: Option<bool>,
}

impl SessionImport {
    /// What a session's configuration says.
    pub fn new(session: &model::UpstreamConfig) -> Self {
        let takes_in = |rendered: &model::SessionConfig| match rendered.import {
            ImportPolicy::None | ImportPolicy::DefaultRoute => false,
            ImportPolicy::Services | ImportPolicy::Filter(_) => true,
        };
        Self {
            name: session.name.clone(),
            takes_in: session.session.as_ref().map(takes_in),
        }
    }
}

impl ReconcilerConfig {
    /// What of the configuration concerns the reconciler.
    pub fn new(config: &model::Config) -> Self {
        Self {
            targets: config.services.iter().map(ReconcileTarget::new).collect(),
            upstreams: config
                .upstreams
                .iter()
                .map(|upstream| upstream.name.clone())
                .collect(),
            run_dir: config.site.run_dir.clone(),
            socket: config.bird.socket.clone(),
            poll_interval: config.bird.poll_interval,
            sessions: (config.upstreams.iter().chain(&config.peers))
                .map(SessionImport::new)
                .collect(),
        }
    }
}

/// One service, as far as BIRD is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconcileTarget {
    /// The service's name.
    pub service: String,
    /// Its static protocols of strength full, one a family.
    pub full: Vec<StaticProtocolConfig>,
    /// Those of strength drain, one a family; may be empty.
    pub drain: Vec<StaticProtocolConfig>,
    /// Those of the standing prefixes, one a family of theirs; may be empty (D14).
    pub standing: Vec<StaticProtocolConfig>,
    /// The upstreams that are to carry it.
    pub upstreams: Vec<String>,
    /// How many of them must, for every prefix (A5).
    pub min_upstreams: usize,
    /// Over how long it is counted how often drift was put back (A1).
    pub flap_window: Duration,
    /// What its verdict means; only of a standby is it told which way upstreams prefer (A11).
    pub role: Role,
    /// What the primary announces, where that differs from the prefixes.
    pub primary_prefixes: Vec<IpNet>,
}

impl ReconcileTarget {
    /// Its prefixes, of both families.
    pub(crate) fn prefixes(&self) -> impl Iterator<Item = IpNet> {
        self.full.iter().flat_map(|full| &full.prefixes).copied()
    }

    /// What of a service's configuration concerns the reconciler.
    pub fn new(service: &model::ServiceConfig) -> Self {
        Self {
            service: service.name.clone(),
            full: service.full.clone(),
            drain: service.drain.clone(),
            standing: service.standing.clone(),
            upstreams: service.upstreams.clone(),
            min_upstreams: service.min_upstreams,
            flap_window: service.flap_window,
            role: service.role,
            primary_prefixes: service.primary_prefixes.clone(),
        }
    }
}

impl ReconcileTarget {
    /// The standing prefixes as a target of their own, which is on or off; `None` where there are none.
    pub(crate) fn of_standing(&self) -> Option<Self> {
        (!self.standing.is_empty()).then(|| Self {
            full: self.standing.clone(),
            drain: Vec::new(),
            standing: Vec::new(),
            ..self.clone()
        })
    }

    /// The names of all its protocols.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        let all = self.full.iter().chain(&self.drain).chain(&self.standing);
        all.map(|protocol| &protocol.name)
    }
}

/// What is wanted, one for each of [`ReconcilerConfig::targets`]. One that is missing is not settled.
pub type Intents = Arc<[Intent]>;
