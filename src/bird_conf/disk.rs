//! bird.conf on disk (rule A9): what is there, whose it is, BIRD's own parse check, and its atomic
//! replacement with the last good copy kept.
//!
//! A file whose content is not the last that we wrote is somebody else's work, and is not replaced
//! unless told so. What the file says is rendered elsewhere; BIRD itself is never told anything
//! here, only its parser is run.

pub mod apply;
mod inputs;
pub mod parse_check;
pub mod reading;
mod record;
mod replace;

pub use inputs::{InputError, passwords, templates};
pub use record::ApplyStage;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use jiff::Timestamp;

use self::record::{Digest, Running, WriteRecord};
use crate::bird_conf::{FileTime, KnownRunning, LoadTime, RunningFile};
use crate::config::model::{BirdConfig, RenderConfig, SiteConfig};

/// More than any bird.conf that can be rendered; what is longer is not read.
const MAX_LEN: u64 = 64 << 20;

/// bird.conf, and what we keep about it. Everything here blocks.
#[derive(Clone, Debug)]
pub struct ConfFile {
    output: PathBuf,
    state_dir: PathBuf,
    socket: PathBuf,
}

/// What is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOnDisk {
    /// The file's content; `None` where there is no file.
    pub text: Option<String>,
    /// What tells its content from any other; `None` where there is no file.
    pub digest: Option<String>,
    /// When it was last written, as far as the file system tells.
    pub written: Option<SystemTime>,
    /// When it was last written, moved to its place, or otherwise changed.
    pub changed: Option<SystemTime>,
    /// Whose work the content is.
    pub owner: ContentOwner,
    /// An apply that did not come to its end: we stopped in the middle of it.
    pub unfinished: Option<ApplyStage>,
    /// What is wrong with our own notes on the file, where something is; they are not trusted then.
    pub record_problem: Option<String>,
}

/// Whose work the content of the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentOwner {
    /// There is no file.
    Nobody,
    /// The last that we wrote.
    Us,
    /// Anything else: edited by a human, or there before us.
    SomebodyElse,
}

/// What BIRD runs, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runs {
    /// The file that is on disk.
    OnDisk,
    /// Another one, of which there is a copy: this.
    Copy(String),
    /// That cannot be told; why.
    Unknown(String),
}

/// What writing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The file had that content already, and was not touched.
    Unchanged,
    /// It has it now.
    Written {
        /// What could not be kept in `state_dir`: the next time the file will look like somebody
        /// else's work.
        record_problem: Option<String>,
    },
}

/// Why the file was not written. In every case it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It is not the last that we wrote.
    #[error(
        "{} was changed by somebody else since Falconer wrote it, or was there before: it is left alone. Take the \
         change over into falconer.toml or the template (`falconer render --diff` shows it), or overwrite it with \
         --force",
        output.display()
    )]
    SomebodyElse {
        /// The file.
        output: PathBuf,
    },
    /// The operating system did not let us.
    #[error("{0:#}")]
    Io(#[from] anyhow::Error),
}

impl ConfFile {
    /// The file that `[render]` names; nothing is touched yet.
    pub fn new(render: &RenderConfig, site: &SiteConfig, bird: &BirdConfig) -> Self {
        Self {
            output: render.output.clone(),
            state_dir: site.state_dir.clone(),
            socket: bird.socket.clone(),
        }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.output
    }

    /// Looks at the file and at our notes on it.
    ///
    /// # Errors
    /// The file is there and cannot be read, or is not text.
    pub fn inspect(&self) -> anyhow::Result<FileOnDisk> {
        let text = replace::read(&self.output, MAX_LEN)?;
        let digest = text.as_deref().map(Digest::of);
        let (record, record_problem) = match WriteRecord::load(&self.state_dir, &self.output) {
            Ok(record) => (record, None),
            Err(problem) => (WriteRecord::default(), Some(format!("{problem:#}"))),
        };
        let owner = match &digest {
            None => ContentOwner::Nobody,
            Some(digest) if record.knows(digest) => ContentOwner::Us,
            Some(_) => ContentOwner::SomebodyElse,
        };
        Ok(FileOnDisk {
            text,
            digest: digest.map(Digest::into_hex),
            written: replace::written(&self.output),
            changed: replace::changed(&self.output),
            owner,
            unfinished: record.stage(),
            record_problem,
        })
    }

    /// Makes the file's content `text`, unless it is somebody else's work and `force` is not given.
    /// Content that is there already is not written again, and is ours from then on.
    ///
    /// # Errors
    /// See [`WriteError`]. The file is the old one or the new one, never a part of either.
    pub fn put(&self, text: &str, force: bool) -> Result<WriteOutcome, WriteError> {
        let present = self.inspect()?;
        if present.text.as_deref() == Some(text) {
            if present.owner != ContentOwner::Us || present.unfinished.is_some() {
                // Without the note it would only look like somebody else's work the next time.
                let _ = self.note(&[Digest::of(text)], None);
            }
            return Ok(WriteOutcome::Unchanged);
        }
        if present.owner == ContentOwner::SomebodyElse && !force {
            return Err(self.somebody_elses());
        }
        let noted = self.exchange(&present, text, None)?;
        let settled = self.note(&[Digest::of(text)], None);
        Ok(WriteOutcome::Written {
            record_problem: noted.and(settled).err().map(|problem| format!("{problem:#}")),
        })
    }

    /// One step of an apply: `text` in the place of `present`, which becomes the last good copy. The
    /// note says that BIRD has not confirmed it.
    ///
    /// # Errors
    /// The file is not `present` any more, or it or the note cannot be written.
    pub fn put_new(&self, present: &FileOnDisk, text: &str) -> Result<(), WriteError> {
        if self.inspect()?.text != present.text {
            return Err(self.somebody_elses());
        }
        if let Some(old) = &present.text {
            self.keep_good(old)?;
        }
        // Where it cannot be noted, an interruption would leave the new file: so not at all.
        self.exchange(present, text, Some(ApplyStage::Unconfirmed))??;
        Ok(())
    }

    /// Puts the last good copy back after an apply that was not confirmed. It is whose it was.
    ///
    /// # Errors
    /// Somebody else has changed the file since, there is no copy, or it cannot be written.
    pub fn put_back(&self) -> Result<(), WriteError> {
        let present = self.inspect()?;
        if present.owner == ContentOwner::SomebodyElse {
            return Err(self.somebody_elses());
        }
        let good = self
            .good_copy()?
            .context("there is no last good copy in state_dir")?;
        replace::replace(&self.output, &good, &self.socket)?;
        // Its time is the old one, too: BIRD has read it since.
        replace::copy_time(&self.good(), &self.output);
        let changed = replace::changed(&self.output).and_then(|at| Timestamp::try_from(at).ok());
        let record = WriteRecord::load(&self.state_dir, &self.output)?;
        record
            .only(&Digest::of(&good))
            .with_put_back(changed)
            .save(&self.state_dir, &self.output)?;
        Ok(())
    }

    /// At start: the end of an apply that we were interrupted in. BIRD's own timer has undone it, or
    /// will; the old file is put back. True if there was something to do.
    ///
    /// # Errors
    /// As [`ConfFile::put_back`].
    pub fn recover(&self) -> Result<bool, WriteError> {
        match self.inspect()?.unfinished {
            Some(ApplyStage::Unconfirmed) => self.put_back().map(|()| true),
            Some(ApplyStage::Confirming) => {
                self.settle(None)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Nobody knows whether BIRD runs the file: it counts as written now, until BIRD reads it again.
    pub fn doubt(&self) {
        replace::touch(&self.output);
    }

    /// Notes that an apply has reached another stage, or its end (`None`).
    ///
    /// # Errors
    /// `state_dir` cannot be read or written.
    pub fn settle(&self, stage: Option<ApplyStage>) -> anyhow::Result<()> {
        let record = WriteRecord::load(&self.state_dir, &self.output)?;
        record.at(stage).save(&self.state_dir, &self.output)
    }

    /// Keeps `text`, which BIRD accepts, as the last good copy.
    ///
    /// # Errors
    /// `state_dir` cannot be written.
    pub fn keep_good(&self, text: &str) -> anyhow::Result<()> {
        replace::write_private(&self.good(), text)?;
        replace::copy_time(&self.output, &self.good());
        Ok(())
    }

    /// Keeps `text` as what BIRD runs; `loaded_at` is when BIRD read it.
    ///
    /// # Errors
    /// `state_dir` cannot be read or written.
    pub fn keep_running(&self, text: &str, loaded_at: Option<Timestamp>) -> anyhow::Result<()> {
        let sha256 = Digest::of(text);
        let record = WriteRecord::load(&self.state_dir, &self.output)?;
        let ours = record.knows(&sha256);
        let running = Running {
            sha256,
            loaded_at,
            ours,
        };
        if record.running() == Some(&running) {
            return Ok(());
        }
        replace::write_private(&self.running(), text)?;
        record.with_running(running).save(&self.state_dir, &self.output)
    }

    /// What BIRD was last seen to run, and when it had read that; `None`: nothing is noted.
    pub fn noted_running(&self) -> Option<(String, Timestamp)> {
        let record = WriteRecord::load(&self.state_dir, &self.output).ok()?;
        let running = record.running()?;
        Some((running.sha256.as_hex().to_owned(), running.loaded_at?))
    }

    /// What BIRD runs, by when it last read its file. `load` is `None` where BIRD does not tell.
    ///
    /// # Errors
    /// Our notes or the copy cannot be read.
    pub fn runs(&self, present: &FileOnDisk, load: Option<LoadTime>) -> anyhow::Result<Runs> {
        let record = WriteRecord::load(&self.state_dir, &self.output)?;
        let copy = replace::read(&self.running(), MAX_LEN)?;
        let copied = copy.as_deref().map(Digest::of);
        let noted = record.running();
        let (Some(digest), Some(changed)) = (&present.digest, present.changed) else {
            return Ok(Runs::Unknown("there is no file".to_owned()));
        };
        let on_disk = FileTime {
            digest,
            written: Timestamp::try_from(changed)?,
        };
        let put_back = record.put_back();
        let facts = KnownRunning {
            noted: noted.map(|running| (running.sha256.as_hex(), running.loaded_at)),
            copy: copied.as_ref().map(Digest::as_hex),
            is_ours: present.owner == ContentOwner::Us,
            is_put_back: put_back == Some(on_disk.written),
        };
        Ok(
            match facts.of(&self.output.display().to_string(), &on_disk, load) {
                RunningFile::OnDisk => Runs::OnDisk,
                RunningFile::Copy => {
                    copy.map_or_else(|| Runs::Unknown("no copy was kept".to_owned()), Runs::Copy)
                }
                RunningFile::Unknown(why) => Runs::Unknown(why),
            },
        )
    }

    /// One step of an apply: what BIRD runs in the place of a file that BIRD has not read. What stood
    /// there is kept beside it; the answer is where.
    ///
    /// # Errors
    /// The file is not `present` any more, or it or the copy cannot be written.
    pub fn put_running(&self, present: &FileOnDisk, running: &str) -> Result<PathBuf, WriteError> {
        if self.inspect()?.text != present.text {
            return Err(self.somebody_elses());
        }
        let kept = self.state_dir.join("bird.conf.replaced");
        if let Some(text) = &present.text {
            replace::write_private(&kept, text)?;
        }
        let record = WriteRecord::load(&self.state_dir, &self.output)?;
        let is_ours = record.running().is_some_and(|running| running.ours);
        // Noted first, so that we know our own work again wherever we are interrupted.
        let present = present.text.as_deref().map(Digest::of);
        let present = present.filter(|digest| record.knows(digest));
        let running_digest = Some(Digest::of(running)).filter(|_| is_ours);
        let ours: Vec<Digest> = present.into_iter().chain(running_digest).collect();
        record.owning(&ours, None).save(&self.state_dir, &self.output)?;
        replace::replace(&self.output, running, &self.socket)?;
        Ok(kept)
    }

    /// The last good copy, if there is one.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn good_copy(&self) -> anyhow::Result<Option<String>> {
        replace::read(&self.good(), MAX_LEN)
    }

    /// That the file is not ours to replace.
    pub(crate) fn somebody_elses(&self) -> WriteError {
        WriteError::SomebodyElse {
            output: self.output.clone(),
        }
    }

    /// Both contents are noted first, so that we know our own work again wherever we are
    /// interrupted. The inner result is that of the note.
    fn exchange(
        &self,
        present: &FileOnDisk,
        text: &str,
        stage: Option<ApplyStage>,
    ) -> anyhow::Result<anyhow::Result<()>> {
        let mut ours = vec![Digest::of(text)];
        if let (ContentOwner::Us, Some(old)) = (present.owner, &present.text) {
            ours.push(Digest::of(old));
        }
        let noted = self.note(&ours, stage);
        if stage.is_some() && noted.is_err() {
            return Ok(noted);
        }
        replace::replace(&self.output, text, &self.socket)?;
        Ok(noted)
    }

    fn note(&self, ours: &[Digest], stage: Option<ApplyStage>) -> anyhow::Result<()> {
        // Notes that cannot be read are replaced: what they said is lost either way.
        let record = WriteRecord::load(&self.state_dir, &self.output).unwrap_or_default();
        record.owning(ours, stage).save(&self.state_dir, &self.output)
    }

    fn running(&self) -> PathBuf {
        self.state_dir.join("bird.conf.running")
    }

    fn good(&self) -> PathBuf {
        self.state_dir.join("bird.conf.good")
    }
}

#[cfg(test)]
mod tests;
