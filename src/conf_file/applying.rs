//! A new bird.conf into a running BIRD, step by step: the machine in [`crate::render::apply`] says
//! what to do, this does it. BIRD's socket is not its business: it is handed something that asks
//! BIRD.
//!
//! A future that is dropped in the middle leaves BIRD to its undo timer, and a note in `state_dir`
//! from which [`ConfFile::recover`] puts the old file back.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::parser::{CheckError, Parser};
use super::{ConfFile, Owner, Present, Put, PutError, Stage};
use crate::bird::answer::{ConfigureStatus, Configured};
use crate::render::apply::{Apply, Event, Look, Outcome, Plan, Step, Trouble};
use crate::time::Moment;

/// BIRD, as far as an apply needs it. One command at a time, each with a time-out of its own.
pub trait Reconfigure: Sync {
    /// `configure status`.
    fn status(&self) -> impl Future<Output = Result<ConfigureStatus, Trouble>> + Send;
    /// The protocols, and what is really exported.
    fn look(&self) -> impl Future<Output = Result<Look, Trouble>> + Send;
    /// `configure timeout`.
    fn configure(&self, within: Duration) -> impl Future<Output = Result<Configured, Trouble>> + Send;
    /// `configure confirm`.
    fn confirm(&self) -> impl Future<Output = Result<Configured, Trouble>> + Send;
    /// `configure undo`.
    fn undo(&self) -> impl Future<Output = Result<Configured, Trouble>> + Send;
}

/// What came of an apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The file had that content already: nothing was touched.
    Unchanged,
    /// It was tried.
    Ended(Outcome),
}

/// Why an apply was not even begun. Nothing was touched.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file.
    #[error(transparent)]
    File(#[from] PutError),
    /// BIRD's parser.
    #[error(transparent)]
    Parser(#[from] CheckError),
    /// There is no file, so BIRD cannot go back to it.
    #[error(
        "there is no {0} that BIRD could go back to; write it with `falconer render --write` and start BIRD"
    )]
    NoFile(String),
}

/// Writes `text` and leaves it to others to have BIRD read it; with `checked` only if BIRD's parser
/// accepts it. What was there becomes the last good copy, if BIRD's parser accepts that.
///
/// # Errors
/// See [`ApplyError`]; the file is as it was then.
pub async fn write(
    file: &ConfFile,
    parser: &Parser,
    text: String,
    checked: bool,
    force: bool,
) -> Result<Put, ApplyError> {
    let present = blocking(file, ConfFile::inspect).await.map_err(PutError::Io)?;
    let changes = present.text.as_deref() != Some(text.as_str());
    if changes && present.owner == Owner::SomebodyElse && !force {
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
    plan: Plan,
    text: String,
    force: bool,
    mut told: impl FnMut(&Step),
) -> Result<Applied, ApplyError> {
    let present = blocking(file, ConfFile::inspect).await.map_err(PutError::Io)?;
    if present.text.is_none() {
        return Err(ApplyError::NoFile(file.path().display().to_string()));
    }
    if present.text.as_deref() == Some(text.as_str()) {
        blocking(file, move |file| file.put(&text, false)).await?;
        return Ok(Applied::Unchanged);
    }
    if present.owner == Owner::SomebodyElse && !force {
        return Err(ApplyError::File(file.somebody_elses()));
    }
    parser.check(&text, file.path()).await?;

    let start = Instant::now();
    let clock = || Moment::new(start.elapsed());
    let mut machine = Apply::new(plan, clock());
    loop {
        let step = machine.step(clock());
        told(&step);
        let event = match step {
            Step::Done(outcome) => return Ok(Applied::Ended(outcome)),
            Step::Wait(until) => {
                tokio::time::sleep_until(start + until.since_start()).await;
                continue;
            }
            Step::AskStatus => Event::Status(bird.status().await),
            Step::Look => Event::Look(bird.look().await),
            Step::Configure { within, .. } => {
                let sent_at = clock();
                Event::Configured {
                    sent_at,
                    answer: bird.configure(within).await,
                }
            }
            Step::Confirm(_) => Event::Confirmed(bird.confirm().await),
            Step::Undo(_) => Event::Undone(bird.undo().await),
            Step::PutNew => Event::File(put_new(file, &present, &text).await),
            Step::NoteConfirming => Event::File(note(file).await),
            Step::PutBack => Event::File(put_back(file).await),
        };
        machine.handle(clock(), event);
        if matches!(machine.step(clock()), Step::Done(Outcome::Applied)) {
            // The note is only for an interruption; without it the file is ours all the same.
            let _ = blocking(file, |file| file.settle(None)).await;
        }
        if matches!(machine.step(clock()), Step::Done(Outcome::Unclear { .. })) {
            blocking(file, ConfFile::doubt).await;
        }
    }
}

/// The old file becomes the last good copy: BIRD has just taken it, unchanged.
async fn put_new(file: &ConfFile, present: &Present, text: &str) -> Result<(), String> {
    let (present, text) = (present.clone(), text.to_owned());
    blocking(file, move |file| file.put_new(&present, &text))
        .await
        .map_err(|error| error.to_string())
}

async fn note(file: &ConfFile) -> Result<(), String> {
    blocking(file, |file| file.settle(Some(Stage::Confirming)))
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
