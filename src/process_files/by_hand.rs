//! What openat2(2) does with `RESOLVE_IN_ROOT`, step by step, where that call is not to be had.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::{Errno, Result};

/// How many symbolic links one path may have, as in the kernel (path_resolution(7)).
const LINKS_LIMIT: usize = 40;

/// Opens `path` as a process with that root directory would: no link and no `..` leads out of it.
pub(crate) fn open_in_root(root: &OwnedFd, path: &Path, flags: OFlags) -> Result<OwnedFd> {
    let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut ahead: VecDeque<OsString> = steps(path).collect();
    // The directories from the root down to where we are.
    let mut way = vec![rustix::fs::openat(root, ".", step, Mode::empty())?];
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            way.truncate(way.len().saturating_sub(1).max(1));
            continue;
        }
        let here = way.last().ok_or(Errno::NOENT)?;
        let found = rustix::fs::openat(here, name.as_os_str(), step, Mode::empty())?;
        if FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode) != FileType::Symlink {
            way.push(found);
            continue;
        }
        links += 1;
        if links > LINKS_LIMIT {
            return Err(Errno::LOOP);
        }
        let to = rustix::fs::readlinkat(&found, "", Vec::new())?;
        let to = Path::new(OsStr::from_bytes(to.to_bytes()));
        if to.is_absolute() {
            way.truncate(1);
        }
        for name in steps(to).collect::<Vec<_>>().into_iter().rev() {
            ahead.push_front(name);
        }
    }
    let found = way.pop().ok_or(Errno::NOENT)?;
    if flags.contains(OFlags::PATH) && !flags.contains(OFlags::DIRECTORY) {
        return Ok(found);
    }
    // The very file that was found, whatever its path names by now.
    rustix::fs::openat(
        CWD,
        format!("/proc/self/fd/{}", found.as_raw_fd()),
        flags,
        Mode::empty(),
    )
}

fn steps(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::ResolveFlags;

    use super::*;

    /// What a path names: the file's device and inode, or the error.
    fn identity(opened: Result<OwnedFd>) -> Result<(u64, u64)> {
        let stat = rustix::fs::fstat(opened?)?;
        Ok((stat.st_dev, stat.st_ino))
    }

    #[test]
    fn it_finds_what_openat2_finds() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        std::fs::create_dir_all(at("etc/bird/parts")).unwrap();
        std::fs::write(at("etc/bird/bird.conf"), "router id 192.0.2.1;\n").unwrap();
        std::fs::write(at("bird.conf"), "another\n").unwrap();
        for (to, link) in [
            ("/etc/bird/bird.conf", "absolute"),
            ("bird.conf", "etc/bird/relative"),
            ("../../../../etc/bird", "etc/bird/parts/up"),
            ("/absolute", "twice"),
            ("round", "round"),
            ("nowhere", "broken"),
        ] {
            symlink(to, at(link)).unwrap();
        }
        let root = OwnedFd::from(std::fs::File::open(directory.path()).unwrap());
        let mut found = 0;
        for path in [
            "/",
            "/etc/bird/bird.conf",
            "/etc//bird/./parts/../bird.conf",
            "/../../bird.conf",
            "/absolute",
            "/twice",
            "/etc/bird/relative",
            "/etc/bird/parts/up/bird.conf",
            "/round",
            "/broken",
            "/missing/file",
            "/bird.conf/below",
        ] {
            for flags in [OFlags::PATH, OFlags::RDONLY, OFlags::RDONLY | OFlags::DIRECTORY] {
                let flags = flags | OFlags::CLOEXEC;
                let kernel = rustix::fs::openat2(&root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT);
                let kernel = identity(kernel);
                found += usize::from(kernel.is_ok());
                let ours = identity(open_in_root(&root, Path::new(path), flags));
                assert_eq!(ours, kernel, "{path} {flags:?}");
            }
        }
        assert!(found > 15, "openat2 found {found}");
    }
}
