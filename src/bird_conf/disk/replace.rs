//! Files that are the old one or the new one, never a part of either, and that keep their owner and
//! mode.

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as FileMode, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};
use atomic_write_file::AtomicWriteFile;
use atomic_write_file::unix::OpenOptionsExt as _;

/// A new bird.conf: it may hold passwords, and BIRD reads it as a user of its own.
const NEW_MODE: u32 = 0o640;
/// Our own notes and copies.
const PRIVATE_MODE: u32 = 0o600;

/// A file's content; `None` where there is none.
pub(crate) fn read(path: &Path, max_len: u64) -> anyhow::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    ensure!(
        file.metadata().is_ok_and(|meta| meta.is_file()),
        "{} is not a regular file",
        path.display()
    );
    let mut bytes = Vec::new();
    file.take(max_len + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        bytes.len() as u64 <= max_len,
        "{} has more than {max_len} bytes",
        path.display()
    );
    String::from_utf8(bytes)
        .map(Some)
        .with_context(|| format!("{} is not UTF-8 text", path.display()))
}

/// When a file was last written.
pub(crate) fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// When a file was last changed in any way: written, moved to its place, or given to another owner.
/// Unlike the time of [`written`], nobody sets this one at will.
pub(crate) fn changed(path: &Path) -> Option<SystemTime> {
    let meta = fs::metadata(path).ok()?;
    let (seconds, nanos) = (meta.ctime().try_into().ok()?, meta.ctime_nsec().try_into().ok()?);
    let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
    Some(meta.modified().ok()?.max(changed))
}

/// Gives `to` the time at which `from` was last written. Only a look is misled where that cannot be.
pub(crate) fn copy_time(from: &Path, to: &Path) {
    if let Some(time) = written(from)
        && let Ok(file) = File::options().write(true).open(to)
    {
        let _ = file.set_modified(time);
    }
}

/// Says that a file was written now. Only a look is misled where that cannot be.
pub(crate) fn touch(path: &Path) {
    if let Ok(file) = File::options().write(true).open(path) {
        let _ = file.set_modified(SystemTime::now());
    }
}

/// Replaces bird.conf. It keeps its owner and mode; a new one gets the group of BIRD's socket.
pub(crate) fn replace(output: &Path, text: &str, socket: &Path) -> anyhow::Result<()> {
    let target = behind_links(output)?;
    let is_new = !target.exists();
    let doing = || format!("cannot write {}", target.display());
    let mut options = AtomicWriteFile::options();
    FileMode::mode(&mut options, PRIVATE_MODE);
    let mut file = options
        .preserve_mode(true)
        .preserve_owner(true)
        .open(&target)
        .with_context(|| format!("{}, with its present owner", doing()))?;
    if is_new {
        give_to_bird(file.as_file(), socket, &target)?;
    }
    file.write_all(text.as_bytes()).with_context(doing)?;
    file.commit().with_context(doing)
}

/// Replaces a file that is nobody's but ours.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let doing = || format!("cannot write {}", path.display());
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    let mut options = AtomicWriteFile::options();
    FileMode::mode(&mut options, PRIVATE_MODE);
    let mut file = options.preserve_mode(false).open(path).with_context(doing)?;
    file.write_all(text.as_bytes()).with_context(doing)?;
    file.commit().with_context(doing)
}

/// A symbolic link stays one: what it points to is replaced.
fn behind_links(output: &Path) -> anyhow::Result<PathBuf> {
    match fs::canonicalize(output) {
        Ok(target) => Ok(target),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            ensure!(
                !output.is_symlink(),
                "{} is a symbolic link to nowhere",
                output.display()
            );
            Ok(output.to_owned())
        }
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", output.display())),
    }
}

/// BIRD drops its privileges before it reads the file, so its group must be able to.
fn give_to_bird(file: &File, socket: &Path, target: &Path) -> anyhow::Result<()> {
    let gid = birds_group(socket, target)?;
    let mine = file.metadata()?.gid();
    if gid != mine {
        rustix::fs::fchown(file, None, Some(rustix::fs::Gid::from_raw(gid)))
            .with_context(|| format!("cannot give {} to BIRD's group ({gid})", target.display()))?;
    }
    file.set_permissions(Permissions::from_mode(NEW_MODE))?;
    Ok(())
}

/// The group of BIRD's socket; while BIRD is down, of the directory that the socket is in, or of the
/// one that bird.conf is in.
fn birds_group(socket: &Path, target: &Path) -> anyhow::Result<u32> {
    // A link to the socket of a BIRD that is stopped leads nowhere; its directory is still BIRD's.
    let linked = fs::read_link(socket).ok();
    let linked = linked.and_then(|to| Some(socket.parent()?.join(to)));
    let linked = linked.as_deref().and_then(Path::parent);
    for path in [Some(socket), linked, socket.parent(), target.parent()]
        .into_iter()
        .flatten()
    {
        match fs::metadata(path) {
            Ok(meta) => return Ok(meta.gid()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot look at {}", path.display())),
        }
    }
    bail!("{} cannot be written: its directory is missing", target.display())
}
