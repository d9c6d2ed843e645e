//! The end: BIRD is left as `on_exit` says.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::state::{Broken, Driver};
use crate::bird::reconcile::{Intents, ObservedService, ReconcilerReport};
use crate::config::model::OnLoss;
use crate::core::Strength;
use crate::core::service::Intent;
use crate::core::standing::StandingIntent;
use crate::model::history::HistoryEvent;

/// How long the end waits for the last entries of the history: a disk that hangs must not keep the
/// daemon from being started again.
const DISK_PATIENCE: Duration = Duration::from_secs(2);

/// The same where a task has ended: whatever it was, it is missing until we are started again.
const BROKEN_PATIENCE: Duration = Duration::from_millis(500);

impl Driver {
    /// No drill outlives the daemon, if BIRD answers within its time-out; else whoever starts next ends
    /// it.
    pub(crate) async fn end_drills_first(&mut self, why: &str) {
        self.end_drills(&format!("falconer was stopped ({why})"));
        let deadline = Instant::now() + self.config.bird.timeout;
        while self.site.drilled().is_some() {
            let Ok(Some(report)) = timeout_at(deadline, self.edges.reports.recv()).await else {
                tracing::error!("the end of the drill was not seen: the next start ends it");
                return;
            };
            self.take_report(report);
        }
    }

    /// Ends because a task has ended. BIRD is left as it is, whatever `on_exit` says: nobody asked for an
    /// end, and whoever starts us again goes on from there.
    pub(crate) async fn break_down(mut self, broken: Broken) -> Result<(), Broken> {
        tracing::error!(why = broken.0, "Falconer ends, so that systemd restarts it");
        self.record(
            None,
            HistoryEvent::Stopped {
                why: broken.0.clone(),
            },
        );
        self.finish(BROKEN_PATIENCE).await;
        Err(broken)
    }

    /// Leaves BIRD as `on_exit` says: as it is, or silent, within BIRD's own time-out.
    pub(crate) async fn leave(mut self) {
        if self.config.bird.on_exit == OnLoss::Withdraw {
            self.withdraw().await;
        }
        self.finish(DISK_PATIENCE).await;
    }

    async fn finish(self, patience: Duration) {
        let (history_log, state_writer) = (self.history_log, self.edges.state_writer);
        let finished = timeout(patience, async {
            tokio::join!(history_log.finish(), state_writer.finish())
        })
        .await;
        if finished.is_err() {
            tracing::error!("the last history and state are not on disk: the disk does not answer");
        }
    }

    async fn withdraw(&mut self) {
        let silent = |intent: &Intent| Intent {
            strength: intent.strength.map(|_| Strength::Off),
            reason: "falconer: stopped, on_exit is withdraw".to_owned(),
            decision: intent.decision + 1,
            standing: intent.standing.as_ref().map(|standing| StandingIntent {
                on: false,
                reason: "falconer: stopped, on_exit is withdraw".to_owned(),
                decision: standing.decision + 1,
                ..standing.clone()
            }),
            ..intent.clone()
        };
        let intents: Intents = self.edges.intents.borrow().iter().map(silent).collect();
        let steered: Vec<bool> = intents
            .iter()
            .map(|intent| intent.strength.is_some() && !intent.hands_off)
            .collect();
        let standing: Vec<bool> = intents
            .iter()
            .map(|intent| {
                intent
                    .standing
                    .as_ref()
                    .is_some_and(|standing| !standing.hands_off)
            })
            .collect();
        self.edges.intents.send_replace(intents);
        let deadline = Instant::now() + self.config.bird.timeout;
        while let Ok(Some(report)) = timeout_at(deadline, self.edges.reports.recv()).await {
            let ReconcilerReport::Seen(seen) = report else {
                continue;
            };
            let silent = |seen: &ObservedService| seen.verified && seen.actual == Some(Strength::Off);
            let mut takeovers = seen.services.iter().zip(&steered);
            let mut standings = seen.services.iter().zip(&standing);
            if takeovers.all(|(seen, steered)| !steered || silent(seen))
                && standings.all(|(seen, steered)| !steered || seen.standing.as_deref().is_some_and(silent))
            {
                return;
            }
        }
        tracing::error!(
            "on_exit is withdraw, but BIRD did not confirm the withdrawal: see birdc show protocols"
        );
    }
}
