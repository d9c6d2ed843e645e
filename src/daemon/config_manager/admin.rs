//! What operators ask for: bird.conf brought into BIRD, and a changed falconer.toml gone over to. One
//! at a time.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{ConfigManager, NewConfig};
use crate::api::Refusal;
use crate::config::Config;
use crate::config::diff::compare;
use crate::daemon::bird_conf_apply::{AppliedFile, ApplyFailure, bring_in};
use crate::daemon::bird_conf_watch::BirdConfFile;
use crate::daemon::in_transition;
use crate::daemon::reload::{self, LoadedConfig};
use crate::model::command::FilesCommand;
use crate::model::history::HistoryEvent;

/// A reload that went well.
struct ReloadSummary {
    /// What changed: quotes nothing of the file.
    changed: String,
    /// What is warned of in it, with its lines: for the operator and the log alone.
    warnings: String,
}

impl ConfigManager {
    pub(crate) async fn carry_out(&mut self, command: FilesCommand, actor: &str) -> Result<String, Refusal> {
        match command {
            FilesCommand::Reload => self.reload(Some(actor)).await,
            FilesCommand::Apply { force } => self.apply_as_asked(force, actor).await,
        }
    }

    /// Reads falconer.toml again, and goes over to it if it is right. What it says is for the
    /// operator; an error leaves everything as it was. `actor`: who asked, if not by SIGHUP.
    pub(crate) async fn reload(&mut self, actor: Option<&str>) -> Result<String, Refusal> {
        let result = self.try_reload().await;
        let (text, error) = match &result {
            Ok(ReloadSummary { changed, warnings }) => {
                tracing::info!(
                    actor,
                    changed = changed.replace('\n', "; "),
                    "configuration reloaded"
                );
                if !warnings.is_empty() {
                    tracing::warn!(warnings, "the reloaded configuration has warnings");
                }
                (Some(changed.clone()), None)
            }
            Err(refusal) => {
                let error = refusal.to_string();
                tracing::error!(
                    actor,
                    error,
                    "reload failed: the old configuration stays in force"
                );
                // The history is read over the network, too, and what follows quotes the file.
                (None, error.lines().next().map(str::to_owned))
            }
        };
        let actor = actor.map(str::to_owned);
        self.tell(HistoryEvent::Reloaded { actor, text, error });
        result
            .map(|ReloadSummary { changed, warnings }| format!("{changed}\n{warnings}").trim_end().to_owned())
    }

    async fn try_reload(&mut self) -> Result<ReloadSummary, Refusal> {
        let LoadedConfig {
            config: new,
            warnings,
        } = reload::read(&self.config_file).map_err(|problem| self.stays_in_force(&problem))?;
        let changes = compare(&self.in_force(), &new);
        if let Some(why) = reload::needs_restart(&changes) {
            return Err(Refusal::NotNow(why));
        }
        let new = Arc::new(new);
        // What cannot be rendered is as wrong as what cannot be read.
        let prepared = BirdConfFile::prepare(&new, &self.client).await;
        let prepared = prepared.map_err(|error| self.stays_in_force(&error.to_string()))?;
        if !changes.is_empty() {
            self.go_over_to(new.clone()).await?;
        }
        self.renders = new;
        self.failed = None;
        if self.hold(Ok(prepared)).await {
            // The start could not: it knew no version to render for.
            self.apply_at_start().await;
        }
        let wrong = self.ends.wrong.borrow().clone();
        let changed = reload::said(&changes, wrong.file.as_deref());
        Ok(ReloadSummary { changed, warnings })
    }

    fn stays_in_force(&self, problem: &str) -> Refusal {
        Refusal::Configuration(format!(
            "{}\n{} is wrong: nothing was changed, the old configuration stays in force",
            problem.trim_end(),
            self.config_file.display()
        ))
    }

    async fn go_over_to(&self, config: Arc<Config>) -> Result<(), Refusal> {
        let (done, taken) = oneshot::channel();
        let stopping = |_| Refusal::Failed("the daemon is stopping".to_owned());
        let sent = self.ends.successors.send(NewConfig { config, done }).await;
        sent.map_err(|_| Refusal::Failed("the daemon is stopping".to_owned()))?;
        taken.await.map_err(stopping)?.map_err(|why| {
            Refusal::NotNow(format!(
                "{why}; nothing was changed, the old configuration stays in force"
            ))
        })
    }

    async fn apply_as_asked(&mut self, force: bool, actor: &str) -> Result<String, Refusal> {
        if let Some(why) = self.under_way() {
            return Err(Refusal::NotNow(why));
        }
        let old = self.in_force();
        let LoadedConfig { config: new, .. } =
            reload::read(&self.config_file).map_err(Refusal::Configuration)?;
        let elsewhere = [("[site]", old.site == new.site), ("[bird]", old.bird == new.bird)];
        if let Some((section, _)) = elsewhere.iter().find(|(_, same)| !same) {
            return Err(Refusal::Failed(format!(
                "{section} changed, which needs a restart of falconer first (it sends no UPDATE); nothing was changed"
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
            "{said}. the daemon still runs the old falconer.toml: run `falconer reload` to load it"
        ))
    }

    /// Brings it in, and tells the log, the history and the alarms.
    pub(crate) async fn apply(
        &mut self,
        new: &Arc<Config>,
        force: bool,
        actor: Option<&str>,
    ) -> Result<String, ApplyFailure> {
        tracing::info!(actor, force, rule = "A9", "applying bird.conf");
        self.ends.applying.send_replace(true);
        let snapshot = self.ends.snapshot.clone();
        let under_way = move || in_transition::under_way(&snapshot.borrow(), Timestamp::now());
        let result = bring_in(&self.in_force(), new, &self.client, force, &under_way).await;
        self.ends.applying.send_replace(false);
        let applied = |applied: bool, text: &str| HistoryEvent::Applied {
            actor: actor.map(str::to_owned),
            applied,
            text: text.to_owned(),
        };
        match &result {
            Ok(AppliedFile { said, changed }) => {
                tracing::info!(said, "bird.conf applied");
                if *changed {
                    self.tell(applied(true, said));
                }
                self.failed = None;
                self.renders = new.clone();
            }
            Err(error) => {
                let said = error.to_string();
                tracing::error!(error = said, "cannot apply bird.conf");
                // As for a reload: what follows may quote a template.
                let first = said.lines().next().unwrap_or_default().to_owned();
                self.tell(applied(false, &first));
                self.failed = Some(first);
            }
        }
        // It was put in place just now, or is not to be without being asked for again.
        self.look().await;
        result.map(|done| done.said)
    }
}

/// What an operator is told, by what would help.
fn refusal(error: &ApplyFailure) -> Refusal {
    let said = error.to_string();
    if matches!(error, ApplyFailure::NotRendered(_)) {
        Refusal::Configuration(said)
    } else {
        Refusal::Failed(said)
    }
}
