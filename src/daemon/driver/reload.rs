//! Going over to a changed falconer.toml: what did not change is not touched.

use std::sync::Arc;

use super::reconciler_handle::ReconcilerHandle;
use super::state::Driver;
use crate::bird::reconcile;
use crate::bird::reconcile::{Observed, ReconcilerConfig};
use crate::config::Config;
use crate::daemon::config_manager::NewConfig;
use crate::daemon::in_transition;
use crate::daemon::probe_set::Unusable;
use crate::metrics::latency::LatencyBuffers;

impl Driver {
    /// Goes over to a configuration that is right, or says why not now.
    pub(crate) fn go_over_to(&mut self, NewConfig { config, done }: NewConfig) {
        let against = self
            .against_reload(&config)
            .or_else(|| self.against_new_steering(&config));
        let result = match against {
            Some(why) => Err(why),
            None => {
                self.go_over_now(config);
                Ok(())
            }
        };
        // Whoever asked may have gone away; what came of it stands all the same.
        let _ = done.send(result);
    }

    fn against_reload(&self, new: &Config) -> Option<String> {
        let seen = self.seen.as_ref().map(|(seen, _)| &seen.services);
        let announces: Vec<_> = (0..self.config.services.len())
            .map(|index| seen.and_then(|seen| seen.get(index)?.actual))
            .collect();
        let standing: Vec<_> = (0..self.config.services.len())
            .map(|index| seen.and_then(|seen| seen.get(index)?.standing.as_ref()?.actual))
            .collect();
        self.site
            .against_reload(new, &announces)
            .or_else(|| self.site.against_reload_of_standing(new, &standing))
    }

    /// Steering that starts anew knows nothing of what is on its way: its stages would never be told.
    fn against_new_steering(&self, new: &Config) -> Option<String> {
        if ReconcilerConfig::new(new) == self.edges.reconciler.setup {
            return None;
        }
        let now = self.clock.now();
        let snapshot = self.view(now).snapshot(Vec::new());
        let name = in_transition::changing(&snapshot, now.wall)?;
        Some(format!(
            "{name} is being announced or withdrawn just now, and what changed concerns how BIRD is told so; try \
             again when `falconer status` shows that it is done"
        ))
    }

    fn go_over_now(&mut self, new: Arc<Config>) {
        let old = std::mem::replace(&mut self.config, new.clone());
        if self.recording.take().is_some() {
            tracing::warn!("recording ends: the configuration was reloaded");
        }
        self.edges.probe_set = self
            .edges
            .probe_set
            .after(&old, &new, self.edges.reconciler.client.clone());
        self.edges.checks.make_by(self.edges.probe_set.make());
        self.unusable = Unusable::default();
        self.alarms.follow(&old, &new);
        self.follow_names(&old, &new);
        self.counts.count(|counts| counts.keep_only(&new));
        self.site.reconfigure(&new, self.clock.now());
        let let_go = std::mem::take(&mut self.let_go);
        self.let_go = let_go.after(&old, &new, &self.edges.reconciler.client);
        self.replace_reconciler(&new);
        let book = LatencyBuffers::new(&new, Some(&self.latency.borrow()));
        self.latency.send_replace(Arc::new(book));
        self.edges.in_force.send_replace(new);
        self.feed(None);
    }

    /// Steering starts anew only where something changed that concerns it.
    fn replace_reconciler(&mut self, new: &Config) {
        let setup = ReconcilerConfig::new(new);
        if setup == self.edges.reconciler.setup {
            return;
        }
        // A look at BIRD counts by index: it moves with the names.
        let seen = self.seen.take();
        self.seen = seen.map(|(seen, at)| (moved(seen, &self.edges.reconciler.setup, &setup), at));
        let (reconciler, intents, reports) =
            ReconcilerHandle::take(new, self.edges.reconciler.client.clone());
        (self.edges.reconciler, self.edges.intents, self.edges.reports) = (reconciler, intents, reports);
    }

    /// What is remembered by index moves with the names.
    fn follow_names(&mut self, old: &Config, new: &Config) {
        let following = new.services.iter().map(|service| {
            let before = old.services.iter().position(|old| old.name == service.name)?;
            self.following.get_mut(before)?.take()
        });
        self.following = following.collect();
        let drills = new.services.iter().map(|service| {
            let before = old.services.iter().position(|old| old.name == service.name)?;
            self.drills.get_mut(before)?.take()
        });
        self.drills = drills.collect();
        let since = new.upstreams.iter().map(|upstream| {
            let before = old.upstreams.iter().position(|old| old.name == upstream.name)?;
            self.upstreams_since.get(before).copied()?
        });
        self.upstreams_since = since.collect();
    }
}

/// The last look at BIRD, as far as it is one at the new setup: of a service that changed nothing is
/// known yet.
fn moved(seen: Observed, old: &ReconcilerConfig, new: &ReconcilerConfig) -> Observed {
    let services = new.targets.iter().map(|target| {
        let before = old.targets.iter().position(|old| old == target);
        let known = before.and_then(|before| seen.services.get(before)).cloned();
        known.unwrap_or_else(|| reconcile::ObservedService::unknown(seen.at))
    });
    let upstreams = new.upstreams.iter().map(|name| {
        let known = seen.upstreams.iter().find(|upstream| upstream.name == *name);
        known
            .cloned()
            .unwrap_or_else(|| reconcile::ObservedUpstream::unknown(name))
    });
    Observed {
        services: services.collect(),
        upstreams: upstreams.collect(),
        ..seen
    }
}
