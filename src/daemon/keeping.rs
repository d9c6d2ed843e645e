//! bird.conf while the daemon runs: put in place at the start, held against what would be rendered,
//! and brought into BIRD when an operator asks. Judging goes on meanwhile.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::applying::{Done, NotApplied, bring_in};
use super::bird_conf::{Bird, BirdConf, Placed, Wrong};
use super::{calm, reload};
use crate::api;
use crate::bird::client::Client;
use crate::config::Config;
use crate::history::What;
use crate::status::Snapshot;
use crate::systemd;

/// How often the file is held against what would be rendered: a human's edit is nothing that a
/// second matters for.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long the apply of the start waits for a takeover or a failback to come to its end.
const CALM_WITHIN: Duration = Duration::from_secs(120);
/// Between two looks whether it has.
const CALM_POLL: Duration = Duration::from_secs(1);

/// What the keeping of bird.conf is connected with.
pub(super) struct Ends {
    /// The configuration in force.
    pub(super) in_force: watch::Receiver<Arc<Config>>,
    /// What the services do.
    pub(super) snapshot: watch::Receiver<Arc<Snapshot>>,
    /// What is wrong with bird.conf.
    pub(super) wrong: watch::Sender<Wrong>,
    /// For the history.
    pub(super) told: mpsc::Sender<What>,
}

/// bird.conf, from the start of the daemon to its end.
pub(super) struct Keeper {
    config_file: PathBuf,
    client: Client,
    ends: Ends,
    bird_conf: Option<BirdConf>,
    /// Why the last apply did not work, for as long as the file is not what we would render.
    failed: Option<String>,
}

impl Keeper {
    /// Nothing is touched yet. `bird_conf`: what was rendered at the start.
    pub(super) fn new(config_file: PathBuf, client: Client, bird_conf: Option<BirdConf>, ends: Ends) -> Self {
        Self {
            config_file,
            client,
            ends,
            bird_conf,
            failed: None,
        }
    }

    /// Goes on until it is dropped; an apply under way is left to BIRD's undo timer then, and the
    /// next start puts the old file back.
    pub(super) async fn run(mut self, mut applies: mpsc::Receiver<api::Apply>) {
        let to_apply = self.place().await;
        systemd::ready();
        if to_apply {
            one_at_a_time(&mut applies, self.apply_at_start()).await;
        }
        loop {
            tokio::select! {
                Some(api::Apply { force, actor, answer }) = applies.recv() => {
                    let result = one_at_a_time(&mut applies, self.apply_as_asked(force, &actor)).await;
                    // The operator may have gone away; what came of it stands in the history.
                    drop(answer.send(result));
                }
                Ok(()) = self.ends.in_force.changed() => self.render_anew().await,
                () = sleep(LOOK_EVERY) => self.look().await,
            }
        }
    }

    /// True: BIRD has to be brought to it.
    async fn place(&mut self) -> bool {
        let Some(bird_conf) = &self.bird_conf else {
            return false;
        };
        let (wrong, to_apply) = match bird_conf.place().await {
            Placed::Settled(wrong) => (wrong, false),
            Placed::ToApply(wrong) => (Some(wrong), true),
        };
        self.ends.wrong.send_replace(wrong);
        to_apply
    }

    async fn apply_at_start(&mut self) {
        let give_up = Instant::now() + CALM_WITHIN;
        while self.under_way().is_some() {
            if Instant::now() >= give_up {
                return;
            }
            sleep(CALM_POLL).await;
        }
        if let Some(bird_conf) = &self.bird_conf
            && let Bird::Silent = bird_conf.bird().await
        {
            let config = self.in_force();
            // It has told everybody how it went.
            drop(self.apply(&config, false, None).await);
        }
    }

    async fn apply_as_asked(&mut self, force: bool, actor: &str) -> Result<String, api::Refusal> {
        if let Some(why) = self.under_way() {
            return Err(api::Refusal::NotNow(why));
        }
        let old = self.in_force();
        let new = reload::read(&self.config_file).map_err(api::Refusal::Configuration)?;
        let elsewhere = [("[site]", old.site == new.site), ("[bird]", old.bird == new.bird)];
        if let Some((section, _)) = elsewhere.iter().find(|(_, same)| !same) {
            return Err(api::Refusal::Failed(format!(
                "{section} changed, which takes a restart of falconer first (it sends no UPDATE); nothing was touched"
            )));
        }
        let new = Arc::new(new);
        let said = self
            .apply(&new, force, Some(actor))
            .await
            .map_err(|error| refusal(&error))?;
        if old == new {
            return Ok(said);
        }
        Ok(format!(
            "{said}. falconer.toml is not what Falconer itself runs by: have it read too, with `systemctl reload falconer`"
        ))
    }

    /// Brings it in, and tells the log, the history and the alarms.
    async fn apply(
        &mut self,
        new: &Arc<Config>,
        force: bool,
        actor: Option<&str>,
    ) -> Result<String, NotApplied> {
        tracing::info!(actor, force, rule = "A9", "bird.conf is applied");
        let result = bring_in(&self.in_force(), new, &self.client, force).await;
        match &result {
            Ok(Done { said, changed }) => {
                tracing::info!(said, "bird.conf");
                if *changed {
                    self.tell(actor, true, said);
                }
                self.failed = None;
                self.watch_what_it_renders(new).await;
            }
            Err(error) => {
                let said = error.to_string();
                tracing::error!(error = said, "bird.conf");
                self.tell(actor, false, &said);
                self.failed = Some(said);
            }
        }
        self.look().await;
        result.map(|done| done.said)
    }

    /// The driver takes these in between two facts; when it has not for that many, it has other
    /// troubles, and the log has this one.
    fn tell(&self, actor: Option<&str>, applied: bool, text: &str) {
        let what = What::Applied {
            actor: actor.map(str::to_owned),
            applied,
            text: text.to_owned(),
        };
        drop(self.ends.told.try_send(what));
    }

    /// falconer.toml was read again.
    async fn render_anew(&mut self) {
        let config = self.ends.in_force.borrow_and_update().clone();
        self.watch_what_it_renders(&config).await;
        self.look().await;
    }

    /// From now on the file is held against what this configuration renders.
    async fn watch_what_it_renders(&mut self, config: &Arc<Config>) {
        match BirdConf::prepare(config, &self.client).await {
            Ok(bird_conf) => self.bird_conf = bird_conf,
            Err(error) => tracing::error!(%error, "bird.conf cannot be rendered"),
        }
    }

    /// Holds the file against what would be rendered.
    async fn look(&mut self) {
        let wrong = match &self.bird_conf {
            Some(bird_conf) => bird_conf.look().await,
            None => None,
        };
        let now = wrong.map(|drift| match &self.failed {
            Some(failed) => format!("{drift}; the last try: {failed}"),
            None => drift,
        });
        self.ends.wrong.send_if_modified(|before| {
            let changed = *before != now;
            *before = now;
            changed
        });
    }

    fn under_way(&self) -> Option<String> {
        calm::under_way(&self.ends.snapshot.borrow(), Timestamp::now())
    }

    fn in_force(&self) -> Arc<Config> {
        self.ends.in_force.borrow().clone()
    }
}

/// Does it, and refuses every other apply that is asked for meanwhile.
async fn one_at_a_time<T>(applies: &mut mpsc::Receiver<api::Apply>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(other) = applies.recv() => {
                let said = "another apply is under way; ask again when it is done".to_owned();
                drop(other.answer.send(Err(api::Refusal::NotNow(said))));
            }
        }
    }
}

/// What an operator is told, by what would help.
fn refusal(error: &NotApplied) -> api::Refusal {
    let said = error.to_string();
    if matches!(error, NotApplied::NotRendered(_)) {
        api::Refusal::Configuration(said)
    } else {
        api::Refusal::Failed(said)
    }
}
