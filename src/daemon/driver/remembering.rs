//! What an earlier Falconer kept in state_dir, and a disk that does not tell.
//!
//! BIRD and the judgement do not wait for a disk that hangs. Nothing is written over what is kept there
//! before it has been read.

use tokio::task::JoinError;

use super::state::{Broken, Driver};
use super::stored_state::{Remembered, Remembering};
use crate::core::PersistentState;

impl Driver {
    /// What state_dir holds is not read yet.
    pub(crate) fn remembers_later(&mut self, reading: Option<Remembering>) {
        self.site.hold_standing(reading.is_some());
        self.remembering = reading;
    }

    /// The disk has told at last. What is kept there cannot be brought into a judgement that goes on
    /// already; so where it matters, and nobody asked for anything since, the daemon starts anew with it.
    pub(crate) fn take_remembered(&mut self, found: Result<Remembered, JoinError>) -> Result<(), Broken> {
        self.remembering = None;
        self.site.hold_standing(false);
        self.publication.stale();
        let found = match found {
            Ok((found, _)) => found,
            Err(error) => {
                self.memory_trouble = Some(format!("what was kept could not be read: {error}"));
                return Ok(());
            }
        };
        let mut services = self.memory.memory.services.values();
        let asked = services.any(|service| service.overridden.is_some() || service.drill.is_some());
        if found.memory != PersistentState::default() {
            if !asked {
                let why = "state_dir answers again, and what is kept there counts from a start only";
                return Err(Broken(why.to_owned()));
            }
            tracing::error!("an override or latch in state_dir is lost: it was changed while state_dir hung");
        }
        tracing::info!("state_dir answers again");
        self.memory_trouble = found.problem;
        if self.memory.number > 0 {
            self.edges.state_writer.keep(self.memory.clone());
        }
        Ok(())
    }
}
