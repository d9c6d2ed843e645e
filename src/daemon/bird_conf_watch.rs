//! bird.conf: rendered at the start, put in place where that disturbs nothing, and watched.
//!
//! At the start the file is replaced only while BIRD is down or announces nothing of ours, and never
//! if it is somebody else's work (A9). How it goes on is [`super::config_manager`]'s.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::bird_conf_apply::{load, recover};
use super::bird_conf_render::{RenderFailure, rendered, version_of};
use crate::bird::client::BirdClient;
use crate::bird::parse::ProtocolState;
use crate::bird_conf::disk::apply;
use crate::bird_conf::disk::parse_check::{ParseCheckError, Parser};
use crate::bird_conf::disk::{ConfFile, ContentOwner, FileOnDisk, Runs, WriteOutcome};
use crate::bird_conf::{FileTime, Freshness, drift};
use crate::config::Config;
use crate::config::model::{ApplyMode, RenderConfig};
use crate::model::snapshot::BirdState;
use crate::model::time::Moment;

/// What is wrong with bird.conf, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BirdConfProblems {
    /// It is not what would be rendered, or that cannot be told.
    pub(crate) file: Option<String>,
    /// BIRD does not run it.
    pub(crate) running: Option<String>,
}

impl OurAnnouncement {
    /// Asks it.
    pub(crate) async fn of(config: &Config, client: &BirdClient) -> Self {
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
            protocol.state != ProtocolState::Down && ours.iter().any(|ours| ours.name == protocol.name)
        });
        up.map_or(Self::Silent, |protocol| Self::Announces(protocol.name))
    }
}

/// What there is to put in place.
pub(crate) enum PreparedFile {
    /// Nothing: bird.conf is the user's own.
    UsersOwn,
    /// Nothing yet: no BIRD tells its version, so there is nothing to render for. Why.
    NoVersion(String),
    /// A bird.conf.
    Ready(Box<BirdConfFile>),
}

/// What BIRD does of ours.
pub(crate) enum OurAnnouncement {
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
pub(crate) enum PlacedFile {
    /// It is in place, or stays as it is; what is wrong then.
    Settled(Option<String>),
    /// It was not to be put in place; why.
    Refused(String),
    /// BIRD runs, and has to be brought to it. What is wrong until then.
    ToApply(String),
}

/// A bird.conf that has been rendered.
pub(crate) struct BirdConfFile {
    config: Arc<Config>,
    render: RenderConfig,
    client: BirdClient,
    file: ConfFile,
    parser: Parser,
    text: Arc<str>,
}

impl BirdConfFile {
    /// Renders for the BIRD that is there. That none tells its version is no fault of the
    /// configuration.
    ///
    /// # Errors
    /// Template, passwords or values are not fit for a bird.conf.
    pub(crate) async fn prepare(
        config: &Arc<Config>,
        client: &BirdClient,
    ) -> Result<PreparedFile, RenderFailure> {
        let Some(settings) = &config.render else {
            return Ok(PreparedFile::UsersOwn);
        };
        let parser = Parser::new(&config.bird.binary, config.bird.timeout);
        let version = match version_of(client).await {
            Some(version) => version,
            None => match parser.version().await {
                Ok(version) => version,
                Err(error) => return Ok(PreparedFile::NoVersion(no_version(settings, &error))),
            },
        };
        let text = rendered(config, settings, &version)?;
        Ok(PreparedFile::Ready(Box::new(Self {
            config: config.clone(),
            render: settings.clone(),
            client: client.clone(),
            file: ConfFile::new(settings, &config.site, &config.bird),
            parser,
            text: text.into(),
        })))
    }

    /// Puts the file in place, if that disturbs nothing.
    pub(crate) async fn place(&self) -> PlacedFile {
        match recover(&self.file).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::warn!(output = %self.render.output.display(), "an apply was interrupted: the old file is restored");
                return PlacedFile::Settled(self.look().await);
            }
            Err(error) => return PlacedFile::Settled(Some(error.to_string())),
        }
        let Some(wrong) = self.look().await else {
            return self.bring_in_if_unread().await;
        };
        match OurAnnouncement::of(&self.config, &self.client).await {
            OurAnnouncement::Announces(announced) => {
                tracing::warn!(announced, "bird.conf not replaced: something is announced");
                PlacedFile::Settled(Some(wrong))
            }
            OurAnnouncement::Silent if self.render.apply == ApplyMode::Confirm => PlacedFile::ToApply(wrong),
            OurAnnouncement::Unclear => PlacedFile::Settled(Some(wrong)),
            OurAnnouncement::Silent | OurAnnouncement::Down => self.write().await,
        }
    }

    /// The file is right; BIRD may not have read it.
    async fn bring_in_if_unread(&self) -> PlacedFile {
        let silent = matches!(
            OurAnnouncement::of(&self.config, &self.client).await,
            OurAnnouncement::Silent
        );
        if self.render.apply == ApplyMode::Confirm && silent && self.is_unread().await {
            let output = self.render.output.display();
            return PlacedFile::ToApply(format!("BIRD has not read {output}"));
        }
        PlacedFile::Settled(None)
    }

    async fn write(&self) -> PlacedFile {
        let checked = self.render.apply != ApplyMode::Write;
        let load = load(&self.client).await.ok().flatten();
        let text = self.text.to_string();
        let put = apply::write(&self.file, &self.parser, text, checked, false, load).await;
        match put {
            Ok(WriteOutcome::Unchanged) => PlacedFile::Settled(None),
            Ok(WriteOutcome::Written { record_problem }) => {
                tracing::info!(output = %self.render.output.display(), template = self.render.template, "bird.conf written");
                PlacedFile::Settled(record_problem)
            }
            Err(error) => {
                tracing::error!(%error, "bird.conf not replaced");
                PlacedFile::Refused(error.to_string())
            }
        }
    }

    /// Holds the file against what would be rendered.
    pub(crate) async fn look(&self) -> Option<String> {
        let text = self.text.clone();
        let present = self.inspect().await;
        let drifted = present.map(|present| {
            let output = self.file.path().display().to_string();
            let edited = present.owner == ContentOwner::SomebodyElse;
            drift(&output, &text, present.text.as_deref(), edited)
        });
        drifted.map_or_else(Some, |drift| drift.map(|drift| drift.text))
    }

    /// Holds what BIRD runs against the file. `asked` tells when BIRD was asked. `None`, too, where
    /// BIRD does not say, or is at it.
    pub(crate) async fn look_at_bird(
        &self,
        loaded: &mut Freshness,
        asked: impl Fn() -> Moment,
    ) -> Option<String> {
        let present = self.inspect().await.ok()?;
        let status = self.client.configure_status().await.ok()?;
        if status.in_progress || status.shutting_down {
            return None;
        }
        let load = load(&self.client).await.ok()??;
        let noted = self.file.noted_running();
        let file = FileTime {
            digest: present.digest.as_deref()?,
            written: Timestamp::try_from(present.written?).ok()?,
        };
        let noted = noted.as_ref().map(|(digest, at)| (digest.as_str(), *at));
        let output = self.file.path().display().to_string();
        let unread = loaded.look(&output, asked(), load, noted, &file);
        if unread.is_none() && status.undo_in.is_none() {
            // What BIRD runs is kept for an apply; it says so itself where it cannot be.
            let _ = apply::keep_what_runs(&self.file, &present, load).await;
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

    async fn inspect(&self) -> Result<FileOnDisk, String> {
        let file = self.file.clone();
        match spawn_blocking(move || file.inspect()).await {
            Ok(present) => present.map_err(|error| format!("{error:#}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn no_version(settings: &RenderConfig, error: &ParseCheckError) -> String {
    format!(
        "{} is not rendered and not held against anything: BIRD does not answer, and its binary does not tell \
         its version either ({error})",
        settings.output.display()
    )
}
