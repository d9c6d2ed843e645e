//! State that survives a restart and a reboot: `state.json` in `state_dir` (D9, D11).
//!
//! A task writes it, and always the latest version, so that a slow, full or read-only disk delays no
//! failover. A file that cannot be trusted is set aside and reported; it never ends the daemon. The
//! history beside it is in [`history`].

pub mod history;
pub mod recording;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::core::PersistentState;

/// The format's version. A file of a later one is not ours to read.
const VERSION: u32 = 1;

/// The largest file that is read: far above what hundreds of services with overrides and latches
/// need, far below what could hurt.
const SIZE_LIMIT: u64 = 16 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFileContent {
    version: u32,
    memory: PersistentState,
}

/// Just enough to tell a later version from a broken file.
#[derive(Deserialize)]
struct StateFileVersion {
    version: u32,
}

/// What was found at the start.
#[derive(Debug, Default)]
pub struct LoadedState {
    /// What can be trusted of it.
    pub memory: PersistentState,
    /// What is wrong, in words, with what was done about it.
    pub problem: Option<String>,
}

/// Reads the state file. A missing one is an empty memory; one that cannot be trusted is set aside.
pub fn open(state_dir: &Path) -> LoadedState {
    let path = file_in(state_dir);
    match read(&path) {
        Ok(Some(memory)) => LoadedState {
            memory,
            problem: None,
        },
        Ok(None) => LoadedState::default(),
        Err(why) => LoadedState {
            memory: PersistentState::default(),
            problem: Some(set_aside(&path, &why)),
        },
    }
}

/// Whether the directory could be written now: it is there, we may, and its disk is neither full nor
/// read-only. Nothing is written to find out.
///
/// # Errors
/// What stands in the way, in words.
pub fn writable(state_dir: &Path) -> Result<(), String> {
    use rustix::fs::{Access, access, statvfs};
    let shown = state_dir.display();
    access(state_dir, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("{shown} cannot be written: {}", io::Error::from(error)))?;
    let disk = statvfs(state_dir)
        .map_err(|error| format!("the disk of {shown} cannot be asked: {}", io::Error::from(error)))?;
    match disk.f_bavail {
        0 if disk.f_blocks > 0 => Err(format!("the disk of {shown} is full")),
        _ => Ok(()),
    }
}

fn file_in(state_dir: &Path) -> PathBuf {
    state_dir.join("state.json")
}

fn read(path: &Path) -> Result<Option<PersistentState>, String> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() > SIZE_LIMIT => return Err("it is far too large".to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("it cannot be read: {error}")),
    }
    let text = std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"))?;
    match serde_json::from_slice::<StateFileVersion>(&text) {
        Ok(StateFileVersion { version: VERSION }) => {}
        Ok(StateFileVersion { version }) => {
            return Err(format!(
                "it has version {version}, and this falconer knows version {VERSION}"
            ));
        }
        Err(error) => return Err(format!("it is damaged: {error}")),
    }
    let file: StateFileContent =
        serde_json::from_slice(&text).map_err(|error| format!("it is damaged: {error}"))?;
    Ok(Some(file.memory))
}

/// Moves the file out of the way, without replacing one that was set aside before.
fn set_aside(path: &Path, why: &str) -> String {
    let free = (1..=100u32).map(|number| path.with_extension(format!("json.bad{number}")));
    let Some(aside) = free.into_iter().find(|aside| !aside.exists()) else {
        return format!(
            "{}: {why}; it is ignored: overrides and latches are forgotten",
            path.display()
        );
    };
    match std::fs::rename(path, &aside) {
        Ok(()) => format!(
            "{}: {why}; it is kept as {}, and overrides and latches are forgotten",
            path.display(),
            aside.display()
        ),
        Err(error) => format!(
            "{}: {why}; it is ignored: overrides and latches are forgotten (setting it aside failed: {error})",
            path.display()
        ),
    }
}

/// Replaces the state file atomically, synced to disk.
fn save(state_dir: &Path, memory: &PersistentState) -> io::Result<()> {
    std::fs::create_dir_all(state_dir)?;
    let file = StateFileContent {
        version: VERSION,
        memory: memory.clone(),
    };
    let mut text = serde_json::to_vec_pretty(&file).map_err(io::Error::other)?;
    text.push(b'\n');
    let mut atomic = atomic_write_file::AtomicWriteFile::open(file_in(state_dir))?;
    io::Write::write_all(&mut atomic, &text)?;
    atomic.commit()
}

/// What is to be kept, numbered: a later number holds everything that an earlier one held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateVersion {
    /// Counts the changes.
    pub number: u64,
    /// What is to be kept.
    pub memory: PersistentState,
}

/// How an attempt to keep something ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistResult {
    /// Which version.
    pub number: u64,
    /// What went wrong.
    pub result: Result<(), String>,
}

/// The task that writes. Dropping it ends it; a write under way is finished.
#[derive(Debug)]
pub struct StateWriter {
    latest: watch::Sender<StateVersion>,
    task: AbortOnDropHandle<()>,
}

impl StateWriter {
    /// Starts the task. Each attempt is reported to `kept`; a failed one is repeated with the next
    /// change, or after half a minute.
    pub fn spawn(state_dir: PathBuf, kept: mpsc::Sender<PersistResult>) -> Self {
        let (latest, versions) = watch::channel(StateVersion::default());
        let task = AbortOnDropHandle::new(tokio::spawn(keep(state_dir, versions, kept)));
        Self { latest, task }
    }

    /// Its task. The end of it closes the channel of the attempts.
    pub(crate) fn task(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// Hands over the latest memory; what was handed over before and is not written yet is passed
    /// over.
    pub fn keep(&self, version: StateVersion) {
        self.latest.send_replace(version);
    }

    /// Ends once what was handed over last has been written, or could not be.
    pub async fn finish(self) {
        let Self { latest, task } = self;
        drop(latest);
        // The task ends with its watch; a panic in it has been logged by the runtime.
        let _ = task.await;
    }
}

/// How long a failed write waits to be repeated without a change.
const RETRY: std::time::Duration = std::time::Duration::from_secs(30);

async fn keep(
    state_dir: PathBuf,
    mut versions: watch::Receiver<StateVersion>,
    kept: mpsc::Sender<PersistResult>,
) {
    let mut failed = false;
    loop {
        let changed = versions.changed();
        if failed {
            if let Ok(Err(_)) = tokio::time::timeout(RETRY, changed).await {
                return;
            }
        } else if changed.await.is_err() {
            return;
        }
        let version = versions.borrow_and_update().clone();
        let number = version.number;
        let dir = state_dir.clone();
        let saved = tokio::task::spawn_blocking(move || save(&dir, &version.memory)).await;
        let result = match saved {
            Ok(result) => result.map_err(|error| words(&state_dir, &error)),
            Err(error) => Err(format!("writing the state failed: {error}")),
        };
        failed = result.is_err();
        if kept.send(PersistResult { number, result }).await.is_err() {
            return;
        }
    }
}

fn words(state_dir: &Path, error: &io::Error) -> String {
    format!(
        "{} cannot be written ({error}): overrides and latches will not survive a restart of falconer",
        state_dir.display()
    )
}

#[cfg(test)]
mod tests;
