//! bird.conf: rendered at the start, put in place where that disturbs nothing, and watched.
//!
//! At the start the file is replaced only while BIRD is down or announces nothing of ours, and never
//! if it is somebody else's work (A9). How it goes on is [`super::keeping`]'s.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::applying::recover;
use crate::bird::answer::State;
use crate::bird::client::Client;
use crate::bird::version::Version;
use crate::conf_file::applying;
use crate::conf_file::parser::Parser;
use crate::conf_file::{self, ConfFile, Owner, Put};
use crate::config::Config;
use crate::config::model::{Apply, Render};
use crate::render::{drift, render};
use crate::status::snapshot::BirdState;

/// The first contact with BIRD is waited for this long before its binary is asked for its version.
const FIRST_CONTACT: Duration = Duration::from_secs(2);

/// Why bird.conf could not be rendered, as it is shown to the operator.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct NotRendered(pub Vec<String>);

/// What is wrong with bird.conf, in words.
pub(super) type Wrong = Option<String>;

/// What BIRD does of ours.
pub(super) enum Bird {
    /// It does not run.
    Down,
    /// None of our static protocols is up.
    Silent,
    /// This one is.
    Announces(String),
    /// It runs, and does not answer.
    Unclear,
}

/// What came of putting bird.conf in place.
pub(super) enum Placed {
    /// It is in place, or stays as it is; what is wrong then.
    Settled(Wrong),
    /// BIRD runs, and has to be brought to it. What is wrong until then.
    ToApply(String),
}

/// A bird.conf that has been rendered and not yet been put in place.
pub(super) struct BirdConf {
    config: Arc<Config>,
    render: Render,
    client: Client,
    file: ConfFile,
    parser: Parser,
    text: Arc<str>,
}

impl BirdConf {
    /// Renders for the BIRD that is there. `Ok(None)`: bird.conf is the user's own. Without a BIRD
    /// that tells its version there is nothing to render for, which is no fault of the configuration.
    ///
    /// # Errors
    /// Template, passwords or values are not fit for a bird.conf.
    pub(super) async fn prepare(config: &Arc<Config>, client: &Client) -> Result<Option<Self>, NotRendered> {
        let Some(settings) = &config.render else {
            return Ok(None);
        };
        let parser = Parser::new(&config.bird.binary, config.bird.timeout);
        let version = match version_of(client).await {
            Some(version) => version,
            None => match parser.version().await {
                Ok(version) => version,
                Err(error) => {
                    tracing::error!(%error, "BIRD's version is not known: bird.conf is not rendered");
                    return Ok(None);
                }
            },
        };
        let text = rendered(config, settings, &version)?;
        Ok(Some(Self {
            config: config.clone(),
            render: settings.clone(),
            client: client.clone(),
            file: ConfFile::new(settings, &config.site, &config.bird),
            parser,
            text: text.into(),
        }))
    }

    /// Puts the file in place, if that disturbs nothing.
    pub(super) async fn place(&self) -> Placed {
        match recover(&self.file).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::warn!(output = %self.render.output.display(), "an apply was cut short: the old file is back");
                return Placed::Settled(self.look().await);
            }
            Err(error) => return Placed::Settled(Some(error.to_string())),
        }
        let Some(wrong) = self.look().await else {
            return Placed::Settled(None);
        };
        match self.bird().await {
            Bird::Announces(announced) => {
                tracing::warn!(
                    announced,
                    "bird.conf is left as it is while something is announced"
                );
                Placed::Settled(Some(wrong))
            }
            Bird::Silent if self.render.apply == Apply::Confirm => Placed::ToApply(wrong),
            Bird::Unclear => Placed::Settled(Some(wrong)),
            Bird::Silent | Bird::Down => Placed::Settled(self.write().await),
        }
    }

    async fn write(&self) -> Wrong {
        let checked = self.render.apply != Apply::Write;
        let put = applying::write(&self.file, &self.parser, self.text.to_string(), checked, false).await;
        match put {
            Ok(Put::Unchanged) => None,
            Ok(Put::Written { record_problem }) => {
                tracing::info!(output = %self.render.output.display(), template = self.render.template, "bird.conf written");
                record_problem
            }
            Err(error) => {
                tracing::error!(%error, "bird.conf is left as it is");
                Some(error.to_string())
            }
        }
    }

    /// What BIRD does of ours.
    pub(super) async fn bird(&self) -> Bird {
        let Ok(protocols) = self.client.show_protocols().await else {
            return match self.client.link().borrow().state {
                BirdState::Down => Bird::Down,
                BirdState::Up | BirdState::Busy => Bird::Unclear,
            };
        };
        let services = self.config.services.iter();
        let ours: Vec<_> = services
            .flat_map(|service| service.full.iter().chain(&service.drain))
            .collect();
        let up = protocols.into_iter().find(|protocol| {
            protocol.state != State::Down && ours.iter().any(|ours| ours.name == protocol.name)
        });
        up.map_or(Bird::Silent, |protocol| Bird::Announces(protocol.name))
    }

    /// Holds the file against what would be rendered.
    pub(super) async fn look(&self) -> Wrong {
        let (file, text) = (self.file.clone(), self.text.clone());
        let looked = spawn_blocking(move || {
            let present = file.inspect().map_err(|error| format!("{error:#}"))?;
            let output = file.path().display().to_string();
            let edited = present.owner == Owner::SomebodyElse;
            let drift = drift(&output, &text, present.text.as_deref(), edited);
            Ok::<_, String>(drift.map(|drift| drift.text))
        });
        match looked.await {
            Ok(Ok(drift)) => drift,
            Ok(Err(error)) => Some(error),
            Err(error) => Some(error.to_string()),
        }
    }
}

/// The running BIRD's version, if it answers soon.
pub(crate) async fn version_of(client: &Client) -> Option<Version> {
    let mut link = client.link();
    let settled = link
        .wait_for(|link| link.version.is_some() || (link.state == BirdState::Down && link.error.is_some()));
    let link = timeout(FIRST_CONTACT, settled).await.ok()?.ok()?;
    link.version.clone()
}

/// Renders with the templates and passwords that are there now.
pub(crate) fn rendered(config: &Config, settings: &Render, version: &Version) -> Result<String, NotRendered> {
    let templates = conf_file::templates(&settings.template_dir);
    let templates = templates.map_err(|error| NotRendered(vec![error.to_string()]))?;
    let sessions = config.upstreams.iter().chain(&config.peers);
    let passwords = conf_file::passwords(sessions)
        .map_err(|errors| NotRendered(errors.iter().map(ToString::to_string).collect()))?;
    render(config, version, &templates, &passwords)
        .map(|rendered| rendered.text)
        .map_err(|errors| NotRendered(errors.iter().map(|error| error.rendered(false)).collect()))
}
