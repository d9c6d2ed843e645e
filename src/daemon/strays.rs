//! Drills that a service was left in which falconer.toml does not name any more, or names with other
//! protocols: what they announce is ended at the start, since nothing else would.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::bird::client::{BirdClient, Priority};
use crate::bird::parse::ProtocolState;
use crate::bird::plan::StateFileValue;
use crate::bird::state_file::StateDir;
use crate::config::{Config, duration};
use crate::core::PersistentState;
use crate::core::persistent::StrayDrill;
use crate::model::drill::{DrillReport, SCHEMA};
use crate::model::history::HistoryEvent;
use crate::model::snapshot::{DrillOutcome, StageTimes};

/// Between two looks whether it is silent, or whether BIRD is there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why, for BIRD's own `show protocols all` (A3).
const REASON: &str = "falconer drill, left behind by a service that is not configured any more";

/// Ends them, each until it is seen to be silent. Dropping the handle ends the task; the next start
/// goes on with what is left.
pub(crate) fn spawn(
    config: &Config,
    memory: &PersistentState,
    client: &BirdClient,
    told: &mpsc::Sender<HistoryEvent>,
) -> AbortOnDropHandle<()> {
    let (strays, told) = (memory.stray_drills(config), told.clone());
    let (site, client) = (config.site.name.clone(), client.at(Priority::Decision));
    let files = StateDir::new(&config.site.run_dir);
    AbortOnDropHandle::new(tokio::spawn(async move {
        for stray in strays {
            let (service, protocols) = (&stray.service, stray.protocols.join(" "));
            tracing::warn!(service, protocols, "ending a drill that was left behind");
            silence(&client, &files, &stray).await;
            tracing::info!(service, "drill ended");
            if stray.absent {
                let report = Box::new(report(&site, &stray));
                // The driver ends after this task.
                drop(told.send(HistoryEvent::DrillEnded { report }).await);
            }
        }
    }))
}

async fn silence(client: &BirdClient, files: &StateDir, stray: &StrayDrill) {
    loop {
        if let Ok(protocols) = client.show_protocols().await {
            let mut over = true;
            for protocol in protocols {
                let name = protocol.name;
                if !stray.protocols.contains(&name) || protocol.state == ProtocolState::Down {
                    continue;
                }
                let in_earnest = in_earnest(files, &name).await;
                over &= in_earnest == Some(true);
                // What may be announced in earnest is not silenced on a guess.
                if in_earnest != Some(false) {
                    continue;
                }
                if let Err(error) = client.disable(&name, REASON).await {
                    tracing::error!(protocol = name, %error, "cannot end the announcement of the drill");
                }
            }
            if over {
                return;
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Whether a takeover came in the middle of the drill: its state file says so, as no drill does (A6).
/// `None`: it cannot be read.
async fn in_earnest(files: &StateDir, protocol: &str) -> Option<bool> {
    let (files, protocol) = (files.clone(), protocol.to_owned());
    let said = spawn_blocking(move || files.read(&protocol)).await.ok()?;
    Some(said.ok()? == Some(StateFileValue::Enabled))
}

fn report(site: &str, stray: &StrayDrill) -> DrillReport {
    let record = &stray.record;
    DrillReport {
        schema: SCHEMA,
        site: site.to_owned(),
        service: stray.service.clone(),
        prefixes: Vec::new(),
        strength: record.strength,
        dry_run: false,
        hold: duration::format(Duration::ZERO),
        actor: record.actor.clone(),
        reason: record.reason.clone(),
        bird: None,
        started: record.since,
        ended: Timestamp::now(),
        outcome: DrillOutcome::Aborted,
        text: "falconer ended in the middle of it; it was ended at the next start, which knows the service no more"
            .to_owned(),
        stages: StageTimes::default(),
        upstreams: Vec::new(),
        exported_to: Vec::new(),
        problems: Vec::new(),
    }
}
