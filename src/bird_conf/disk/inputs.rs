//! What a rendering takes from files: the user's own templates, and passwords.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::replace;
use crate::bird_conf::{PasswordError, Passwords, Templates};
use crate::config::model::UpstreamConfig;

/// Far more templates than a bird.conf has parts: somebody named the wrong directory.
const MAX_FILES: usize = 500;
/// A template is a page or two.
const MAX_TEMPLATE: u64 = 1 << 20;
/// A password is a line.
const MAX_PASSWORD: u64 = 4096;
/// parts/ within a directory, and then some.
const MAX_DEPTH: usize = 4;

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The operating system did not let us, or it is not text.
    #[error("{0:#}")]
    Unreadable(#[from] anyhow::Error),
    /// The password file's content.
    #[error("password_file {} of {session}: {why}", path.display())]
    Password {
        /// The session's name.
        session: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: PasswordError,
    },
    /// Everybody may read the password.
    #[error("password_file {} of {session} can be read by everybody: chmod 0600 {}", path.display(), path.display())]
    WorldReadable {
        /// The session's name.
        session: String,
        /// The file.
        path: PathBuf,
    },
    /// The password file is not there.
    #[error("password_file {} of {session} does not exist", path.display())]
    NoPassword {
        /// The session's name.
        session: String,
        /// The file.
        path: PathBuf,
    },
    /// Not a directory of templates.
    #[error("template_dir {} has more than 500 files, or is more than 4 directories deep", path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
}

/// The templates in `dir` and those built in. A missing directory has none. Hidden files and
/// editors' backups are not looked at.
///
/// # Errors
/// A directory or file cannot be read.
pub fn templates(dir: &Path) -> Result<Templates, InputError> {
    let mut own = BTreeMap::new();
    collect(dir, dir, MAX_DEPTH, &mut own)?;
    Ok(Templates::with_own(dir.to_owned(), own))
}

/// The passwords of all sessions that have a password file.
///
/// # Errors
/// Every one that cannot be used.
pub fn passwords<'a>(
    sessions: impl IntoIterator<Item = &'a UpstreamConfig>,
) -> Result<Passwords, Vec<InputError>> {
    let mut passwords = Passwords::default();
    let mut errors = Vec::new();
    for upstream in sessions {
        let Some(path) = upstream
            .session
            .as_ref()
            .and_then(|session| session.password_file.as_ref())
        else {
            continue;
        };
        if let Err(error) = password(&upstream.name, path, &mut passwords) {
            errors.push(error);
        }
    }
    if errors.is_empty() {
        Ok(passwords)
    } else {
        Err(errors)
    }
}

fn password(session: &str, path: &Path, passwords: &mut Passwords) -> Result<(), InputError> {
    let (session, path) = (session.to_owned(), path.to_owned());
    let Some(content) = replace::read(&path, MAX_PASSWORD)? else {
        return Err(InputError::NoPassword { session, path });
    };
    if fs::metadata(&path).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0) {
        return Err(InputError::WorldReadable { session, path });
    }
    passwords
        .insert(&session, &content)
        .map_err(|why| InputError::Password { session, path, why })
}

fn collect(
    top: &Path,
    dir: &Path,
    depth: usize,
    own: &mut BTreeMap<String, String>,
) -> Result<(), InputError> {
    let cannot = |error: std::io::Error| {
        InputError::Unreadable(anyhow::Error::from(error).context(format!("cannot read {}", dir.display())))
    };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot(error)),
    };
    for entry in entries {
        let path = entry.map_err(cannot)?.path();
        let Some(name) = path.strip_prefix(top).ok().and_then(Path::to_str) else {
            continue;
        };
        let file_name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if file_name.starts_with('.') || file_name.ends_with('~') {
            continue;
        }
        if depth == 0 || own.len() >= MAX_FILES {
            return Err(InputError::TooMany { path: top.to_owned() });
        }
        if path.is_dir() {
            collect(top, &path, depth - 1, own)?;
        } else if let Some(text) = replace::read(&path, MAX_TEMPLATE)? {
            own.insert(name.to_owned(), text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
