//! Going over to a changed falconer.toml: what did not change is not touched.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::{Driver, Successor};
use crate::bird::client::Client;
use crate::bird::steering::{self, Report, Seen, Setup, Steering, Wishes};
use crate::config::Config;
use crate::daemon::REPORTS_WAITING;
use crate::status::latency::Book;

/// Steering at work, and what it takes to replace it.
#[derive(Debug)]
pub(in crate::daemon) struct Wheel {
    client: Client,
    setup: Setup,
    steering: Steering,
}

impl Wheel {
    /// Starts steering by a configuration.
    pub(in crate::daemon) fn take(
        config: &Config,
        client: Client,
    ) -> (Self, watch::Sender<Wishes>, mpsc::Receiver<Report>) {
        let (wishes, taken) = watch::channel(Arc::from([]));
        let (reports, received) = mpsc::channel(REPORTS_WAITING);
        let setup = Setup::new(config);
        let steering = steering::spawn(client.clone(), setup.clone(), taken, reports);
        let wheel = Self {
            client,
            setup,
            steering,
        };
        (wheel, wishes, received)
    }

    /// The steps that steering has taken so far.
    pub(super) fn steps(&self) -> u64 {
        self.steering.steps()
    }

    /// Steering's task.
    pub(in crate::daemon) fn task(&self) -> AbortHandle {
        self.steering.task()
    }
}

impl Driver {
    /// Goes over to a configuration that is right, once no drill is under way that it concerns.
    pub(super) fn go_over_to(&mut self, successor: Successor) {
        if self.concerns_a_drill(&successor.config) {
            self.end_drills("falconer.toml was read again");
            self.postponed = Some((successor, Instant::now() + self.config.bird.timeout));
        } else {
            self.go_over_now(successor);
        }
    }

    /// Goes over to what waited for the end of a drill, or has waited long enough.
    pub(super) fn go_over_if_due(&mut self) {
        if self.postponed.is_none() {
            return;
        }
        let over = self.site.drilled().is_none();
        let due = |postponed: &mut (_, Instant)| over || postponed.1 <= Instant::now();
        if let Some((successor, _)) = self.postponed.take_if(due) {
            self.go_over_now(successor);
        }
    }

    fn concerns_a_drill(&self, new: &Config) -> bool {
        let Some(drilled) = self.site.drilled().map(|service| service.policy()) else {
            return false;
        };
        !new.services.contains(drilled) || Setup::new(new) != self.edges.wheel.setup
    }

    fn go_over_now(&mut self, Successor { config: new, done }: Successor) {
        let old = std::mem::replace(&mut self.config, new.clone());
        if self.recording.take().is_some() {
            tracing::warn!("the recording ends here: what follows goes by another configuration");
        }
        self.edges.senses = self
            .edges
            .senses
            .after(&old, &new, self.edges.wheel.client.clone());
        self.edges.checks.make_by(self.edges.senses.make());
        self.follow_names(&old, &new);
        self.counts.count(|counts| counts.keep_only(&new));
        self.site.reconfigure(&new, self.clock.now());
        self.steer_by(&new);
        let book = Book::new(&new, Some(&self.latency.borrow()));
        self.latency.send_replace(Arc::new(book));
        self.edges.in_force.send_replace(new);
        self.feed(None);
        // Whoever asked may have gone away; it is in force all the same.
        let _ = done.send(());
    }

    /// Steering starts anew only where something changed that concerns it.
    fn steer_by(&mut self, new: &Config) {
        let setup = Setup::new(new);
        if setup == self.edges.wheel.setup {
            return;
        }
        // A look at BIRD counts by index: it moves with the names.
        let seen = self.seen.take();
        self.seen = seen.map(|(seen, at)| (moved(seen, &self.edges.wheel.setup, &setup), at));
        let (wheel, wishes, reports) = Wheel::take(new, self.edges.wheel.client.clone());
        (self.edges.wheel, self.edges.wishes, self.edges.reports) = (wheel, wishes, reports);
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
fn moved(seen: Seen, old: &Setup, new: &Setup) -> Seen {
    let services = new.targets.iter().map(|target| {
        let before = old.targets.iter().position(|old| old == target);
        let known = before.and_then(|before| seen.services.get(before)).cloned();
        known.unwrap_or_else(|| steering::SeenService::unknown(seen.at))
    });
    let upstreams = new.upstreams.iter().map(|name| {
        let known = seen.upstreams.iter().find(|upstream| upstream.name == *name);
        known
            .cloned()
            .unwrap_or_else(|| steering::SeenUpstream::unknown(name))
    });
    Seen {
        services: services.collect(),
        upstreams: upstreams.collect(),
        ..seen
    }
}
