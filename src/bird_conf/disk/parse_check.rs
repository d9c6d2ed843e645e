//! BIRD's own parser and BIRD's version, from its binary: `bird -p` and `bird --version`. The
//! running BIRD is not touched.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::process::Command;

use crate::bird::version::BirdVersion;
use crate::bird_conf::RenderError;

/// What is kept of BIRD's words; it stops at the first error, and warns in short lines.
const MAX_WORDS: usize = 64 << 10;

/// More interrupted checks than anybody leaves behind.
const LEFT_BEHIND: u32 = 1000;

/// The binary that is asked.
#[derive(Clone, Debug)]
pub struct Parser {
    binary: PathBuf,
    timeout: Duration,
}

/// Why BIRD does not take a file.
#[derive(Debug, thiserror::Error)]
pub enum ParseCheckError {
    /// BIRD says what is wrong with it, and where.
    #[error("{0}")]
    Refused(Box<RenderError>),
    /// BIRD could not be asked: this says nothing about the file.
    #[error("BIRD's parser could not be asked: {why}")]
    NotAsked {
        /// In an operator's words.
        why: String,
    },
}

impl Parser {
    /// The parser of that binary; a run that takes longer than `timeout` is ended.
    pub fn new(binary: &Path, timeout: Duration) -> Self {
        Self {
            binary: binary.to_owned(),
            timeout,
        }
    }

    /// Has BIRD parse `text` as if it were the file `output`. It stands in a file of its own beside
    /// `output` for that time, so that a relative `include` finds what it would find. The answer is
    /// BIRD's warnings, one a line.
    ///
    /// # Errors
    /// See [`ParseCheckError`].
    pub async fn check(&self, text: &str, output: &Path) -> Result<Vec<String>, ParseCheckError> {
        let file = Candidate::write(text, output).map_err(|error| ParseCheckError::NotAsked {
            why: format!("no place for the file to be checked: {error}"),
        })?;
        let (ok, words) = self
            .run(&["-p".as_ref(), "-c".as_ref(), file.0.as_os_str()])
            .await?;
        let name = file.0.display().to_string();
        if ok {
            return Ok(words
                .lines()
                .map(|line| plain(line).replace(&name, &output.display().to_string()))
                .collect());
        }
        Err(ParseCheckError::Refused(Box::new(refusal(
            &words, &name, text, output,
        ))))
    }

    /// The binary's version, for when BIRD is down.
    ///
    /// # Errors
    /// It cannot be run, or says something else.
    pub async fn version(&self) -> Result<BirdVersion, ParseCheckError> {
        let (_, words) = self.run(&["--version".as_ref()]).await?;
        words
            .trim()
            .strip_prefix("BIRD version ")
            .and_then(BirdVersion::parse)
            .ok_or_else(|| ParseCheckError::NotAsked {
                why: format!(
                    "{} --version does not say a version of BIRD: {}",
                    self.binary.display(),
                    words.trim()
                ),
            })
    }

    /// Whether it ended well, and all that it said.
    async fn run(&self, args: &[&std::ffi::OsStr]) -> Result<(bool, String), ParseCheckError> {
        let not_asked = |why: String| ParseCheckError::NotAsked {
            why: format!("{}: {why}", self.binary.display()),
        };
        let run = Command::new(&self.binary)
            .args(args)
            .stdin(Stdio::null())
            .env("LC_ALL", "C")
            .kill_on_drop(true)
            .output();
        let output = match tokio::time::timeout(self.timeout, run).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
                return Err(not_asked(
                    "there is no such program; set [bird] binary".to_owned(),
                ));
            }
            Ok(Err(error)) => return Err(not_asked(error.to_string())),
            Err(_) => return Err(not_asked(format!("no answer within {:?}", self.timeout))),
        };
        let mut words = [output.stdout, output.stderr].concat();
        words.truncate(MAX_WORDS);
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&words).into_owned(),
        ))
    }
}

/// The file to be checked; gone when dropped.
struct Candidate(PathBuf);

impl Candidate {
    fn write(text: &str, output: &Path) -> std::io::Result<Self> {
        let beside = output.parent().unwrap_or(Path::new("/"));
        // Who only wants to check need not be able to write there.
        let created = create_in(beside).or_else(|_| create_in(&std::env::temp_dir()));
        let (path, mut file) = created?;
        let candidate = Self(path);
        file.write_all(text.as_bytes())?;
        Ok(candidate)
    }
}

/// A new file in a directory. A name that is taken is one that an interrupted check left behind, by
/// a process with our number, as those in containers are.
fn create_in(directory: &Path) -> std::io::Result<(PathBuf, std::fs::File)> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!(".bird.conf.check-{}-{count}", std::process::id()));
        match create(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && count < LEFT_BEHIND => {}
            Err(error) => return Err(error),
        }
    }
}

/// Never an existing file, never through a link, never readable to others: it may hold passwords.
fn create(path: &Path) -> std::io::Result<std::fs::File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

impl Drop for Candidate {
    fn drop(&mut self) {
        // Nothing depends on it: the name is never used again, and nobody else may read it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// BIRD's first complaint, with the place in the candidate, or in a file that it includes.
fn refusal(words: &str, name: &str, text: &str, output: &Path) -> RenderError {
    let Some(line) = words.lines().map(plain).find(|line| !line.is_empty()) else {
        return RenderError::said_by_bird("BIRD refuses the file and does not say why", None);
    };
    let shown = format!("{} (rendered)", output.display());
    let place = line.strip_prefix(&format!("{name}:")).and_then(|rest| {
        let (line, rest) = rest.split_once(':')?;
        let (column, message) = rest.split_once(' ')?;
        Some((
            line.parse().ok()?,
            column.trim_end_matches(':').parse().ok()?,
            message,
        ))
    });
    match place {
        Some((line, column, message)) => RenderError::said_by_bird(
            &format!("BIRD refuses it: {message}"),
            Some((&shown, text, line, column)),
        ),
        None => RenderError::said_by_bird(&format!("BIRD refuses it: {}", line.replace(name, &shown)), None),
    }
}

/// A line without BIRD's "bird: ", and without the time and level that BIRD 3 puts before it.
fn plain(line: &str) -> &str {
    let line = line.strip_prefix("bird: ").unwrap_or(line);
    let level = ["<FATAL> ", "<ERR> ", "<WARN> ", "<BUG> "];
    match level.iter().find_map(|level| line.split_once(level)) {
        Some((before, message)) if before.starts_with(|c: char| c.is_ascii_digit()) => message,
        Some(_) | None => line,
    }
}

#[cfg(test)]
mod tests;
