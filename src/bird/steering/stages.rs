//! Which stages of the decision in force are told already, so that each is told once, and only what
//! was done for this decision. Pure.

use std::collections::BTreeSet;

use super::Stage;

/// The stages of one decision.
#[derive(Debug, Default)]
pub(super) struct Stages {
    /// It was reached: a write from then on only mends.
    closed: bool,
    done: BTreeSet<(Stage, String)>,
}

impl Stages {
    /// What was decided is reached.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether that stage is to be told; it is not a second time.
    pub(super) fn tell(&mut self, stage: Stage, protocol: &str) -> bool {
        let due = match stage {
            Stage::EnableSent | Stage::DisableSent => !self.closed,
            Stage::EnableAnswered | Stage::Up => self.has(Stage::EnableSent, protocol),
            Stage::Exported => self.has(Stage::Up, protocol),
            Stage::DisableAnswered | Stage::Down => self.has(Stage::DisableSent, protocol),
            Stage::Gone => self.has(Stage::Down, protocol),
        };
        due && self.done.insert((stage, protocol.to_owned()))
    }

    /// Whether a protocol was enabled, and is not seen exported yet.
    pub(super) fn awaits_export(&self, protocol: &str) -> bool {
        self.has(Stage::EnableSent, protocol)
            && !self.has(Stage::Exported, protocol)
            && !self.has(Stage::DisableSent, protocol)
    }

    /// Whether a protocol was disabled, and is not seen down yet.
    pub(super) fn awaits_silence(&self, protocol: &str) -> bool {
        self.has(Stage::DisableSent, protocol) && !self.has(Stage::Down, protocol)
    }

    /// Whether a protocol was seen down, and not that nobody carries it.
    pub(super) fn awaits_gone(&self, protocol: &str) -> bool {
        self.has(Stage::Down, protocol) && !self.has(Stage::Gone, protocol)
    }

    fn has(&self, stage: Stage, protocol: &str) -> bool {
        self.done.contains(&(stage, protocol.to_owned()))
    }
}
