//! The output of a program, of which the last line is kept.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

/// How much of the end of the output is kept: enough for a last line that fits into a report.
const KEEP: usize = 2048;

/// The end of what was read from a pipe.
#[derive(Debug)]
pub(crate) struct ProgramOutput {
    pipe: Receiver,
    tail: Vec<u8>,
}

impl ProgramOutput {
    /// Nothing read yet.
    pub(crate) fn new(pipe: Receiver) -> Self {
        Self {
            pipe,
            tail: Vec::new(),
        }
    }

    /// Reads until the last writer is gone. May be dropped and called again.
    pub(crate) async fn read_to_end(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match self.pipe.read(&mut buffer).await? {
                0 => return Ok(()),
                length => self.keep(&buffer[..length]),
            }
        }
    }

    /// Reads what is there, without waiting for more: a process that left the group may hold the
    /// pipe for ever. The kernel is asked, since the runtime may not have heard of it yet.
    pub(crate) fn read_what_is_there(&mut self) {
        let mut buffer = [0; 4096];
        // No more than a pipe holds, since who writes without end would never let this end.
        for _ in 0..16 {
            match rustix::io::read(&self.pipe, &mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(length) => self.keep(&buffer[..length]),
            }
        }
    }

    /// The last line that is not empty.
    pub(crate) fn last_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.tail);
        let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
        line.unwrap_or_default().to_owned()
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        let surplus = self.tail.len().saturating_sub(KEEP);
        self.tail.drain(..surplus);
    }
}
