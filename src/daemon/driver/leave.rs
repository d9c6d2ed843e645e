//! The end: BIRD is left as `on_exit` says.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::Driver;
use crate::bird::steering::{Report, Wish, Wishes};
use crate::config::model::OnLoss;
use crate::failover::Strength;

/// How long the end waits for the last entries of the history: a disk that hangs must not keep the
/// daemon from being started again.
const DISK_PATIENCE: Duration = Duration::from_secs(2);

impl Driver {
    /// No drill outlives the daemon, if BIRD answers within its time-out; else whoever starts next ends
    /// it.
    pub(super) async fn end_drills_first(&mut self, why: &str) {
        self.end_drills(&format!("falconer was stopped ({why})"));
        let deadline = Instant::now() + self.config.bird.timeout;
        while self.site.drilled().is_some() {
            let Ok(Some(report)) = timeout_at(deadline, self.edges.reports.recv()).await else {
                tracing::error!("the end of the drill has not been seen: the next start looks after it");
                return;
            };
            self.take_report(report);
        }
    }

    /// Leaves BIRD as `on_exit` says: as it is, or silent, within BIRD's own time-out.
    pub(super) async fn leave(mut self) {
        if self.config.bird.on_exit == OnLoss::Withdraw {
            self.withdraw().await;
        }
        let (chronicle, keeper) = (self.chronicle, self.edges.keeper);
        let finished = timeout(DISK_PATIENCE, async {
            tokio::join!(chronicle.finish(), keeper.finish())
        })
        .await;
        if finished.is_err() {
            tracing::error!("history and state are not on disk to their end: the disk does not answer");
        }
    }

    async fn withdraw(&mut self) {
        let silent = |wish: &Wish| Wish {
            strength: wish.strength.map(|_| Strength::Off),
            reason: "falconer: stopped, on_exit is withdraw".to_owned(),
            id: wish.id + 1,
            ..wish.clone()
        };
        let wishes: Wishes = self.edges.wishes.borrow().iter().map(silent).collect();
        let steered: Vec<bool> = wishes
            .iter()
            .map(|wish| wish.strength.is_some() && !wish.hands_off)
            .collect();
        self.edges.wishes.send_replace(wishes);
        let deadline = Instant::now() + self.config.bird.timeout;
        while let Ok(Some(report)) = timeout_at(deadline, self.edges.reports.recv()).await {
            let Report::Seen(seen) = report else { continue };
            let done = seen.services.iter().zip(&steered);
            if done
                .clone()
                .all(|(seen, steered)| !steered || (seen.verified && seen.actual == Some(Strength::Off)))
            {
                return;
            }
        }
        tracing::error!("on_exit is withdraw, and BIRD has not confirmed it: look at birdc show protocols");
    }
}
