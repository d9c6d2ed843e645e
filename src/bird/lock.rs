//! Two Falconers never drive one BIRD (A10).
//!
//! The lock is a file named after the real path of BIRD's socket, in a directory that all of the
//! machine shares, so that neither another run_dir nor another name for the socket gets around it.
//! The kernel releases it with the process; the file itself stays, since removing it would race.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

/// Where locks are on a machine.
pub const LOCK_DIR: &str = "/run/lock";

/// More than a holder ever says of itself.
const MAX_HOLDER: u64 = 4096;

/// Who holds the lock, for whoever finds it held.
#[derive(Clone, Debug)]
pub struct Holder {
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
        /// What the other one says of itself.
        by: String,
    },
    /// The lock file cannot be had.
    #[error("cannot lock {}: {source}", lock.display())]
    Io {
        /// The lock file.
        lock: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Lock {
    /// Takes the lock on the BIRD of `socket`; `dir` is [`LOCK_DIR`], but for tests.
    ///
    /// # Errors
    /// [`LockError::Held`] by another process, or by another lock of this one.
    pub fn acquire(dir: &Path, socket: &Path, holder: &Holder) -> Result<Self, LockError> {
        let socket = real_path(socket);
        let path = dir.join(file_name(&socket));
        let io = |source: std::io::Error| LockError::Io {
            lock: path.clone(),
            source,
        };
        std::fs::create_dir_all(dir).map_err(io)?;
        let mut file = open(&path).map_err(io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let by = read_holder(&mut file);
                return Err(LockError::Held {
                    socket,
                    lock: path,
                    by,
                });
            }
            Err(errno) => return Err(io(errno.into())),
        }
        write_holder(&mut file, holder).map_err(io)?;
        Ok(Self { _file: file, path })
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The socket's path without symbolic links. A BIRD that is stopped has removed its socket: then
/// its directory's real path has to do.
fn real_path(socket: &Path) -> PathBuf {
    if let Ok(real) = socket.canonicalize() {
        return real;
    }
    let absolute = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
    match (absolute.parent().map(Path::canonicalize), absolute.file_name()) {
        (Some(Ok(dir)), Some(name)) => dir.join(name),
        _ => absolute,
    }
}

/// As systemd escapes a path: slashes become dashes, and what could be mistaken is spelt in hex, so
/// that two sockets never share a lock.
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
    name.push_str(".lock");
    name
}

/// Opened without creating first: in a sticky directory the kernel lets nobody, not even root,
/// create over another user's file (fs.protected_regular).
fn open(path: &Path) -> std::io::Result<File> {
    let nofollow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let options = || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o644).custom_flags(nofollow);
        options
    };
    match options().open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            options().create(true).truncate(false).open(path)
        }
        other => other,
    }
}

fn write_holder(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    let text = format!(
        "pid {}, site {}, configuration {}, since {}\n",
        std::process::id(),
        holder.site,
        holder.config.display(),
        crate::status::snapshot::millis::format(&holder.since)
    );
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

fn read_holder(file: &mut File) -> String {
    let mut text = Vec::new();
    match file.take(MAX_HOLDER).read_to_end(&mut text) {
        Ok(_) if !text.trim_ascii().is_empty() => String::from_utf8_lossy(text.trim_ascii()).into_owned(),
        Ok(_) | Err(_) => "it has not said yet which one it is".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn holder(site: &str) -> Holder {
        Holder {
            site: site.into(),
            config: "/etc/falconer/falconer.toml".into(),
            since: "2026-11-22T20:40:40Z".parse().unwrap(),
        }
    }

    #[test]
    fn a10_the_second_is_told_who_holds_the_lock() {
        let temp = tempfile::tempdir().unwrap();
        let socket = Path::new("/run/bird/bird.ctl");
        let _first = Lock::acquire(temp.path(), socket, &holder("hk1")).unwrap();
        let error = Lock::acquire(temp.path(), socket, &holder("hk2")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "another Falconer already drives the BIRD of /run/bird/bird.ctl: pid {}, site hk1, configuration \
                 /etc/falconer/falconer.toml, since 2026-11-22T20:40:40.000Z (lock {}/falconer-run-bird-bird.ctl.lock)",
                std::process::id(),
                temp.path().display()
            )
        );
    }

    #[test]
    fn a10_another_name_for_the_same_socket_is_the_same_lock() {
        let temp = tempfile::tempdir().unwrap();
        let real = temp.path().join("bird");
        std::fs::create_dir(&real).unwrap();
        symlink(&real, temp.path().join("also-bird")).unwrap();
        let stopped = [real.join("bird.ctl"), temp.path().join("also-bird/bird.ctl")];
        let first = Lock::acquire(temp.path(), &stopped[0], &holder("hk1")).unwrap();
        assert!(matches!(
            Lock::acquire(temp.path(), &stopped[1], &holder("hk2")),
            Err(LockError::Held { .. })
        ));
        drop(first);
        let _socket = std::os::unix::net::UnixListener::bind(&stopped[0]).unwrap();
        symlink(&stopped[0], temp.path().join("ctl")).unwrap();
        let _first = Lock::acquire(temp.path(), &stopped[1], &holder("hk1")).unwrap();
        let third = Lock::acquire(temp.path(), &temp.path().join("ctl"), &holder("hk2"));
        assert!(matches!(third, Err(LockError::Held { .. })));
    }

    #[test]
    fn a10_two_birds_have_two_locks() {
        let temp = tempfile::tempdir().unwrap();
        let _first = Lock::acquire(temp.path(), Path::new("/run/bird/bird.ctl"), &holder("hk1")).unwrap();
        Lock::acquire(temp.path(), Path::new("/run/bird-bird.ctl"), &holder("hk1")).unwrap();
    }

    #[test]
    fn a10_a_lock_ends_with_its_holder_and_is_taken_over_whole() {
        let temp = tempfile::tempdir().unwrap();
        let socket = Path::new("/run/bird/bird.ctl");
        drop(Lock::acquire(temp.path(), socket, &holder("a-site-with-a-long-name")).unwrap());
        let lock = Lock::acquire(temp.path(), socket, &holder("hk1")).unwrap();
        let text = std::fs::read_to_string(lock.path()).unwrap();
        assert!(
            text.starts_with("pid ") && text.contains("site hk1") && text.ends_with(".000Z\n"),
            "{text}"
        );
    }

    #[test]
    fn a10_a_symbolic_link_in_place_of_the_lock_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let victim = temp.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        symlink(&victim, temp.path().join("falconer-run-bird-bird.ctl.lock")).unwrap();
        let error = Lock::acquire(temp.path(), Path::new("/run/bird/bird.ctl"), &holder("hk1")).unwrap_err();
        assert!(matches!(error, LockError::Io { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    }

    #[test]
    fn the_lock_is_named_as_systemd_would() {
        assert_eq!(
            file_name(Path::new("/run/bird-2/b d.ctl")),
            "falconer-run-bird\\x2d2-b\\x20d.ctl.lock"
        );
    }
}
