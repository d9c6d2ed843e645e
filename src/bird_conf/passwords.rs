//! TCP-MD5 passwords (RFC 2385) on their way from their files into bird.conf. They are never shown:
//! not in errors, not in logs, not by `{:?}`.

use std::collections::BTreeMap;
use std::fmt;

/// The longest key that Linux takes (`TCP_MD5SIG_MAXKEYLEN`), in bytes.
const MAX_LEN: usize = 80;

/// The passwords of the sessions, by the session's name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Passwords(BTreeMap<String, String>);

/// Why the content of a password file is no password. Never with the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The first line is empty.
    #[error("its first line is empty; the password is expected there")]
    Empty,
    /// Longer than the kernel takes.
    #[error("its first line has {len} bytes; TCP-MD5 takes no more than 80")]
    TooLong {
        /// Bytes in the first line.
        len: usize,
    },
    /// BIRD's strings have no escapes.
    #[error(
        "its first line has a character that cannot stand in bird.conf (byte {at}): printable ASCII without \" is fine"
    )]
    Unfit {
        /// Where, from 1.
        at: usize,
    },
}

impl Passwords {
    /// Takes the content of the password file of the session `name`.
    ///
    /// # Errors
    /// Where the first line could not be written into bird.conf, or not be used by the kernel.
    pub fn insert(&mut self, name: &str, content: &str) -> Result<(), PasswordError> {
        let password = content.lines().next().unwrap_or_default();
        validate(password)?;
        self.0.insert(name.to_owned(), password.to_owned());
        Ok(())
    }

    /// The password of the session `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn validate(password: &str) -> Result<(), PasswordError> {
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    if password.len() > MAX_LEN {
        return Err(PasswordError::TooLong { len: password.len() });
    }
    match password
        .bytes()
        .position(|b| !(b' '..=b'~').contains(&b) || b == b'"')
    {
        Some(at) => Err(PasswordError::Unfit { at: at + 1 }),
        None => Ok(()),
    }
}
