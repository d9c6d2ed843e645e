//! A new bird.conf into a running BIRD, step by step: the machine in [`crate::bird_conf::apply`] says
//! what to do, this does it. BIRD's socket is not its business: it is handed something that asks
//! BIRD.
//!
//! A future that is dropped in the middle leaves BIRD to its undo timer, and a note in `state_dir`
//! from which [`ConfFile::recover`] puts the old file back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::parse_check::{ParseCheckError, Parser};
use super::{ApplyStage, ConfFile, ContentOwner, FileOnDisk, Runs, WriteError, WriteOutcome};
use crate::bird::parse::{ConfigureReply, ConfigureStatus};
use crate::bird_conf::LoadTime;
use crate::bird_conf::apply::{
    Apply, ApplyEvent, ApplyOutcome, ApplyStep, CommandFailure, ProtocolStates, WantedProtocols,
};
use crate::model::time::Moment;

/// BIRD, as far as an apply needs it. One command at a time, each with a time-out of its own.
pub trait Reconfigure: Sync {
    /// Whether the file at this path is the very one that BIRD would read; or why not, or why that
    /// cannot be told.
    fn reads(&self, file: &Path) -> impl Future<Output = Result<(), String>> + Send;
    /// When BIRD last read its file; `None` where it says so in a form that cannot be read.
    fn load(&self) -> impl Future<Output = Result<Option<LoadTime>, CommandFailure>> + Send;
    /// A file that `file` includes and that was changed after BIRD read it, where there is one.
    fn unread_include(&self, file: &Path, load: LoadTime) -> impl Future<Output = Option<PathBuf>> + Send;
    /// Whether a takeover, a failback or a drill is under way; which, then.
    fn calm(&self) -> Result<(), String>;
    /// `configure status`.
    fn status(&self) -> impl Future<Output = Result<ConfigureStatus, CommandFailure>> + Send;
    /// The protocols, and what is really exported.
    fn look(&self) -> impl Future<Output = Result<ProtocolStates, CommandFailure>> + Send;
    /// `configure`.
    fn configure_running(&self) -> impl Future<Output = Result<ConfigureReply, CommandFailure>> + Send;
    /// `configure timeout`.
    fn configure(
        &self,
        within: Duration,
    ) -> impl Future<Output = Result<ConfigureReply, CommandFailure>> + Send;
    /// `configure confirm`.
    fn confirm(&self) -> impl Future<Output = Result<ConfigureReply, CommandFailure>> + Send;
    /// `configure undo`.
    fn undo(&self) -> impl Future<Output = Result<ConfigureReply, CommandFailure>> + Send;
}

/// What came of an apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The file had that content already, and BIRD runs it: nothing was touched.
    Unchanged,
    /// It was tried.
    Ended {
        /// How it ended.
        outcome: ApplyOutcome,
        /// Where a file is kept that stood on disk, that BIRD had not read, and that was replaced.
        replaced: Option<PathBuf>,
    },
}

/// Why an apply was not even begun. Nothing was touched.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file.
    #[error(transparent)]
    File(#[from] WriteError),
    /// BIRD's parser.
    #[error(transparent)]
    Parser(#[from] ParseCheckError),
    /// There is no file, so BIRD cannot go back to it.
    #[error(
        "there is no {0} that BIRD could go back to; write it with `falconer render --write` and start BIRD"
    )]
    NoFile(String),
    /// BIRD would not read the file that would be written.
    #[error("not applied, nothing was changed: {0}")]
    Elsewhere(String),
    /// Nobody knows what BIRD runs, so it cannot be made what an undo returns to.
    #[error("not applied, nothing was changed: {0}")]
    NotKnown(String),
    /// Something would go live that nobody asked for.
    #[error(
        "not applied, nothing was changed: {} is included and was changed after BIRD read it; to apply would bring it \
         in, too. Take the change back, or have BIRD read it with `birdc configure`, then apply again",
        .0.display()
    )]
    Include(PathBuf),
}

/// Writes `text` and leaves it to others to have BIRD read it; with `checked` only if BIRD's parser
/// accepts it. What was there becomes the last good copy, if BIRD's parser accepts that. `load` is when
/// BIRD last read its file, where one runs: what it runs is kept then, for a later apply.
///
/// # Errors
/// See [`ApplyError`]; the file is as it was then.
pub async fn write(
    file: &ConfFile,
    parser: &Parser,
    text: String,
    checked: bool,
    force: bool,
    load: Option<LoadTime>,
) -> Result<WriteOutcome, ApplyError> {
    let present = blocking(file, ConfFile::inspect).await.map_err(WriteError::Io)?;
    if load.is_some() {
        runs(file, &present, load).await?;
    }
    let changes = present.text.as_deref() != Some(text.as_str());
    if changes && present.owner == ContentOwner::SomebodyElse && !force {
        return Err(ApplyError::File(file.somebody_elses()));
    }
    if changes && checked {
        parser.check(&text, file.path()).await?;
    }
    if changes
        && let Some(old) = present.text
        && parser.check(&old, file.path()).await.is_ok()
    {
        // Without a copy there is still the file; the note of `put` will tell of the same trouble.
        let _ = blocking(file, move |file| file.keep_good(&old)).await;
    }
    Ok(blocking(file, move |file| file.put(&text, force)).await?)
}

/// Brings `text` into BIRD. `told` hears of every step before it is made, for the log.
///
/// # Errors
/// See [`ApplyError`]; how it went else is in [`Applied`].
pub async fn apply(
    file: &ConfFile,
    parser: &Parser,
    bird: &impl Reconfigure,
    plan: WantedProtocols,
    text: String,
    force: bool,
    log_step: impl FnMut(&ApplyStep),
) -> Result<Applied, ApplyError> {
    let present = blocking(file, ConfFile::inspect).await.map_err(WriteError::Io)?;
    let Some(on_disk) = present.text.clone() else {
        return Err(ApplyError::NoFile(file.path().display().to_string()));
    };
    let is_right = on_disk == text;
    if !is_right && present.owner == ContentOwner::SomebodyElse && !force {
        return Err(ApplyError::File(file.somebody_elses()));
    }
    bird.reads(file.path()).await.map_err(ApplyError::Elsewhere)?;
    let load = bird.load().await;
    let load = load.map_err(|trouble| ApplyError::NotKnown(trouble.why().to_owned()))?;
    let (running, unread) = match runs(file, &present, load).await? {
        Runs::OnDisk if is_right => {
            blocking(file, move |file| file.put(&text, false)).await?;
            return Ok(Applied::Unchanged);
        }
        Runs::OnDisk => (on_disk, false),
        Runs::Copy(running) => (running, true),
        Runs::Unknown(why) => return Err(ApplyError::NotKnown(why)),
    };
    if let Some(load) = load
        && let Some(include) = bird.unread_include(file.path(), load).await
    {
        return Err(ApplyError::Include(include));
    }
    parser.check(&text, file.path()).await?;
    let applying = Applying {
        file,
        bird,
        present,
        running,
        text,
        replaced: None,
    };
    Ok(applying.run(plan, unread, log_step).await)
}

/// Keeps the file on disk as what BIRD runs, where it is.
///
/// # Errors
/// Our notes cannot be read.
pub async fn keep_what_runs(file: &ConfFile, present: &FileOnDisk, load: LoadTime) -> Result<(), ApplyError> {
    runs(file, present, Some(load)).await.map(drop)
}

/// What BIRD runs; kept, where that is the file on disk.
async fn runs(file: &ConfFile, present: &FileOnDisk, load: Option<LoadTime>) -> Result<Runs, ApplyError> {
    let present = present.clone();
    let runs = blocking(file, move |file| {
        let runs = file.runs(&present, load)?;
        // What is not confirmed yet may be undone.
        let stays = present.unfinished.is_none();
        if let (Runs::OnDisk, Some(text), Some(load), true) = (&runs, &present.text, load, stays) {
            // Where it cannot be kept, the notes of the apply itself cannot either, and it ends there.
            let _ = file.keep_running(text, Some(load.at));
        }
        anyhow::Ok(runs)
    });
    Ok(runs.await.map_err(WriteError::Io)?)
}

/// An apply that has begun.
struct Applying<'a, B> {
    file: &'a ConfFile,
    bird: &'a B,
    /// What is on disk before the new file is.
    present: FileOnDisk,
    /// What BIRD runs.
    running: String,
    /// The new file.
    text: String,
    replaced: Option<PathBuf>,
}

impl<B: Reconfigure> Applying<'_, B> {
    async fn run(
        mut self,
        plan: WantedProtocols,
        unread: bool,
        mut log_step: impl FnMut(&ApplyStep),
    ) -> Applied {
        let start = Instant::now();
        let clock = || Moment::new(start.elapsed());
        let mut machine = Apply::new(plan, unread, clock());
        loop {
            let step = machine.step(clock());
            log_step(&step);
            let event = match step {
                ApplyStep::Done(outcome) => {
                    self.end(&outcome).await;
                    return Applied::Ended {
                        outcome,
                        replaced: self.replaced,
                    };
                }
                ApplyStep::Wait(until) => {
                    tokio::time::sleep_until(start + until.since_start()).await;
                    continue;
                }
                step @ (ApplyStep::AskStatus
                | ApplyStep::Look
                | ApplyStep::AskCalm
                | ApplyStep::PutRunning
                | ApplyStep::ConfigureRunning
                | ApplyStep::PutNew
                | ApplyStep::CheckPlace
                | ApplyStep::ConfigureNew { .. }
                | ApplyStep::Confirm
                | ApplyStep::Undo
                | ApplyStep::PutBack
                | ApplyStep::NoteConfirming) => self.make(step, clock()).await,
            };
            machine.handle(clock(), event);
        }
    }

    /// Makes a step; `sent_at` is now.
    async fn make(&mut self, step: ApplyStep, sent_at: Moment) -> ApplyEvent {
        match step {
            ApplyStep::AskStatus => ApplyEvent::Status(self.bird.status().await),
            ApplyStep::Look => ApplyEvent::Look(self.bird.look().await),
            ApplyStep::AskCalm => ApplyEvent::Calm(self.bird.calm()),
            ApplyStep::PutRunning => ApplyEvent::File(self.put_running().await),
            ApplyStep::ConfigureRunning => ApplyEvent::Configured {
                sent_at,
                answer: self.bird.configure_running().await,
            },
            ApplyStep::PutNew => ApplyEvent::File(self.put_new().await),
            ApplyStep::CheckPlace => ApplyEvent::Place(self.bird.reads(self.file.path()).await),
            ApplyStep::ConfigureNew { within } => ApplyEvent::Configured {
                sent_at,
                answer: self.bird.configure(within).await,
            },
            ApplyStep::NoteConfirming => ApplyEvent::File(note(self.file).await),
            ApplyStep::Confirm => ApplyEvent::Confirmed(self.bird.confirm().await),
            ApplyStep::Undo => ApplyEvent::Undone(self.bird.undo().await),
            ApplyStep::PutBack => ApplyEvent::File(put_back(self.file).await),
            ApplyStep::Wait(_) | ApplyStep::Done(_) => ApplyEvent::File(Ok(())),
        }
    }

    /// What BIRD runs, in the place of a file that it has not read: the read-once of that one would
    /// bring it in.
    async fn put_running(&mut self) -> Result<(), String> {
        let (present, running) = (self.present.clone(), self.running.clone());
        let put = blocking(self.file, move |file| {
            let kept = file.put_running(&present, &running)?;
            Ok::<_, WriteError>((kept, file.inspect()?))
        });
        let (kept, present) = put.await.map_err(|error| error.to_string())?;
        (self.replaced, self.present) = (Some(kept), present);
        Ok(())
    }

    /// What BIRD has just read once more becomes the last good copy.
    async fn put_new(&self) -> Result<(), String> {
        let load = self
            .bird
            .load()
            .await
            .map_err(|trouble| trouble.why().to_owned())?;
        let (present, running, text) = (self.present.clone(), self.running.clone(), self.text.clone());
        let put = blocking(self.file, move |file| {
            file.keep_running(&running, load.map(|load| load.at))?;
            file.put_new(&present, &text)
        });
        put.await.map_err(|error| error.to_string())
    }

    async fn end(&self, outcome: &ApplyOutcome) {
        match outcome {
            ApplyOutcome::Applied => {
                let load = self.bird.load().await.ok().flatten();
                let text = self.text.clone();
                let noted = blocking(self.file, move |file| {
                    file.settle(None)?;
                    file.keep_running(&text, load.map(|load| load.at))
                });
                // The notes are only for an interruption, and for the next apply, which would refuse.
                let _ = noted.await;
            }
            ApplyOutcome::Unclear { .. } => blocking(self.file, ConfFile::doubt).await,
            ApplyOutcome::NotStarted { .. }
            | ApplyOutcome::Refused { .. }
            | ApplyOutcome::Undone { .. }
            | ApplyOutcome::FileStays { .. } => {}
        }
    }
}

async fn note(file: &ConfFile) -> Result<(), String> {
    blocking(file, |file| file.settle(Some(ApplyStage::Confirming)))
        .await
        .map_err(|error| format!("{error:#}"))
}

async fn put_back(file: &ConfFile) -> Result<(), String> {
    blocking(file, ConfFile::put_back)
        .await
        .map_err(|error| error.to_string())
}

/// File work on a thread where it may block.
async fn blocking<T: Send + 'static>(
    file: &ConfFile,
    work: impl FnOnce(&ConfFile) -> T + Send + 'static,
) -> T {
    let file = file.clone();
    match spawn_blocking(move || work(&file)).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime is being taken down, and this future with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests;
