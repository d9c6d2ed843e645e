//! The history on disk: lines of JSON in `state_dir`, bounded, each synced before the next.
//!
//! A task writes them, behind a bounded queue, so that no disk delays a decision. Entries that cannot
//! be written are counted and reported; this never ends the daemon. Files: `history.ndjson`, and
//! `history.N.ndjson` for the older ones, 1 being the newest of them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::metrics::shared::SharedNumber;
use crate::model::history::query::HistoryPageBuilder;
use crate::model::history::{HistoryEntry, entries, line};

/// A file is closed when it has grown to this: some ten thousand transitions with their evidence.
const FILE_LIMIT: u64 = 8 * 1024 * 1024;

/// How many closed files are kept: the history takes 40 MiB at most.
const FILES_KEPT: u32 = 4;

/// Entries that wait to be written: more than the death of 1,000 services with five probes each makes.
/// Room is taken only as it is needed.
const WAITING: usize = 32_768;

/// Entries that are read at the start, and kept in memory to be shown.
pub const SHOWN: usize = 1000;

/// How much is read at the start, from the end of each file: enough for [`SHOWN`] entries.
const READ_LIMIT: u64 = 4 * 1024 * 1024;

/// What was found at the start.
#[derive(Debug, Default)]
pub struct StoredHistory {
    /// The latest entries, oldest first, at most [`SHOWN`].
    pub entries: Vec<HistoryEntry>,
    /// What is wrong with the files.
    pub problem: Option<String>,
}

/// Reads the latest entries. Torn and damaged lines are passed over and reported.
pub fn read(state_dir: &Path) -> StoredHistory {
    let mut past = StoredHistory::default();
    let mut damaged = 0;
    for path in [older(state_dir, 1), youngest(state_dir)] {
        match tail(&path) {
            Ok(text) => {
                let (found, lost) = entries(&text);
                past.entries.extend(found);
                damaged += lost;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => past.problem = Some(format!("{} cannot be read: {error}", path.display())),
        }
    }
    let surplus = past.entries.len().saturating_sub(SHOWN);
    past.entries.drain(..surplus);
    if damaged > 0 && past.problem.is_none() {
        past.problem = Some(format!(
            "{damaged} damaged lines in the history of {} are passed over",
            state_dir.display()
        ));
    }
    past
}

/// Offers the entries on disk to a page, newest first, until it wants no more. Damaged lines are
/// passed over; the start has reported them. A file is held in memory while it is read.
///
/// # Errors
/// When a file is there and cannot be read.
pub fn offer(state_dir: &Path, page: &mut HistoryPageBuilder) -> io::Result<()> {
    let files = (1..=FILES_KEPT).map(|number| older(state_dir, number));
    for path in std::iter::once(youngest(state_dir)).chain(files) {
        if !page.wants_more() {
            return Ok(());
        }
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(io::Error::new(
                    error.kind(),
                    format!("{}: {error}", path.display()),
                ));
            }
        };
        for line in text.rsplit(|byte| *byte == b'\n') {
            if !page.wants_more() {
                return Ok(());
            }
            offer_line(line, page);
        }
    }
    Ok(())
}

/// Its number alone says most of the time that a line is not needed.
fn offer_line(line: &[u8], page: &mut HistoryPageBuilder) {
    #[derive(serde::Deserialize)]
    struct NumberedLine {
        seq: u64,
    }
    let numbered = serde_json::from_slice::<NumberedLine>(line);
    if numbered.is_ok_and(|NumberedLine { seq }| !page.has_passed(seq))
        && let Ok(entry) = serde_json::from_slice::<HistoryEntry>(line)
    {
        page.offer(&entry, || String::from_utf8_lossy(line).into_owned());
    }
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(READ_LIMIT);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(READ_LIMIT).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The first line of a file read from its middle is half a line.
    let from = if skipped > 0 {
        text.find('\n').map_or(text.len(), |at| at + 1)
    } else {
        0
    };
    Ok(text[from..].to_owned())
}

fn youngest(state_dir: &Path) -> PathBuf {
    state_dir.join("history.ndjson")
}

fn older(state_dir: &Path, number: u32) -> PathBuf {
    state_dir.join(format!("history.{number}.ndjson"))
}

/// The task that writes. Dropping it ends it.
#[derive(Debug)]
pub struct HistoryWriter {
    entries: mpsc::Sender<Arc<HistoryEntry>>,
    unwritten: SharedNumber,
    task: AbortOnDropHandle<()>,
}

impl HistoryWriter {
    /// Starts the task. Whether the last entry was written is reported whenever that changes.
    pub fn spawn(state_dir: PathBuf, reports: mpsc::Sender<Result<(), String>>) -> Self {
        let (entries, queue) = mpsc::channel(WAITING);
        let unwritten = SharedNumber::default();
        let writing = write_all(state_dir, queue, reports, unwritten.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(writing));
        Self {
            entries,
            unwritten,
            task,
        }
    }

    /// Its task. The end of it closes the channel of the reports.
    pub(crate) fn task(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// Queues an entry. False: there is no room, and it is lost to the disk.
    pub fn write(&self, entry: impl Into<Arc<HistoryEntry>>) -> bool {
        self.entries.try_send(entry.into()).is_ok()
    }

    /// How many entries the disk did not take.
    pub fn unwritten(&self) -> SharedNumber {
        self.unwritten.clone()
    }

    /// Ends once everything that was queued has been written or given up.
    pub async fn finish(self) {
        let Self { entries, task, .. } = self;
        drop(entries);
        // The task ends with its queue; a panic in it has been logged by the runtime.
        let _ = task.await;
    }
}

async fn write_all(
    state_dir: PathBuf,
    mut queue: mpsc::Receiver<Arc<HistoryEntry>>,
    reports: mpsc::Sender<Result<(), String>>,
    unwritten: SharedNumber,
) {
    let mut well = true;
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 256).await > 0 {
        let entries = batch.len();
        let text: String = batch.drain(..).map(|entry| line(&entry)).collect();
        let dir = state_dir.clone();
        let written = tokio::task::spawn_blocking(move || append(&dir, &text)).await;
        let written = written.map_err(io::Error::other).and_then(std::convert::identity);
        let said = written.map_err(|error| {
            format!(
                "the history in {} cannot be written: {error}",
                state_dir.display()
            )
        });
        if said.is_err() {
            unwritten.add(entries as u64);
        }
        if said.is_ok() != well {
            well = said.is_ok();
            if reports.send(said).await.is_err() {
                return;
            }
        }
    }
}

/// Appends whole lines. What a crash or a full disk left half-written is closed off by a newline, so
/// that it costs its own line and no other.
fn append(state_dir: &Path, text: &str) -> io::Result<()> {
    std::fs::create_dir_all(state_dir)?;
    let path = youngest(state_dir);
    let mut file = File::options().create(true).append(true).read(true).open(&path)?;
    let mut length = file.metadata()?.len();
    if length >= FILE_LIMIT {
        drop(file);
        rotate(state_dir)?;
        file = File::options().create(true).append(true).read(true).open(&path)?;
        length = 0;
    }
    if length > 0 && !ends_with_newline(&mut file)? {
        file.write_all(b"\n")?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn rotate(state_dir: &Path) -> io::Result<()> {
    for number in (1..FILES_KEPT).rev() {
        match std::fs::rename(older(state_dir, number), older(state_dir, number + 1)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    std::fs::rename(youngest(state_dir), older(state_dir, 1))
}

#[cfg(test)]
mod tests;
