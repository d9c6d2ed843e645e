//! Standing prefixes whose key was taken out of falconer.toml: that withdraws them (D14). Steering knows
//! their static protocols no more, so this ends what they announce.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::bird::client::{BirdClient, Priority};
use crate::bird::parse::ProtocolState;
use crate::bird::plan::StateFileValue;
use crate::bird::state_file::StateDir;
use crate::config::Config;

/// Between two looks whether it is silent, or whether BIRD is there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why, for BIRD's own `show protocols all` (A3).
const REASON: &str = "falconer D14: falconer.toml names no standing prefixes any more";

/// What is being withdrawn. Dropping it ends the task.
#[derive(Debug, Default)]
pub(crate) struct LetGo {
    protocols: Vec<String>,
    task: Option<AbortOnDropHandle<()>>,
}

impl LetGo {
    /// After a reload: what the old configuration announced all the time and the new one does not name,
    /// and what was not silent yet.
    pub(crate) fn after(self, old: &Config, new: &Config, client: &BirdClient) -> Self {
        let standing = old.services.iter().flat_map(|service| &service.standing);
        let mut protocols: Vec<String> = standing.map(|protocol| protocol.name.clone()).collect();
        if self.task.is_some_and(|task| !task.is_finished()) {
            protocols.extend(self.protocols);
        }
        let named = |name: &String| {
            let mut all = new.services.iter().flat_map(|service| service.statics());
            all.any(|protocol| protocol.name == *name)
        };
        protocols.retain(|name| !named(name));
        let task = (!protocols.is_empty()).then(|| {
            let files = StateDir::new(&new.site.run_dir);
            let work = silence(client.at(Priority::Decision), files, protocols.clone());
            AbortOnDropHandle::new(tokio::spawn(work))
        });
        Self { protocols, task }
    }
}

/// Ends when all of them were seen to be silent.
async fn silence(client: BirdClient, files: StateDir, protocols: Vec<String>) {
    loop {
        // Before BIRD is told, so that nothing brings them back (A6).
        let written = write(&files, &protocols).await;
        if let Err(error) = &written {
            tracing::error!(error, "cannot write the state files of standing prefixes");
        }
        if let Ok(seen) = client.show_protocols().await {
            let ours = seen.iter().filter(|seen| protocols.contains(&seen.name));
            let mut over = written.is_ok();
            for protocol in ours.filter(|seen| seen.state != ProtocolState::Down) {
                over = false;
                let name = &protocol.name;
                tracing::info!(protocol = name, rule = "D14", "withdrawing standing prefixes");
                if let Err(error) = client.disable(name, REASON).await {
                    tracing::error!(protocol = name, %error, "cannot withdraw standing prefixes");
                }
            }
            if over {
                return;
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn write(files: &StateDir, protocols: &[String]) -> Result<(), String> {
    let (files, protocols) = (files.clone(), protocols.to_vec());
    let writing = spawn_blocking(move || {
        protocols
            .iter()
            .try_for_each(|name| files.write(name, StateFileValue::Disabled).map(drop))
    });
    match writing.await {
        Ok(written) => written.map_err(|error| format!("{error:#}")),
        Err(panicked) => Err(panicked.to_string()),
    }
}
