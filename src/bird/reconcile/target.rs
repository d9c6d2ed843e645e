//! What of the configuration concerns the reconciler.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::model::{self, StaticProtocolConfig};
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
}

impl ReconcileTarget {
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
