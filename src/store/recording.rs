//! A recording of every input of the decisions, to be played again with `falconer simulate`.
//!
//! Its size is bounded. It has no gaps: if the limit is reached or the disk is too slow, the recording
//! ends, with a log line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tokio::sync::mpsc;

use crate::core::Input;
use crate::core::trace::TraceHeader;

/// Inputs that wait for the disk: some seconds of a thousand probes in doubt.
const WAITING: usize = 16 * 1024;

/// A recording under way. Dropping it ends it.
#[derive(Debug)]
pub struct Recording {
    inputs: Option<mpsc::Sender<Input>>,
}

impl Recording {
    /// Begins a recording in a new file of at most `limit` bytes.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub fn begin(path: &Path, limit: u64, header: &TraceHeader) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create_new(path)?);
        let written = line(&mut file, header)?;
        let (inputs, queue) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = write_all(file, queue, limit.saturating_sub(written)) {
                tracing::error!(%error, "recording ends: cannot write");
            }
        });
        Ok(Self { inputs: Some(inputs) })
    }

    /// Records an input; the last one, if there is no room for it.
    pub fn take(&mut self, input: &Input) {
        let Some(inputs) = &self.inputs else { return };
        if inputs.try_send(input.clone()).is_err() {
            tracing::warn!("recording ends: its size limit is reached, or the disk is full");
            self.inputs = None;
        }
    }
}

fn write_all(mut file: BufWriter<File>, mut queue: mpsc::Receiver<Input>, limit: u64) -> io::Result<()> {
    let mut written = 0;
    while let Some(input) = queue.blocking_recv() {
        written += line(&mut file, &input)?;
        if written >= limit {
            break;
        }
        if queue.is_empty() {
            file.flush()?;
        }
    }
    file.flush()
}

fn line(file: &mut impl Write, value: &impl serde::Serialize) -> io::Result<u64> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    file.write_all(&text)?;
    Ok(u64::try_from(text.len()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
