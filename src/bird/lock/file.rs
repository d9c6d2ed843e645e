//! One lock file, in a directory in which others may write, too: a file that is not ours, of whatever
//! kind, is replaced, so that no other user can hold our lock, nor make us hang or write elsewhere.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::process::geteuid;

/// Nobody else opens it: whoever can open a file can lock it (flock(2)).
const MODE: u32 = 0o600;

/// How often the file may be another one under our hands. Two that start at once need two or three.
const TRIES: usize = 16;

/// How a lock file was found.
pub(crate) enum LockFile {
    /// It is locked by us.
    Ours(File),
    /// Another process has locked it.
    Held(File),
}

/// Takes the lock at `path`.
pub(crate) fn take(path: &Path) -> io::Result<LockFile> {
    for _ in 0..TRIES {
        let Some(file) = open_ours(path)? else { continue };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(LockFile::Held(file)),
            Err(errno) => return Err(errno.into()),
        }
        // Between opening and locking another process may have replaced it: then whoever comes next
        // would not find our lock.
        if !is_at(&file, path) {
            continue;
        }
        if file.metadata()?.mode() & 0o077 == 0 {
            return Ok(LockFile::Ours(file));
        }
        // Others could open it once, and whoever did can lock it as long as it is there.
        set_aside(path)?;
    }
    Err(io::Error::other("the lock file is replaced again and again"))
}

/// Whether the path still leads to this file.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), std::fs::symlink_metadata(path)) else {
        return false;
    };
    same(&ours, &there)
}

/// Opens or makes the file; `None`: it was not ours, or somebody was faster, and it has to be tried again.
fn open_ours(path: &Path) -> io::Result<Option<File>> {
    // Opened without creating first: in a sticky directory the kernel lets nobody, not even root,
    // create over another user's file (fs.protected_regular).
    let opened = options().open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return create(path),
        // A symbolic link, a socket, a directory, another user's file: which of them does not matter.
        Err(error) => {
            match std::fs::symlink_metadata(path) {
                Ok(there) if is_ours(&there) => return Err(error),
                Ok(_) => {}
                Err(gone) if gone.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
            set_aside(path)?;
            return Ok(None);
        }
    };
    if is_ours(&file.metadata()?) {
        return Ok(Some(file));
    }
    set_aside(path)?;
    Ok(None)
}

/// Without following a link, and without waiting for the other end of a FIFO.
fn options() -> OpenOptions {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    options.read(true).write(true).mode(MODE).custom_flags(flags);
    options
}

fn create(path: &Path) -> io::Result<Option<File>> {
    match options().create_new(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

/// A regular file of our own user, under no second name. Its mode is looked at once it is locked.
fn is_ours(file: &Metadata) -> bool {
    file.is_file() && file.uid() == geteuid().as_raw() && file.nlink() == 1
}

fn same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Removes what is at `path` and is not ours. It is moved first and looked at then, because another
/// Falconer may have replaced it meanwhile: its file is put back, unless a third one was made.
fn set_aside(path: &Path) -> io::Result<()> {
    let aside = aside(path);
    match std::fs::rename(path, &aside) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    let moved = std::fs::symlink_metadata(&aside)?;
    if is_ours(&moved) && moved.mode() & 0o077 == 0 {
        // `link` never replaces what is there.
        let back = std::fs::hard_link(&aside, path);
        std::fs::remove_file(&aside)?;
        return back;
    }
    if moved.is_dir() {
        // What another user put into it is no concern of ours, and it is out of the way.
        return match std::fs::remove_dir(&aside) {
            Ok(()) | Err(_) => Ok(()),
        };
    }
    std::fs::remove_file(&aside)
}

/// A name beside the lock that nobody guesses in time: the process and a moment.
fn aside(path: &Path) -> PathBuf {
    let now = jiff::Timestamp::now().as_nanosecond();
    let mut name = OsString::from(path.as_os_str());
    name.push(format!(".{}-{now}.aside", std::process::id()));
    name.into()
}
