//! What `check` and `render` have in common: bird.conf as this configuration would render it for
//! the BIRD that is there.

use std::io;
use std::sync::Arc;

use super::failure::Failure;
use crate::bird::client::Client;
use crate::bird::version::Version;
use crate::conf_file::applying::ApplyError;
use crate::conf_file::parser::{CheckError, Parser};
use crate::conf_file::{ConfFile, PutError};
use crate::config::Config;
use crate::config::model::{Apply, Render};
use crate::daemon::{load, rendered, version_of};
use crate::render::Load;

/// A bird.conf that has been rendered, and where it belongs.
pub(super) struct BirdConf {
    /// All of it.
    pub(super) text: String,
    /// The BIRD that it was rendered for.
    pub(super) version: Version,
    /// Its place on disk.
    pub(super) file: ConfFile,
    /// That BIRD's own parser.
    pub(super) parser: Parser,
    /// Whether it is written only if BIRD's parser accepts it.
    pub(super) checked: bool,
    /// When the BIRD that runs last read its file, where it says so.
    pub(super) load: Option<Load>,
}

impl BirdConf {
    /// Renders it; a BIRD that runs is only asked for its version.
    pub(super) async fn render(config: &Arc<Config>, settings: &Render) -> Result<Self, Failure> {
        let parser = Parser::new(&config.bird.binary, config.bird.timeout);
        let client = Client::spawn(config.bird.socket.clone(), config.bird.timeout);
        let version = match version_of(&client).await {
            Some(version) => version,
            None => parser.version().await.map_err(|error| refused(&error))?,
        };
        let load = load(&client).await.ok().flatten();
        let text = rendered(config, settings, &version)
            .map_err(|error| Failure::Configuration(format!("bird.conf cannot be rendered\n{error}")))?;
        let file = ConfFile::new(settings, &config.site, &config.bird);
        let checked = settings.apply != Apply::Write;
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
    pub(super) async fn accepted(&self) -> Result<Vec<String>, Failure> {
        self.parser
            .check(&self.text, self.file.path())
            .await
            .map_err(|error| refused(&error))
    }
}

/// What BIRD's parser said, or why it said nothing.
fn refused(error: &CheckError) -> Failure {
    match error {
        CheckError::Refused(_) => Failure::Configuration(error.to_string()),
        CheckError::NotAsked { .. } => Failure::Unavailable(error.to_string()),
    }
}

/// Why the file was not written.
pub(super) fn not_written(error: &ApplyError) -> Failure {
    match error {
        ApplyError::Parser(error) => refused(error),
        ApplyError::File(PutError::Io(cause)) if forbidden(cause) => {
            Failure::Forbidden(format!("{error}\nit takes root: use sudo"))
        }
        ApplyError::File(PutError::Io(_) | PutError::SomebodyElse { .. })
        | ApplyError::NoFile(_)
        | ApplyError::Elsewhere(_)
        | ApplyError::NotKnown(_)
        | ApplyError::Include(_) => Failure::Failed(error.to_string()),
    }
}

/// Whether it was the operating system's permission that lacked.
pub(super) fn forbidden(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::PermissionDenied)
}
