//! Our notes on bird.conf in `state_dir`: the digest of what we wrote last, and how far an apply
//! has come. Notes that cannot be read are no notes; they are never trusted half.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::replace;

/// The version of the notes' shape.
const SCHEMA: u32 = 1;
/// Notes are some hundred bytes.
const MAX_LEN: u64 = 64 << 10;

/// How far an apply with BIRD's undo timer has come. It tells a Falconer that was interrupted what
/// to do with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplyStage {
    /// The new file is there, BIRD has not been told to keep it: BIRD goes back by itself, and the
    /// last good copy belongs back.
    Unconfirmed,
    /// All was well and the confirmation was on its way: the new file stays.
    Confirming,
}

/// A SHA-256 in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digest(String);

impl Digest {
    /// The digest of a file's content.
    pub(crate) fn of(text: &str) -> Self {
        let mut hex = String::with_capacity(64);
        for byte in sha2::Sha256::digest(text.as_bytes()) {
            let _ = write!(hex, "{byte:02x}"); // a String takes everything
        }
        Self(hex)
    }

    /// In hexadecimal.
    pub(crate) fn into_hex(self) -> String {
        self.0
    }

    /// In hexadecimal.
    pub(crate) fn as_hex(&self) -> &str {
        &self.0
    }
}

/// The notes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WriteRecord {
    ours: Vec<Digest>,
    stage: Option<ApplyStage>,
    running: Option<Running>,
    put_back: Option<Timestamp>,
}

/// What BIRD was seen to run; a copy of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Running {
    /// Its content.
    pub(crate) sha256: Digest,
    /// When BIRD read it, by BIRD's word; `None` where that could not be read.
    pub(crate) loaded_at: Option<Timestamp>,
    /// Whether it is our own work.
    pub(crate) ours: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    schema: u32,
    output: PathBuf,
    sha256: Vec<Digest>,
    apply: Option<ApplyStage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    running: Option<Running>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    put_back: Option<Timestamp>,
}

impl WriteRecord {
    /// The same with these contents as ours.
    pub(crate) fn owning(self, ours: &[Digest], stage: Option<ApplyStage>) -> Self {
        Self {
            ours: ours.to_vec(),
            stage,
            ..self
        }
    }

    /// The same with what BIRD runs.
    pub(crate) fn with_running(self, running: Running) -> Self {
        Self {
            running: Some(running),
            ..self
        }
    }

    /// What BIRD was last seen to run.
    pub(crate) fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    /// The same with the time of the file that was put back after an apply.
    pub(crate) fn with_put_back(self, changed: Option<Timestamp>) -> Self {
        Self {
            put_back: changed,
            ..self
        }
    }

    /// When the file was put back after the last apply that was not confirmed.
    pub(crate) fn put_back(&self) -> Option<Timestamp> {
        self.put_back
    }

    /// The same at another stage.
    pub(crate) fn at(self, stage: Option<ApplyStage>) -> Self {
        Self { stage, ..self }
    }

    /// The same without an apply, and without any other content than this, if it was ours at all.
    pub(crate) fn only(mut self, digest: &Digest) -> Self {
        self.ours.retain(|ours| ours == digest);
        self.at(None)
    }

    /// Whether that content is ours.
    pub(crate) fn knows(&self, digest: &Digest) -> bool {
        self.ours.contains(digest)
    }

    /// How far an apply has come.
    pub(crate) fn stage(&self) -> Option<ApplyStage> {
        self.stage
    }

    /// Reads the notes on `output`. Where there are none, or where they are on another file, nothing
    /// is ours.
    pub(crate) fn load(state_dir: &Path, output: &Path) -> anyhow::Result<Self> {
        let path = path(state_dir);
        let Some(text) = replace::read(&path, MAX_LEN)? else {
            return Ok(Self::default());
        };
        let stored: Stored = serde_json::from_str(&text).with_context(|| {
            format!(
                "{} is damaged, so no bird.conf is known to be ours",
                path.display()
            )
        })?;
        ensure!(
            stored.schema == SCHEMA,
            "{} is of a Falconer that writes it in another way (schema {})",
            path.display(),
            stored.schema
        );
        if stored.output != output {
            return Ok(Self::default());
        }
        Ok(Self {
            ours: stored.sha256,
            stage: stored.apply,
            running: stored.running,
            put_back: stored.put_back,
        })
    }

    /// Replaces the notes.
    pub(crate) fn save(&self, state_dir: &Path, output: &Path) -> anyhow::Result<()> {
        let stored = Stored {
            schema: SCHEMA,
            output: output.to_owned(),
            sha256: self.ours.clone(),
            apply: self.stage,
            running: self.running.clone(),
            put_back: self.put_back,
        };
        let mut text = serde_json::to_string_pretty(&stored)?;
        text.push('\n');
        replace::write_private(&path(state_dir), &text)
    }
}

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("bird.conf.json")
}
