//! bird.conf rendered for the BIRD that runs, with the templates and passwords that are there now.

use std::time::Duration;

use tokio::time::timeout;

use crate::bird::client::BirdClient;
use crate::bird::version::BirdVersion;
use crate::bird_conf::disk;
use crate::bird_conf::render;
use crate::config::Config;
use crate::config::model::RenderConfig;
use crate::model::snapshot::BirdState;

/// The first contact with BIRD is waited for this long before its binary is asked for its version.
const FIRST_CONTACT: Duration = Duration::from_secs(2);

/// Why bird.conf could not be rendered, as it is shown to the operator.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct RenderFailure(pub Vec<String>);

impl RenderFailure {
    /// In one line, for an alarm.
    pub(crate) fn in_short(&self) -> String {
        let first = self.0.first().and_then(|error| error.lines().next());
        let first = first.unwrap_or_default();
        format!("bird.conf cannot be rendered any more: {first} (`falconer render` shows it all)")
    }
}

/// The running BIRD's version, if it answers soon.
pub(crate) async fn version_of(client: &BirdClient) -> Option<BirdVersion> {
    let mut link = client.link();
    let settled = link
        .wait_for(|link| link.version.is_some() || (link.state == BirdState::Down && link.error.is_some()));
    let link = timeout(FIRST_CONTACT, settled).await.ok()?.ok()?;
    link.version.clone()
}

/// Renders with the templates and passwords that are there now.
pub(crate) fn rendered(
    config: &Config,
    settings: &RenderConfig,
    version: &BirdVersion,
) -> Result<String, RenderFailure> {
    let templates = disk::templates(&settings.template_dir);
    let templates = templates.map_err(|error| RenderFailure(vec![error.to_string()]))?;
    let sessions = config.upstreams.iter().chain(&config.peers);
    let passwords = disk::passwords(sessions)
        .map_err(|errors| RenderFailure(errors.iter().map(ToString::to_string).collect()))?;
    render(config, version, &templates, &passwords)
        .map(|rendered| rendered.text)
        .map_err(|errors| RenderFailure(errors.iter().map(|error| error.rendered(false)).collect()))
}
