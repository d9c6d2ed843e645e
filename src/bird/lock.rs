//! Two Falconers never drive one BIRD (A10).
//!
//! There are two locks. The first is a file named after the real path of BIRD's socket, in a directory
//! that all of the machine shares, so that neither another run_dir nor another name for the socket gets
//! around it. The second is a file beside the socket: whoever reaches this BIRD from a mount namespace
//! of its own, such as a container, has another /run/lock, but the same directory of the socket.
//! The kernel releases both with the process; the files stay, since removing them would race.

mod file;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use self::file::LockFile;

/// Where locks are on a machine.
pub const LOCK_DIR: &str = "/run/lock";

/// More than a holder ever says of itself.
const MAX_HOLDER: u64 = 4096;

/// What is shown of what a holder says of itself, in characters.
const MAX_SHOWN: usize = 400;

/// The longest name of a lock file: NAME_MAX is 255.
const MAX_NAME: usize = 200;

/// How many symbolic links are followed, as the kernel does (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Who holds the lock, for whoever finds it held.
#[derive(Clone, Debug)]
pub struct LockHolder {
    /// The site's name.
    pub site: String,
    /// The configuration file.
    pub config: PathBuf,
    /// Since when.
    pub since: Timestamp,
}

/// The lock on one BIRD; dropping it releases it. The daemon holds it for its life.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    path: PathBuf,
    socket: PathBuf,
    holder: LockHolder,
    beside: Result<(File, PathBuf), String>,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another Falconer drives this BIRD.
    #[error("another Falconer already drives the BIRD of {}: {by} (lock {})", socket.display(), lock.display())]
    Held {
        /// BIRD's socket, its real path.
        socket: PathBuf,
        /// The lock file.
        lock: PathBuf,
        /// What the other one says of itself, fit for a terminal.
        by: String,
    },
    /// The lock file cannot be had.
    #[error("cannot lock {}: {source}", lock.display())]
    Io {
        /// The lock file.
        lock: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock on the BIRD of `socket`; `dir` is [`LOCK_DIR`], but for tests. The lock beside the
    /// socket is taken where that directory can be written; [`Lock::warning`] says why not.
    ///
    /// # Errors
    /// [`LockError::Held`] by another process, or by another lock of this one.
    pub fn acquire(dir: &Path, socket: &Path, holder: &LockHolder) -> Result<Self, LockError> {
        let socket = real_path(socket);
        let path = dir.join(file_name(&socket));
        std::fs::create_dir_all(dir).map_err(|source| LockError::Io {
            lock: path.clone(),
            source,
        })?;
        let file = acquire_file(&path, &socket, holder)?;
        let mut lock = Self {
            _file: file,
            path,
            socket,
            holder: holder.clone(),
            beside: Err(String::new()),
        };
        lock.acquire_beside()?;
        Ok(lock)
    }

    /// Takes the lock beside the socket again where it is not held any more: a BIRD that is stopped may
    /// take the directory of its socket with it, and with that directory the lock.
    ///
    /// # Errors
    /// [`LockError::Held`]: another Falconer drives this BIRD by now.
    pub fn renew(&mut self) -> Result<(), LockError> {
        match &self.beside {
            Ok((file, path)) if file::is_at(file, path) => Ok(()),
            Ok(_) | Err(_) => self.acquire_beside(),
        }
    }

    fn acquire_beside(&mut self) -> Result<(), LockError> {
        let path = beside(&self.socket);
        self.beside = match acquire_file(&path, &self.socket, &self.holder) {
            Ok(file) => Ok((file, path)),
            Err(held @ LockError::Held { .. }) => return Err(held),
            Err(LockError::Io { source, .. }) => Err(format!(
                "no lock beside BIRD's socket ({}: {source}): a Falconer in another mount namespace could drive the \
                 same BIRD unnoticed; let Falconer write to that directory",
                path.display()
            )),
        };
        Ok(())
    }

    /// The lock file in the directory that all of the machine shares.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why there is no lock beside the socket, in words.
    pub fn warning(&self) -> Option<&str> {
        self.beside.as_ref().err().map(String::as_str)
    }
}

fn acquire_file(path: &Path, socket: &Path, holder: &LockHolder) -> Result<File, LockError> {
    let io = |source| LockError::Io {
        lock: path.to_owned(),
        source,
    };
    match file::take(path).map_err(io)? {
        LockFile::Ours(mut file) => {
            write_holder(&mut file, holder).map_err(io)?;
            Ok(file)
        }
        LockFile::Held(mut file) => Err(LockError::Held {
            socket: socket.to_owned(),
            lock: path.to_owned(),
            by: read_holder(&mut file),
        }),
    }
}

/// The socket's path without symbolic links. A BIRD that is stopped has removed its socket, so that
/// the last link may lead to nothing: it is followed all the same, because the lock must have the same
/// name while BIRD runs and while it does not.
fn real_path(socket: &Path) -> PathBuf {
    let mut path = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
    for _ in 0..MAX_LINKS {
        if let (Some(Ok(dir)), Some(name)) = (path.parent().map(Path::canonicalize), path.file_name()) {
            path = dir.join(name);
        }
        match (std::fs::read_link(&path), path.parent()) {
            (Ok(target), Some(dir)) => path = dir.join(target),
            (Ok(_), None) | (Err(_), _) => break,
        }
    }
    path
}

/// As systemd escapes a path: slashes become dashes, and what could be mistaken is spelt in hex, so
/// that two sockets never share a lock. A name that would be too long ends in its digest instead.
fn file_name(socket: &Path) -> String {
    let path = socket.as_os_str().as_bytes();
    let mut name = String::from("falconer-");
    for byte in path.strip_prefix(b"/").unwrap_or(path) {
        match byte {
            b'/' => name.push('-'),
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' | b':' => name.push(char::from(*byte)),
            other => name.push_str(&format!("\\x{other:02x}")),
        }
    }
    if name.len() > MAX_NAME {
        name.truncate(MAX_NAME / 2);
        let digest = Sha256::digest(path);
        name.extend(digest.iter().map(|byte| format!("{byte:02x}")));
    }
    name.push_str(".lock");
    name
}

/// The lock beside the socket.
fn beside(socket: &Path) -> PathBuf {
    let mut path = socket.as_os_str().to_owned();
    path.push(".falconer.lock");
    path.into()
}

fn write_holder(file: &mut File, holder: &LockHolder) -> io::Result<()> {
    let text = format!(
        "pid {}, site {}, configuration {}, since {}\n",
        std::process::id(),
        holder.site,
        holder.config.display(),
        crate::model::millis::format(&holder.since)
    );
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

/// What the holder says of itself: of one line, bounded, and nothing that a terminal would obey.
fn read_holder(file: &mut File) -> String {
    let mut text = Vec::new();
    let read = file.take(MAX_HOLDER).read_to_end(&mut text);
    let owner: String = String::from_utf8_lossy(&text)
        .trim()
        .chars()
        .take(MAX_SHOWN)
        .map(|c| if is_shown(c) { c } else { '?' })
        .collect();
    match read {
        Ok(_) if !owner.is_empty() => owner,
        Ok(_) | Err(_) => "it has not said yet which one it is".to_owned(),
    }
}

/// Whether a character shows itself and changes nothing else: no control character, and none of those
/// that reorder or hide text (Unicode's bidirectional controls and zero-width characters).
fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
