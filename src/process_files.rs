//! Files as another process sees them: through `/proc/PID/root`, so that its mount namespace, its
//! bind mounts and its own root directory are taken into account. Nothing is written, and what the
//! files mean is not decided here. Everything here blocks.
//!
//! It takes root with `CAP_SYS_PTRACE`, or the other process's own user (proc(5), ptrace(2)).

mod by_hand;

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;

/// Whose view it is.
#[derive(Debug)]
pub enum ProcessFiles {
    /// Our own.
    Ours,
    /// Another process's.
    Theirs {
        /// Its root directory.
        root: OwnedFd,
        /// Its working directory.
        cwd: OwnedFd,
    },
}

/// What tells a file from any other on this machine, whatever its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl ProcessFiles {
    /// The view of the process `pid`.
    ///
    /// # Errors
    /// The process is gone, or we may not look.
    pub fn of(pid: i32) -> io::Result<Self> {
        let open = |what: &str| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::openat(CWD, format!("/proc/{pid}/{what}"), flags, Mode::empty())
        };
        Ok(Self::Theirs {
            root: open("root")?,
            cwd: open("cwd")?,
        })
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// As for a file of our own.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        Ok(File::from(self.open_as(path, OFlags::RDONLY)?))
    }

    /// What `stat` says of a path.
    ///
    /// # Errors
    /// As for a file of our own.
    pub fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        File::from(self.open_as(path, OFlags::PATH)?).metadata()
    }

    /// Which file a path names.
    ///
    /// # Errors
    /// As for a file of our own.
    pub fn identity(&self, path: &Path) -> io::Result<Identity> {
        let meta = self.metadata(path)?;
        Ok(Identity {
            device: meta.dev(),
            inode: meta.ino(),
        })
    }

    /// Whether something is mounted right on that path. A file that is replaced elsewhere stays what
    /// it was there. False where the kernel does not tell (before Linux 5.8).
    ///
    /// # Errors
    /// As for a file of our own.
    pub fn is_mount_point(&self, path: &Path) -> io::Result<bool> {
        let fd = self.open_as(path, OFlags::PATH)?;
        let statx = rustix::fs::statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        Ok(statx.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    }

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// As for a directory of our own.
    pub fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let fd = self.open_as(directory, OFlags::RDONLY | OFlags::DIRECTORY)?;
        // Another process's path means nothing to us; the open directory does.
        let open = PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        let mut names = Vec::new();
        for entry in std::fs::read_dir(open)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn open_as(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        let opened = match self {
            Self::Ours => rustix::fs::openat(CWD, path, flags, Mode::empty()),
            // Symbolic links, too, begin at its root and not at ours.
            Self::Theirs { root, .. } if path.is_absolute() => {
                match rustix::fs::openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
                    // A kernel before 5.6, or a unit with RestrictSUIDSGID=: systemd cannot see through this
                    // call's arguments whether it would make a file with such a bit, and refuses it whole.
                    Err(Errno::NOSYS) => by_hand::open_in_root(root, path, flags),
                    opened => opened,
                }
            }
            Self::Theirs { cwd, .. } => rustix::fs::openat(cwd, path, flags, Mode::empty()),
        };
        Ok(opened?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_another_process_sees_is_what_we_see_where_nothing_divides_us() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bird.conf");
        std::fs::write(&file, "router id 192.0.2.1;\n").unwrap();
        let link = directory.path().join("link");
        symlink(&file, &link).unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let theirs = ProcessFiles::of(pid).unwrap();
        let ours = ProcessFiles::Ours.identity(&file).unwrap();
        assert_eq!(theirs.identity(&link).unwrap(), ours);
        assert!(!theirs.is_mount_point(&file).unwrap());
        assert!(theirs.is_mount_point(Path::new("/proc")).unwrap());
        assert_eq!(theirs.list(directory.path()).unwrap(), ["bird.conf", "link"]);
        let text = io::read_to_string(theirs.open(&link).unwrap()).unwrap();
        assert_eq!(text, "router id 192.0.2.1;\n");
    }

    #[test]
    fn a_process_that_is_gone_has_no_files() {
        assert!(ProcessFiles::of(i32::MAX).is_err());
    }
}
