//! Going over to a changed falconer.toml: what did not change is not touched.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::Driver;
use crate::bird::client::Client;
use crate::bird::steering::{self, Report, Setup, Steering, Wishes};
use crate::config::Config;
use crate::daemon::REPORTS_WAITING;
use crate::daemon::reload;
use crate::daemon::senses::Senses;
use crate::history::What;
use crate::status::latency::Book;

/// Steering at work, and what it takes to replace it.
#[derive(Debug)]
pub(in crate::daemon) struct Wheel {
    client: Client,
    _steering: Steering,
}

impl Wheel {
    /// Starts steering by a configuration.
    pub(in crate::daemon) fn take(
        config: &Config,
        client: Client,
    ) -> (Self, watch::Sender<Wishes>, mpsc::Receiver<Report>) {
        let (wishes, taken) = watch::channel(Arc::from([]));
        let (reports, received) = mpsc::channel(REPORTS_WAITING);
        let steering = steering::spawn(client.clone(), Setup::new(config), taken, reports);
        (
            Self {
                client,
                _steering: steering,
            },
            wishes,
            received,
        )
    }
}

impl Driver {
    /// Reads falconer.toml again, and goes over to it if it is right. What it says is for the
    /// operator; an error leaves everything as it was.
    pub(in crate::daemon) fn reload(&mut self) -> Result<String, String> {
        let result = self.try_reload();
        match &result {
            Ok(said) => tracing::info!(said, "reload"),
            Err(problem) => tracing::error!(problem, "reload: the old configuration stays in force"),
        }
        let what = What::Reloaded {
            error: result.clone().err(),
        };
        self.record(None, what);
        result
    }

    fn try_reload(&mut self) -> Result<String, String> {
        let new = reload::read(&self.config_file)?;
        let restart = reload::needs_restart(&self.config, &new);
        if !restart.is_empty() {
            return Err(format!(
                "{} changed, which takes a restart of falconer (it sends no UPDATE); nothing was taken over",
                restart.join(" and ")
            ));
        }
        if *self.config == new {
            return Ok("nothing changed".to_owned());
        }
        Ok(self.go_over_to(Arc::new(new)))
    }

    fn go_over_to(&mut self, new: Arc<Config>) -> String {
        let old = std::mem::replace(&mut self.config, new.clone());
        if self.recording.take().is_some() {
            tracing::warn!("the recording ends here: what follows goes by another configuration");
        }
        self.edges.senses = Senses::new(&new, self.edges.wheel.client.clone());
        self.edges.checks.make_by(self.edges.senses.make());
        self.follow_names(&old, &new);
        self.counts.count(|counts| counts.keep_only(&new));
        self.site.reconfigure(&new, self.clock.now());
        // A look at BIRD counts by index: those of the old configuration must not be taken for
        // looks at the new one.
        let (wheel, wishes, reports) = Wheel::take(&new, self.edges.wheel.client.clone());
        (self.edges.wheel, self.edges.wishes, self.edges.reports) = (wheel, wishes, reports);
        self.seen = None;
        let book = Book::new(&new, Some(&self.latency.borrow()));
        self.latency.send_replace(Arc::new(book));
        self.edges.in_force.send_replace(new.clone());
        self.feed(None);
        let changed = new.services.iter().filter(|service| {
            let before = old.services.iter().find(|old| old.name == service.name);
            before != Some(service)
        });
        let changed: Vec<_> = changed.map(|service| service.name.as_str()).collect();
        let gone = old
            .services
            .iter()
            .filter(|old| new.services.iter().all(|new| new.name != old.name));
        let gone: Vec<_> = gone.map(|service| service.name.as_str()).collect();
        let list = |names: Vec<&str>| {
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        };
        format!(
            "reloaded; services changed: {}; let go as they are: {}",
            list(changed),
            list(gone)
        )
    }

    /// What is remembered by index moves with the names.
    fn follow_names(&mut self, old: &Config, new: &Config) {
        let following = new.services.iter().map(|service| {
            let before = old.services.iter().position(|old| old.name == service.name)?;
            self.following.get_mut(before)?.take()
        });
        self.following = following.collect();
        let since = new.upstreams.iter().map(|upstream| {
            let before = old.upstreams.iter().position(|old| old.name == upstream.name)?;
            self.upstreams_since.get(before).copied()?
        });
        self.upstreams_since = since.collect();
    }
}
