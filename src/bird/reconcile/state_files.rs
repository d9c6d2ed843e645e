//! The state files, written off the runtime's threads: a disk that hangs must not keep steering
//! from BIRD, since the announcement matters more.

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
const PATIENCE: Duration = Duration::from_millis(200);

/// The state files of all protocols.
#[derive(Debug)]
pub(crate) struct StateFiles {
    dir: Arc<StateDir>,
    socket: PathBuf,
    /// What the files are known to say: what was written and not looked at since.
    said: HashMap<String, StateFileValue>,
    /// A write that hangs. Until it ends no other is begun, so that none is overtaken.
    stuck: Option<JoinHandle<anyhow::Result<bool>>>,
}

impl StateFiles {
    pub(crate) fn new(run_dir: &Path, socket: &Path) -> Self {
        Self {
            dir: Arc::new(StateDir::new(run_dir)),
            socket: socket.to_owned(),
            said: HashMap::new(),
            stuck: None,
        }
    }

    /// What the files of these protocols say, all of them read at once; none where the disk does not
    /// answer in time. Hand it to [`StateFiles::trust`].
    pub(crate) async fn read(&self, protocols: Vec<String>) -> HashMap<String, StateFileValue> {
        let dir = Arc::clone(&self.dir);
        let read = spawn_blocking(move || {
            let said = protocols.into_iter().filter_map(|name| {
                let saying = dir.holds(&name)?;
                Some((name, saying))
            });
            said.collect()
        });
        match timeout(PATIENCE, read).await {
            Ok(Ok(said)) => said,
            Ok(Err(_)) | Err(_) => HashMap::new(),
        }
    }

    /// Goes by what was read just now, not by what was written once: a file that is not among it is
    /// looked at, and written, when it is to say something.
    pub(crate) fn trust(&mut self, said: HashMap<String, StateFileValue>) {
        self.said = said;
    }

    /// Makes a protocol's file say that, where it does not.
    ///
    /// # Errors
    /// In an operator's words.
    pub(crate) async fn say(&mut self, protocol: &str, saying: StateFileValue) -> Result<(), String> {
        if self.said.get(protocol) == Some(&saying) {
            return Ok(());
        }
        self.said.remove(protocol);
        if self.stuck.as_ref().is_some_and(|stuck| !stuck.is_finished()) {
            return Err(self.hangs());
        }
        let (dir, name) = (Arc::clone(&self.dir), protocol.to_owned());
        let mut write = spawn_blocking(move || dir.say(&name, saying));
        let Ok(written) = timeout(PATIENCE, &mut write).await else {
            self.stuck = Some(write);
            return Err(self.hangs());
        };
        flat(written)?;
        self.said.insert(protocol.to_owned(), saying);
        Ok(())
    }

    /// Whether a protocol's file says that it is enabled; one that is not there does not. `None`: it
    /// cannot be read.
    pub(crate) async fn says_enabled(&self, protocol: &str) -> Option<bool> {
        let (dir, name) = (Arc::clone(&self.dir), protocol.to_owned());
        let read = spawn_blocking(move || dir.read(&name));
        match timeout(PATIENCE, read).await {
            Ok(read) => flat(read).ok().map(|said| said == Some(StateFileValue::Enabled)),
            Err(_) => None,
        }
    }

    /// Whether BIRD's user can read the files (A6), as BIRD's process `pid` sees them; where that
    /// cannot be seen, as we do, and readiness says so. Nothing is said while there are none yet, or no
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
        match timeout(PATIENCE, check).await {
            Ok(checked) => flat(checked),
            Err(_) => Err(self.hangs()),
        }
    }

    fn hangs(&self) -> String {
        let path = self.dir.path("NAME");
        format!(
            "the state files {} cannot be reached: the disk does not answer",
            path.display()
        )
    }
}

fn flat<T>(result: Result<anyhow::Result<T>, JoinError>) -> Result<T, String> {
    match result {
        Ok(done) => done.map_err(|error| format!("{error:#}")),
        Err(panicked) => Err(format!("looking at the state files failed: {panicked}")),
    }
}
