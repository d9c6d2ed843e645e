//! The state files, written off the runtime's threads: a disk that hangs must not keep the
//! reconciler from BIRD, since the announcement matters more.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::bird::plan::StateFileValue;
use crate::bird::state_file::{StateDir, StateFileReader};
use crate::process_files::ProcessFiles;

/// Writing takes microseconds where run_dir should be, in memory. What takes longer than this goes
/// on without us.
const DISK_TIMEOUT: Duration = Duration::from_millis(200);

/// The state files of all protocols.
#[derive(Debug)]
pub(crate) struct StateFiles {
    dir: Arc<StateDir>,
    socket: PathBuf,
    /// What the files are known to say: what was written and not looked at since.
    known: HashMap<String, StateFileValue>,
    /// A write that hangs. Until it ends no other is begun, so that none is overtaken.
    stuck: Option<JoinHandle<anyhow::Result<bool>>>,
}

impl StateFiles {
    pub(crate) fn new(run_dir: &Path, socket: &Path) -> Self {
        Self {
            dir: Arc::new(StateDir::new(run_dir)),
            socket: socket.to_owned(),
            known: HashMap::new(),
            stuck: None,
        }
    }

    /// What the files of these protocols say, all of them read at once; none where the disk does not
    /// answer in time. Hand it to [`StateFiles::replace_known`].
    pub(crate) async fn read(&self, protocols: Vec<String>) -> HashMap<String, StateFileValue> {
        let dir = Arc::clone(&self.dir);
        let read = spawn_blocking(move || {
            let values = protocols.into_iter().filter_map(|name| {
                let value = dir.holds(&name)?;
                Some((name, value))
            });
            values.collect()
        });
        match timeout(DISK_TIMEOUT, read).await {
            Ok(Ok(values)) => values,
            Ok(Err(_)) | Err(_) => HashMap::new(),
        }
    }

    /// Goes by what was read just now, not by what was written once: a file that is not among it is
    /// looked at, and written, when it is to say something.
    pub(crate) fn replace_known(&mut self, values: HashMap<String, StateFileValue>) {
        self.known = values;
    }

    /// Makes a protocol's file say that, where it does not.
    ///
    /// # Errors
    /// In an operator's words.
    pub(crate) async fn write(&mut self, protocol: &str, value: StateFileValue) -> Result<(), String> {
        if self.known.get(protocol) == Some(&value) {
            return Ok(());
        }
        self.known.remove(protocol);
        if self.stuck.as_ref().is_some_and(|stuck| !stuck.is_finished()) {
            return Err(self.timeout_error());
        }
        let (dir, name) = (Arc::clone(&self.dir), protocol.to_owned());
        let mut write = spawn_blocking(move || dir.write(&name, value));
        let Ok(written) = timeout(DISK_TIMEOUT, &mut write).await else {
            self.stuck = Some(write);
            return Err(self.timeout_error());
        };
        flatten(written)?;
        self.known.insert(protocol.to_owned(), value);
        Ok(())
    }

    /// Whether a protocol's file says that it is enabled; one that is not there does not. `None`: it
    /// cannot be read.
    pub(crate) async fn is_enabled(&self, protocol: &str) -> Option<bool> {
        let (dir, name) = (Arc::clone(&self.dir), protocol.to_owned());
        let read = spawn_blocking(move || dir.read(&name));
        match timeout(DISK_TIMEOUT, read).await {
            Ok(read) => flatten(read)
                .ok()
                .map(|value| value == Some(StateFileValue::Enabled)),
            Err(_) => None,
        }
    }

    /// Whether BIRD's user can read the files (A6), as BIRD's process `pid` sees them; where that
    /// cannot be seen, as we do, and readiness says so. Nothing is values while there are none yet, or no
    /// socket to tell who BIRD's user is.
    ///
    /// # Errors
    /// In an operator's words.
    pub(crate) async fn readable(&self, pid: Option<i32>) -> Result<(), String> {
        let (dir, socket) = (Arc::clone(&self.dir), self.socket.clone());
        let check = spawn_blocking(move || match StateFileReader::of_socket(&socket) {
            Ok(reader) if dir.exists() => {
                let theirs = pid
                    .filter(|pid| *pid > 0)
                    .and_then(|pid| ProcessFiles::of(pid).ok());
                dir.readable_by(reader, &theirs.unwrap_or(ProcessFiles::Ours))
            }
            Ok(_) | Err(_) => Ok(()),
        });
        match timeout(DISK_TIMEOUT, check).await {
            Ok(checked) => flatten(checked),
            Err(_) => Err(self.timeout_error()),
        }
    }

    fn timeout_error(&self) -> String {
        let path = self.dir.path("NAME");
        format!(
            "the state files {} cannot be reached: the disk does not answer",
            path.display()
        )
    }
}

fn flatten<T>(result: Result<anyhow::Result<T>, JoinError>) -> Result<T, String> {
    match result {
        Ok(done) => done.map_err(|error| format!("{error:#}")),
        Err(panicked) => Err(format!("looking at the state files failed: {panicked}")),
    }
}
