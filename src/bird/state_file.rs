//! The state files (A6): what a static protocol's `disabled` flag is, for a BIRD that reads its
//! configuration while we do not look.
//!
//! `run_dir/bird/NAME.conf` holds exactly `disabled no;` or `disabled;`, and bird.conf includes it
//! inside the protocol. It is replaced atomically, and only when it differs. When it is written,
//! and what a failure means, is not decided here.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::plan::StateFileValue;
use crate::process_files::ProcessFiles;

/// BIRD reads the files as a user of its own.
const FILE_MODE: u32 = 0o644;
/// And walks through the directories.
const DIR_MODE: u32 = 0o755;
/// More than either text has; what is longer is not ours.
const MAX_LEN: u64 = 64;

impl StateFileValue {
    /// The file's content: the only two forms that every BIRD accepts.
    pub fn text(self) -> &'static str {
        match self {
            Self::Enabled => "disabled no;\n",
            Self::Disabled => "disabled;\n",
        }
    }
}

/// The directory of the state files. All of this blocks.
#[derive(Clone, Debug)]
pub struct StateDir {
    run_dir: PathBuf,
    dir: PathBuf,
}

impl StateDir {
    /// The state files under `run_dir`; nothing is touched yet.
    pub fn new(run_dir: &Path) -> Self {
        Self {
            run_dir: run_dir.to_owned(),
            dir: run_dir.join("bird"),
        }
    }

    /// Whether the directory is there.
    pub fn exists(&self) -> bool {
        self.dir.is_dir()
    }

    /// The state file of a protocol.
    pub fn path(&self, protocol: &str) -> PathBuf {
        self.dir.join(format!("{protocol}.conf"))
    }

    /// What a protocol's file says; `None` where it is missing or says something else.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(&self, protocol: &str) -> Result<Option<StateFileValue>> {
        let path = self.path(protocol);
        Ok(content(&path)?.and_then(|(text, _)| parse_value(&text)))
    }

    /// What a protocol's file says, where it is as [`StateDir::write`] would leave it.
    pub fn holds(&self, protocol: &str) -> Option<StateFileValue> {
        let (text, meta) = content(&self.path(protocol)).ok()??;
        parse_value(&text).filter(|_| mode(&meta) == FILE_MODE)
    }

    /// Makes a protocol's file say that; whether it had to be written. The directories are made, and
    /// opened to BIRD's user, where they are not.
    ///
    /// # Errors
    /// Names the path that could not be made, written or opened to others.
    pub fn write(&self, protocol: &str, value: StateFileValue) -> Result<bool> {
        let path = self.path(protocol);
        if self.holds(protocol) == Some(value) {
            return Ok(false);
        }
        self.make_dirs()?;
        replace(&path, value.text()).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(true)
    }

    /// Makes the directories, and opens them to BIRD's user.
    ///
    /// # Errors
    /// Names the directory that could not be made or opened to others.
    pub fn make_dirs(&self) -> Result<()> {
        // Someone else's directory only ever gets wider: a run_dir of 1777 must not lose its bits.
        make_dir(&self.run_dir, |mode| mode | DIR_MODE)?;
        make_dir(&self.dir, |_| DIR_MODE)
    }

    /// Whether BIRD's user can read what is here, in BIRD's own view of the files. A directory that it
    /// cannot enter silently means `disabled;`, and one whose entries it cannot list fails the whole
    /// configuration.
    ///
    /// Mode bits, owner and group are all that is looked at, no access lists.
    ///
    /// # Errors
    /// Names the directory or file that stands in the way, and what to do.
    pub fn readable_by(&self, reader: StateFileReader, files: &ProcessFiles) -> Result<()> {
        self.is_shared(files)?;
        let real =
            fs::canonicalize(&self.dir).with_context(|| format!("cannot find {}", self.dir.display()))?;
        let real = match files {
            ProcessFiles::Ours => Some(real),
            // Where its links lead in another mount namespace is not ours to tell.
            ProcessFiles::Theirs { .. } => None,
        };
        let all = self
            .dir
            .ancestors()
            .chain(real.iter().flat_map(|real| real.ancestors()));
        for dir in all.filter(|dir| !dir.as_os_str().is_empty()) {
            reader.demand(dir, FileAccess::Search, files)?;
        }
        // The include's `[r]` is a pattern, and a pattern makes BIRD list the directory above.
        if let Some(above) = self
            .run_dir
            .parent()
            .filter(|above| !above.as_os_str().is_empty())
        {
            reader.demand(above, FileAccess::Read, files)?;
        }
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "conf") {
                reader.demand(&path, FileAccess::Read, files)?;
            }
        }
        Ok(())
    }

    /// Whether the directory that BIRD would read is the one that we write.
    fn is_shared(&self, files: &ProcessFiles) -> Result<()> {
        let dir = self.dir.display();
        let ours = ProcessFiles::Ours.identity(&self.dir);
        let ours = ours.with_context(|| format!("cannot look at {dir}"))?;
        let advice = format!(
            "BIRD runs in a mount namespace of its own: share {} with it, or `birdc configure` and a restart of BIRD \
             undo what was decided",
            self.run_dir.display()
        );
        match files.identity(&self.dir) {
            Ok(theirs) if theirs == ours => Ok(()),
            Ok(_) => bail!("BIRD sees another {dir} than ours. {advice}"),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                bail!("BIRD does not see {dir} ({error}). {advice}")
            }
            Err(error) => Err(error).with_context(|| format!("cannot look at {dir} as BIRD sees it")),
        }
    }
}

/// Who reads the files: BIRD's user and group. While BIRD starts as root they do not matter, but
/// every later `configure` reads as them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateFileReader {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

#[derive(Clone, Copy)]
enum FileAccess {
    Search,
    Read,
}

impl StateFileReader {
    /// The owner of BIRD's socket: BIRD gives it to the user and group that it runs as.
    ///
    /// # Errors
    /// There is no such socket, or it cannot be reached.
    pub fn of_socket(socket: &Path) -> Result<Self> {
        let meta = fs::metadata(socket).with_context(|| format!("cannot find {}", socket.display()))?;
        Ok(Self {
            uid: meta.uid(),
            gid: meta.gid(),
        })
    }

    fn demand(self, path: &Path, access: FileAccess, files: &ProcessFiles) -> Result<()> {
        let meta = files
            .metadata(path)
            .with_context(|| format!("cannot look at {}", path.display()))?;
        let (bit, verb, right) = match access {
            FileAccess::Search => (0o1, "enter", "x"),
            FileAccess::Read => (0o4, "read", "r"),
        };
        ensure!(
            self.has(&meta, bit),
            "BIRD's user (uid {}, gid {}) cannot {verb} {}, which has mode {:04o}, uid {}, gid {}: BIRD would not \
             see the state files. Run: chmod o+{right} {}",
            self.uid,
            self.gid,
            path.display(),
            mode(&meta),
            meta.uid(),
            meta.gid(),
            path.display()
        );
        Ok(())
    }

    fn has(self, meta: &Metadata, bit: u32) -> bool {
        let shift = if self.uid == 0 {
            return true;
        } else if self.uid == meta.uid() {
            6
        } else if self.gid == meta.gid() {
            3
        } else {
            0
        };
        (mode(meta) >> shift) & bit != 0
    }
}

fn mode(meta: &Metadata) -> u32 {
    meta.mode() & 0o7777
}

fn parse_value(text: &str) -> Option<StateFileValue> {
    [StateFileValue::Enabled, StateFileValue::Disabled]
        .into_iter()
        .find(|value| value.text() == text)
}

/// A regular file's text and what else is known of it; `None` where there is none.
fn content(path: &Path) -> Result<Option<(String, Metadata)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let meta = file.metadata()?;
    let mut text = Vec::new();
    file.take(MAX_LEN)
        .read_to_end(&mut text)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some((String::from_utf8_lossy(&text).into_owned(), meta)))
}

/// Replaced atomically, and not synced to a disk: the file is to be gone after a reboot anyhow, an
/// empty one is as good as none, and a takeover would wait for the disk.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("conf.new");
    // What a crash left there may have any owner and mode.
    if let Err(error) = fs::remove_file(&temporary)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = File::create_new(&temporary)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    file.write_all(text.as_bytes())?;
    fs::rename(&temporary, path)
}

fn make_dir(path: &Path, wanted: impl Fn(u32) -> u32) -> Result<()> {
    let make = || DirBuilder::new().recursive(true).mode(DIR_MODE).create(path);
    make().with_context(|| format!("cannot make the directory {}", path.display()))?;
    let meta = fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
    if !meta.is_dir() {
        bail!("{} is not a directory", path.display());
    }
    let wanted = wanted(mode(&meta));
    if mode(&meta) != wanted {
        fs::set_permissions(path, Permissions::from_mode(wanted))
            .with_context(|| format!("cannot change the mode of {} to {wanted:04o}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
