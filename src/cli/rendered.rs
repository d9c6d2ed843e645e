//! What `check` and `render` have in common: bird.conf as this configuration would render it for
//! the BIRD that is there.

use std::io;
use std::sync::Arc;

use super::exit::CliError;
use crate::bird::client::BirdClient;
use crate::bird::version::BirdVersion;
use crate::bird_conf::LoadTime;
use crate::bird_conf::disk::apply::ApplyError;
use crate::bird_conf::disk::parse_check::{ParseCheckError, Parser};
use crate::bird_conf::disk::{ConfFile, WriteError};
use crate::config::Config;
use crate::config::model::{ApplyMode, RenderConfig};
use crate::daemon::{load, rendered, version_of};

/// A bird.conf that has been rendered, and where it belongs.
pub(crate) struct RenderedFile {
    /// All of it.
    pub(crate) text: String,
    /// The BIRD that it was rendered for.
    pub(crate) version: BirdVersion,
    /// Its place on disk.
    pub(crate) file: ConfFile,
    /// That BIRD's own parser.
    pub(crate) parser: Parser,
    /// Whether it is written only if BIRD's parser accepts it.
    pub(crate) checked: bool,
    /// When the BIRD that runs last read its file, where it says so.
    pub(crate) load: Option<LoadTime>,
}

impl RenderedFile {
    /// Renders it; a BIRD that runs is only asked for its version.
    pub(crate) async fn render(config: &Arc<Config>, settings: &RenderConfig) -> Result<Self, CliError> {
        let parser = Parser::new(&config.bird.binary, config.bird.timeout);
        let client = BirdClient::spawn(config.bird.socket.clone(), config.bird.timeout);
        let version = match version_of(&client).await {
            Some(version) => version,
            None => parser.version().await.map_err(|error| refused(&error))?,
        };
        let load = load(&client).await.ok().flatten();
        let text = rendered(config, settings, &version)
            .map_err(|error| CliError::Configuration(format!("bird.conf cannot be rendered\n{error}")))?;
        let file = ConfFile::new(settings, &config.site, &config.bird);
        let checked = settings.apply != ApplyMode::Write;
        Ok(Self {
            text,
            version,
            file,
            parser,
            checked,
            load,
        })
    }

    /// Has BIRD's parser look at it; its warnings come back.
    pub(crate) async fn accepted(&self) -> Result<Vec<String>, CliError> {
        self.parser
            .check(&self.text, self.file.path())
            .await
            .map_err(|error| refused(&error))
    }
}

/// What BIRD's parser said, or why it said nothing.
fn refused(error: &ParseCheckError) -> CliError {
    match error {
        ParseCheckError::Refused(_) => CliError::Configuration(error.to_string()),
        ParseCheckError::NotAsked { .. } => CliError::Unavailable(error.to_string()),
    }
}

/// Why the file was not written.
pub(crate) fn not_written(error: &ApplyError) -> CliError {
    match error {
        ApplyError::Parser(error) => refused(error),
        ApplyError::File(WriteError::Io(cause)) if forbidden(cause) => {
            CliError::Forbidden(format!("{error}\nit takes root: use sudo"))
        }
        ApplyError::File(WriteError::Io(_) | WriteError::SomebodyElse { .. })
        | ApplyError::NoFile(_)
        | ApplyError::Elsewhere(_)
        | ApplyError::NotKnown(_)
        | ApplyError::Include(_) => CliError::Failed(error.to_string()),
    }
}

/// Whether it was the operating system's permission that lacked.
pub(crate) fn forbidden(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::PermissionDenied)
}
