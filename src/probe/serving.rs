//! A check of whether this site can serve (D16): the kernel is asked first where a packet to each address of
//! the target would go with the announcement in place. One that would leave this site is not sent, since
//! whoever answers it then is another site, and its answer proves nothing.

mod judge;
mod kernel;

use std::sync::{Arc, Mutex, PoisonError};

pub use judge::ServingContext;

use super::report::CheckReport;
use super::resolve::{Target, TargetPlace};
use super::socket;
use super::{ProbeResources, ProbeRunner};
use crate::config::model;
use crate::model::serving::ServingRoute;

/// Such a check, ready to be made. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServingRunner(Arc<ServingCheck>);

#[derive(Debug)]
struct ServingCheck {
    probe: ProbeRunner,
    /// `None`: a program, which has no address.
    target: Option<Target>,
    place: judge::ServingPlace,
    /// What the kernel said last. A lock, since a check writes it and the daemon reads it; held for a copy.
    routes: Mutex<Vec<ServingRoute>>,
}

impl ProbeResources {
    /// The same for a check of whether this site can serve (D16): what it asks must lie inside the service's
    /// prefixes.
    pub fn serves(&self, check: &model::ProbeConfig, context: &ServingContext) -> ServingRunner {
        let place = TargetPlace::Inside(context.prefixes.as_slice().into());
        let host = crate::config::target(&check.check).map(|(_, host)| host);
        let family = socket::family(crate::config::source(&check.check));
        let target = host.map(|host| Target::new(&host, family, place.clone(), &self.resolver));
        ServingRunner::new(self.runner(check, &place), target, context)
    }
}

impl ServingRunner {
    pub(crate) fn new(probe: ProbeRunner, target: Option<Target>, context: &ServingContext) -> Self {
        Self(Arc::new(ServingCheck {
            probe,
            target,
            place: judge::ServingPlace::new(context),
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
