//! Operators' requests: translated for the judgement, and answered once what they changed is kept.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::{CommandReply, ReplySender};
use crate::config::duration;
use crate::core::{OperatorCommand, Site};
use crate::store::PersistResult;

/// An operator waits this long for the disk; the wish itself is in force at once.
const DISK_PATIENCE: Duration = Duration::from_secs(2);

/// Requests that are in force and wait to be kept on disk before they are answered.
#[derive(Debug, Default)]
pub(crate) struct WaitingRequests(Vec<PendingReply>);

#[derive(Debug)]
struct PendingReply {
    to: ReplySender,
    said: String,
    version: u64,
    until: Instant,
}

impl WaitingRequests {
    /// Answers a request, at once if it changed nothing that has to be kept.
    pub(crate) fn answer(&mut self, to: ReplySender, said: String, kept_with: Option<u64>) {
        match kept_with {
            // The operator may have gone away; the wish stands.
            None => drop(to.send(Ok(CommandReply::Said(said)))),
            Some(version) => {
                let until = Instant::now() + DISK_PATIENCE;
                self.0.push(PendingReply {
                    to,
                    said,
                    version,
                    until,
                });
            }
        }
    }

    /// Something was kept, or could not be.
    pub(crate) fn kept(&mut self, kept: &PersistResult) {
        for answer in self.0.extract_if(.., |answer| answer.version <= kept.number) {
            let said = match &kept.result {
                Ok(()) => answer.said,
                Err(problem) => format!("{}; but {problem}", answer.said),
            };
            drop(answer.to.send(Ok(CommandReply::Said(said))));
        }
    }

    /// Answers those that have waited long enough for the disk.
    pub(crate) fn give_up_if_due(&mut self) {
        let now = Instant::now();
        for answer in self.0.extract_if(.., |answer| answer.until <= now) {
            let said = format!(
                "{}; but it is not on disk yet, and may not survive a restart",
                answer.said
            );
            drop(answer.to.send(Ok(CommandReply::Said(said))));
        }
    }

    /// When the first of them has waited long enough.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.iter().map(|answer| answer.until).min()
    }
}

/// What a granted command did, in words.
pub(crate) fn said(site: &Site, service: usize, command: &OperatorCommand) -> String {
    let Some(service) = site.services().get(service) else {
        return "done".to_owned();
    };
    let name = &service.policy().name;
    let until = service.overridden().and_then(|over| over.until);
    let end = until.map_or("until `falconer auto`".to_owned(), |until| {
        format!("until {until:.0}")
    });
    match command {
        OperatorCommand::Announce(_) => format!("{name}: announce {end}"),
        OperatorCommand::Withdraw(options) => match options.drain {
            None => format!("{name}: withdraw {end}"),
            Some(_) if service.policy().drain.is_empty() => {
                format!("{name}: withdraw {end}, at once: it has no drain protocols")
            }
            Some(drain) => format!(
                "{name}: withdraw {end}, after {} of drain",
                duration::format(drain)
            ),
        },
        OperatorCommand::Freeze(_) => format!("{name}: frozen {end}"),
        OperatorCommand::Auto { .. } => {
            let judgement = service.judgement();
            let words = service.explain(judgement.why);
            format!(
                "{name}: automatic, wants {} ({}: {words})",
                service.stance(),
                judgement.rule
            )
        }
        OperatorCommand::Failback { .. } => format!("{name}: failback may go ahead"),
        OperatorCommand::Drill(_) => format!("{name}: the drill's report says what came of it"),
    }
}
