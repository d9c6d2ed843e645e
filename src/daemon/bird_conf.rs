//! bird.conf: rendered at the start, put in place where that disturbs nothing, and watched.
//!
//! At the start the file is replaced only while BIRD is down or announces nothing of ours, and never
//! if it is somebody else's work (A9). How it goes on is [`super::keeping`]'s.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::applying::{load, recover};
use crate::bird::answer::State;
use crate::bird::client::Client;
use crate::bird::version::Version;
use crate::conf_file::applying;
use crate::conf_file::parser::{CheckError, Parser};
use crate::conf_file::{self, ConfFile, Owner, Present, Put, Runs};
use crate::config::Config;
use crate::config::model::{Apply, Render};
use crate::render::{Loaded, OnDisk, drift, render};
use crate::status::snapshot::BirdState;
use crate::time::Moment;

/// The first contact with BIRD is waited for this long before its binary is asked for its version.
const FIRST_CONTACT: Duration = Duration::from_secs(2);

/// Why bird.conf could not be rendered, as it is shown to the operator.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct NotRendered(pub Vec<String>);

/// What is wrong with bird.conf, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wrong {
    /// It is not what would be rendered, or that cannot be told.
    pub(super) file: Option<String>,
    /// BIRD does not run it.
    pub(super) running: Option<String>,
}

impl Bird {
    /// Asks it.
    pub(super) async fn of(config: &Config, client: &Client) -> Self {
        let Ok(protocols) = client.show_protocols().await else {
            return match client.link().borrow().state {
                BirdState::Down => Self::Down,
                BirdState::Up | BirdState::Busy => Self::Unclear,
            };
        };
        let services = config.services.iter();
        let ours: Vec<_> = services
            .flat_map(|service| service.full.iter().chain(&service.drain))
            .collect();
        let up = protocols.into_iter().find(|protocol| {
            protocol.state != State::Down && ours.iter().any(|ours| ours.name == protocol.name)
        });
        up.map_or(Self::Silent, |protocol| Self::Announces(protocol.name))
    }
}

/// What there is to put in place.
pub(super) enum Prepared {
    /// Nothing: bird.conf is the user's own.
    UsersOwn,
    /// Nothing yet: no BIRD tells its version, so there is nothing to render for. Why.
    NoVersion(String),
    /// A bird.conf.
    Ready(Box<BirdConf>),
}

impl NotRendered {
    /// In one line, for an alarm.
    pub(super) fn in_short(&self) -> String {
        let first = self.0.first().and_then(|error| error.lines().next());
        let first = first.unwrap_or_default();
        format!("bird.conf cannot be rendered any more: {first} (`falconer render` shows it all)")
    }
}

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
    Settled(Option<String>),
    /// It was not to be put in place; why.
    Refused(String),
    /// BIRD runs, and has to be brought to it. What is wrong until then.
    ToApply(String),
}

/// A bird.conf that has been rendered.
pub(super) struct BirdConf {
    config: Arc<Config>,
    render: Render,
    client: Client,
    file: ConfFile,
    parser: Parser,
    text: Arc<str>,
}

impl BirdConf {
    /// Renders for the BIRD that is there. That none tells its version is no fault of the
    /// configuration.
    ///
    /// # Errors
    /// Template, passwords or values are not fit for a bird.conf.
    pub(super) async fn prepare(config: &Arc<Config>, client: &Client) -> Result<Prepared, NotRendered> {
        let Some(settings) = &config.render else {
            return Ok(Prepared::UsersOwn);
        };
        let parser = Parser::new(&config.bird.binary, config.bird.timeout);
        let version = match version_of(client).await {
            Some(version) => version,
            None => match parser.version().await {
                Ok(version) => version,
                Err(error) => return Ok(Prepared::NoVersion(no_version(settings, &error))),
            },
        };
        let text = rendered(config, settings, &version)?;
        Ok(Prepared::Ready(Box::new(Self {
            config: config.clone(),
            render: settings.clone(),
            client: client.clone(),
            file: ConfFile::new(settings, &config.site, &config.bird),
            parser,
            text: text.into(),
        })))
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
            return self.bring_in_if_unread().await;
        };
        match Bird::of(&self.config, &self.client).await {
            Bird::Announces(announced) => {
                tracing::warn!(
                    announced,
                    "bird.conf is left as it is while something is announced"
                );
                Placed::Settled(Some(wrong))
            }
            Bird::Silent if self.render.apply == Apply::Confirm => Placed::ToApply(wrong),
            Bird::Unclear => Placed::Settled(Some(wrong)),
            Bird::Silent | Bird::Down => self.write().await,
        }
    }

    /// The file is right; BIRD may not have read it.
    async fn bring_in_if_unread(&self) -> Placed {
        let silent = matches!(Bird::of(&self.config, &self.client).await, Bird::Silent);
        if self.render.apply == Apply::Confirm && silent && self.is_unread().await {
            let output = self.render.output.display();
            return Placed::ToApply(format!("BIRD has not read {output}"));
        }
        Placed::Settled(None)
    }

    async fn write(&self) -> Placed {
        let checked = self.render.apply != Apply::Write;
        let load = load(&self.client).await.ok().flatten();
        let text = self.text.to_string();
        let put = applying::write(&self.file, &self.parser, text, checked, false, load).await;
        match put {
            Ok(Put::Unchanged) => Placed::Settled(None),
            Ok(Put::Written { record_problem }) => {
                tracing::info!(output = %self.render.output.display(), template = self.render.template, "bird.conf written");
                Placed::Settled(record_problem)
            }
            Err(error) => {
                tracing::error!(%error, "bird.conf is left as it is");
                Placed::Refused(error.to_string())
            }
        }
    }

    /// Holds the file against what would be rendered.
    pub(super) async fn look(&self) -> Option<String> {
        let text = self.text.clone();
        let present = self.inspect().await;
        let drifted = present.map(|present| {
            let output = self.file.path().display().to_string();
            let edited = present.owner == Owner::SomebodyElse;
            drift(&output, &text, present.text.as_deref(), edited)
        });
        drifted.map_or_else(Some, |drift| drift.map(|drift| drift.text))
    }

    /// Holds what BIRD runs against the file. `asked` tells when BIRD was asked. `None`, too, where
    /// BIRD does not say, or is at it.
    pub(super) async fn look_at_bird(
        &self,
        loaded: &mut Loaded,
        asked: impl Fn() -> Moment,
    ) -> Option<String> {
        let present = self.inspect().await.ok()?;
        let status = self.client.configure_status().await.ok()?;
        if status.in_progress || status.shutting_down {
            return None;
        }
        let load = load(&self.client).await.ok()??;
        let noted = self.file.noted_running();
        let file = OnDisk {
            digest: present.digest.as_deref()?,
            written: Timestamp::try_from(present.written?).ok()?,
        };
        let noted = noted.as_ref().map(|(digest, at)| (digest.as_str(), *at));
        let output = self.file.path().display().to_string();
        let unread = loaded.look(&output, asked(), load, noted, &file);
        if unread.is_none() && status.undo_in.is_none() {
            // What BIRD runs is kept for an apply; it says so itself where it cannot be.
            let _ = applying::keep_what_runs(&self.file, &present, load).await;
        }
        unread
    }

    /// Whether BIRD runs another file than the one on disk, of which there is a copy.
    async fn is_unread(&self) -> bool {
        let (Ok(present), Ok(load)) = (self.inspect().await, load(&self.client).await) else {
            return false;
        };
        matches!(self.file.runs(&present, load), Ok(Runs::Copy(_)))
    }

    async fn inspect(&self) -> Result<Present, String> {
        let file = self.file.clone();
        match spawn_blocking(move || file.inspect()).await {
            Ok(present) => present.map_err(|error| format!("{error:#}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn no_version(settings: &Render, error: &CheckError) -> String {
    format!(
        "{} is not rendered and not held against anything: BIRD does not answer, and its binary does not tell \
         its version either ({error})",
        settings.output.display()
    )
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
