//! A check of whether this site can serve (D16): the kernel is asked first where a packet to each address of
//! the target would go with the announcement in place. One that would leave this site is not sent, since
//! whoever answers it then is another site, and its answer proves nothing.

mod judge;
mod kernel;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

pub(crate) use judge::ServingPlace;

use super::ProbeRunner;
use super::report::CheckReport;
use super::resolve::Target;
use crate::model::serving::ServingRoute;

/// Such a check, ready to be made. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServingRunner(Arc<ServingCheck>);

#[derive(Debug)]
struct ServingCheck {
    probe: ProbeRunner,
    /// `None`: a program, which has no address.
    target: Option<Target>,
    place: ServingPlace,
    /// What the kernel said last. A lock, since a check writes it and the daemon reads it; held for a copy.
    routes: Mutex<Vec<ServingRoute>>,
}

/// What of the configuration tells where a service may be served.
#[derive(Clone, Debug, Default)]
pub struct ServingContext {
    /// The prefixes that it announces.
    pub prefixes: Vec<IpNet>,
    /// Whether bird.conf is rendered: the kernel gets a blackhole for each prefix while it is announced.
    pub rendered: bool,
    /// The upstreams whose neighbours are known, and those.
    pub upstreams: Vec<(String, IpAddr)>,
}

impl ServingRunner {
    pub(crate) fn new(probe: ProbeRunner, target: Option<Target>, context: &ServingContext) -> Self {
        Self(Arc::new(ServingCheck {
            probe,
            target,
            place: ServingPlace::new(context),
            routes: Mutex::default(),
        }))
    }

    /// Makes one check, which ends within the probe's `timeout`.
    pub async fn check(&self) -> CheckReport {
        let routes = self.ask_kernel().await;
        let elsewhere = routes.iter().find(|route| route.serves == Some(false));
        let elsewhere = elsewhere.map(|route| format!("{}: {}", route.address, route.answer));
        *self.0.routes.lock().unwrap_or_else(PoisonError::into_inner) = routes;
        match elsewhere {
            Some(answer) => CheckReport::fail(&answer, None),
            None => self.0.probe.check().await,
        }
    }

    /// What the kernel said at the last check.
    pub fn routes(&self) -> Vec<ServingRoute> {
        self.0
            .routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What makes every check an error now, as [`ProbeRunner::trouble`] says.
    pub fn trouble(&self) -> Option<String> {
        self.0.probe.trouble()
    }

    async fn ask_kernel(&self) -> Vec<ServingRoute> {
        let target = self.0.target.as_ref();
        let addresses = target.map(Target::addresses).unwrap_or_default();
        if addresses.is_empty() || self.trouble().is_some() {
            return Vec::new();
        }
        let place = self.0.place.clone();
        // The kernel answers within microseconds, but waits while somebody else changes its routes.
        let asked = tokio::task::spawn_blocking(move || place.ask(&addresses));
        asked.await.unwrap_or_default()
    }
}
