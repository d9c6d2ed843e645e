//! What an earlier Falconer kept in state_dir, and a disk that does not tell: the start does not wait for it.

use std::path::Path;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::core::PersistentState;
use crate::store;
use crate::store::{LoadedState, history};

/// How long the start waits for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is kept in state_dir.
pub(crate) type Remembered = (LoadedState, history::StoredHistory);

/// A reading of state_dir that goes on.
pub(crate) type Remembering = JoinHandle<Remembered>;

/// Reads state_dir. A disk that does not answer soon enough is read on, and what it holds counts as
/// nothing meanwhile.
pub(crate) async fn remember(state_dir: &Path) -> (Remembered, Option<Remembering>) {
    let dir = state_dir.to_owned();
    let mut reading = spawn_blocking(move || (store::open(&dir), history::read(&dir)));
    match timeout(PATIENCE, &mut reading).await {
        Ok(Ok(remembered)) => (remembered, None),
        Ok(Err(error)) => (
            unread(format!("{} could not be read: {error}", state_dir.display())),
            None,
        ),
        Err(_) => (unread(silent(state_dir)), Some(reading)),
    }
}

fn unread(problem: String) -> Remembered {
    let found = LoadedState {
        memory: PersistentState::default(),
        problem: Some(problem),
    };
    (found, history::StoredHistory::default())
}

fn silent(state_dir: &Path) -> String {
    format!(
        "{} does not answer: overrides, latches and drills of before are not known, and nothing is kept until it does",
        state_dir.display()
    )
}

/// Comes when the disk has told at last; never, where nothing is waited for.
pub(crate) async fn read_at_last(remembering: &mut Option<Remembering>) -> Result<Remembered, JoinError> {
    match remembering {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}
